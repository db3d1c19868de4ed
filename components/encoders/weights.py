"""Finds weights in installed packages without importing them: importing would load what we do without."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple


class MissingWeights(LookupError):
    """A package is not installed, or does not carry the file; the message names both."""


class WeightsFile(NamedTuple):
    """Where a file lies, and what its package recorded of its content: reading 70 MB to hash them would take longer."""

    path: Path
    digest: str


def find(package: str, file: str) -> WeightsFile:
    """Where a file of an installed package lies. Raises MissingWeights that names the package."""
    try:
        carried = distribution(package).files or []
    except PackageNotFoundError as error:
        raise MissingWeights(f"the package {package} is not installed; it carries the weights ({file})") from error
    for entry in carried:
        path = Path(str(entry.locate()))
        if entry.as_posix() == file and path.exists():
            recorded = entry.hash.value if entry.hash else str(path.stat().st_mtime_ns)
            return WeightsFile(path, f"{recorded} {path.stat().st_size}")
    raise MissingWeights(f"the package {package} is installed, but carries no {file}; install it anew")
