"""Files that are read once: the same data as Rasa's own importer's, anew where a file has changed."""

from __future__ import annotations

import copy
import gc
from pathlib import Path

import pytest
from rasa.shared.exceptions import YamlException
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data import loading
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.importer import NEW_OBJECTS_PER_COLLECTION, OnceImporter, _look_for_garbage_seldom

NLU = """
nlu:
- intent: greet
  examples: |
    - hello
    - 你好
- intent: order
  examples: |
    - where is [T1](order_number)
- synonym: T1
  examples: |
    - t-1
"""
DOMAIN = """
intents: [greet, order]
entities: [order_number]
responses:
  utter_greet:
  - text: hello
"""
RULES = """
rules:
- rule: greeting
  steps:
  - intent: greet
  - action: utter_greet
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/nlu.yml").write_text(NLU, encoding="utf-8")
    (tmp_path / "data/rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    return tmp_path


def importer(project: Path, kind: type[RasaFileImporter] = OnceImporter) -> RasaFileImporter:
    return kind(domain_path=str(project / "domain.yml"), training_data_paths=[str(project / "data")])


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []
    load = loading._load
    monkeypatch.setattr(loading, "_load", lambda file, language: read.append(file) or load(file, language))
    return read


def test_it_reads_what_rasas_own_reads(project: Path) -> None:
    ours, rasas = importer(project), importer(project, RasaFileImporter)
    assert [each.data for each in ours.get_nlu_data().training_examples] == [
        each.data for each in rasas.get_nlu_data().training_examples
    ]
    assert ours.get_nlu_data().entity_synonyms == rasas.get_nlu_data().entity_synonyms == {"t-1": "T1"}
    assert ours.get_domain().fingerprint() == rasas.get_domain().fingerprint()
    assert ours.get_stories().fingerprint() == rasas.get_stories().fingerprint()


def test_garbage_is_looked_for_seldom_where_lessons_are_read(project: Path) -> None:
    gc.set_threshold(700)
    _look_for_garbage_seldom.cache_clear()
    importer(project)
    assert gc.get_threshold()[0] == NEW_OBJECTS_PER_COLLECTION


def test_every_question_of_every_importer_is_one_reading(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = counted(monkeypatch)
    for _ in range(2):
        config = {"importers": [{"name": "components.importer.OnceImporter"}]}
        whole = TrainingDataImporter.load_from_dict(config, None, str(project / "domain.yml"), [str(project / "data")])
        for data in (whole.get_nlu_data(), whole.get_nlu_data("zh")):
            assert "where is T1" in [each.get(TEXT) for each in data.training_examples]
        assert whole.get_domain().intents
    assert len(read) == 1


def test_a_file_that_has_changed_is_read_anew(project: Path) -> None:
    assert len(importer(project).get_nlu_data().training_examples) == 3
    (project / "data/nlu.yml").write_text(NLU.replace("    - hello\n", ""), encoding="utf-8")
    assert len(importer(project).get_nlu_data().training_examples) == 2
    (project / "domain.yml").write_text(DOMAIN.replace("text: hello", "text: good day"), encoding="utf-8")
    assert importer(project).get_domain().responses["utter_greet"] == [{"text": "good day"}]
    (project / "data/rules.yml").write_text(RULES.replace("greeting", "first"), encoding="utf-8")
    assert [step.block_name for step in importer(project).get_stories().story_steps] == ["first"]


@pytest.mark.parametrize("file", ["data/nlu.yml", "domain.yml"])
def test_what_cannot_be_read_is_refused_each_time(project: Path, file: str) -> None:
    (project / file).write_text("nlu: [\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(YamlException, match=Path(file).name):
            importer(project).get_nlu_data()
            importer(project).get_domain()


def test_what_a_training_writes_into_the_data_stays_there(project: Path) -> None:
    first = importer(project).get_nlu_data()
    first.training_examples[-1].get(ENTITIES)[0]["value"] = "T2"
    first.training_examples[0].set(INTENT, "order")
    assert importer(project).get_nlu_data().training_examples[-1].get(ENTITIES)[0]["value"] == "T1"
    assert importer(project).get_nlu_data().training_examples[0].get(INTENT) == "greet"


def test_without_a_domain_it_is_empty(project: Path) -> None:
    assert OnceImporter(training_data_paths=[str(project / "data")]).get_domain().is_empty()


def test_a_part_of_the_stories_is_chosen_anew(project: Path) -> None:
    assert not importer(project).get_stories(exclusion_percentage=100).is_empty()


def test_merged_messages_are_the_same_ones(project: Path) -> None:
    data = importer(project).get_nlu_data()
    assert len(data.merge(copy.deepcopy(data), TrainingData([Message({INTENT: "greet"})])).training_examples) == 4
