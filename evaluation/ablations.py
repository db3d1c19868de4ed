"""What each part of the model is worth: the pipeline with one thing changed, measured as `evaluation.benchmark` does.

python -m evaluation.ablations [--data FOLDER] [--only NAME ...]
python -m evaluation.ablations --table     writes the table of docs/model.md from the results

Without a folder of public sets our own held-out messages are measured alone; with one, the first fold of hwu64 too.
Each run is kept in `evaluation/results/ablations.json` as soon as it is done.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evaluation import benchmark, pipelines, table
from evaluation.benchmark import Run, measure_once, read_results
from evaluation.pipelines import ROOT, Config
from evaluation.table import FOLDS, INTENT, OVERLAP, SPAN, Runs

RESULTS = ROOT / "evaluation/results/ablations.json"
PAGE = ROOT / "docs/model.md"
MARKS = "<!-- ablations -->", "<!-- /ablations -->"
HELD_OUT, FOLD = "heldout", FOLDS[0]
COLUMNS = {HELD_OUT: "held-out: intent / entities exact / overlap", FOLD: "`hwu64`, fold 1: the same"}
NGRAMS, ENCODERS, CLASSIFIER = (
    "components.ngrams.NgramFeaturizer",
    "components.multilingual.MultilingualFeaturizer",
    "components.joint.JointClassifier",
)
Change = Callable[[Config], Config]


def setting(component: str, **settings: object) -> Change:
    """Changes settings of one component."""

    def change(config: Config) -> Config:
        changed = copy.deepcopy(config)
        for entry in changed["pipeline"]:
            if entry["name"] == component:
                entry.update(settings)
        return changed

    return change


def without(component: str) -> Change:
    return lambda config: {**config, "pipeline": [one for one in config["pipeline"] if one["name"] != component]}


CHANGES: dict[str, Change] = {
    "as shipped": lambda config: config,
    "without the memory": setting(CLASSIFIER, memory=False),
    "without MiniLM": setting(ENCODERS, encoders=["e5", "universal"]),
    "without USE": setting(ENCODERS, encoders=["e5", "minilm"]),
    "without e5": setting(ENCODERS, encoders=["universal", "minilm"]),
    "without any encoder": without(ENCODERS),
    "without words and their pieces": without(NGRAMS),
    "a softmax head for intents": setting(CLASSIFIER, intent_head="softmax"),
    "no label smoothing": setting(CLASSIFIER, label_smoothing=0.0),
    "no word dropout": setting(CLASSIFIER, word_dropout=0.0),
    "masked tokens as a third loss": setting(CLASSIFIER, masked_tokens=True),
    "one layer": setting(CLASSIFIER, layers=1),
}


def runs(data: Path | None, names: Sequence[str], scratch: Path) -> Iterator[Run]:
    """Each change on each set; the name says both."""
    sets = [*benchmark.heldout(scratch, scratch), *([next(benchmark.hwu64(data, scratch))] if data else [])]
    for name in names:
        config = CHANGES[name](pipelines.read("config.yml"))
        path = scratch / f"{list(CHANGES).index(name)}.yml"
        path.write_text(pipelines.as_text(config), encoding="utf-8")
        for one in sets:
            yield replace(one, name=f"{name} · {one.name}", trial=replace(one.trial, config=str(path)), change=name)


def as_markdown(results: Runs) -> str:
    """The table, with a column for each set on which anything was run."""
    sets = [one for one in COLUMNS if any(f"{name} · {one}" in results for name in CHANGES)]
    head = [table.row("the pipeline", *(COLUMNS[one] for one in sets)), table.row("---", *("---" for _ in sets))]
    return "\n".join([*head, *(_line(name, sets, results) for name in CHANGES)])


def _line(name: str, sets: Sequence[str], results: Runs) -> str:
    measured = [results.get(f"{name} · {one}") for one in sets]
    return table.row(
        name, *(table.percent([run], (INTENT, SPAN, OVERLAP)) if run else table.NOT_RUN for run in measured)
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.ablations", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder of the public sets")
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES), help="these only (default: all)")
    parser.add_argument("--again", action="store_true", help="run what has been run, too")
    parser.add_argument("--table", action="store_true", help="write the table of docs/model.md from the results")
    options = parser.parse_args(arguments)
    if options.table:
        table.write(PAGE, as_markdown(read_results(RESULTS)), MARKS)
        return
    benchmark.fill_shop()
    with tempfile.TemporaryDirectory() as scratch:
        for one in runs(options.data, options.only, Path(scratch)):
            measure_once(one, again=options.again, results=RESULTS)


if __name__ == "__main__":
    main()
