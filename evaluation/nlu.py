"""Measures understanding on sentences that the bot was not trained with, and prints what it takes for what.

python -m evaluation.nlu --test FILE [--train FILE_OR_FOLDER ...] [--config FILE|stock] [--model ARCHIVE] [--seed N]
                         [--out RESULT.json]

Without --train it measures the newest model in models/. `--config stock` is Rasa's own pipeline in its own environment,
which `make stock` brings. An intent counts as the classifier ranks it, before the fallback takes the doubtful ones (as
`rasa test nlu` has it); the figures of `out_of_scope` count what the fallback takes as out of scope. Where it trains,
only entity types that the data annotate are judged.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from evaluation.figures import report
from evaluation.pipelines import ROOT, STOCK
from evaluation.trial import Trial, run


def newest_model() -> str:
    archives = (ROOT / "models").glob("*.tar.gz")
    newest = max(archives, key=lambda archive: archive.stat().st_mtime, default=None)
    if newest is None:
        raise SystemExit("there is no model in models/: run `make train` first, or name training data with --train")
    return str(newest)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.nlu", description=__doc__.splitlines()[0])
    parser.add_argument("--test", required=True, help="held-out sentences, Rasa YAML")
    parser.add_argument("--train", nargs="+", default=[], action="extend", help="train with these, files or folders")
    parser.add_argument("--model", help="a trained archive (default: the newest in models/)")
    parser.add_argument(
        "--config", default="config.yml", help=f"the pipeline to train, or `{STOCK}` (default: config.yml)"
    )
    parser.add_argument(
        "--seed", type=int, help="for the components that draw numbers (default: as the pipeline has it)"
    )
    parser.add_argument("--out", type=Path, help="where to write all figures as JSON")
    options = parser.parse_args(arguments)
    result = run(_trial(options))
    print(report(result))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")


def _trial(options: argparse.Namespace) -> Trial:
    if options.train:
        return Trial(options.test, tuple(options.train), options.config, seed=options.seed)
    return Trial(options.test, model=options.model or newest_model())


if __name__ == "__main__":
    main()
