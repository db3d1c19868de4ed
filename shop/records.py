"""Views as JSON and back: how a receipt remembers what a change returned, and a quote what was offered."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

View = TypeVar("View")

# facts that change beside a preview without changing what it promises
NOT_AGREED_TO = frozenset({"stock", "restock_on", "balance_cents", "issued_at"})


def as_record(value: Any) -> Any:
    """A view as JSON can hold it: enums by value, days and moments in ISO form."""
    if is_dataclass(value):
        return {field.name: as_record(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, date):  # a datetime is a date, too
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return [as_record(item) for item in value]
    if isinstance(value, Mapping):
        return {key: as_record(item) for key, item in value.items()}
    return value


def from_record(kind: type[View], record: Any) -> View:
    """The view of this kind that `as_record` wrote down."""
    view: View = _read(kind, record)
    return view


def quote_of(view: Any) -> str:
    """A short mark of what a preview promises; another preview has the same mark only if it promises the same."""
    text = json.dumps(_promise(as_record(view)), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _promise(record: Any) -> Any:
    if isinstance(record, dict):
        return {key: _promise(item) for key, item in record.items() if key not in NOT_AGREED_TO}
    return [_promise(item) for item in record] if isinstance(record, list) else record


def _read(kind: Any, record: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return None if record is None else _read(_given(kind), record)
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], item) for item in record)
    if is_dataclass(kind):
        return _built(kind, record)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(record)
    if kind in (datetime, date):
        return kind.fromisoformat(record)
    return record


def _built(kind: Any, record: Any) -> Any:
    return kind(**{name: _read(hint, record[name]) for name, hint in _hints(kind).items()})


def _given(optional: Any) -> Any:
    """The X of X | None."""
    return next(choice for choice in get_args(optional) if choice is not type(None))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
