"""Agents who disappear: a closed laptop keeps no customer waiting."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from desk import presence, work
from shop.database import begin_change
from shop.models import Agent, Handover, HandoverState


def give_up_conversations_of_the_absent(session: Session) -> tuple[int, ...]:
    """Put what absent agents have back into the queue, where it keeps its place; the ids of these handovers.

    Who works without an account, from the terminal, shows no desk that could be missed.
    """
    if not session.execute(_left_alone().limit(1)).first():
        return ()
    begin_change(session)
    given_up: list[int] = []
    for id in session.execute(_left_alone()).scalars().all():
        handover = work.locked(session, id)
        if not session.execute(_left_alone().where(Handover.id == id)).first():
            continue  # meanwhile it was closed, or a colleague has it
        given_up.append(id)
        agent = str(handover.agent)
        work.say(session, handover, "lost")
        handover.state, handover.agent, handover.active_at = HandoverState.WAITING, None, None
        session.add(work.audit(agent, "lose_handover", handover))
    session.commit()
    return tuple(given_up)


def _left_alone() -> Any:
    since = presence.here_since()
    return (
        select(Handover.id)
        .join(Agent, Agent.name == Handover.agent)
        .where(Handover.state == HandoverState.TAKEN, Handover.active_at < since)
        .where(or_(Agent.seen_at.is_(None), Agent.seen_at < since))
        .order_by(Handover.id)
    )
