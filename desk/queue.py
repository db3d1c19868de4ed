"""The handover queue: who waits for a person, what they have been through, and who may speak.

An open handover is the single truth of who is speaking: while a conversation has one, the bot is silent.
`python -m desk.queue` works it from the terminal.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock
from shop.database import begin_change
from shop.models import AuditEntry, Customer, Handover, HandoverMessage, HandoverState, Order


class Sender(str, enum.Enum):
    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"


class DeskError(Exception):
    """The desk will not do this; each refusal says why."""


@dataclass(eq=False)
class NoSuchHandover(DeskError):
    id: int

    def __str__(self) -> str:
        return f"There is no handover {self.id}."


@dataclass(eq=False)
class AlreadyTaken(DeskError):
    """A colleague has the conversation: two agents never answer one customer."""

    id: int
    agent: str

    def __str__(self) -> str:
        return f"Handover {self.id} is with {self.agent}."


@dataclass(eq=False)
class AlreadyHandedBack(DeskError):
    id: int

    def __str__(self) -> str:
        return f"Handover {self.id} has been handed back to the bot already."


@dataclass(eq=False)
class NothingOpen(DeskError):
    """The conversation is the bot's."""

    conversation: str

    def __str__(self) -> str:
        return f"Conversation {self.conversation} waits for nobody."


@dataclass(eq=False)
class AgentUnnamed(DeskError):
    """Every act at the desk is somebody's, for the audit trail."""

    def __str__(self) -> str:
        return "An agent's name has 1 to 80 characters."


@dataclass(frozen=True)
class Line:
    """One thing said. A line of a transcript may come without its moment: it is then the moment of the handover."""

    sender: Sender
    text: str
    at: datetime | None = None

    @classmethod
    def of(cls, sender: str, text: str, timestamp: float | None = None) -> Line:
        """A line of a conversation as Rasa keeps it: `sender` is customer, bot or agent, its time in seconds."""
        at = None if timestamp is None else datetime.fromtimestamp(timestamp, timezone.utc)
        return cls(Sender(sender), text, at)


@dataclass(frozen=True)
class CustomerView:
    name: str
    email: str
    phone: str
    membership: str


@dataclass(frozen=True)
class HandoverView:
    """Everything an agent needs to go on where the bot stopped."""

    id: int
    conversation: str
    state: HandoverState
    opened_at: datetime
    closed_at: datetime | None
    waiting_minutes: int
    language: str
    topic: str
    wish: str
    customer: CustomerView | None
    is_verified: bool
    order_number: str | None
    order_state: str | None
    tried: tuple[str, ...]
    agent: str | None
    note: str | None
    lines: tuple[Line, ...]


def open_handover(
    session: Session,
    conversation: str,
    *,
    language: str,
    topic: str,
    wish: str,
    customer_id: int | None = None,
    is_verified: bool = False,
    order_number: str | None = None,
    tried: Sequence[str] = (),
    transcript: Sequence[Line] = (),
) -> HandoverView:
    """Put a conversation into the queue; from now on the bot is silent in it.

    A conversation waits once: where a handover is open already, a new wish is added to it and nothing else changes.
    """
    begin_change(session)
    handover = _open_in(session, conversation)
    if handover is None:
        handover = Handover(
            conversation=conversation,
            state=HandoverState.WAITING,
            opened_at=clock.now(),
            language=language,
            topic=topic,
            wish=wish,
            customer_id=customer_id,
            is_verified=is_verified,
            order_number=order_number,
            tried=list(tried),
            messages=[_message(line.sender, line.text, line.at) for line in transcript],
        )
        session.add(handover)
    else:
        handover.wish = _with_wish(handover.wish, wish)
    session.commit()
    return _view(session, handover)


def is_open(session: Session, conversation: str) -> bool:
    """Whether the conversation waits for a person or has one: the bot is silent then."""
    return _open_in(session, conversation) is not None


def open_in(session: Session, conversation: str) -> HandoverView | None:
    """The conversation's open handover, if it has one."""
    handover = _open_in(session, conversation)
    return None if handover is None else _view(session, handover)


