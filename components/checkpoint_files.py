"""The files of an encoder as Hugging Face publishes it: where they lie on this machine, which lack, their digest.

Nothing is fetched, and neither torch nor transformers is imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasa.shared.exceptions import InvalidConfigException
from safetensors import SafetensorError

PACKAGE = "package:"
CONFIG, WEIGHTS, SHARDS = "config.json", "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("spm.model",),
    ("tokenizer.model",),
)
ANY_VOCABULARY = "tokenizer.json (or vocab.txt, vocab.json with merges.txt, or a sentencepiece model)"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
POINTER = b"version https://git-lfs"


def locate(name: str) -> Path:
    """The folder of a checkpoint: `package:NAME`, a folder, or what was downloaded from the hub under that name before.

    Raises InvalidConfigException that says which files are missing where. Nothing is fetched.
    """
    is_packaged = name.startswith(PACKAGE)
    folder = _folder_in_package(name.removeprefix(PACKAGE)) if is_packaged else _folder_on_disk(name)
    missing = missing_files(folder)
    if missing:
        raise InvalidConfigException(f"{folder} is no whole checkpoint. {_what_to_do(missing, name)}{_pickled(folder)}")
    return folder


def refuse_torn(folder: Path) -> None:
    """Raises InvalidConfigException where a checkpoint that a training has written is no longer whole."""
    missing = missing_files(folder)
    if missing:
        raise InvalidConfigException(
            f"This model's fine-tuned encoder is no longer whole. Missing: {', '.join(missing)}. Train it again."
        )


def missing_files(folder: Path) -> list[str]:
    """What a folder lacks to be a checkpoint, a clone's pointers in the place of files too."""
    missing = [] if _is_there(folder / CONFIG) else [CONFIG]
    if not any(all(_is_there(folder / name) for name in names) for names in VOCABULARIES):
        missing.append(ANY_VOCABULARY)
    missing += [file.name for file in weight_files(folder) if not _is_there(file)]
    return [f"{name} (only its Git LFS pointer is there)" if (folder / name).is_file() else name for name in missing]


def weight_files(folder: Path) -> list[Path]:
    """The files that the weights are, or should be, in: one, or the shards that an index names."""
    index = folder / SHARDS
    if (folder / WEIGHTS).exists() or not _is_there(index):
        return [folder / WEIGHTS]
    return [folder / name for name in sorted(set(_json(index).get("weight_map", {}).values()))]


def digest_of(folder: Path) -> str:
    """A hash of all that a checkpoint computes with: settings, vocabulary, weights."""
    settings = [file for file in folder.iterdir() if file.suffix in (".json", ".txt", ".model")]
    digest = hashlib.sha256()
    for file in sorted({*settings, *weight_files(folder)}):
        facts = file.stat()
        content = _hash_of(file.resolve(), facts.st_size, facts.st_mtime_ns)
        digest.update(f"{file.name} {facts.st_size} {content}\n".encode())
    return digest.hexdigest()


def _folder_in_package(name: str) -> Path:
    package, _, inside = name.partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise InvalidConfigException(f"The package '{package}' that should carry a checkpoint is not installed.")
    root = Path(next(iter(found.submodule_search_locations)))
    if inside:
        return root / inside
    folders = sorted(file.parent for file in root.rglob(CONFIG) if "model_type" in _json(file))
    if len(folders) > 1:
        choice = ", ".join(f"{PACKAGE}{package}/{folder.relative_to(root)}" for folder in folders)
        raise InvalidConfigException(f"The package '{package}' carries several checkpoints. Name one: {choice}.")
    return folders[0] if folders else root


def _folder_on_disk(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    downloaded, store = _downloaded(name)
    if downloaded is None:
        where = f"It is neither a folder ({folder.absolute()}) nor a download in {store}."
        raise InvalidConfigException(
            f"There is no checkpoint '{name}' on this machine. {where} "
            f"{_what_to_do([CONFIG, ANY_VOCABULARY, WEIGHTS], name)}"
        )
    return downloaded


def _downloaded(name: str) -> tuple[Path | None, str]:
    """Where an earlier download of that name lies, and the folder of all downloads."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, file) for file in (CONFIG, WEIGHTS, SHARDS)]
    except HFValidationError:  # a path, no name of the hub
        found = []
    return next((Path(file).parent for file in found if isinstance(file, str)), None), constants.HF_HUB_CACHE


def _what_to_do(missing: list[str], name: str) -> str:
    if name.startswith(PACKAGE):
        remedy = "Install the package again, or give the folder of a whole checkpoint as `model`."
    else:
        source = name if HUB_NAME.fullmatch(name) else "NAME"
        remedy = (
            "Nothing is fetched while the bot trains or runs: download the whole checkpoint on a machine with network "
            f"(`hf download {source} --local-dir FOLDER`), copy the folder here and give its path as `model`."
        )
    return f"Missing: {', '.join(missing)}. {remedy}"


def _pickled(folder: Path) -> str:
    found = [name for name in PICKLED if (folder / name).exists()]
    if not found or (folder / WEIGHTS).exists() or (folder / SHARDS).exists():
        return ""
    return (
        f" {found[0]} is not opened: it is a pickle, which can run any code. Only safetensors weights are loaded; "
        "convert it on a machine that you can spare (`AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)`)."
    )


def _is_there(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return not content.read(len(POINTER)).startswith(POINTER)


def _json(file: Path) -> dict[str, Any]:
    with refusal_of(file):
        content = json.loads(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


@lru_cache(maxsize=256)
def _hash_of(file: Path, size: int, changed: int) -> str:
    """The size and the time of change are asked for so that a changed file is read again, an unchanged one is not."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def refusal_of(place: Path) -> Iterator[None]:
    try:
        yield
    except InvalidConfigException:
        raise
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise InvalidConfigException(f"{place} cannot be read: {error}") from error
