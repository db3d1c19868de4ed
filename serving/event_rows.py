"""Rasa's table of events, as far as the tracker store asks it: each question goes by its index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import Event, SessionStarted
from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Connection, Row

events = SQLTrackerStore.SQLEvent.__table__
# Asked with every message, so they are built once: to build one takes longer than to ask it.
_OF_IT = events.c.sender_id == bindparam("sender")
_SINCE = events.c.id >= bindparam("row")
_ROWS_SINCE = select(events.c.id, events.c.timestamp, events.c.data).where(_OF_IT, _SINCE).order_by(events.c.id)
_COUNT_SINCE = select(func.count(), func.max(events.c.id)).where(_OF_IT, _SINCE)
_SESSION_START = select(func.max(events.c.id)).where(_OF_IT, events.c.type_name == SessionStarted.type_name)
_APPEND = events.insert()


def senders(connection: Connection) -> list[str]:
    return list(connection.execute(select(events.c.sender_id).distinct()).scalars())


def rows_since(connection: Connection, sender_id: str, row: int) -> Sequence[Row]:
    """The rows of a conversation from that one on, in the order written: id, timestamp and data."""
    return list(connection.execute(_ROWS_SINCE, {"sender": sender_id, "row": row}))


def session_start(connection: Connection, sender_id: str) -> int:
    """The row that began the current session, or 0. Rasa looks for the latest time, but a clock may be set back."""
    return connection.execute(_SESSION_START, {"sender": sender_id}).scalar() or 0


def count_since(connection: Connection, sender_id: str, row: int) -> tuple[int, int]:
    """How many rows a conversation has from that one on, and the last of them, or 0."""
    number, last = connection.execute(_COUNT_SINCE, {"sender": sender_id, "row": row}).one()
    return number, last or 0


def append(connection: Connection, sender_id: str, new: Sequence[Event]) -> None:
    connection.execute(_APPEND, [_row(sender_id, event) for event in new])


def _row(sender_id: str, event: Event) -> dict[str, Any]:
    data = event.as_dict()
    return {
        "sender_id": sender_id,
        "type_name": event.type_name,
        "timestamp": data.get("timestamp"),
        "intent_name": data.get("parse_data", {}).get("intent", {}).get("name"),
        "action_name": data.get("name"),
        "data": json.dumps(data),
    }
