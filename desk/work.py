"""What agents do with a conversation, each act once and in the audit trail."""

from __future__ import annotations

from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Line, Said
from desk.errors import (
    AgentUnnamed,
    AlreadyHandedBack,
    AlreadyTaken,
    DeskError,
    NoSuchHandover,
    NothingWritten,
    NotTaken,
)
from desk.packets import HandoverView, packet
from shop import clock
from shop.database import begin_change
from shop.models import AuditEntry, Handover, HandoverState, Sender


def take(session: Session, id: int, agent: str) -> HandoverView:
    """Give a waiting conversation to an agent; taking one's own again changes nothing.

    Raises NoSuchHandover, AlreadyTaken, AlreadyHandedBack, AgentUnnamed.
    """
    agent = _named(agent)
    begin_change(session)
    handover = _for_agent(session, id, agent)
    if handover.state is HandoverState.WAITING:
        handover.state = HandoverState.TAKEN
        handover.agent = agent
        session.add(_audit(agent, "take_handover", handover))
    session.commit()
    return packet(session, handover)


def write(session: Session, id: int, *, agent: str, text: str) -> Said:
    """Say something to the customer, in the agent's name.

    Raises NoSuchHandover, AlreadyTaken (by somebody else), NotTaken, AlreadyHandedBack, AgentUnnamed, NothingWritten.
    """
    agent = _named(agent)
    if not text.strip():
        raise NothingWritten
    begin_change(session)
    handover = _for_agent(session, id, agent)
    if handover.state is HandoverState.WAITING:
        session.rollback()
        raise NotTaken(id)
    said = conversations.append(session, handover.conversation, Line(Sender.AGENT, text.strip()), agent=agent)
    session.add(_audit(agent, "write_to_customer", handover, number=said.number))
    session.commit()
    return said


def hand_back(session: Session, id: int, *, agent: str, note: str | None = None) -> HandoverView:
    """Close a handover, taken or still waiting: the bot speaks again.

    Raises NoSuchHandover, AlreadyTaken (by somebody else), AlreadyHandedBack, AgentUnnamed.
    """
    agent = _named(agent)
    begin_change(session)
    handover = _for_agent(session, id, agent)
    handover.state = HandoverState.CLOSED
    handover.closed_at = clock.now()
    handover.agent = agent
    handover.note = note
    session.add(_audit(agent, "hand_back_handover", handover, note=note))
    session.commit()
    return packet(session, handover)


def _for_agent(session: Session, id: int, agent: str) -> Handover:
    """The handover, locked for a change by this agent, or the reason why it is not theirs to change."""
    handover = _locked(session, id)
    refusal: DeskError | None = None
    if handover.state is HandoverState.CLOSED:
        refusal = AlreadyHandedBack(id)
    elif handover.state is HandoverState.TAKEN and handover.agent != agent:
        refusal = AlreadyTaken(id, str(handover.agent))
    if refusal is not None:
        session.rollback()
        raise refusal
    return handover


def _named(agent: str) -> str:
    agent = agent.strip()
    if not 1 <= len(agent) <= 80:
        raise AgentUnnamed
    return agent


def _audit(agent: str, action: str, handover: Handover, **details: object) -> AuditEntry:
    facts = {"conversation": handover.conversation, **details}
    return AuditEntry(at=clock.now(), actor=agent, action=action, subject=f"handover {handover.id}", details=facts)


def _locked(session: Session, id: int) -> Handover:
    handover: Handover | None = session.get(Handover, id, with_for_update=True)
    if handover is None:
        session.rollback()
        raise NoSuchHandover(id)
    return handover
