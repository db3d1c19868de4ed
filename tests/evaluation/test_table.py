"""The table of how we compare says what the results say, and the README says what the table says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.benchmark import RESULTS, read_results
from evaluation.table import BEGIN, END, FOLDS, OURS_BESIDE, STOCK_BESIDE, as_markdown, between_marks, put

README = Path(__file__).resolve().parents[2] / "README.md"


def run(accuracy: float = 0.9, train: float = 100.0) -> dict[str, Any]:
    return {
        "intent": {"accuracy": accuracy},
        "entities": {"span_f1": 0.8, "overlap_f1": 0.85},
        "out_of_scope": {"in_scope_accuracy": 0.955, "recall": 0.75},
        "seconds": {"train": train, "load": 1.0},
        "milliseconds": {"p50": 2.0},
        "size_mb": 30.0,
        "peak_memory_mb": 500.0,
    }


def test_folds_are_averaged() -> None:
    table = as_markdown({FOLDS[0]: run(0.9), FOLDS[1]: run(0.92)})
    assert "| 91.0 / 85.0 (2 of 10 runs) | 92 / 87 |" in table
    whole = as_markdown({fold: run() for fold in FOLDS})
    assert "| 90.0 / 85.0 | 92 / 87 |" in whole


def test_out_of_scope_is_told_by_what_the_customer_gets() -> None:
    assert "| 95.5 / 75.0 | 95.5 / 75 |" in as_markdown({"clinc150": run()})


def test_times_stand_beside_stocks_as_ratios() -> None:
    table = as_markdown({OURS_BESIDE: run(), STOCK_BESIDE: run(train=1_077.0)})
    assert "| stock 1,077.0 s | 100.0 s, 10.8 times less | 10 times less |" in table


def test_what_has_not_been_run_is_said() -> None:
    table = as_markdown({})
    assert all("not run" in line for line in table.splitlines()[2:])


def test_the_table_goes_where_its_marks_are() -> None:
    readme = f"# Haoke\n\n{BEGIN}\nold\n{END}\n\nLicence\n"
    written = put(readme, as_markdown({}))
    assert between_marks(written) == as_markdown({})
    assert written.startswith("# Haoke\n") and written.endswith(f"{END}\n\nLicence\n")
    assert put(written, as_markdown({})) == written


def test_a_readme_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        put("# Haoke\n", "")


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing has been benchmarked")
def test_the_readme_says_what_was_measured() -> None:
    assert between_marks(README.read_text(encoding="utf-8")) == as_markdown(read_results())
