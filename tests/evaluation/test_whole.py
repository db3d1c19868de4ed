"""What is kept of two bots beside each other: right figures, once, and a trial never among the results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation import whole, whole_measures
from evaluation.benchmark import read_results
from evaluation.replay import Crowd, Heard, Talk
from evaluation.starts import is_right
from evaluation.whole import Benchmark, main, on_trial
from evaluation.whole_measures import Size, of_crowds, of_heard, of_talks, of_turns, said_first


def heard(*milliseconds: float) -> list[Heard]:
    return [Heard("hi there", "hi", one, True) for one in milliseconds]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """What `rasa train` was called with; it is done at once."""
    done: list[list[str]] = []

    def run_worker(module: str, arguments: list[str], _folder: Path, **_more: Any) -> None:
        assert module == "rasa"
        done.append(arguments)
        given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        archive = Path(given["--out"]) / f"{given['--fixed-model-name']}.tar.gz"
        archive.parent.mkdir(exist_ok=True)
        archive.touch()

    monkeypatch.setattr(whole.trial, "run_worker", run_worker)
    monkeypatch.setattr(whole, "fill_shop", lambda: None)
    yield done


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The measurements that were done; each is over at once."""
    done: list[str] = []

    def start(models: Any, _folder: Path, _size: Size) -> dict[str, Any]:
        assert set(models) == {"ours", "stock"}
        done.append("start")
        return {side: {"seconds": 1.0} for side in models}

    monkeypatch.setitem(whole.MEASURES, "start", start)
    return done


def test_percentiles_are_of_what_was_measured() -> None:
    figures = of_heard(heard(*range(100, 0, -1)))
    assert figures["milliseconds"] == {"p50": 50, "p95": 95, "p99": 99}
    assert figures["curve"] == list(range(1, 101))
    assert (figures["messages"], figures["unanswered"]) == (100, 0)
    assert of_heard([*heard(1.0), Heard("hi there", "", 9.0, False)])["unanswered"] == 1


def test_a_long_conversation_is_compared_by_its_ends() -> None:
    figures = of_turns(heard(*[10.0] * 20, *[500.0] * 5, *[30.0] * 20))
    assert (figures["first"], figures["last"], figures["growth"], figures["turns"]) == (10.0, 30.0, 3.0, 45)
    assert len(figures["series"]) == 45


def test_a_crowd_gets_as_many_messages_a_second_as_all_its_blocks_together() -> None:
    figures = of_crowds({16: [Crowd(heard(1, 2, 3), 1.0), Crowd(heard(4), 1.0)], 32: [Crowd(heard(5, 6, 7), 1.0)]})
    assert figures["customers"]["16"]["messages_a_second"] == 2
    assert figures["customers"]["16"]["messages"] == 4
    assert figures["messages_a_second"] == 3


def test_conversations_are_counted_by_how_they_end_and_by_what_is_heard() -> None:
    talks = [
        Talk("zh_refusals: one", False, heard(1, 2), 1, None),
        Talk("en_refusals: one", True, heard(3), 1, "no refund"),
        Talk("en_refusals: two", True, heard(4), 0, None),
    ]
    figures = of_talks(talks)
    assert (figures["conversations"], figures["ended_right"]) == (3, 2)
    assert figures["by_language"]["en"] == figures["to_change_shop"] == {"conversations": 2, "ended_right": 1}
    assert (figures["heard_right"], figures["messages"]) == (2, 4)
    assert figures["ended_wrong"] == {"en_refusals: one": "no refund"}
    assert figures["said_first"]["messages"] == 1


def test_what_somebody_has_said_before_is_known_by_other_numbers_too() -> None:
    said = ["取消W2378156", "你好", "cancel it", "取消Ｗ2378157 ", "取消吧"]
    first = said_first([Heard(one, "", 1.0, True) for one in said])
    assert [one.said for one in first] == ["取消W2378156", "cancel it", "取消吧"]


def test_a_greeting_is_a_right_first_answer_in_either_language() -> None:
    greetings = yaml.safe_load((whole.ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]["utter_greet"]
    assert [is_right(one["text"] + "\nWhat is your order's number?") for one in greetings] == [True, True]
    assert not is_right("I'm not sure what you need.")


def test_each_side_is_trained_from_its_own_and_measured_once(
    tmp_path: Path, trained: list[list[str]], measured: list[str]
) -> None:
    results = tmp_path / "whole.json"
    benchmark = Benchmark(tmp_path, results)
    benchmark.run(["training", "start"], again=False)
    ours, stock = trained
    assert str(whole.ROOT / "config.yml") in ours and str(tmp_path / "twin/config.yml") in stock
    kept = read_results(results)
    assert set(kept) == {"training/ours", "training/stock", "start"}
    assert all(
        run["machine"] and run["digest"] and run["is_trial"] and run["load_before"] >= 0 for run in kept.values()
    )
    benchmark.run(["training", "start"], again=False)
    assert (len(trained), len(measured)) == (2, 1)
    benchmark.run(["start"], again=True)
    assert (len(trained), len(measured)) == (2, 2)
    replace(benchmark, size=Size(starts=2)).run(["start"], again=False)
    assert (len(trained), len(measured)) == (2, 3)
    next(tmp_path.glob("models/stock-*")).unlink()
    benchmark.run(["training"], again=False)
    assert len(trained) == 3


def test_what_is_kept_of_a_benchmark_is_no_trial(
    tmp_path: Path, trained: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "RESULTS", tmp_path / "whole.json")
    Benchmark(tmp_path, tmp_path / "whole.json").run(["training"], again=False)
    assert not any("is_trial" in run for run in read_results(tmp_path / "whole.json").values())


def test_a_trial_keeps_to_its_folder_and_takes_a_model_that_is_there(tmp_path: Path, trained: list[list[str]]) -> None:
    benchmark = on_trial(tmp_path, tmp_path / "ours.tar.gz")
    assert benchmark.is_trial and benchmark.results.parent == tmp_path
    benchmark.run(["training"], again=False)
    assert len(trained) == 1 and "training/ours" not in read_results(benchmark.results)


def test_a_benchmark_measures_what_it_has_trained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--model", "some.tar.gz"])
    assert "for a trial" in capsys.readouterr().err


def test_the_sides_take_turns_in_blocks() -> None:
    assert [list(block) for block in whole_measures._blocks(range(5), 2)] == [[0, 1], [2, 3], [4]]
