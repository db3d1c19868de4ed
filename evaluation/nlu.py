"""Measures understanding on sentences that the bot was not trained with, and prints what it takes for what.

python -m evaluation.nlu --test FILE [--train FILE_OR_FOLDER ...] [--model ARCHIVE] [--config FILE] [--out RESULT.json]

Without --train it measures the newest model in models/. An intent counts as the classifier ranks it, before the
fallback takes the doubtful ones (as `rasa test nlu` has it); how many it takes is reported beside.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evaluation.figures import measure, report
from evaluation.understanding import predict, read_gold


def train(config: str, sources: Sequence[str], folder: Path) -> str:
    """Trains understanding alone with these sentences; returns the archive."""
    from rasa.model_training import train_nlu

    data = folder / "nlu"
    data.mkdir()
    for number, source in enumerate(map(Path, sources)):
        target = data / f"{number}-{source.name}"
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    archive = train_nlu(config, str(data), str(folder))
    if archive is None:
        raise SystemExit(f"nothing to train with in {', '.join(sources)}")
    return archive


def newest_model() -> str:
    from rasa.model import get_latest_model

    archive = get_latest_model("models")
    if archive is None:
        raise SystemExit("there is no model in models/: run `make train` first, or name training data with --train")
    return archive


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.nlu", description=__doc__.splitlines()[0])
    parser.add_argument("--test", required=True, help="held-out sentences, Rasa YAML")
    parser.add_argument("--train", nargs="+", default=[], help="train with these first, instead of taking a model")
    parser.add_argument("--model", help="a trained archive (default: the newest in models/)")
    parser.add_argument("--config", default="config.yml", help="the pipeline to train (default: config.yml)")
    parser.add_argument("--out", type=Path, help="where to write all figures as JSON")
    options = parser.parse_args(arguments)
    _quieten()
    gold = read_gold(options.test)
    with tempfile.TemporaryDirectory() as folder:
        model = train(options.config, options.train, Path(folder)) if options.train else options.model or newest_model()
        predicted = asyncio.run(predict(model, gold))
    result = measure(gold, predicted)
    print(report(result))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")


def _quieten() -> None:
    """Rasa's logs show customers' messages unless it is told not to."""
    from rasa.utils.log_utils import configure_structlog

    logging.getLogger("rasa").setLevel(logging.ERROR)
    configure_structlog(logging.ERROR)


if __name__ == "__main__":
    main()
