"""When people answer, in the shop's time."""

from __future__ import annotations

from dataclasses import dataclass

from shop import clock
from shop.policy import POLICY


@dataclass(frozen=True)
class Hours:
    is_open: bool
    opens: str
    closes: str


def service_hours() -> Hours:
    """Whether somebody is at the desk now, and from when to when somebody is."""
    opens, closes = POLICY.service_hours
    return Hours(opens <= clock.now().hour < closes, f"{opens:02d}:00", f"{closes:02d}:00")
