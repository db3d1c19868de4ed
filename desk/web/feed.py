"""The queue as it changes, for every desk that is open: one look for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import queue
from desk.packets import HandoverView
from desk.sessions import Sessions
from desk.streams import Quiet
from shop.models import Conversation, Handover, HandoverNote, HandoverState

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
LOOK_AGAIN_AFTER_FAILURE = 2.0

Print = tuple[Any, ...]


@dataclass(frozen=True)
class Queue:
    """Everything unfinished, the oldest first; `prints` tells by id whether more than its messages has changed."""

    rows: tuple[HandoverView, ...]
    prints: dict[int, Print]


class Feed:
    """Belongs to one event loop."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._listeners: set[asyncio.Event] = set()
        self._seen: tuple[Print, ...] | None = None
        self._latest: Queue | None = None
        self._watching: asyncio.Task[None] | None = None
        self._has_ended = False

    async def follow(self, *, quiet_after: float) -> AsyncIterator[Queue | Quiet]:
        """The queue at once and whenever it changes, until the server ends."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        if self._watching is None or self._watching.done():
            self._seen = None
            self._watching = asyncio.create_task(self._watch())
        elif self._latest is not None:
            changed.set()
        try:
            while not self._has_ended:
                try:
                    await asyncio.wait_for(changed.wait(), quiet_after)
                except asyncio.TimeoutError:
                    yield Quiet()
                    continue
                changed.clear()
                if self._latest is not None:
                    yield self._latest
        finally:
            self._listeners.discard(changed)

    def end(self) -> None:
        """Let every listener go: the server is about to stop."""
        self._has_ended = True
        self._tell()

    async def _watch(self) -> None:
        while self._listeners and not self._has_ended:
            pause = LOOK_EVERY
            try:
                seen = await self._sessions.do(_prints)
                if seen != self._seen:
                    rows = await self._sessions.do(queue.unfinished)
                    self._seen, self._latest = seen, Queue(rows, {one[0]: one[:-2] for one in seen})
                    self._tell()
            except Exception as error:  # whatever ails the database: the desks stay open and go on when it is back
                logger.error("The queue cannot be read: %s", type(error).__name__)
                pause = LOOK_AGAIN_AFTER_FAILURE
            await asyncio.sleep(pause)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.set()


def _prints(session: Session) -> tuple[Print, ...]:
    """What the rows are made of, in one query; the last two tell of messages alone."""
    notes = select(func.count(HandoverNote.id)).where(HandoverNote.handover_id == Handover.id).scalar_subquery()
    chosen = (
        select(
            Handover.id,
            Handover.state,
            Handover.agent,
            Handover.mood,
            Handover.wish,
            Handover.callback_email,
            Handover.is_verified,
            Handover.order_number,
            Handover.customer_id,
            notes,
            Conversation.last_number,
            Conversation.staff_has_read,
        )
        .join(Conversation, Conversation.id == Handover.conversation)
        .where(Handover.state != HandoverState.CLOSED)
        .order_by(Handover.opened_at, Handover.id)
    )
    return tuple(tuple(row) for row in session.execute(chosen))


async def merged(*sources: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """What comes from any of them, as it comes, until the first one ends."""
    news: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)
    over = object()

    async def pass_on(source: AsyncIterator[Any]) -> None:
        async for one in source:
            await news.put(one)
        await news.put(over)

    tasks = [asyncio.create_task(pass_on(source)) for source in sources]
    try:
        while (one := await news.get()) is not over:
            yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
