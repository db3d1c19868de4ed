"""The machine that a measurement ran on, and what its processes have held in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from components import processor
from evaluation.worker import KILOBYTES_PER_MEGABYTE, peak_memory_mb

PROC = Path("/proc")


def machine() -> dict[str, Any]:
    """Its cores as far as we may use them, their model, and its memory."""
    return {
        "cpu": _said(PROC / "cpuinfo", "model name"),
        "cores": processor.count(),
        "memory_gb": round(int(_said(PROC / "meminfo", "MemTotal").split()[0]) / 1024**2, 1),
    }


def busy() -> float:
    """How many processes have wanted a core in the last minute: what is measured now shares the machine with them."""
    return round(os.getloadavg()[0], 1)


def peak_of_tree_mb(process: int) -> float:
    """The most memory that a process and those it started have held, each at its own worst; what several of them share
    (libraries, what was loaded before they parted) counts once, where the system says how much that is."""
    return sum(_peak_mb(one) for one in _tree(process))


def _peak_mb(process: int) -> float:
    """A process's share of the memory that it holds, and what it has held beside that at its worst."""
    shares = PROC / str(process) / "smaps_rollup"
    if not shares.exists():
        return peak_memory_mb(process)
    held = PROC / str(process) / "status"
    share, most, now = _kilobytes(shares, "Pss:"), _kilobytes(held, "VmHWM:"), _kilobytes(held, "VmRSS:")
    return (share + max(0, most - now)) / KILOBYTES_PER_MEGABYTE


def _kilobytes(file: Path, name: str) -> int:
    return int(_said(file, name).split()[0])


def _tree(process: int) -> list[int]:
    children = (PROC / str(process) / "task").glob("*/children")
    started = [int(child) for file in children for child in file.read_text().split()]
    return [process, *(one for child in started for one in _tree(child))]


def _said(file: Path, name: str) -> str:
    lines = file.read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "0")
