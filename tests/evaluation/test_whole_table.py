"""The table of both bots says what the results say, with the machine and the plot, and the README says what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation import whole_table
from evaluation.benchmark import read_results
from evaluation.table import between_marks
from evaluation.whole import RESULTS, main
from evaluation.whole_plot import draw, smoothed
from evaluation.whole_table import MARKS, as_markdown, in_short, ratio

README = Path(__file__).resolve().parents[2] / "README.md"
MACHINE = {"cpu": "Some CPU", "cores": 2, "memory_gb": 23.5}


def heard(median: float) -> dict[str, Any]:
    curve = [median * share / 50 for share in range(1, 101)]
    milliseconds = {"p50": median, "p95": 2 * median, "p99": 3 * median}
    return {"messages": 700, "milliseconds": milliseconds, "curve": curve, "unanswered": 0}


def side(of: float) -> dict[str, dict[str, Any]]:
    """All figures of a bot that is so many times slower, larger and worse than one at 1."""
    ended = {"conversations": 100, "ended_right": 90 / of}
    crowd = {"customers": {"16": heard(900 * of)}, "messages_a_second": 30 / of, "peak_memory_mb": 450 * of}
    parts = {"by_language": {"zh": ended, "en": ended}, "to_change_shop": ended}
    return {
        "training": {"seconds": 200.0 * of},
        "start": {"seconds": 6.0 * of},
        "conversations": {
            **ended,
            **parts,
            "heard_right": 630 / of,
            "peak_memory_mb": 400 * of,
            **heard(60 * of),
            "said_first": heard(70 * of),
        },
        "crowd": crowd,
        "long": {"turns": 300, "first": 50 * of, "last": 60 * of, "series": [50 * of] * 280 + [60 * of] * 20},
    }


def runs() -> dict[str, Any]:
    ours, stock = side(1), side(2.5)
    both = {name: {"ours": ours[name], "stock": stock[name]} for name in ours if name != "training"}
    both |= {"training/ours": ours["training"], "training/stock": stock["training"]}
    return {name: {**run, "machine": MACHINE} for name, run in both.items()}


def test_every_figure_stands_beside_stocks_as_a_ratio() -> None:
    lines = as_markdown(runs()).splitlines()
    assert "| training from nothing | 500 s | 200 s | 2.5 times less |" in lines
    assert "| from start to first answer | 15.0 s | 6.0 s | 2.5 times less |" in lines
    assert "| a message, 16 customers at once, 99th percentile | 6,750 ms | 2,700 ms | 2.5 times less |" in lines
    assert "| messages a second, at most | 12.0 | 30.0 | 2.5 times more |" in lines
    assert "| a message, last 20 of it | 150 ms | 60 ms | 2.5 times less |" in lines
    assert "| conversations that end as they should in the shop | 36.0 % of 100 | 90.0 % of 100 |  |" in lines
    assert not [line for line in lines if "not run" in line]


def test_what_is_worse_is_said_as_plainly() -> None:
    assert (ratio(0.5, "less"), ratio(0.5, "more")) == ("2.0 times more", "2.0 times less")


def test_the_machine_is_said_and_where_it_changed_both() -> None:
    assert "\nMeasured on 2 cores of Some CPU, 24 GB of memory.\n" in as_markdown(runs())
    changed = {**runs(), "long": {**runs()["long"], "machine": {**MACHINE, "cores": 4}}}
    assert "2 cores of Some CPU, 24 GB of memory; and on 4 cores of Some CPU" in as_markdown(changed)


def test_what_has_not_been_run_is_said() -> None:
    assert as_markdown({}) == whole_table.NOTHING
    started = as_markdown({"training/ours": {"seconds": 200.0, "machine": MACHINE}})
    assert "| training from nothing | not run | 200 s |  |" in started


def test_who_waits_reads_the_figures_without_the_series() -> None:
    assert in_short({"ours": {"seconds": 1.25, "each": [1, 2]}}) == "ours (seconds 1.2, each 2 figures)"


def test_the_plot_is_drawn_of_what_there_is_and_the_same_each_time(tmp_path: Path) -> None:
    for name, given in (("whole", runs()), ("again", runs()), ("empty", {}), ("long", {"long": runs()["long"]})):
        draw(given, tmp_path / f"{name}.svg")
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text()
    assert (tmp_path / "whole.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


def test_a_line_is_smoothed_by_the_middle_of_its_neighbours() -> None:
    assert smoothed([10.0] * 5 + [900.0] + [10.0] * 5) == [10.0] * 11


def test_a_trials_table_goes_into_its_folder(tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_text(json.dumps(runs()), encoding="utf-8")
    before = README.read_text(encoding="utf-8")
    main(["--trial", str(tmp_path), "--table"])
    assert between_marks((tmp_path / "whole.md").read_text(encoding="utf-8"), MARKS) == as_markdown(runs())
    assert (tmp_path / "whole.svg").exists()
    assert README.read_text(encoding="utf-8") == before


def test_the_readme_says_what_was_measured() -> None:
    assert between_marks(README.read_text(encoding="utf-8"), MARKS) == as_markdown(read_results(RESULTS))


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing has been benchmarked")
def test_no_trial_is_among_the_results() -> None:
    assert not [name for name, run in read_results(RESULTS).items() if run.get("is_trial")]
