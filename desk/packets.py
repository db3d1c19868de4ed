"""What an agent sees of a conversation: everything needed to go on where the bot stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Said
from shop import clock
from shop.models import Customer, Handover, HandoverState, Order


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
    callback_email: str | None
    lines: tuple[Said, ...]  # of the whole conversation


def packet(session: Session, handover: Handover) -> HandoverView:
    """All that is known, with the whole transcript."""
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
        callback_email=handover.callback_email,
        lines=_lines(session, handover.conversation),
    )


def _lines(session: Session, conversation: str) -> tuple[Said, ...]:
    """All that was said, however much it is."""
    lines: tuple[Said, ...] = ()
    while more := conversations.since(session, conversation, lines[-1].number if lines else 0):
        lines += more
    return lines


def _customer(session: Session, customer_id: int | None) -> CustomerView | None:
    customer = session.get(Customer, customer_id) if customer_id is not None else None
    if customer is None:
        return None
    return CustomerView(customer.name, customer.email, customer.phone, customer.membership.value)


def _order_state(session: Session, number: str | None) -> str | None:
    state = session.execute(select(Order.state).where(Order.number == number)).scalar() if number else None
    return state.value if state is not None else None
