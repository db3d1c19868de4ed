from __future__ import annotations

import pytest
from sklearn.metrics import matthews_corrcoef

from evaluation.measures import (
    Span,
    accuracy,
    confusions,
    f1_by_label,
    macro_f1,
    matthews,
    overlap_score,
    span_score,
    weighted_f1,
)

LAMP, THE_LAMP, RED = Span("product", 4, 8), Span("product", 0, 8), Span("option", 0, 3)
GOLD = ["greet", "greet", "greet", "stop"]


def test_accuracy_is_the_share_of_right_labels() -> None:
    assert accuracy(GOLD, ["greet", "greet", "stop", "stop"]) == 0.75


def test_macro_f1_counts_every_label_alike_and_weighted_f1_as_often_as_it_is_meant() -> None:
    predicted = ["greet", "greet", "greet", "greet"]
    assert f1_by_label(GOLD, predicted) == {"greet": pytest.approx(6 / 7), "stop": 0.0}
    assert macro_f1(GOLD, predicted) == pytest.approx(3 / 7)
    assert weighted_f1(GOLD, predicted) == pytest.approx(9 / 14)


@pytest.mark.parametrize("predicted", [GOLD, ["stop"] * 4, ["stop", "greet", "greet", "out_of_scope"]])
def test_matthews_coefficient_is_the_one_that_others_compute(predicted: list[str]) -> None:
    assert matthews(GOLD, predicted) == pytest.approx(matthews_corrcoef(GOLD, predicted))


def test_confusions_are_counted_the_most_frequent_first() -> None:
    assert confusions(["a", "a", "b", "b"], ["b", "b", "a", "b"]) == [("a", "b", 2), ("b", "a", 1)]


def test_a_span_is_right_only_where_type_start_and_end_are() -> None:
    score = span_score([{LAMP, RED}, {LAMP}], [{LAMP}, {THE_LAMP}])
    assert (score.precision, score.recall) == (0.5, pytest.approx(1 / 3))
    assert score.f1 == pytest.approx(0.4)


def test_an_overlap_is_right_where_a_character_of_the_same_type_is_shared() -> None:
    score = overlap_score([{LAMP, RED}, {LAMP}], [{THE_LAMP}, {Span("option", 4, 8)}])
    assert (score.precision, score.recall) == (0.5, pytest.approx(1 / 3))


def test_spans_that_only_touch_do_not_overlap() -> None:
    assert overlap_score([{Span("product", 0, 4)}], [{Span("product", 4, 8)}]).f1 == 0.0


def test_nothing_meant_and_nothing_found_is_no_score() -> None:
    assert span_score([set()], [set()]).f1 == 0.0
