"""Agents who disappear: a closed laptop keeps no customer waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from desk import work
from shop import clock
from shop.database import begin_change
from shop.models import Agent, Handover, HandoverState
from shop.policy import POLICY


def is_here(agent: Agent) -> bool:
    """Whether their desk has shown itself lately."""
    return agent.is_active and agent.seen_at is not None and agent.seen_at > _since()


def give_up_conversations_of_the_absent(session: Session) -> tuple[int, ...]:
    """Put what absent agents have back into the queue, where it keeps its place; the ids of these handovers.

    Who works without an account, from the terminal, shows no desk that could be missed.
    """
    if not session.execute(_left_alone().limit(1)).first():
        return ()
    begin_change(session)
    given_up: list[int] = session.execute(_left_alone()).scalars().all()
    for id in given_up:
        handover = work.locked(session, id)
        agent = str(handover.agent)
        work.say(session, handover, "lost")
        handover.state, handover.agent, handover.active_at = HandoverState.WAITING, None, None
        session.add(work.audit(agent, "lose_handover", handover))
    session.commit()
    return tuple(given_up)


def _left_alone() -> Any:
    since = _since()
    return (
        select(Handover.id)
        .join(Agent, Agent.name == Handover.agent)
        .where(Handover.state == HandoverState.TAKEN, Handover.active_at < since)
        .where(or_(Agent.seen_at.is_(None), Agent.seen_at < since))
        .order_by(Handover.id)
    )


def _since() -> datetime:
    return clock.now() - timedelta(minutes=POLICY.agents_are_absent_after_minutes)
