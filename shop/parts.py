"""Reads what belongs to a record by statements that are built once.

A relationship that loads itself builds its statement each time, which takes three times as long as to ask it; and an
order is looked at with nearly every message.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import bindparam, inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql import Select

from shop.models.base import Base

Record = TypeVar("Record", bound=Base)
OF_ORDER_SHOWN = "lines", "payments", "refunds", "shipment"
OF_ORDER_SENT_BACK = "lines", "shipment", "returns", "tickets"


def read(session: Session, record: Record, names: Iterable[str]) -> Record:
    """The record, with these relationships loaded as they would load themselves."""
    state = inspect(record)
    unloaded = state.unloaded if state.persistent else ()
    for name in (name for name in names if name in unloaded):
        statement, is_list = _part(type(record), name)
        found = session.execute(statement, {"record": state.identity[0]}).scalars()
        set_committed_value(record, name, found.all() if is_list else found.one_or_none())
    return record


@cache
def _part(kind: type, name: str) -> tuple[Select, bool]:
    """What reads a relationship of a record of this kind, and whether it is a list."""
    relation: Any = inspect(kind).relationships[name]
    ((_, of_record),) = relation.local_remote_pairs
    chosen = select(relation.mapper.class_).where(of_record == bindparam("record"))
    return chosen.order_by(*(relation.order_by or ())), relation.uselist
