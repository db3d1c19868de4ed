"""The whole bot measured beside its stock twin, on one machine, taking turns: `make benchmark`.

python -m evaluation.whole [--only training start conversations crowd long] [--again]
python -m evaluation.whole --table                          writes the README's table and the plot from the results
python -m evaluation.whole --trial FOLDER [--model ARCHIVE]   tries out every measurement on little, and keeps it there

Ours is what `make run` serves; the twin (`evaluation.twin`) has the same domain, data, action server and shop. Each
measurement is kept in `evaluation/results/whole.json` as soon as it is done, and what it trained in `var/whole`, so a
broken-off benchmark goes on where it was: what follows from the same sources is not measured again, but with --again.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from deploy.processes import LaunchError
from deploy.training import TRAIN
from evaluation import trial, twin, whole_measures, whole_plot, whole_table
from evaluation.benchmark import fill_shop, keep, read_results
from evaluation.digests import digest
from evaluation.machine import busy, machine
from evaluation.pipelines import ROOT, STOCK_FOLDER, as_text
from evaluation.sides import OURS, SIDES, STOCK, Models
from evaluation.trial import BYTES_PER_MEGABYTE
from evaluation.whole_measures import Size

RESULTS = ROOT / "evaluation/results/whole.json"
PLOT = RESULTS.with_suffix(".svg")
LEARNED_FROM = ("config.yml", "domain.yml", "data", "components", "uv.lock")
SERVED_BY = (
    "actions",
    "shop",
    "desk",
    "channels",
    "serving",
    "machine",
    "credentials.yml",
    "endpoints.yml",
    "tests/conversations",
)
TRAINING = "training"
MEASURES: dict[str, Callable[[Models, Path, Size], dict[str, Any]]] = {
    "start": whole_measures.start,
    "conversations": whole_measures.conversations,
    "crowd": whole_measures.crowd,
    "long": whole_measures.long,
}


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and where it is kept. With a model of ours, only the twin is trained."""

    folder: Path = ROOT / "var/whole"
    results: Path = RESULTS
    model: Path | None = None
    epochs: int | None = None
    size: Size = field(default_factory=Size)

    @property
    def is_trial(self) -> bool:
        return self.results != RESULTS

    def run(self, only: Sequence[str], *, again: bool) -> None:
        """Raises LaunchError where a bot cannot be started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fill_shop()  # whose catalogue our pipeline reads while it is trained
        models = {side: self.trained(side, again=again and TRAINING in only) for side in SIDES}
        for name in only:
            if name != TRAINING:
                self.measured(name, models, again=again)

    def trained(self, side: str, *, again: bool) -> Path:
        """The model of today's sources, trained from nothing where it is not here, or its figures are not."""
        if side == OURS and self.model:
            return self.model.resolve()
        name, of_this = f"{TRAINING}/{side}", self.digest_of(side)
        archive = self.folder / f"models/{side}-{of_this}.tar.gz"
        if again or not archive.exists() or not self._has(name, of_this):
            load = _announced(name)
            self._keep(name, self._train(side, archive) | load, of_this)
        return archive

    def measured(self, name: str, models: Models, *, again: bool) -> None:
        of_this = digest(
            repr(self.size), *(model.name for model in models.values()), *(ROOT / one for one in SERVED_BY)
        )
        if not again and self._has(name, of_this):
            print(f"{name}: run already", flush=True)
            return
        load, folder = _announced(name), self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        self._keep(name, MEASURES[name](models, folder, self.size) | load, of_this)

    def digest_of(self, side: str) -> str:
        """A hash of all that a side learns from, with what."""
        if side == STOCK:
            shared = (ROOT / name for name in twin.SHARED)
            return digest(as_text(twin.config(self.epochs)), *shared, STOCK_FOLDER / "uv.lock")
        return digest(*(ROOT / name for name in LEARNED_FROM))

    def _train(self, side: str, archive: Path) -> dict[str, Any]:
        """`rasa train`, ours as `make run` asks for it, in a process of its own, with an empty cache."""
        project = twin.build(self.folder / "twin", self.epochs) if side == STOCK else ROOT
        files = [part for name in ("config", "domain") for part in (f"--{name}", str(project / f"{name}.yml"))]
        files += ["--data", str(project / "data"), "--out", str(archive.parent)]
        named = ["--fixed-model-name", archive.name.removesuffix(".tar.gz")]
        doing, log = f"train {side}", self.folder / f"training-{side}.log"
        with tempfile.TemporaryDirectory() as scratch:
            started = perf_counter()
            is_stock = side == STOCK
            arguments = [*(("train",) if is_stock else TRAIN), *files, *named]
            trial.run_worker("rasa", arguments, Path(scratch), doing=doing, is_stock=is_stock, log=log)
            seconds = perf_counter() - started
        if not archive.exists():
            raise SystemExit(f"the training of {side} made no model; {log} says why")
        return {"seconds": seconds, "size_mb": archive.stat().st_size / BYTES_PER_MEGABYTE}

    def _has(self, name: str, of_this: str) -> bool:
        return read_results(self.results).get(name, {}).get("digest") == of_this

    def _keep(self, name: str, figures: dict[str, Any], of_this: str) -> None:
        about = {"machine": machine(), "commit": trial.commit(), "digest": of_this}
        keep(self.results, name, figures | about | ({"is_trial": True} if self.is_trial else {}))
        print(f"{name}: {whole_table.in_short(figures)}", flush=True)


def _announced(name: str) -> dict[str, float]:
    """Says what is measured now, and what else goes on: figures of a busy machine are worth less."""
    load = busy()
    print(f"{name}: running, on a machine with a load of {load}", flush=True)
    return {"load_before": load}


def on_trial(folder: Path, model: Path | None) -> Benchmark:
    """Every measurement on so little that its figures say nothing, in a few minutes."""
    little = Size(conversations=40, block=10, starts=1, crowds=(16,), rounds=1, turns=60, turns_at_once=20)
    return Benchmark(folder, folder / "whole.json", model, epochs=1, size=little)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.model and not options.trial:
        parser.error("--model is for a trial: a benchmark measures what it has trained")
    benchmark = on_trial(options.trial.resolve(), options.model) if options.trial else Benchmark()
    if options.table:
        runs = read_results(benchmark.results)
        if runs:
            whole_plot.draw(runs, benchmark.results.with_suffix(PLOT.suffix))
        page = benchmark.folder / "whole.md" if benchmark.is_trial else ROOT / "README.md"
        whole_table.write(page, runs)
        return
    try:
        benchmark.run(options.only, again=options.again)
    except LaunchError as error:
        raise SystemExit(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation.whole", description=__doc__.splitlines()[0])
    names = [TRAINING, *MEASURES]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these measurements (default: all)")
    parser.add_argument("--again", action="store_true", help="measure what has been measured, too")
    parser.add_argument("--table", action="store_true", help="write the README's table and the plot from the results")
    parser.add_argument("--trial", type=Path, metavar="FOLDER", help="try it out on little; everything lies in there")
    parser.add_argument("--model", type=Path, help="in a trial: ours, trained already")
    return parser


if __name__ == "__main__":
    main()
