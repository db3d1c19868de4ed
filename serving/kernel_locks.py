"""Who stands where in line for a conversation, kept by the kernel: locks on single bytes of one empty file.

Of the 2^63 bytes that a file might have, each conversation has a stretch of its own, found by a hash of its name, and
in it a byte for each place in line. To stand in line is to hold the lock of a byte behind all others that are held
there; to be the first is to have nobody before you. The file itself stays empty. Closing the descriptor gives a place
up, and so does the end of a process, however it comes about. (The ticket lock is Reed and Kanodia's; here the kernel
keeps it.)

These are Linux's open file description locks (fcntl(2)): they belong to an open file, so that two messages of one
process keep each other out just as two processes do, and closing one takes no other's away.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from hashlib import blake2b
from pathlib import Path

PLACES = 1 << 20  # bytes of a conversation's stretch; a line that empties begins anew at its first
DOOR = PLACES - 1  # the byte held while a number is taken
STRETCHES = 1 << 43  # as many as a file has room for: two of a million conversations share one with odds of 1 to 18
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, process


class Place:
    """A place in line, from its taking until `leave`. Raises OSError where the kernel or the file will not have it."""

    def __init__(self, file: Path, name: str) -> None:
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._stretch = int.from_bytes(digest, "big") % STRETCHES * PLACES
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.number = self._take_number()
        except BaseException:
            self.leave()
            raise

    @property
    def is_first(self) -> bool:
        return self.number == 0 or self._held(0, self.number) is None

    def leave(self) -> None:
        os.close(self._descriptor)

    def _take_number(self) -> int:
        """One behind the last. The door is held for some microseconds, so nobody waits there."""
        self._control(fcntl.F_OFD_SETLKW, fcntl.F_WRLCK, DOOR)
        try:
            number = 0
            while (taken := self._held(number, DOOR)) is not None:
                number = taken + 1
            if number == DOOR:
                raise OSError(errno.ENOLCK, "the line is too long")
            self._control(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, number)
            return number
        finally:
            self._control(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, DOOR)

    def _held(self, start: int, end: int) -> int | None:
        """A place from `start` up to `end` that somebody else holds, if there is one."""
        kind, offset = self._control(fcntl.F_OFD_GETLK, fcntl.F_WRLCK, start, end - start) if start < end else (None, 0)
        return None if kind in (None, fcntl.F_UNLCK) else offset - self._stretch

    def _control(self, command: int, kind: int, start: int, length: int = 1) -> tuple[int, int]:
        asked = _FLOCK.pack(kind, os.SEEK_SET, self._stretch + start, length, 0)
        kind, _, offset, _, _ = _FLOCK.unpack(fcntl.fcntl(self._descriptor, command, asked))
        return kind, offset
