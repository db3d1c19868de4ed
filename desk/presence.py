"""Who of the staff is here: their desk says so every half minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from shop import clock
from shop.models import Agent
from shop.policy import POLICY


def is_here(agent: Agent) -> bool:
    """Whether their desk has shown itself lately."""
    return agent.is_active and agent.seen_at is not None and agent.seen_at > here_since()


def here_since() -> datetime:
    """Who has not been seen since then is absent."""
    return clock.now() - timedelta(minutes=POLICY.agents_are_absent_after_minutes)
