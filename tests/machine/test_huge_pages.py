"""What is held moves into huge pages, unchanged, where Linux has them; elsewhere nothing happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from machine import huge_pages

ROOT = Path(__file__).resolve().parents[2]
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
where_there_are_any = pytest.mark.skipif(
    not SETTING.exists() or "[never]" in SETTING.read_text(), reason="this system has no huge pages"
)
MEGABYTES = 64
HOLDS = f"""
import re
from pathlib import Path
from machine import huge_pages

held = [bytes([number]) * 4000 for number in range(256) for _ in range({MEGABYTES} * 1024 // 4 // 256)]
huge_pages.gather()
assert all(part == bytes([number // {MEGABYTES}]) * 4000 for number, part in enumerate(held))
print(re.search(r"AnonHugePages: +([0-9]+) kB", Path("/proc/self/smaps_rollup").read_text())[1])
"""
PARTS = """
import mmap, os, re
from pathlib import Path
from machine import huge_pages

WRITTEN = (0, 3, 40)  # hundredths of the first, second and third part, each some huge pages, that a child writes
SMALL, PART = huge_pages.SMALL, 8 * huge_pages.SIZE


def huge() -> int:
    return int(re.search(r"AnonHugePages: +([0-9]+) kB", Path("/proc/self/smaps_rollup").read_text())[1]) * 1024


held = mmap.mmap(-1, 3 * PART + huge_pages.SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for place in range(0, len(held), SMALL):
    held[place] = 7
huge_pages.gather()
if os.fork() == 0:
    for part, hundredths in enumerate(WRITTEN):
        for place in range(part * PART, (part + 1) * PART, SMALL):
            if place // SMALL % 100 < hundredths:
                held[place] = 8
    before = huge()
    huge_pages.gather_own()
    right = all(
        held[place] == (8 if place // PART < 3 and place // SMALL % 100 < WRITTEN[place // PART] else 7)
        for place in range(0, len(held), SMALL)
    )
    print(right, (huge() - before) / PART, flush=True)
    os._exit(0)
os.wait()
"""


@where_there_are_any
def test_what_is_held_moves_and_stays_the_same() -> None:
    """In a process of its own: what moves is all of it."""
    done = subprocess.run([sys.executable, "-c", HOLDS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 > MEGABYTES / 2


@where_there_are_any
def test_a_child_takes_back_whole_what_it_has_much_of() -> None:
    """Of three parts that it got from its parent it wrote into none, into little and into much of it."""
    done = subprocess.run([sys.executable, "-c", PARTS], cwd=ROOT, capture_output=True, text=True, check=True)
    right, moved = done.stdout.split()
    assert right == "True" and 0.5 < float(moved) < 1.5


def test_only_whole_huge_pages_of_its_own_data_are_moved() -> None:
    maps = """\
100000-800000 rw-p 00000000 00:00 0                                      [heap]
a00000-c00000 r--p 00000000 00:00 0 
e00000-1000000 rw-s 00000000 00:01 1025                                  /dev/zero (deleted)
1000000-1200000 rw-p 00000000 fe:01 7                                    /usr/lib/a library.so
1200000-1400000 rw-p 00000000 00:00 0                                    [stack]
1500000-1600000 rw-p 00000000 00:00 0 
7f0000000000-7f0000500000 rw-p 00000000 00:00 0 
"""
    assert list(huge_pages._held(maps)) == [(0x200000, 0x800000), (0x7F0000000000, 0x7F0000400000)]


def test_where_the_system_has_none_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huge_pages, "MAPS", tmp_path / "maps")
    huge_pages.gather()
    huge_pages.gather_own()
