"""The plot beside the table: how long messages take alone and in a crowd, and turn by turn in a long conversation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from evaluation.whole_table import AT_ONCE

COLOURS = {"stock": "#b4532a", "ours": "#20639b"}
NAMES = {"stock": "stock Rasa", "ours": "Haoke"}
WINDOW = 9  # turns that a line is smoothed over
Runs = Mapping[str, Any]


def draw(runs: Runs, file: Path) -> None:
    """Writes the plot of what has been measured; the same figures give the same file."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    settings = {"svg.hashsalt": "whole", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with pyplot.rc_context(settings):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
        _distributions(left, runs)
        _long_conversation(right, runs)
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)


def _distributions(axes: Any, runs: Runs) -> None:
    for side, colour in COLOURS.items():
        for style, words, of in (
            ("-", "one customer", runs.get("conversations", {}).get(side)),
            ("--", f"{AT_ONCE} at once", runs.get("crowd", {}).get(side, {}).get("customers", {}).get(str(AT_ONCE))),
        ):
            if of:
                shares = range(1, len(of["curve"]) + 1)
                axes.plot(of["curve"], shares, style, color=colour, label=f"{NAMES[side]}, {words}")
    axes.set(xscale="log", xlabel="milliseconds, at most", ylabel="percent of messages", ylim=(0, 100))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    _finish(axes, "lower right")


def _long_conversation(axes: Any, runs: Runs) -> None:
    for side, colour in COLOURS.items():
        series = runs.get("long", {}).get(side, {}).get("series", [])
        if series:
            turns = range(1, len(series) + 1)
            axes.plot(turns, series, ".", color=colour, markersize=2, alpha=0.4)
            axes.plot(turns, smoothed(series), color=colour, label=NAMES[side])
    axes.set(xlabel="turn of one conversation", ylabel="milliseconds", ylim=(0, None))
    _finish(axes, "upper left")


def smoothed(series: list[float]) -> list[float]:
    """Each turn as the median of those around it."""
    half = WINDOW // 2
    return [median(series[max(0, turn - half) : turn + half + 1]) for turn in range(len(series))]


def _finish(axes: Any, corner: str) -> None:
    axes.grid(alpha=0.25)
    if axes.lines:
        axes.legend(loc=corner)
