"""The shop's database beside an event loop: every call may wait for a lock, so each runs in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session, sessionmaker

from shop import database

Result = TypeVar("Result")


class Sessions:
    """Connects when it is first used."""

    def __init__(self) -> None:
        self._open: sessionmaker | None = None

    async def do(self, work: Callable[[Session], Result]) -> Result:
        """What the work returns or raises; a session of its own ends with it. Raises where the database is away."""
        return await asyncio.to_thread(self._within_session, work)

    def _within_session(self, work: Callable[[Session], Result]) -> Result:
        if self._open is None:
            self._open = database.session_factory(database.connect())
        with self._open() as session:
            return work(session)
