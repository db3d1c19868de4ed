"""Rasa's SQL tracker store, on the same table, without reading a conversation anew for each of its messages.

Rasa's own reads and replays the whole session before each message, counts it before it is saved, and does both in the
event loop, where meanwhile nobody else is served. Here the trackers last used stay in memory. One look at the table
says whether the last event that we know is still the last: mostly it is; else what another worker has written since is
put behind it, or the session is read whole.

What is kept is never handed out, and what was handed out is never kept: a caller gets a copy of its own and may change
it, so that a message that fails half way, or a look in between, changes nothing for the next.

All that appends to a conversation does so in its turn (`lock_store`), as everything in Rasa does.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore, validate_port
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, SessionStarted, deserialise_events
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, sessionmaker

from serving import database, event_rows
from serving.abridging import abridged
from serving.tracker import Tracker

TRACKERS_IN_MEMORY = 200
TURNS_IN_MEMORY = 12
CONNECT_SECONDS = 60.0

Result = TypeVar("Result")


class Kept(NamedTuple):
    """A tracker in memory as it stands in the table up to the row `last`, which was written at `timestamp`."""

    tracker: DialogueStateTracker
    last: int
    timestamp: float


class Stored(NamedTuple):
    """What of a tracker that was handed out stands in the table already: its first events, up to the row `last`."""

    events: int
    last: int
    is_session: bool  # its events are all those of the current session that still count


class RememberingTrackerStore(SQLTrackerStore):
    """Settings beside those of Rasa's SQLTrackerStore, in endpoints.yml:

    `trackers_in_memory`: how many conversations are kept in memory, those last used.
    `turns_in_memory`: how many of a session's last turns a tracker holds whole (see `abridging`); the table keeps all.
    `connect_seconds`: how long to wait at the start for a database that does not answer.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        dialect: str = "sqlite",
        host: str | None = None,
        port: int | None = None,
        db: str = "rasa.db",
        username: str | None = None,
        password: str | None = None,
        event_broker: EventBroker | None = None,
        login_db: str | None = None,
        query: dict[str, Any] | None = None,
        *,
        trackers_in_memory: int = TRACKERS_IN_MEMORY,
        turns_in_memory: int = TURNS_IN_MEMORY,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Raises what says why there can be no store; never an ImportError, of which Rasa makes a store in memory."""
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._trackers_in_memory = int(trackers_in_memory)
        self._turns_in_memory = int(turns_in_memory)
        if self._turns_in_memory < 1:
            raise RasaException("The tracker store must hold one turn at least: turns_in_memory.")
        try:
            address = (dialect, host, validate_port(port), db, username, password)
            if login_db:
                database.create(db, self.get_db_url(*address, login_db, query), wait_seconds=float(connect_seconds))
            self.engine = database.connect(self.get_db_url(*address, None, query), wait_seconds=float(connect_seconds))
        except (AttributeError, ImportError) as error:
            raise RasaException(f"The tracker store cannot be made: {error}") from error
        self.sessionmaker = sessionmaker(self.engine, future=True)
        TrackerStore.__init__(self, domain, event_broker)

    @property
    def domain(self) -> Domain:
        return self._domain

    @domain.setter
    def domain(self, domain: Domain | None) -> None:
        """Another domain has other slots: what is kept is read anew."""
        self._domain = domain or Domain.empty()
        self._kept.clear()

    @contextmanager
    def session_scope(self) -> Iterator[Session]:
        """A session. Rasa's own ends the whole server at any ValueError within."""
        with self.sessionmaker() as session:
            yield session

    async def keys(self) -> Iterable[str]:
        return await self._in_thread(event_rows.senders)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The current session, its older turns abridged."""
        kept = self._kept.get(sender_id)
        if kept is not None:
            kept = await self._in_thread(self._brought_up_to_date, kept)
        if kept is None:
            kept = await self._in_thread(self._read_session, sender_id)
        if kept is None:
            self._kept.pop(sender_id, None)
            return None
        self._keep(sender_id, kept)
        return _handed_out(kept.tracker.copy(), kept.last, is_session=True)

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """All sessions with all their turns, as the table has them."""
        read = await self._in_thread(self._read, conversation_id, 0)
        return None if read is None else _handed_out(read.tracker, read.last, is_session=False)

    async def create_tracker(self, sender_id: str, append_action_listen: bool = True) -> DialogueStateTracker:
        """A new conversation's, of which nothing is stored. Rasa asks for one where it has retrieved none."""
        tracker = _handed_out(self.init_tracker(sender_id), 0, is_session=True)
        if append_action_listen:
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
            await self.save(tracker)
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append what is new in it; a tracker that is not from here is compared with the session by length, as in Rasa.

        A message that is called off while it is being saved is saved before it ends.
        """
        stored: Stored | None = getattr(tracker, "stored", None)
        if stored is None:
            stored = await self._in_thread(_stored_by_length, tracker)
        new = list(islice(tracker.events, stored.events, None))
        if self.event_broker is not None:
            await self._stream_new_events(self.event_broker, new, tracker.sender_id)
        last, is_alone = stored.last, True
        if new:
            last, is_alone = await self._in_thread(_append, tracker.sender_id, new, stored.last)
        begins_session = any(type(event) is SessionStarted for event in new)
        is_session = is_alone and (stored.is_session or begins_session)
        tracker.stored = Stored(len(tracker.events), last, is_session)
        if is_session and last:
            self._keep(tracker.sender_id, self._as_kept(tracker, last))
        else:
            self._kept.pop(tracker.sender_id, None)

    def _keep(self, sender_id: str, kept: Kept) -> None:
        self._kept[sender_id] = kept
        self._kept.move_to_end(sender_id)
        while len(self._kept) > self._trackers_in_memory:
            self._kept.popitem(last=False)

    def _as_kept(self, tracker: DialogueStateTracker, last: int) -> Kept:
        """A copy as the session would be read from the table."""
        events = list(tracker.events)
        begins = max((place for place, event in enumerate(events) if type(event) is SessionStarted), default=0)
        return Kept(self._holding(Tracker.of(tracker).copy(), events[begins:]), last, events[-1].timestamp)

    def _holding(self, tracker: DialogueStateTracker, session: Sequence[Event]) -> DialogueStateTracker:
        """The tracker with what it must hold of its session's events."""
        held = abridged(session, self._turns_in_memory)
        if len(held) < len(tracker.events):
            tracker.events = tracker._create_events(held)
        return tracker

    def _brought_up_to_date(self, connection: Connection, kept: Kept) -> Kept | None:
        """With what was written since behind it. None where the session is another, or rows of it are gone."""
        rows = event_rows.rows_since(connection, kept.tracker.sender_id, kept.last)
        if not rows or (rows[0].id, rows[0].timestamp) != (kept.last, kept.timestamp):
            return None
        if len(rows) == 1:
            return kept
        tracker = kept.tracker.copy()
        for event in deserialise_events([json.loads(row.data) for row in rows[1:]]):
            if isinstance(event, SessionStarted):
                return None
            tracker.update(event)
        return Kept(self._holding(tracker, list(tracker.events)), rows[-1].id, rows[-1].timestamp)

    def _read_session(self, connection: Connection, sender_id: str) -> Kept | None:
        read = self._read(connection, sender_id, event_rows.session_start(connection, sender_id))
        return read and read._replace(tracker=self._holding(read.tracker, list(read.tracker.events)))

    def _read(self, connection: Connection, sender_id: str, since: int) -> Kept | None:
        rows = event_rows.rows_since(connection, sender_id, since)
        if not rows:
            return None
        events = [json.loads(row.data) for row in rows]
        tracker = Tracker.from_dict(sender_id, events, self.domain.slots)
        return Kept(tracker, rows[-1].id, rows[-1].timestamp)

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What it returns, done in a transaction that is over before this ends, even where the caller is called off."""
        doing = asyncio.ensure_future(asyncio.to_thread(self._do, work, *arguments))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing])
            raise

    def _do(self, work: Callable[..., Result], *arguments: Any) -> Result:
        with self.engine.begin() as connection:
            return work(connection, *arguments)


def _stored_by_length(connection: Connection, tracker: DialogueStateTracker) -> Stored:
    since = event_rows.session_start(connection, tracker.sender_id)
    number, last = event_rows.count_since(connection, tracker.sender_id, since)
    return Stored(min(number, len(tracker.events)), last, is_session=number == 0)


def _append(connection: Connection, sender_id: str, new: Sequence[Event], known: int) -> tuple[int, bool]:
    """The last row of the conversation, and whether nobody else has written any since the row `known`."""
    event_rows.append(connection, sender_id, new)
    number, last = event_rows.count_since(connection, sender_id, known + 1)
    return last, number == len(new)


def _handed_out(tracker: DialogueStateTracker, last: int, *, is_session: bool) -> DialogueStateTracker:
    tracker.stored = Stored(len(tracker.events), last, is_session)
    return tracker
