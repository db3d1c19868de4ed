"""The shop's one clock: every rule that depends on time asks it, so that sample data and tests don't age."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

SHOP_TIME = timezone(timedelta(hours=8), "CST")  # the shop keeps Chinese time, which knows no summer time

_source: Callable[[], datetime] = lambda: datetime.now(timezone.utc)  # noqa: E731


def now() -> datetime:
    """The present moment, timezone-aware, in the shop's time."""
    return _source().astimezone(SHOP_TIME)


def today() -> date:
    """The present day where the shop is."""
    return now().date()


def day_of(moment: datetime) -> date:
    """The shop's calendar day on which a moment falls."""
    return moment.astimezone(SHOP_TIME).date()


def set_source(source: Callable[[], datetime]) -> None:
    """Let the clock read from elsewhere: a fixed moment in a test, say."""
    global _source
    _source = source
