"""What every component learns from is sound: Rasa itself only warns, here it fails."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.text import normalise, token_spans

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return load_data(str(ROOT / "data" / "nlu"))


def test_no_annotated_entity_begins_or_ends_inside_a_token(data: TrainingData) -> None:
    misaligned = []
    for example in data.entity_examples:
        spans = token_spans(normalise(example.get("text")))
        starts, ends = {start for start, _ in spans}, {end for _, end in spans}
        for entity in example.get("entities"):
            if entity["start"] not in starts or entity["end"] not in ends:
                misaligned.append(f"{example.get('text')}: {entity['value']}")
    assert misaligned == []


def test_no_sentence_stands_under_two_intents(data: TrainingData) -> None:
    labels = defaultdict(set)
    for example in data.intent_examples:
        text = " ".join(normalise(example.get("text")).lower().split())
        labels[text].add(example.get("intent_response_key") or example.get("intent"))
    assert {text: sorted(named) for text, named in labels.items() if len(named) > 1} == {}
