"""Measures our pipeline on public data sets and on our own, and stock Rasa beside it: `make benchmark-nlu DATA=FOLDER`.

python -m evaluation.benchmark --data FOLDER [--sets hwu64 banking77 ...] [--again]
python -m evaluation.benchmark --table     writes the README's table from the results

The folder holds the sets as `evaluation.datasets` writes them. One configuration, the bot's own, serves every set; on
data of others it goes without what knows our shop (`evaluation.pipelines.for_other_data`). Each run is kept in
`evaluation/results/nlu.json` as soon as it is done, so that a broken-off benchmark goes on where it was: what has been
run with the same pipeline, components and data is not run again, except with --again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import table
from evaluation.digests import digest
from evaluation.figures import OUT_OF_SCOPE
from evaluation.pipelines import ROOT, STOCK, STOCK_FOLDER, as_text
from evaluation.selection import select
from evaluation.table import FOLDS, OURS_BESIDE, STOCK_BESIDE
from evaluation.trial import Trial, run
from evaluation.understanding import language_of

RESULTS = ROOT / "evaluation/results/nlu.json"
OUR_TRAINING, OUR_TEST = "data/nlu", "tests/nlu/heldout.yml"
DECIDES = ROOT / "components/dialogue"  # what understands a message knows nothing of it
SEED = 1
KEPT = {
    "examples": (),
    "intent": ("accuracy", "macro_f1", "weighted_f1"),
    "entities": ("span_f1", "overlap_f1"),
    "out_of_scope": (),
    "seconds": (),
    "milliseconds": (),
    "peak_memory_mb": (),
    "size_mb": (),
    "seed": (),
    "commit": (),
}


@dataclass(frozen=True)
class Run:
    """A trial with the name its result is kept under, and its data as a reader knows them, wherever they lie here."""

    name: str
    trial: Trial
    train: str
    test: str
    change: str = ""  # of the pipeline, in words

    def digest(self) -> str:
        """A hash of all that the figures follow from: pipeline, components and data."""
        code = STOCK_FOLDER / "uv.lock" if self.trial.config == STOCK else ROOT / "components"
        data = map(Path, (*self.trial.train, self.trial.test))
        return digest(as_text(self.trial.pipeline()), code, *data, but=DECIDES)


def hwu64(data: Path, _scratch: Path) -> Iterator[Run]:
    for name in FOLDS:
        yield _public(name, data, name)


def banking77(data: Path, _scratch: Path) -> Iterator[Run]:
    yield _public("banking77", data, "banking77")


def clinc150(data: Path, scratch: Path) -> Iterator[Run]:
    """As published, and without the examples that show what is out of scope."""
    yield _public("clinc150", data, "clinc150")
    source = _present(data / "clinc150/train.yml")
    inside = select(source, lambda example: example.get("intent") != OUT_OF_SCOPE, scratch / "clinc150.yml")
    trial = Trial(str(data / "clinc150/test.yml"), (str(inside),), seed=SEED, of_others=True)
    yield Run("clinc150/in-scope-only", trial, "clinc150/train.yml without out_of_scope", "clinc150/test.yml")


def snips(data: Path, _scratch: Path) -> Iterator[Run]:
    yield _public("snips", data, "snips")


def english_to_chinese(_data: Path, scratch: Path) -> Iterator[Run]:
    """Our own examples: those in English teach, those in Chinese test; what mixes both is left out."""
    english, chinese = (
        select(ROOT / OUR_TRAINING, _is_in(language), scratch / f"{language}.yml") for language in ("en", "zh")
    )
    trial = Trial(str(chinese), (str(english),), seed=SEED)
    yield Run("english-to-chinese", trial, f"{OUR_TRAINING}, English", f"{OUR_TRAINING}, Chinese")


def heldout(_data: Path, _scratch: Path) -> Iterator[Run]:
    trial = Trial(str(ROOT / OUR_TEST), (str(ROOT / OUR_TRAINING),), seed=SEED)
    yield Run("heldout", trial, OUR_TRAINING, OUR_TEST)


def beside_stock(data: Path, _scratch: Path) -> Iterator[Run]:
    """Ours and stock Rasa, one after the other on the same machine, so that their times make ratios."""
    yield _public(OURS_BESIDE, data, FOLDS[0])
    yield _public(STOCK_BESIDE, data, FOLDS[0], config=STOCK)


SETS: dict[str, Callable[[Path, Path], Iterator[Run]]] = {
    "heldout": heldout,
    "english-to-chinese": english_to_chinese,
    "snips": snips,
    "banking77": banking77,
    "clinc150": clinc150,
    "hwu64": hwu64,
    "stock": beside_stock,
}


def _public(name: str, data: Path, folder: str, config: str = "config.yml") -> Run:
    train, test = (_present(data / folder / f"{part}.yml") for part in ("train", "test"))
    trial = Trial(str(test), (str(train),), config, seed=SEED, of_others=True)
    return Run(name, trial, f"{folder}/train.yml", f"{folder}/test.yml")


def benchmark(data: Path, sets: Iterable[str], *, again: bool = False, results: Path = RESULTS) -> None:
    """Runs the sets and keeps what comes of each."""
    fill_shop()
    with tempfile.TemporaryDirectory() as scratch:
        for name in sets:
            for one in SETS[name](data, Path(scratch)):
                measure_once(one, again=again, results=results)


def measure_once(one: Run, *, again: bool, results: Path) -> None:
    """Runs a trial and keeps its figures, unless they are there already."""
    of_this = one.digest()
    if not again and read_results(results).get(one.name, {}).get("digest") == of_this:
        print(f"{one.name}: run already", flush=True)
        return
    print(f"{one.name}: running", flush=True)
    figures = kept(run(one.trial))
    config = one.change or one.trial.config
    figures |= {"config": config, "train": one.train, "test": one.test, "digest": of_this}
    keep(results, one.name, figures)
    print(f"{one.name}: {json.dumps({key: figures[key] for key in KEPT})}", flush=True)


def kept(result: dict[str, Any]) -> dict[str, Any]:
    """The figures worth keeping of a run: not every intent and entity."""
    return {key: {name: result[key][name] for name in names} if names else result[key] for key, names in KEPT.items()}


def read_results(results: Path = RESULTS) -> dict[str, Any]:
    return dict(json.loads(results.read_text(encoding="utf-8"))) if results.exists() else {}


def keep(results: Path, name: str, figures: dict[str, Any]) -> None:
    """Adds a run to the file; whole or not at all, whenever it is broken off."""
    runs = {**read_results(results), name: figures}
    results.parent.mkdir(parents=True, exist_ok=True)
    draft = results.with_suffix(".draft")
    draft.write_text(json.dumps(dict(sorted(runs.items())), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draft.replace(results)


def fill_shop() -> None:
    """The sample shop, whose catalogue our own pipeline reads."""
    from shop import database

    if not database.is_filled():
        subprocess.run([sys.executable, "-m", "shop.seed"], cwd=ROOT, check=True)


def _is_in(language: str) -> Callable[[Any], bool]:
    return lambda example: bool(example.get("text")) and language_of(example.get("text")) == language


def _present(path: Path) -> Path:
    if not path.exists():
        raise SystemExit(f"there is no {path}: `python -m evaluation.datasets` says where its set is published")
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder of the public sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="these only (default: all)")
    parser.add_argument("--again", action="store_true", help="run what has been run, too")
    parser.add_argument("--table", action="store_true", help="write the README's table from the results")
    options = parser.parse_args(arguments)
    if options.table:
        table.write(ROOT / "README.md", table.as_markdown(read_results()))
    elif options.data and options.data.is_dir():
        benchmark(options.data, options.sets, again=options.again)
    else:
        parser.error("name the folder of the public sets: --data FOLDER, or make benchmark-nlu DATA=FOLDER")


if __name__ == "__main__":
    main()
