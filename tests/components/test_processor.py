from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from components import processor


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux has it")
def test_a_thread_may_use_all_processors_though_whoever_started_it_keeps_to_one() -> None:
    script = (
        "import os; from concurrent.futures import ThreadPoolExecutor; from components import processor; "
        "all_of_them = os.sched_getaffinity(0); os.sched_setaffinity(0, {min(all_of_them)}); "
        "pool = ThreadPoolExecutor(1, initializer=processor.use_all); "
        "assert pool.submit(os.sched_getaffinity, 0).result() == all_of_them; "
        "assert len(os.sched_getaffinity(0)) == 1; assert processor.count() == len(all_of_them)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_a_system_forbids_or_lacks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "ALL", frozenset({10_000}))
    with ThreadPoolExecutor(1, initializer=processor.use_all) as pool:
        assert pool.submit(int).result() == 0
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    processor.keep_memory()
