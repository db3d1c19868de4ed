"""Rasa's lock store on one machine: messages of a conversation are served one at a time, in the order they came in.

In the place of Rasa's own in memory, which looks once a second whose turn it is, keeps whoever waited too long waiting
for good, and knows of one process only. Here a message takes its place in line as it arrives, whichever process it
arrives at; the line is kept by the kernel (`kernel_locks`), so a process that dies leaves nothing behind that others
wait for.

Within a process whoever leaves the line wakes the next. Only who is behind a message of another process looks again
and again, each hundredth of a second, one look a conversation, some microseconds each. To sleep in the kernel until
the lock is free would take a thread for each that waits: a thread that sleeps there cannot be called off with its
message, and a pool of them that is used up would let conversations hold up one another.

Rasa takes a tracker store that it cannot import for none, and forgets every conversation at the next start; a lock
store that it cannot import stops the server with a sentence. So this one imports the other.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rasa.core.lock import Ticket, TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, LockError, LockStore
from rasa.utils.endpoints import EndpointConfig

import serving.tracker_store  # noqa: F401
from serving.kernel_locks import Place

FILE = "var/conversations.lock"
WAIT_SECONDS = 45.0
LOOKS_EVERY_SECONDS = 0.01


@dataclass(eq=False)
class _Waiting:
    """A message in line: its place there, and whether all of this process before it are served."""

    place: Place
    is_next: asyncio.Event = field(default_factory=asyncio.Event)


class FileLockStore(LockStore):
    """`lock()` is Rasa's own: it takes a ticket, waits for its turn and cleans up, however the block ends.

    Settings, in endpoints.yml: `file`, which every process that serves these conversations names alike (made if
    missing, always empty, on a local disk), and `wait_seconds`, after which whoever waits is refused with a LockError.
    A turn itself has no limit: to let the next one begin meanwhile would have two write one conversation.
    """

    def __init__(self, endpoint_config: EndpointConfig | None = None) -> None:
        settings: dict[str, Any] = dict(endpoint_config.kwargs) if endpoint_config else {}
        self._file = Path(settings.pop("file", FILE))
        self._wait_seconds = float(settings.pop("wait_seconds", WAIT_SECONDS))
        if settings:
            raise ValueError(f"The lock store has no setting {', '.join(settings)}.")
        self._lines: dict[str, deque[_Waiting]] = {}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        Place(self._file, "").leave()  # a folder that cannot be written to is said now, not to a customer

    def issue_ticket(self, conversation_id: str, lock_lifetime: float = LOCK_LIFETIME) -> int:
        """A place in line, kept until `cleanup` and not for `lock_lifetime`. Raises LockError."""
        try:
            waiting = _Waiting(Place(self._file, conversation_id))
        except OSError as error:
            raise LockError(f"Conversation {conversation_id} could not be locked: {error}.") from error
        line = self._lines.setdefault(conversation_id, deque())
        line.append(waiting)
        line[0].is_next.set()
        return waiting.place.number

    async def _acquire_lock(self, conversation_id: str, ticket: int, wait_time_in_seconds: float) -> TicketLock:
        """Wait for the turn. Raises LockError where it does not come in time."""
        waiting = self._waiting(conversation_id, ticket)
        if waiting is None:
            raise LockError(f"Nobody waits in conversation {conversation_id} with ticket {ticket}.")
        if not (waiting.is_next.is_set() and waiting.place.is_first):
            try:
                await asyncio.wait_for(_turn(waiting), self._wait_seconds)
            except asyncio.TimeoutError:
                reason = f"still busy with an earlier message after {self._wait_seconds:g} s"
                raise LockError(f"Conversation {conversation_id} is {reason}.") from None
        return self.get_lock(conversation_id) or self.create_lock(conversation_id)

    def cleanup(self, conversation_id: str, ticket_number: int) -> None:
        """Leave the line, from whatever place, and wake the next."""
        waiting = self._waiting(conversation_id, ticket_number)
        if waiting is None:
            return
        line = self._lines[conversation_id]
        line.remove(waiting)
        waiting.place.leave()
        if line:
            line[0].is_next.set()
        else:
            del self._lines[conversation_id]

    finish_serving = cleanup

    def get_lock(self, conversation_id: str) -> TicketLock | None:
        """A picture of who is in line in this process, the one being served included."""
        line = self._lines.get(conversation_id)
        return TicketLock(conversation_id, deque(Ticket(w.place.number, math.inf) for w in line)) if line else None

    def save_lock(self, lock: TicketLock) -> None:
        """Nothing: the kernel keeps the line."""

    def delete_lock(self, conversation_id: str) -> None:
        """Nothing: a line ends when the last has left it."""

    def _waiting(self, conversation_id: str, ticket: int) -> _Waiting | None:
        return next((w for w in self._lines.get(conversation_id, ()) if w.place.number == ticket), None)


async def _turn(waiting: _Waiting) -> None:
    await waiting.is_next.wait()
    while not waiting.place.is_first:
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
