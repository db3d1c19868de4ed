"""Which of the machine's cores a process keeps to."""

from __future__ import annotations

import os
from contextlib import suppress


def keep_to(number: int) -> None:
    """Keep this thread, and those that it will start, to one of the cores that it may use: the one of this number, and
    where there are fewer, counted round.

    A server's threads hand a message to one another some ten times, and do little at once. On one core that takes a
    few microseconds each time; to wake another core takes ten to fifty times as long.
    """
    if not hasattr(os, "sched_setaffinity"):  # Linux has it
        return
    cores = sorted(os.sched_getaffinity(0))
    with suppress(OSError):  # a system may forbid it
        os.sched_setaffinity(0, {cores[number % len(cores)]})
