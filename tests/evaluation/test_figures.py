"""What the figures of a measurement count, and that a person can read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.figures import measure, report
from evaluation.understanding import Understood

INTENTS = ["greet", "greet", "stop", "out_of_scope", "out_of_scope", "out_of_scope"]
GOLD = [Understood(f"sentence {number}", "en", intent, frozenset()) for number, intent in enumerate(INTENTS)]


def answered(*labels: str, fell_back: tuple[int, ...] = ()) -> list[Understood]:
    return [
        replace(one, label=label, fell_back=number in fell_back)
        for number, (one, label) in enumerate(zip(GOLD, labels, strict=True))
    ]


def test_what_the_fallback_takes_counts_as_out_of_scope() -> None:
    predicted = answered("greet", "greet", "stop", "stop", "out_of_scope", "greet", fell_back=(1, 3))
    assert measure(GOLD, predicted)["out_of_scope"] == {
        "in_scope_accuracy": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "precision": pytest.approx(2 / 3),
        "mcc": pytest.approx(5 / 11),
    }


def test_an_intent_counts_as_ranked_before_the_fallback() -> None:
    predicted = answered("greet", "greet", "stop", "stop", "out_of_scope", "greet", fell_back=(1, 3))
    intent = measure(GOLD, predicted)["intent"]
    assert intent["accuracy"] == pytest.approx(4 / 6)
    assert intent["fallback_share"] == pytest.approx(2 / 6)


def test_a_test_without_the_label_has_no_figures_of_it() -> None:
    assert measure(GOLD[:3], answered(*INTENTS)[:3])["out_of_scope"] is None


def test_the_report_shows_what_the_work_took() -> None:
    result = measure(GOLD, GOLD) | {
        "seconds": {"train": None, "load": 2.5, "train_process": None},
        "milliseconds": {"p50": 1.25, "p95": 3.0},
        "peak_memory_mb": 812.0,
        "size_mb": 3.5,
    }
    lines = report(result).splitlines()
    assert "seconds: load 2.5" in lines
    assert "megabytes: memory 812.0, model 3.5" in lines
    assert "in scope accuracy 1.000, recall 1.000, precision 1.000, mcc 1.000" in lines