def add_message(session: Session, conversation: str, sender: Sender, text: str) -> None:
    """Keep what is said while a handover is open. Raises NothingOpen where none is: nobody would read it."""
    begin_change(session)
    handover = _open_in(session, conversation)
    if handover is None:
        session.rollback()
        raise NothingOpen(conversation)
    handover.messages.append(_message(sender, text))
    session.commit()


def show(session: Session, id: int) -> HandoverView:
    """One handover with all that an agent needs. Raises NoSuchHandover."""
    return _view(session, _by_id(session, id))


def waiting(session: Session) -> tuple[HandoverView, ...]:
    """Those whom nobody has taken yet, the longest waiting first."""
    return _views(session, Handover.state == HandoverState.WAITING)


def unfinished(session: Session) -> tuple[HandoverView, ...]:
    """Those who wait and those who are being served, the oldest first."""
    return _views(session, Handover.state != HandoverState.CLOSED)


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
    return _view(session, handover)


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
    return _view(session, handover)


def _open_in(session: Session, conversation: str) -> Any:
    chosen = select(Handover).where(Handover.conversation == conversation, Handover.state != HandoverState.CLOSED)
    return session.execute(chosen.order_by(Handover.id).limit(1)).scalars().first()


def _by_id(session: Session, id: int, *, lock: bool = False) -> Any:
    handover = session.get(Handover, id, with_for_update=lock or None)
    if handover is None:
        session.rollback()
        raise NoSuchHandover(id)
    return handover


def _for_agent(session: Session, id: int, agent: str) -> Any:
    """The handover, locked for a change by this agent, or the reason why it is not theirs to change."""
    handover = _by_id(session, id, lock=True)
    refusal: DeskError | None = None
    if handover.state is HandoverState.CLOSED:
        refusal = AlreadyHandedBack(id)
    elif handover.state is HandoverState.TAKEN and handover.agent != agent:
        refusal = AlreadyTaken(id, handover.agent)
    if refusal is not None:
        session.rollback()
        raise refusal
    return handover


def _named(agent: str) -> str:
    agent = agent.strip()
    if not 1 <= len(agent) <= 80:
        raise AgentUnnamed
    return agent


def _with_wish(before: str, wish: str) -> str:
    if not wish.strip() or f"\n{wish}\n" in f"\n{before}\n":
        return before
    return f"{before}\n{wish}" if before else wish


def _message(sender: Sender, text: str, at: datetime | None = None) -> HandoverMessage:
    return HandoverMessage(sender=Sender(sender).value, text=text, at=at or clock.now())


def _audit(agent: str, action: str, handover: Handover, **details: str | None) -> AuditEntry:
    facts = {"conversation": handover.conversation, **details}
    return AuditEntry(at=clock.now(), actor=agent, action=action, subject=f"handover {handover.id}", details=facts)


def _views(session: Session, condition: Any) -> tuple[HandoverView, ...]:
    chosen = select(Handover).where(condition).order_by(Handover.opened_at, Handover.id)
    return tuple(_view(session, handover) for handover in session.execute(chosen).scalars())


def _view(session: Session, handover: Handover) -> HandoverView:
    until = handover.closed_at or clock.now()
    return HandoverView(
        id=handover.id,
        conversation=handover.conversation,
        state=handover.state,
        opened_at=handover.opened_at,
        closed_at=handover.closed_at,
        waiting_minutes=int((until - handover.opened_at).total_seconds() // 60),
        language=handover.language,
        topic=handover.topic,
        wish=handover.wish,
        customer=_customer(session, handover.customer_id),
        is_verified=handover.is_verified,
        order_number=handover.order_number,
        order_state=_order_state(session, handover.order_number),
        tried=tuple(handover.tried),
        agent=handover.agent,
        note=handover.note,
        lines=tuple(Line(Sender(said.sender), said.text, said.at) for said in handover.messages),
    )


def _customer(session: Session, customer_id: int | None) -> CustomerView | None:
    customer = session.get(Customer, customer_id) if customer_id is not None else None
    if customer is None:
        return None
    return CustomerView(customer.name, customer.email, customer.phone, customer.membership.value)


def _order_state(session: Session, number: str | None) -> str | None:
    state = session.execute(select(Order.state).where(Order.number == number)).scalar() if number else None
    return state.value if state is not None else None


if __name__ == "__main__":
    import sys

    from desk.command import main

    sys.exit(main())
