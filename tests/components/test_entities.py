from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.entities import EntityTagger
from components.windows import entities_of, labels_of

SENTENCES = ["取消订单，买错了", "cancel my order, too expensive", "包裹到哪了", "", "…"]


def test_what_was_learnt_is_kept_and_gives_the_same_entities(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message]
) -> None:
    trained = workbench.create(EntityTagger)
    trained.train(lessons)
    loaded = workbench.load(EntityTagger)
    before = [understood(text, trained).get("entities") for text in SENTENCES]
    assert before == [understood(text, loaded).get("entities") for text in SENTENCES]
    assert [entity["value"] for entity in before[0]] == ["买错了"]


def test_the_tagger_says_how_likely_what_was_found_before_it_is(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message]
) -> None:
    tagger = workbench.create(EntityTagger)
    tagger.train(lessons)
    message = understood("包裹到哪了")
    message.set("entities", [{"entity": "reason", "start": 0, "end": 2, "value": "包裹"}])
    tagger.process([message])
    assert message.get("entities")[0]["confidence_entity"] < 0.5


def test_a_broken_archive_is_not_loaded_as_an_untrained_tagger(workbench: Any) -> None:
    with pytest.raises(ValueError, match="EntityTagger"):
        workbench.load(EntityTagger)


def test_labels_and_entities_say_the_same() -> None:
    spans = [(0, 1), (1, 2), (2, 3), (3, 4)]
    entities = [{"entity": "product", "start": 0, "end": 2}, {"entity": "product", "start": 2, "end": 3}]
    labels = labels_of(spans, entities)
    assert labels == ["B-product", "I-product", "B-product", "O"]
    assert [(one["start"], one["end"]) for one in entities_of(labels, spans)] == [(0, 2), (2, 3)]
