"""The README's table of how we compare with the field, from the runs that `make benchmark-nlu` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

MARKS = BEGIN, END = "<!-- benchmark-nlu -->", "<!-- /benchmark-nlu -->"
FOLDS = tuple(f"hwu64/fold_{number}" for number in range(1, 11))
OURS_BESIDE, STOCK_BESIDE = "beside-stock/ours", "beside-stock/stock"
NOT_RUN = "not run"
HEAD = "| data | best published, or stock | ours | goal |\n| --- | --- | --- | --- |"
Runs = Mapping[str, Any]
Marks = tuple[str, str]

INTENT, OVERLAP, SPAN = "intent.accuracy", "entities.overlap_f1", "entities.span_f1"
INSIDE, OUTSIDE = "out_of_scope.in_scope_accuracy", "out_of_scope.recall"


@dataclass(frozen=True)
class Scores:
    """A line of shares in percent: the means over the runs of one data set."""

    data: str
    published: str
    runs: tuple[str, ...]
    measures: tuple[str, ...]
    goal: str

    def line(self, runs: Runs) -> str:
        done = [runs[name] for name in self.runs if name in runs]
        ours = percent(done, self.measures) if done else NOT_RUN
        if 0 < len(done) < len(self.runs):
            ours += f" ({len(done)} of {len(self.runs)} runs)"
        return row(self.data, self.published, ours, self.goal)


@dataclass(frozen=True)
class BesideStock:
    """A line of shares in percent, ours and stock Rasa's."""

    data: str
    measures: tuple[str, ...]
    goal: str

    def line(self, runs: Runs) -> str:
        ours, stock = (
            percent([runs[name]], self.measures) if name in runs else NOT_RUN for name in (OURS_BESIDE, STOCK_BESIDE)
        )
        return row(self.data, f"stock {stock}", ours, self.goal)


@dataclass(frozen=True)
class Ratio:
    """A line of what the work takes, and how many times less ours takes than stock Rasa's."""

    data: str
    measure: str
    unit: str
    goal: str

    def line(self, runs: Runs) -> str:
        ours, stock = (
            _figure(runs[name], self.measure) if name in runs else None for name in (OURS_BESIDE, STOCK_BESIDE)
        )
        shown = self._shown(ours) + (f", {stock / ours:.1f} times less" if ours and stock else "")
        return row(self.data, f"stock {self._shown(stock)}", shown, self.goal)

    def _shown(self, figure: float | None) -> str:
        return NOT_RUN if figure is None else f"{figure:,.1f} {self.unit}"


ROWS: tuple[Scores | BesideStock | Ratio, ...] = (
    Scores(
        "`hwu64`, mean of ten folds: intent / entities by overlap",
        "DIET + ConveRT 90.2 / 86.0; HERMIT 87.6 / 84.7",
        FOLDS,
        (INTENT, OVERLAP),
        "92 / 87",
    ),
    BesideStock("`hwu64`, fold 1: intent / entities by overlap", (INTENT, OVERLAP), "above stock"),
    Scores("`banking77`: intent", "BERT fine-tuned 93.7; USE + ConveRT 93.4", ("banking77",), (INTENT,), "94.3"),
    Scores(
        "`clinc150`: in scope / out-of-scope recall",
        "BERT 96.9 / 40.3; Rasa 91.5 / 45.3",
        ("clinc150",),
        (INSIDE, OUTSIDE),
        "95.5 / 75",
    ),
    Scores(
        "`clinc150`, trained without its out-of-scope examples",
        "",
        ("clinc150/in-scope-only",),
        (INSIDE, OUTSIDE),
        "",
    ),
    Scores(
        "`snips`: intent / entities by exact span",
        "DIET and BERT joint models 98–99 / 95–97",
        ("snips",),
        (INTENT, SPAN),
        "98.7 / 96",
    ),
    Scores(
        "trained on our English, tested on our Chinese: intent",
        "none",
        ("english-to-chinese",),
        (INTENT,),
        "75",
    ),
    Scores("our held-out messages: intent / entities by exact span", "none", ("heldout",), (INTENT, SPAN), "95 / 95"),
    Ratio("`hwu64`, fold 1: training", "seconds.train", "s", "10 times less"),
    Ratio("`hwu64`, fold 1: loading", "seconds.load", "s", "15 times less"),
    Ratio("`hwu64`, fold 1: a message, median", "milliseconds.p50", "ms", "4 times less"),
    Ratio("`hwu64`, fold 1: model on disk", "size_mb", "MB", "3 times less"),
    Ratio("`hwu64`, fold 1: peak memory of the running bot", "peak_memory_mb", "MB", ""),
)


def as_markdown(runs: Runs) -> str:
    return "\n".join([HEAD, *(row.line(runs) for row in ROWS)])


def between_marks(page: str, marks: Marks = MARKS) -> str:
    """What stands where the table belongs. Raises ValueError where the marks are missing."""
    return page[slice(*_place(page, marks))].strip()


def put(page: str, table: str, marks: Marks = MARKS) -> str:
    """The page with the table in its place. Raises ValueError where the marks are missing."""
    begin, end = _place(page, marks)
    return f"{page[:begin]}\n\n{table}\n\n{page[end:]}"


def write(page: Path, table: str, marks: Marks = MARKS) -> None:
    """Puts the table into a file. Raises ValueError where the marks are missing."""
    page.write_text(put(page.read_text(encoding="utf-8"), table, marks), encoding="utf-8")


def _place(page: str, marks: Marks) -> tuple[int, int]:
    begin, end = map(page.find, marks)
    if begin < 0 or end < begin:
        raise ValueError(f"the page has no place for the table, between {' and '.join(marks)}")
    return begin + len(marks[0]), end


def percent(runs: list[Any], measures: tuple[str, ...]) -> str:
    return " / ".join(f"{100 * fmean(_figure(run, measure) for run in runs):.1f}" for measure in measures)


def _figure(run: Any, measure: str) -> float:
    """A figure of a run by its dotted name."""
    for part in measure.split("."):
        run = run[part]
    return float(run)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
