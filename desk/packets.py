"""What an agent sees of a conversation: everything needed to go on where the bot stopped."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Said
from shop import clock
from shop.models import (
    CloseReason,
    Conversation,
    Customer,
    Handover,
    HandoverState,
    Membership,
    Message,
    Mood,
    Order,
    Photo,
    Rating,
    Sender,
)


@dataclass(frozen=True)
class CustomerView:
    name: str
    email: str
    phone: str
    membership: Membership


@dataclass(frozen=True)
class NoteView:
    at: datetime
    agent: str
    text: str


@dataclass(frozen=True)
class EarlierView:
    """A handover of the same conversation that is over; `score` is what the customer gave its agent."""

    closed_at: datetime | None
    agent: str | None
    reason: CloseReason | None
    note: str | None
    score: int | None


@dataclass(frozen=True)
class HandoverView:
    """A line of the queue."""

    id: int
    conversation: str
    state: HandoverState
    opened_at: datetime
    closed_at: datetime | None
    waiting_minutes: int
    language: str
    topic: str
    mood: Mood
    wish: str
    customer: CustomerView | None
    is_verified: bool
    order_number: str | None
    order_state: str | None
    tried: tuple[str, ...]
    agent: str | None
    reason: CloseReason | None
    note: str | None
    callback_email: str | None
    unread: int  # how many of the customer's messages nobody at the desk has read

    def is_with(self, agent: str) -> bool:
        """Whether this agent has it now."""
        return self.state is HandoverState.TAKEN and self.agent == agent


@dataclass(frozen=True)
class Packet(HandoverView):
    """A line of the queue with the whole conversation and what agents know of it."""

    lines: tuple[Said, ...]
    photos: int
    notes: tuple[NoteView, ...]
    earlier: tuple[EarlierView, ...]  # oldest first
    customer_has_read: int


def line(session: Session, handover: Handover) -> HandoverView:
    """What the queue shows of it."""
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
        mood=handover.mood,
        wish=handover.wish,
        customer=_customer(session, handover.customer_id),
        is_verified=handover.is_verified,
        order_number=handover.order_number,
        order_state=_order_state(session, handover.order_number),
        tried=tuple(handover.tried),
        agent=handover.agent,
        reason=handover.reason,
        note=handover.note,
        callback_email=handover.callback_email,
        unread=_unread(session, handover.conversation),
    )


def packet(session: Session, handover: Handover) -> Packet:
    """All that is known, with the whole transcript."""
    shown = line(session, handover)
    row = session.get(Conversation, handover.conversation)
    photos = select(func.count()).where(Photo.conversation_id == handover.conversation)
    return Packet(
        **{field.name: getattr(shown, field.name) for field in fields(HandoverView)},
        lines=_lines(session, handover),
        photos=int(session.execute(photos).scalar_one()),
        notes=tuple(NoteView(note.at, note.agent, note.text) for note in handover.notes),
        earlier=_earlier(session, handover),
        customer_has_read=row.customer_has_read if row is not None else 0,
    )


def _lines(session: Session, handover: Handover) -> tuple[Said, ...]:
    """All that was said, however much it is; of a closed one until then: what came later belongs to others."""
    lines: tuple[Said, ...] = ()
    while more := conversations.since(session, handover.conversation, lines[-1].number if lines else 0):
        lines += more
    until = handover.closed_at
    return lines if until is None else tuple(one for one in lines if one.at <= until)


def _earlier(session: Session, handover: Handover) -> tuple[EarlierView, ...]:
    chosen = select(Handover, Rating.score).outerjoin(Rating, Rating.handover_id == Handover.id)
    chosen = chosen.where(Handover.conversation == handover.conversation, Handover.id < handover.id)
    found = session.execute(chosen.order_by(Handover.id))
    return tuple(EarlierView(one.closed_at, one.agent, one.reason, one.note, score) for one, score in found)


def _unread(session: Session, conversation: str) -> int:
    unread = (
        select(func.count())
        .select_from(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.conversation_id == conversation, Message.sender == Sender.CUSTOMER)
        .where(Message.number > Conversation.staff_has_read)
    )
    return int(session.execute(unread).scalar_one())


def _customer(session: Session, customer_id: int | None) -> CustomerView | None:
    customer = session.get(Customer, customer_id) if customer_id is not None else None
    if customer is None:
        return None
    return CustomerView(customer.name, customer.email, customer.phone, customer.membership)


def _order_state(session: Session, number: str | None) -> str | None:
    state = session.execute(select(Order.state).where(Order.number == number)).scalar() if number else None
    return state.value if state is not None else None
