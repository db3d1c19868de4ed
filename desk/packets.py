"""What an agent sees of a conversation: everything needed to go on where the bot stopped."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Said
from shop import clock
from shop.account import oldest_with_agent
from shop.models import (
    AccessGrant,
    CloseReason,
    Conversation,
    Customer,
    Handover,
    HandoverState,
    Membership,
    Message,
    Mood,
    Order,
    OrderState,
    Photo,
    Rating,
    Sender,
)


@dataclass(frozen=True)
class AccountView:
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
    name: str | None  # of the account proven, or whom the order proven goes to
    account: AccountView | None  # if more than single orders was proven
    is_verified: bool
    has_lapsed: bool  # they were verified, too long ago
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
    (found,) = lines(session, Handover.id == handover.id)
    return found


def lines(session: Session, condition: Any) -> tuple[HandoverView, ...]:
    """What the queue shows of those for which a condition holds, the oldest first, in one query."""
    unread = (
        select(func.count())
        .where(Message.conversation_id == Handover.conversation, Message.sender == Sender.CUSTOMER)
        .where(Message.number > Conversation.staff_has_read)
    )
    grants = select(AccessGrant.granted_at).where(AccessGrant.visitor == Handover.conversation)
    latest = (AccessGrant.granted_at.desc(), AccessGrant.id.desc())
    recipient = select(Order.recipient).join(AccessGrant, AccessGrant.order_id == Order.id)
    recipient = recipient.where(AccessGrant.visitor == Handover.conversation)
    chosen = (
        select(
            Handover,
            Customer,
            Order.state,
            unread.correlate(Handover, Conversation).scalar_subquery(),
            grants.order_by(*latest).limit(1).correlate(Handover).scalar_subquery(),
            recipient.order_by(*latest).limit(1).correlate(Handover).scalar_subquery(),
        )
        .join(Conversation, Conversation.id == Handover.conversation)
        .outerjoin(Customer, Customer.id == Handover.customer_id)
        .outerjoin(Order, Order.number == Handover.order_number)
        .where(condition)
        .order_by(Handover.opened_at, Handover.id)
    )
    return tuple(_line(*row) for row in session.execute(chosen))


def _line(
    handover: Handover,
    customer: Customer | None,
    order_state: OrderState | None,
    unread: int,
    proven_at: datetime | None,
    recipient: str | None,
) -> HandoverView:
    until = handover.closed_at or clock.now()
    is_live = proven_at is not None and proven_at > oldest_with_agent(handover.opened_at)
    is_verified = handover.is_verified and (is_live or handover.state is HandoverState.CLOSED)
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
        name=customer.name if customer is not None else recipient if handover.is_verified else None,
        account=AccountView(customer.email, customer.phone, customer.membership) if customer is not None else None,
        is_verified=is_verified,
        has_lapsed=handover.is_verified and not is_verified,
        order_number=handover.order_number,
        order_state=order_state.value if order_state is not None else None,
        tried=tuple(handover.tried),
        agent=handover.agent,
        reason=handover.reason,
        note=handover.note,
        callback_email=handover.callback_email,
        unread=unread,
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
