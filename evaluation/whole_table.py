"""The README's table of the whole bot beside its stock twin, from what `make benchmark` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import table
from evaluation.table import NOT_RUN, row

MARKS = "<!-- benchmark -->", "<!-- /benchmark -->"
NOTHING = "It has not been run."
HEAD = "| | stock Rasa | Haoke | |\n| --- | --- | --- | --- |"
PICTURE = "![How long messages take, alone, in a crowd and in a long conversation](evaluation/results/whole.svg)"
SIDES = ("stock", "ours")
Runs = Mapping[str, Any]


@dataclass(frozen=True)
class Ratio:
    """A line of what both sides take, and how many times less ours takes, or how many times more it does."""

    what: str
    measure: str
    figure: str
    unit: str
    digits: int = 0
    is_better_high: bool = False

    def line(self, runs: Runs) -> str:
        stock, ours = (figure_of(runs, self.measure, side, self.figure) for side in SIDES)
        return row(self.what, self._shown(stock), self._shown(ours), self._ratio(stock, ours))

    def _shown(self, value: float | None) -> str:
        return NOT_RUN if value is None else f"{value:,.{self.digits}f} {self.unit}".strip()

    def _ratio(self, stock: float | None, ours: float | None) -> str:
        if not stock or not ours:
            return ""
        return ratio(ours / stock, "more") if self.is_better_high else ratio(stock / ours, "less")


@dataclass(frozen=True)
class Share:
    """A line of shares in percent."""

    what: str
    measure: str
    part: str
    whole: str

    def line(self, runs: Runs) -> str:
        return row(self.what, *(self._shown(runs, side) for side in SIDES), "")

    def _shown(self, runs: Runs, side: str) -> str:
        part, whole = (figure_of(runs, self.measure, side, name) for name in (self.part, self.whole))
        return NOT_RUN if part is None or not whole else f"{100 * part / whole:.1f} % of {whole:,.0f}"


def _milliseconds(what: str, measure: str, figures: str) -> list[Ratio]:
    shares = {"p50": "median", "p95": "95th percentile", "p99": "99th percentile"}
    return [Ratio(f"{what}, {word}", measure, f"{figures}.{share}", "ms") for share, word in shares.items()]


AT_ONCE = 16
ROWS: tuple[Ratio | Share, ...] = (
    Ratio("training from nothing", "training", "seconds", "s"),
    Ratio("from start to first answer", "start", "seconds", "s", 1),
    Ratio("peak memory of the server", "conversations", "peak_memory_mb", "MB"),
    Ratio(f"the same with {AT_ONCE} customers at once and more", "crowd", "peak_memory_mb", "MB"),
    *_milliseconds("a message, one customer", "conversations", "milliseconds"),
    Ratio("the same, what nobody has said before, median", "conversations", "said_first.milliseconds.p50", "ms"),
    *_milliseconds(f"a message, {AT_ONCE} customers at once", "crowd", f"customers.{AT_ONCE}.milliseconds"),
    Ratio("messages a second, at most", "crowd", "messages_a_second", "", 1, is_better_high=True),
    Ratio("a message, first 20 of a conversation of 300", "long", "first", "ms"),
    Ratio("a message, last 20 of it", "long", "last", "ms"),
    Share("conversations that end as they should in the shop", "conversations", "ended_right", "conversations"),
    *(
        Share(f"of these, {words}", "conversations", f"{part}.ended_right", f"{part}.conversations")
        for part, words in (
            ("by_language.zh", "Chinese"),
            ("by_language.en", "English"),
            ("to_change_shop", "those in which something is to be done"),
        )
    ),
    Share("messages answered in the right words", "conversations", "heard_right", "messages"),
    Share("messages that nobody has said before", "conversations", "said_first.messages", "messages"),
)


def as_markdown(runs: Runs) -> str:
    """The table, the machine and the plot; a sentence where nothing has been measured."""
    if not runs:
        return NOTHING
    lines = [HEAD, *(one.line(runs) for one in ROWS)]
    return "\n".join(lines) + f"\n\n{on_machine(runs)}\n\n{PICTURE}"


def on_machine(runs: Runs) -> str:
    """Where it was measured; more than one sentence only where the machine changed on the way."""
    machines = {tuple(run["machine"].items()): dict(run["machine"]) for run in runs.values()}
    said = (f"{one['cores']} cores of {one['cpu']}, {one['memory_gb']:.0f} GB of memory" for one in machines.values())
    return f"Measured on {'; and on '.join(said)}."


def write(page: Path, runs: Runs) -> None:
    """Puts the table between its marks; a page that is not there yet is made of them."""
    if not page.exists():
        page.write_text("\n".join(MARKS), encoding="utf-8")
    table.write(page, as_markdown(runs), MARKS)


def figure_of(runs: Runs, measure: str, side: str, name: str) -> float | None:
    """A figure by its dotted name; a measurement holds both sides, or stands under each side's name."""
    value: Any = runs.get(measure, {}).get(side) or runs.get(f"{measure}/{side}")
    for part in name.split("."):
        value = value.get(part) if value else None
    return None if value is None else float(value)


def ratio(times: float, word: str) -> str:
    """How many times less, or more; the other way round where it is not."""
    if times >= 1:
        return f"{times:.1f} times {word}"
    return f"{1 / times:.1f} times {'more' if word == 'less' else 'less'}"


def in_short(figures: Mapping[str, Any]) -> str:
    """Figures in a line for whoever waits: no series, and of what went wrong how often."""
    return ", ".join(_short(name, value) for name, value in figures.items())


def _short(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{name} {len(value)}" if name == "ended_wrong" else f"{name} ({in_short(value)})"
    if isinstance(value, list):
        return f"{name} {len(value)} figures"
    return f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}"
