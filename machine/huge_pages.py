"""What a process holds, in pages of two megabytes instead of four kilobytes, where the system has them: Linux does.

To understand a message, some forty megabytes of weights are read once from one end to the other, none of which the
processor's caches still hold. In small pages it first looks up where each of ten thousand lies, which takes half as
long as the reading.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

SIZE = 2 * 1024**2
MAPS = Path("/proc/self/maps")
IN_TIME = 14  # of madvise(2), MADV_HUGEPAGE: a thread of the system does it by and by
AT_ONCE = 25  # MADV_COLLAPSE, since Linux 6.1


def gather() -> None:
    """Move what this process holds by now into huge pages: for before it forks, so that its children share them.

    Where the system has none, or not for this process, everything stays as it is.
    """
    if not MAPS.exists():
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for begin, end in _held(MAPS.read_text()):
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
