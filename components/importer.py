"""Reads what the bot learns from once a process. Named in config.yml, it is what every tool of Rasa's asks for data.

Rasa's own importer reads and checks all files anew for each question that is asked of it: five times in a training.
"""

from __future__ import annotations

import atexit
import copy
import gc
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.data import is_likely_yaml_file
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.io import list_files

from components.fingerprints import Message

NEW_OBJECTS_PER_COLLECTION = 200_000  # Python's own 700 make it look through all lessons over and over
Data = TypeVar("Data")
_read: dict[Any, tuple[str, Any]] = {}  # what was made of which files, and the digest of what they said


class OnceImporter(RasaFileImporter):
    """Rasa's importer of files; what it has read, it reads again only where a file has changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _look_for_garbage_seldom()

    def get_domain(self) -> Domain:
        return copy.deepcopy(_once("domain", self._domain_files(), super().get_domain))

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        if exclusion_percentage:  # leaves out what chance decides
            return super().get_stories(exclusion_percentage)
        return _once("stories", [*self._story_files, *self._domain_files()], super().get_stories)

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """Copies, since training writes into them. Of Rasa's formats those in YAML are the same in any language."""
        spoken = "" if all(map(is_likely_yaml_file, self._nlu_files)) else language
        read = super().get_nlu_data
        return TrainingData().merge(_once(f"nlu {spoken}", self._nlu_files, lambda: _light(read(language))))

    def _domain_files(self) -> list[str]:
        paths = self._domain_path if isinstance(self._domain_path, (list, set)) else [self._domain_path]
        return [file for path in paths if path and Path(path).exists() for file in list_files(str(path))]


@cache
def _look_for_garbage_seldom() -> None:
    """Lessons, their tokens and features are millions of objects that stay until training is over. To look among them
    for garbage as often as Python does, and once more before it exits, takes a tenth of a training's time."""
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION)
    atexit.register(gc.freeze)


def _light(data: TrainingData) -> TrainingData:
    data.training_examples = [
        Message(each.data, each.output_properties, each.time, each.features) for each in data.training_examples
    ]
    return data


def _once(name: str, files: Iterable[str], read: Callable[[], Data]) -> Data:
    """What was read of these files, if they still say the same. What cannot be read is not remembered."""
    files = tuple(files)
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(Path(file).read_bytes()).digest() for file in files)).hexdigest()
    if _read.get((name, files), ("", None))[0] != digest:
        _read[name, files] = digest, read()
    return _read[name, files][1]
