from __future__ import annotations

import pytest

from evaluation.measures import Span
from evaluation.understanding import Understood, annotated_types, language_of, only_types, understood

LAMP, DAY = Span("product", 0, 4), Span("day", 5, 10)
SENTENCE = Understood("lamp today", "en", "track_order", frozenset({LAMP, DAY}))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("where is my order", "en"),
        ("我的订单呢", "zh"),
        ("我的order呢", "mixed"),
        ("我买了M码", "zh"),
        ("W2378156", "en"),
    ],
)
def test_a_sentence_is_in_the_language_of_its_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_entities_of_types_that_the_data_do_not_annotate_are_not_judged() -> None:
    assert annotated_types([SENTENCE], []) == {"product", "day"}
    assert only_types([SENTENCE], {"product"})[0].spans == {LAMP}


def test_an_answer_is_held_against_its_sentence_without_the_language_that_only_steers_replies() -> None:
    entities = [{"entity": "language", "start": 0, "end": 4}, {"entity": "product", "start": 0, "end": 4}]
    one = understood(SENTENCE, {"label": "greet", "fell_back": True, "entities": entities})
    assert (one.text, one.label, one.spans, one.fell_back) == (SENTENCE.text, "greet", {LAMP}, True)
