"""Trains only where there is something new to learn: a model carries in its name what it was trained from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.processes import ROOT, LaunchError, run_step
from deploy.progress import step

SOURCES = ("config.yml", "domain.yml", "data/**/*.yml", "components/**/*.py", "components/**/*.yml", "uv.lock")
MISALIGNED = "Misaligned entity annotation"
NEEDED_GIGABYTES = 1
TRAIN = "train", "--augmentation", "0"  # for Rasa: stories glued to each other, which none of our policies learns from
Phrase = Sequence[str]


def newest_model(root: Path = ROOT) -> Path | None:
    """The model that `rasa run` and `rasa shell` would take."""
    return max((root / "models").glob("*.tar.gz"), key=lambda archive: archive.stat().st_mtime, default=None)


def model_for(digest: str, root: Path = ROOT) -> Path:
    """Where the model trained from these sources is, or will be."""
    return root / "models" / f"haoke-{digest[:12]}.tar.gz"


def digest_of_sources(phrases: Iterable[Phrase], root: Path = ROOT) -> str:
    """A hash of everything that the bot learns from: its files, by content not date, and the shop's catalogue."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for file in sorted(root.glob(pattern)):
            digest.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    digest.update(json.dumps(sorted(list(phrase) for phrase in phrases)).encode())
    return digest.hexdigest()


def ensure_trained(phrases: Iterable[Phrase], root: Path = ROOT) -> Path:
    """The model of today's sources, trained now if it is missing. Raises LaunchError where that fails."""
    model = model_for(digest_of_sources(phrases, root), root)
    if model.exists():
        os.utime(model)  # the newest archive is the one that a plain `rasa shell` takes
        print(f"The bot is trained already: {model.relative_to(root)}", flush=True)
    else:
        _train(model, root)
    return model


def _train(model: Path, root: Path) -> None:
    if shutil.disk_usage(root).free < NEEDED_GIGABYTES * 1024**3:
        raise LaunchError(f"Training needs {NEEDED_GIGABYTES} GB of free disk: make room and run the command again.")
    log = root / "var/logs/training.log"
    name = model.name.removesuffix(".tar.gz")
    with step("Training the bot") as say:
        run_step("training", ["-m", "rasa", *TRAIN, "--fixed-model-name", name], log, say)
    if not model.exists():
        raise LaunchError(f"The training made no model: {log} says why.")
    _refuse_misaligned(model, log, root)


def _refuse_misaligned(model: Path, log: Path, root: Path) -> None:
    """Rasa only warns of an entity that does not end where a token ends, and drops it; the next training, which takes
    what it learned from its cache, would not even warn. So the model is no good, nor is the cache."""
    lines = log.read_text(errors="replace").splitlines()
    misaligned = [line[line.index(MISALIGNED) :] for line in lines if MISALIGNED in line]
    if misaligned:
        model.unlink()
        shutil.rmtree(root / ".rasa/cache", ignore_errors=True)
        examples = "\n".join(misaligned[:5])
        raise LaunchError(
            f"{len(misaligned)} training examples mark an entity that begins or ends inside a token; "
            f"correct them (all stand in {log}), for example:\n{examples}"
        )
