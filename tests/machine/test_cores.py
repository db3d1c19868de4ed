from __future__ import annotations

import os
import subprocess
import sys

import pytest

from machine import cores

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux has it")


def _kept(number: int) -> set[int]:
    """The cores of a process that keeps to one, and of a thread that it starts after."""
    script = (
        "import os, threading; from machine import cores; cores.keep_to(%d); found = []; "
        "thread = threading.Thread(target=lambda: found.append(os.sched_getaffinity(0))); "
        "thread.start(); thread.join(); "
        "assert found == [os.sched_getaffinity(0)]; print(*found[0])"
    )
    said = subprocess.run([sys.executable, "-c", script % number], capture_output=True, text=True, check=True).stdout
    return set(map(int, said.split()))


def test_a_process_keeps_to_one_core_with_its_threads_and_the_next_to_the_next() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert [_kept(number) for number in range(len(allowed) + 1)] == [{core} for core in (*allowed, allowed[0])]


def test_where_it_is_forbidden_everything_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    cores.keep_to(0)
