"""One trial: a pipeline trained and measured in fresh processes, so that seconds and memory are of its work alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from evaluation import pipelines
from evaluation.figures import measure
from evaluation.pipelines import ROOT, STOCK, STOCK_FOLDER, Config
from evaluation.understanding import Understood, annotated_types, only_types, read_gold, understood

BYTES_PER_MEGABYTE = 1_000_000
QUIET = {"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
STOCK_PYTHON = STOCK_FOLDER / ".venv/bin/python"
WRITTEN = ("docs", "README.md", "evaluation/results")


@dataclass(frozen=True)
class Trial:
    """What is trained with what, and measured on what. With a model instead of training data, nothing is trained."""

    test: str
    train: tuple[str, ...] = ()
    config: str = "config.yml"
    model: str | None = None
    seed: int | None = None
    of_others: bool = False  # data that is not the shop's: its patterns and catalogue stay out

    def pipeline(self) -> Config:
        config = pipelines.read(self.config)
        if self.of_others and self.config != STOCK:
            config = pipelines.for_other_data(config)
        return pipelines.seeded(config, self.seed)


def run(trial: Trial) -> dict[str, Any]:
    """Every figure of the trial, as they are written to the result file."""
    gold = read_gold(trial.test)
    with tempfile.TemporaryDirectory() as folder:
        training = _train(trial, Path(folder)) if trial.train else {"archive": str(Path(trial.model or "").resolve())}
        work = _answer(trial, training["archive"], gold, Path(folder))
        size = Path(training["archive"]).stat().st_size / BYTES_PER_MEGABYTE
    predicted = [understood(one, answer) for one, answer in zip(gold, work["answers"], strict=True)]
    if trial.train:
        types = annotated_types(gold, *map(read_gold, trial.train))
        predicted = only_types(predicted, types)
    return {
        **measure(gold, predicted),
        "seconds": {
            "train": training.get("seconds"),
            "load": work["seconds"],
            "train_process": training.get("process_seconds"),
        },
        "milliseconds": work["milliseconds"],
        "peak_memory_mb": work["peak_memory_mb"],
        "size_mb": size,
        "config": trial.config if trial.train else None,
        "train": list(trial.train) or None,
        "model": None if trial.train else Path(training["archive"]).name,
        "test": trial.test,
        "seed": trial.seed,
        "commit": commit(),
    }


def _train(trial: Trial, folder: Path) -> dict[str, Any]:
    config, data, result = folder / "config.yml", folder / "nlu", folder / "training.json"
    config.write_text(pipelines.as_text(trial.pipeline()), encoding="utf-8")
    data.mkdir()
    for number, source in enumerate(map(Path, trial.train)):
        target = data / f"{number}-{source.name}"
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    started = perf_counter()
    _work(trial, folder, "train", str(config), str(data), str(folder / "models"), str(result))
    training = dict(json.loads(result.read_text(encoding="utf-8")))
    if not training["archive"]:
        raise SystemExit(f"nothing to train with in {', '.join(trial.train)}")
    return {**training, "process_seconds": perf_counter() - started}


def _answer(trial: Trial, archive: str, gold: Sequence[Understood], folder: Path) -> dict[str, Any]:
    texts, result = folder / "texts.json", folder / "answers.json"
    texts.write_text(json.dumps([one.text for one in gold], ensure_ascii=False), encoding="utf-8")
    _work(trial, folder, "answer", archive, str(texts), str(result))
    return dict(json.loads(result.read_text(encoding="utf-8")))


def _work(trial: Trial, folder: Path, *arguments: str) -> None:
    run_worker("evaluation.worker", arguments, folder, doing=arguments[0], is_stock=trial.config == STOCK)


def run_worker(
    module: str, arguments: Sequence[str], folder: Path, *, doing: str, is_stock: bool, log: Path | None = None
) -> None:
    """Runs a worker, here or in stock Rasa's environment; `doing` says what it should, where it fails.

    Rasa's cache is an empty folder, or it would restore what it trained before. What the worker prints goes to the log;
    without one only its complaints are shown.
    """
    environment = {**os.environ, **QUIET, "RASA_CACHE_DIRECTORY": str(folder / "cache")}
    python = sys.executable
    if is_stock:
        python = stock_python()
        environment.pop("PYTHONPATH", None)
    command = [python, "-m", module, *arguments]
    with log.open("wb") if log else nullcontext() as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output or subprocess.DEVNULL, "stderr": output}
        done = subprocess.run(command, cwd=ROOT, env=environment, **streams)
    if done.returncode:
        place = f"in {log}" if log else "above"
        raise SystemExit(f"the process that should {doing} failed with {done.returncode}; its reason stands {place}")


def stock_python() -> str:
    if not STOCK_PYTHON.exists():
        raise SystemExit("stock Rasa is not installed: run `make stock` first")
    return str(STOCK_PYTHON)


def commit() -> str | None:
    """The sources that are measured; `-changed` where they differ from it. What a measurement writes does not count."""
    head = _git("rev-parse", "--short", "HEAD")
    if not head:
        return None
    changed = _git("status", "--porcelain", "--", ".", *(f":!{path}" for path in WRITTEN))
    return f"{head}-changed" if changed else head


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
