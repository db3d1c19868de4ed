"""News of a conversation, pushed to whoever listens: the record is the truth, this only looks when it has changed.

What is written in this process wakes its listeners at once; what an agent or another worker writes is noticed within a
quarter of a second, by one query for all conversations that are listened to.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from desk import conversations
from desk.conversations import MOST_AT_ONCE, Presence, Said
from desk.sessions import Sessions

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.25  # seconds
LOOK_AGAIN_AFTER_FAILURE = 2.0


@dataclass(frozen=True)
class Quiet:
    """Nothing has happened for a while."""


News = Said | Presence | Quiet


class Streams:
    """Belongs to one event loop."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._latest: dict[str, Presence] = {}
        self._watching: asyncio.Task[None] | None = None
        self._has_ended = False

    async def follow(self, conversation: str, after: int, *, quiet_after: float) -> AsyncIterator[News]:
        """Everything said after a number, in order, then what else happens, until the server ends."""
        woken = asyncio.Event()
        self._listeners[conversation].add(woken)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        shown: Presence | None = None
        try:
            while not self._has_ended:
                woken.clear()
                try:
                    said = await self._since(conversation, after)
                except Exception as error:  # whatever ails the database: the stream goes on when it is back
                    logger.error("A conversation cannot be read: %s", type(error).__name__)
                    yield Quiet()
                    await asyncio.sleep(LOOK_AGAIN_AFTER_FAILURE)
                    continue
                for one in said:
                    yield one
                    after = one.number
                if len(said) == MOST_AT_ONCE:
                    continue
                latest = self._latest.get(conversation)
                if latest is not None and latest != shown:
                    yield latest
                    shown = latest
                try:
                    await asyncio.wait_for(woken.wait(), quiet_after)
                except asyncio.TimeoutError:
                    yield Quiet()
        finally:
            self._listeners[conversation].discard(woken)
            if not self._listeners[conversation]:
                del self._listeners[conversation]
                self._latest.pop(conversation, None)

    def wake(self, conversation: str) -> None:
        """Something was written in this process."""
        for listener in self._listeners.get(conversation, ()):
            listener.set()

    def end(self) -> None:
        """Let every listener go: the server is about to stop."""
        self._has_ended = True
        for conversation in list(self._listeners):
            self.wake(conversation)

    async def _watch(self) -> None:
        """Looks while anybody listens."""
        while self._listeners and not self._has_ended:
            try:
                now = await self._presence(list(self._listeners))
            except Exception as error:  # whatever ails the database: the streams stay open and go on when it is back
                logger.error("Conversations cannot be watched: %s", type(error).__name__)
                await asyncio.sleep(LOOK_AGAIN_AFTER_FAILURE)
                continue
            changed = [name for name, presence in now.items() if self._latest.get(name) != presence]
            self._latest = {name: presence for name, presence in now.items() if name in self._listeners}
            for conversation in changed:
                self.wake(conversation)
            await asyncio.sleep(LOOK_EVERY)

    async def _since(self, conversation: str, after: int) -> tuple[Said, ...]:
        return await self._sessions.do(lambda session: conversations.since(session, conversation, after))

    async def _presence(self, of: Sequence[str]) -> dict[str, Presence]:
        return await self._sessions.do(lambda session: conversations.presence(session, of))
