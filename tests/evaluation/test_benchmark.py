"""A benchmark keeps every run as soon as it is done, and goes on where it was broken off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation import benchmark
from evaluation.benchmark import SETS, Run, keep, measure_once, read_results
from evaluation.trial import Trial
from evaluation.understanding import read_gold

EXAMPLES = """version: '3.1'
nlu:
- intent: {}
  examples: |
    - hello there
- intent: out_of_scope
  examples: |
    - who won
"""
RESULT = {
    "examples": 2,
    "intent": {"accuracy": 1.0, "macro_f1": 1.0, "weighted_f1": 1.0, "confusions": []},
    "entities": {"span_f1": 0.0, "overlap_f1": 0.0, "by_entity": {}},
    "out_of_scope": None,
    "seconds": {"train": 1.0, "load": 1.0},
    "milliseconds": {"p50": 1.0, "p95": 1.0},
    "peak_memory_mb": 1.0,
    "size_mb": 1.0,
    "seed": 1,
    "commit": "abc",
}


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """The trials that were run; each is over at once."""
    done: list[Trial] = []

    def run(trial: Trial) -> dict[str, Any]:
        done.append(trial)
        return RESULT

    monkeypatch.setattr(benchmark, "run", run)
    return done


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("snips", "clinc150", "hwu64/fold_1"):
        (tmp_path / folder).mkdir(parents=True)
        for part in ("train", "test"):
            (tmp_path / folder / f"{part}.yml").write_text(EXAMPLES.format("greet"), encoding="utf-8")
    return tmp_path


def only(data: Path, name: str) -> Run:
    return next(SETS[name](data, data / "scratch"))


def test_a_run_is_kept_with_what_it_was_and_where_its_data_lie_is_not(data: Path, trials: list[Trial]) -> None:
    measure_once(only(data, "snips"), again=False, results=data / "results/nlu.json")
    (kept,) = read_results(data / "results/nlu.json").values()
    assert (kept["config"], kept["train"], kept["test"]) == ("config.yml", "snips/train.yml", "snips/test.yml")
    assert kept["intent"] == {"accuracy": 1.0, "macro_f1": 1.0, "weighted_f1": 1.0}
    assert str(data) not in (data / "results/nlu.json").read_text()


def test_what_was_run_is_run_again_only_when_asked_or_changed(data: Path, trials: list[Trial]) -> None:
    results = data / "nlu.json"
    measure_once(only(data, "snips"), again=False, results=results)
    measure_once(only(data, "snips"), again=False, results=results)
    assert len(trials) == 1
    measure_once(only(data, "snips"), again=True, results=results)
    assert len(trials) == 2
    (data / "snips/train.yml").write_text(EXAMPLES.format("welcome"), encoding="utf-8")
    measure_once(only(data, "snips"), again=False, results=results)
    assert len(trials) == 3


def test_another_seed_or_pipeline_is_another_run(data: Path) -> None:
    one = only(data, "snips")
    assert replace(one, trial=replace(one.trial, seed=2, config="stock")).digest() != one.digest()
    assert replace(one, trial=replace(one.trial, of_others=False)).digest() != one.digest()


def test_runs_are_added_to_those_kept_before(tmp_path: Path) -> None:
    keep(tmp_path / "nlu.json", "snips", {"examples": 1})
    keep(tmp_path / "nlu.json", "banking77", {"examples": 2})
    assert read_results(tmp_path / "nlu.json") == {"banking77": {"examples": 2}, "snips": {"examples": 1}}
    assert [path.name for path in tmp_path.iterdir()] == ["nlu.json"]


def test_out_of_scope_examples_are_left_out_of_a_second_run(data: Path) -> None:
    published, inside = SETS["clinc150"](data, data / "scratch")
    assert [one.intent for one in read_gold(published.trial.train[0])] == ["greet", "out_of_scope"]
    assert [one.intent for one in read_gold(inside.trial.train[0])] == ["greet"]
    assert inside.trial.test == published.trial.test


def test_stock_is_run_beside_ours_on_the_same_fold(data: Path) -> None:
    ours, stock = SETS["stock"](data, data / "scratch")
    assert (ours.trial.config, stock.trial.config) == ("config.yml", "stock")
    assert (ours.trial.train, ours.trial.test) == (stock.trial.train, stock.trial.test)


def test_our_english_teaches_and_our_chinese_tests(tmp_path: Path) -> None:
    run = only(tmp_path, "english-to-chinese")
    assert not run.trial.of_others
    assert {one.language for one in read_gold(run.trial.train[0])} == {"en"}
    assert {one.language for one in read_gold(run.trial.test)} == {"zh"}


def test_a_set_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"evaluation\.datasets"):
        only(tmp_path, "banking77")
