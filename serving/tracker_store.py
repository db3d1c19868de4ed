"""Conversations in the tables of Rasa's SQL store, the current ones at hand in memory.

Rasa's own reads a session whole for every message, and counts it once more to find what is new; the policies then go
through all of it for every action. Here a conversation stays in memory while it goes on, as long as nobody else has
written to it; what is new is appended; and of a long one the latest turns are kept, after events that say where things
stood before them. Nothing is lost: the database has every event.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

AT_HAND = 100  # conversations
MOST_EVENTS = 120  # of one conversation; of more, a half is kept: some six turns, as far as the policies look back
BUSY_TIMEOUT_SECONDS = 5
MARK = "_stored"
INDEX = (
    "CREATE INDEX IF NOT EXISTS ix_events_sender_id_id ON events (sender_id, id)"  # Rasa has one for sender_id alone
)


@dataclass
class Stored:
    """How much of a tracker the database has: its first `events`, up to the row `last`."""

    events: int
    last: int


class ConversationStore(SQLTrackerStore):
    """endpoints.yml: `type: serving.tracker_store.ConversationStore`, with the settings of Rasa's `type: SQL`.

    `at_hand` is how many conversations stay in memory, `most_events` how many events of one.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        at_hand: int = AT_HAND,
        most_events: int = MOST_EVENTS,
        **settings: Any,
    ) -> None:
        super().__init__(domain, event_broker=event_broker, **settings)
        self._at_hand: OrderedDict[str, DialogueStateTracker] = OrderedDict()
        self._room, self._most_events = at_hand, most_events
        self.engine: Engine = _kept_open(self.engine)
        self.sessionmaker = sessionmaker(bind=self.engine)
        if self.engine.dialect.name in ("sqlite", "postgresql"):
            with self.engine.begin() as connection:
                connection.execute(sa.text(INDEX))

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The current session. Who changes it saves it; until then nobody else is given the same."""
        known = self._at_hand.pop(sender_id, None)
        if known is not None and known.slots.keys() != {slot.name for slot in self.domain.slots}:
            known = None  # of another model
        return await asyncio.to_thread(self._read, sender_id, known)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append what is new."""
        stored = getattr(tracker, MARK, None)
        new = list(islice(tracker.events, stored.events, None)) if stored else None
        if new is None:
            new = await asyncio.to_thread(self._missing, tracker)
        if self.event_broker is not None:
            await self._stream_new_events(self.event_broker, new, tracker.sender_id)
        if not new:
            return
        last = await asyncio.to_thread(self._append, tracker.sender_id, new)
        setattr(tracker, MARK, Stored(len(tracker.events), last))
        if not any(isinstance(event, SessionStarted) for event in new):  # else it is read anew, without what was before
            self._keep(tracker)

    def _keep(self, tracker: DialogueStateTracker) -> None:
        if len(tracker.events) > self._most_events:
            shorten(tracker, self._most_events // 2)
            getattr(tracker, MARK).events = len(tracker.events)
        self._at_hand[tracker.sender_id] = tracker
        while len(self._at_hand) > self._room:
            self._at_hand.popitem(last=False)

    def _read(self, sender: str, known: DialogueStateTracker | None) -> DialogueStateTracker | None:
        with self.sessionmaker() as session:
            last = self._last(session, sender)
            if known is None or not self._is_caught_up(session, known, last):
                query = self._event_query(session, sender, fetch_events_from_all_sessions=False)
                events = [json.loads(row.data) for row in query]
                known = DialogueStateTracker.from_dict(sender, events, self.domain.slots) if events else None
        if known is not None:
            setattr(known, MARK, Stored(len(known.events), last))
        return known

    def _is_caught_up(self, session: Session, tracker: DialogueStateTracker, last: int) -> bool:
        """Whether a tracker at hand has all there is, after what others have written since; not past a new session."""
        stored: Stored = getattr(tracker, MARK)
        if stored.last == last:
            return True
        column = self.SQLEvent.__table__.c
        newer = sa.select(column.data).where(column.sender_id == tracker.sender_id, column.id > stored.last)
        rows = session.execute(newer.order_by(column.id)).scalars()
        events = [Event.from_parameters(json.loads(data)) for data in rows]
        if any(isinstance(event, SessionStarted) for event in events):
            return False
        for event in filter(None, events):
            tracker.update(event, self.domain)
        return True

    def _missing(self, tracker: DialogueStateTracker) -> list[Event]:
        """The events of a tracker of somebody else's that the database lacks."""
        with self.sessionmaker() as session:
            return list(self._additional_events(session, tracker))

    def _append(self, sender: str, events: Sequence[Event]) -> int:
        """The number of the last row."""
        with self.sessionmaker() as session:
            session.execute(sa.insert(self.SQLEvent.__table__), [_row(sender, event) for event in events])
            last = self._last(session, sender)
            session.commit()
            return last

    def _last(self, session: Session, sender: str) -> int:
        column = self.SQLEvent.__table__.c
        return int(session.execute(sa.select(sa.func.max(column.id)).where(column.sender_id == sender)).scalar() or 0)


def shorten(tracker: DialogueStateTracker, most: int) -> None:
    """Leave a tracker its latest turns, at most so many events, after events that say where things stood before."""
    events = list(tracker.events)
    begin = next((place for place in range(len(events) - most, len(events)) if _begins_turn(events, place)), 0)
    before = DialogueStateTracker.from_events(tracker.sender_id, events[:begin], list(tracker.slots.values()))
    at = events[begin].timestamp
    stood: list[Event] = [
        SlotSet(name, slot.value, timestamp=at)
        for name, slot in before.slots.items()
        if slot.value != slot.initial_value
    ]
    if before.active_loop_name:
        stood.append(ActiveLoop(before.active_loop_name, timestamp=at))
    tracker.events = deque([*stood, *events[begin:]])


def _begins_turn(events: Sequence[Event], place: int) -> bool:
    """Whether the bot begins to listen here, and then hears a message."""
    following = events[place + 1] if place + 1 < len(events) else None
    is_listening = isinstance(events[place], ActionExecuted) and events[place].action_name == ACTION_LISTEN_NAME
    return is_listening and isinstance(following, UserUttered)


def _row(sender: str, event: Event) -> dict[str, Any]:
    data = event.as_dict()
    return {
        "sender_id": sender,
        "type_name": event.type_name,
        "timestamp": data.get("timestamp"),
        "intent_name": ((data.get("parse_data") or {}).get("intent") or {}).get("name"),
        "action_name": data.get("name"),
        "data": json.dumps(data),
    }


def _kept_open(engine: Engine) -> Engine:
    """Rasa opens SQLite's file for every question, and locks it for readers while it writes."""
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        return engine
    arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS}
    kept: Engine = sa.create_engine(engine.url, poolclass=QueuePool, max_overflow=-1, connect_args=arguments)

    @sa.event.listens_for(kept, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    engine.dispose()
    return kept
