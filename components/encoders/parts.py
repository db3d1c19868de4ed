"""What is made of a package's weights, kept in a folder: the making takes a second, the reading a few milliseconds."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

logger = logging.getLogger(__name__)

GRAPH, ARRAY = "graph.onnx", ".npy"


class Parts(NamedTuple):
    """A graph for ONNX Runtime (or its file), and the arrays that stay outside it, read from the disk as needed."""

    graph: bytes | Path
    arrays: dict[str, np.ndarray]


def kept(cache: Path | None, name: str, made_of: str, make: Callable[[], Parts]) -> Parts:
    """The parts of that name and origin from the cache, or else made and put there. A broken cache costs time only."""
    if cache is None:
        return make()
    folder = cache / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    try:
        return _read(folder)
    except (OSError, ValueError, EOFError):
        parts = make()
    try:
        _write(folder, parts)
    except OSError as error:
        logger.info(f"The {name} encoder is made anew at each start: {cache} cannot be written to ({error}).")
    return parts


def _read(folder: Path) -> Parts:
    arrays = {path.stem: np.asarray(np.load(path, mmap_mode="r")) for path in sorted(folder.glob(f"*{ARRAY}"))}
    if not (folder / GRAPH).is_file():
        raise FileNotFoundError(folder / GRAPH)
    return Parts(folder / GRAPH, arrays)


def _write(folder: Path, parts: Parts) -> None:
    """All of it at once: another process sees the whole folder or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        (draft / GRAPH).write_bytes(parts.graph)
        for name, array in parts.arrays.items():
            np.save(draft / f"{name}{ARRAY}", array)
        draft.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)  # of a broken one
        os.replace(draft, folder)
        _forget_others(folder)
    except OSError:
        if not (folder / GRAPH).exists():  # else another process was there first
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _forget_others(folder: Path) -> None:
    """Removes what was made of other weights or by other code; whoever has it open keeps it until they close it."""
    name = folder.name.rpartition("-")[0]
    for other in folder.parent.glob(f"{name}-*"):
        if other != folder and not other.suffix:  # with a suffix: what another process is writing
            shutil.rmtree(other, ignore_errors=True)
