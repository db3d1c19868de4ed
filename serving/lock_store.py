"""Lets the messages of one conversation in one at a time, in the order in which they came.

Rasa's own looks once a second whether it is a message's turn, and one whose ticket has expired looks for ever. Here
whoever leaves wakes the next. Workers of one machine keep each other out by a lock of the kernel's on one byte of a
file, which byte by the conversation's name: no conversation waits for another, and a worker that dies lets go.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, LockError, LockStore

FILE = "var/conversations.lock"
PAUSE, LONGEST_PAUSE = 0.002, 0.05  # seconds between two looks at what another worker holds
BITS_OF_PLACE = 62


@dataclass
class Line:
    """Those who wait behind the one that is being served."""

    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ConversationLocks(LockStore):
    """endpoints.yml: `type: serving.lock_store.ConversationLocks`; `file` where workers on this machine meet."""

    def __init__(self, endpoint_config: Any = None) -> None:
        super().__init__()
        settings = getattr(endpoint_config, "kwargs", None) or {}
        self._path = Path(settings.get("file", FILE))
        self._file: int | None = None
        self._lines: dict[str, Line] = {}  # of conversations that are being served now

    @asynccontextmanager
    async def lock(
        self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME, wait_time_in_seconds: float = 1
    ) -> AsyncIterator[TicketLock]:
        """Hold the conversation within the block. Raises LockError after `lock_lifetime` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + lock_lifetime
        await self._stand_in_line(conversation_id, lock_lifetime)
        try:
            place = place_of(conversation_id)
            await self._keep_others_out(conversation_id, place, deadline)
            try:
                yield self.create_lock(conversation_id)
            finally:
                fcntl.lockf(self._opened(), fcntl.LOCK_UN, 1, place)
        finally:
            self._let_in_the_next(conversation_id)

    def is_someone_waiting(self, conversation_id: str) -> bool:
        line = self._lines.get(conversation_id)
        return line is not None and any(not turn.done() for turn in line.waiting)

    async def _stand_in_line(self, conversation: str, seconds: float) -> None:
        line = self._lines.get(conversation)
        if line is None:
            self._lines[conversation] = Line()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        _, late = await self._waited(conversation, turn, seconds)
        if late:
            turn.cancel()
            raise _too_late(conversation)

    async def _waited(self, conversation: str, turn: asyncio.Future[None], seconds: float) -> tuple[Any, Any]:
        try:
            return await asyncio.wait([turn], timeout=seconds)
        except asyncio.CancelledError:
            if not turn.cancel():  # its turn came in the same moment
                self._let_in_the_next(conversation)
            raise

    def _let_in_the_next(self, conversation: str) -> None:
        waiting = self._lines[conversation].waiting
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._lines[conversation]

    async def _keep_others_out(self, conversation: str, place: int, deadline: float) -> None:
        pause = PAUSE
        while True:
            try:
                fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                return
            except (BlockingIOError, PermissionError):
                if asyncio.get_running_loop().time() + pause > deadline:
                    raise _too_late(conversation) from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _opened(self) -> int:
        """Opened once and never closed: to close a file lets go of all that this process holds of it."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        return self._file


def place_of(conversation: str) -> int:
    """Which byte of the file stands for a conversation: nothing is written there."""
    digest = hashlib.blake2b(conversation.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - BITS_OF_PLACE)


def _too_late(conversation: str) -> LockError:
    return LockError(f"Conversation {conversation} is still busy with an earlier message.")
