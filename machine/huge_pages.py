"""What a process holds, in pages of two megabytes instead of four kilobytes, where the system has them: Linux does.

To understand a message, some forty megabytes of weights are read once from one end to the other, none of which the
processor's caches still hold. In small pages it first looks up where each of ten thousand lies, which takes half as
long as the reading.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator
from pathlib import Path

SIZE = 2 * 1024**2
SMALL = 4 * 1024
MAPS, PAGES = Path("/proc/self/maps"), Path("/proc/self/pagemap")
PRESENT, NOBODY_ELSES = 1 << 63, 1 << 56  # of an entry of PAGES (Linux, Documentation/admin-guide/mm/pagemap.rst)
LEAST_OWN = 1 / 8
IN_TIME = 14  # of madvise(2), MADV_HUGEPAGE: a thread of the system does it by and by
AT_ONCE = 25  # MADV_COLLAPSE, since Linux 6.1


def gather() -> None:
    """Move what this process holds by now into huge pages: for before it forks, so that its children share them.

    Where the system has none, or not for this process, everything stays as it is.
    """
    if MAPS.exists():
        for begin, end in _held(MAPS.read_text()):
            _move(begin, end)


def gather_own() -> None:
    """For a child of a process that has gathered: move back what of it has become its own.

    Where it writes into a huge page that it shares, the system cuts that up, and gives it one small page of its own.
    Whole again it is a copy, so it is made only of those of which the child has an eighth already: to have all of them
    whole would be no quicker, and take six times the memory.
    """
    if MAPS.exists() and PAGES.exists():
        with PAGES.open("rb", buffering=0) as pages:
            for begin, end in _held(MAPS.read_text()):
                for place in range(begin, end, SIZE):
                    pages.seek(place // SMALL * 8)
                    if LEAST_OWN <= _own_share(pages.read(SIZE // SMALL * 8)) < 1:
                        _move(place, place + SIZE)


def _own_share(entries: bytes) -> float:
    own = PRESENT | NOBODY_ELSES
    return sum(entry & own == own for entry in array("Q", entries)) / (SIZE // SMALL)


def _move(begin: int, end: int) -> None:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for advice in (IN_TIME, AT_ONCE):
        madvise(begin, end - begin, advice)


def _held(maps: str) -> Iterator[tuple[int, int]]:
    """Where whole huge pages fit into what is a process's own: data that it may write, and no file's."""
    for line in maps.splitlines():
        place, rights, _, _, inode, *name = line.split(maxsplit=5)
        begin, end = (int(address, 16) for address in place.split("-"))
        begin, end = -(-begin // SIZE) * SIZE, end // SIZE * SIZE
        if rights == "rw-p" and inode == "0" and (not name or name[0] == "[heap]") and begin < end:
            yield begin, end
