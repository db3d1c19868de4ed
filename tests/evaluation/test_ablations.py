"""Each ablation changes one thing of the shipped pipeline, and the table says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation import ablations, pipelines
from evaluation.ablations import CHANGES, MARKS, PAGE, RESULTS, as_markdown, runs
from evaluation.benchmark import read_results
from evaluation.table import between_marks


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_one_change(name: str) -> None:
    shipped = pipelines.read("config.yml")
    changed = CHANGES[name](shipped)
    assert shipped == pipelines.read("config.yml"), "the shipped pipeline itself must stay"
    differing = [entry for entry in shipped["pipeline"] if entry not in changed["pipeline"]]
    assert len(differing) == (0 if name == "as shipped" else 1)


def test_settings_that_are_changed_are_settings_that_there_are() -> None:
    for name, change in CHANGES.items():
        for entry in change(pipelines.read("config.yml"))["pipeline"]:
            if entry["name"] == ablations.CLASSIFIER:
                from components.joint_learning import DEFAULTS

                assert set(entry) - {"name"} <= set(DEFAULTS), name


def test_every_change_is_run_on_every_set(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / "hwu64/fold_1").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"hwu64/fold_1/{part}.yml").write_text("version: '3.1'\n", encoding="utf-8")
    found = list(runs(tmp_path, ["as shipped", "without the memory"], tmp_path))
    assert [one.name for one in found] == [
        "as shipped · heldout",
        "as shipped · hwu64/fold_1",
        "without the memory · heldout",
        "without the memory · hwu64/fold_1",
    ]
    assert [one.change for one in found] == ["as shipped"] * 2 + ["without the memory"] * 2
    classifier = yaml.safe_load(Path(found[2].trial.config).read_text(encoding="utf-8"))["pipeline"]
    assert [one["memory"] for one in classifier if one["name"] == ablations.CLASSIFIER] == [False]
    assert len(list(runs(None, ["as shipped"], tmp_path))) == 1


def test_the_table_says_what_was_run_and_what_was_not() -> None:
    run: dict[str, Any] = {
        "intent": {"accuracy": 0.9},
        "entities": {"span_f1": 0.8, "overlap_f1": 0.85},
    }
    table = as_markdown({"as shipped · heldout": run})
    assert "| as shipped | 90.0 / 80.0 / 85.0 |\n" in table
    assert "| without the memory | not run |" in table
    both = as_markdown({"as shipped · heldout": run, "one layer · hwu64/fold_1": run})
    assert "| as shipped | 90.0 / 80.0 / 85.0 | not run |" in both


@pytest.mark.skipif(not RESULTS.exists(), reason="no ablation has been measured")
def test_the_page_says_what_was_measured() -> None:
    assert between_marks(PAGE.read_text(encoding="utf-8"), MARKS) == as_markdown(read_results(RESULTS))
