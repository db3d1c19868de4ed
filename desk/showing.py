"""Orders, previews and what was done, as labels and texts that an agent reads."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from desk.words import Words
from shop import returns, trouble
from shop.account import Shopper
from shop.errors import NoSuchReturn
from shop.models import PaymentKind
from shop.orders import OrderView, PaymentMethodView
from shop.views import LineView, PaymentView, VariantView

Facts = list[dict[str, str]]
TOLD_OTHERWISE = {  # of previews and results: told with something else, or of no use to an agent
    *("kind_of_payment", "last_four", "numbers", "item_count", "was_paid", "quantity", "old_postal_code", "opened_at"),
    *("refund", "order_number", "state", "issued_at", "was_issued_before", "is_covered", "repair_days", "refund_days"),
}
PAYMENTS = ("kind", "kind_of_payment")


def order_facts(order: OrderView, words: Words, *, is_proven: bool) -> Facts:
    """How an order stands. Where it goes is told only of a proven one: a postal code would prove it."""
    shipment, refund = order.shipment, order.refund
    state = words.label(order.state)
    if order.is_overdue:
        state = words.enumeration([state, words.say("fact", "overdue")])
    found = [
        ("state", state),
        ("hold", words.label(order.hold_reason) if order.hold_reason else None),
        ("placed", words.moment(order.placed_at)),
        ("due", words.day(order.due_on) if order.due_on and order.cancelled_at is None else None),
        ("total", words.money(order.total_cents)),
        ("paid_with", words.payment(order.paid_with.kind, order.paid_with.last_four) if order.paid_with else None),
        ("refund", f"{words.money(refund.amount_cents)} · {words.label(refund.state)}" if refund else None),
        ("recipient", order.recipient if is_proven else None),
        ("address", f"{order.address} {order.postal_code}".strip() if is_proven else None),
        ("carrier", f"{words.term('carrier', shipment.carrier)} {shipment.tracking_number}" if shipment else None),
    ]
    return [{"label": words.say("fact", name), "text": text} for name, text in found if text]


def way(order: OrderView, words: Words) -> list[dict[str, str]]:
    """Where the parcel has been, the latest first."""
    events = order.shipment.events if order.shipment else ()
    return [
        {
            "at": words.moment(event.at),
            "text": f"{words.label(event.state)} · {event.place_zh if words.language == 'zh' else event.place_en}",
        }
        for event in reversed(events)
    ]


def returns_of(session: Session, shopper: Shopper, order: OrderView, words: Words) -> Facts:
    """Its returns and exchanges, the newest first."""
    try:
        found = returns.track_returns(session, shopper, order.number)
    except NoSuchReturn:
        return []
    return [
        {
            "label": f"{words.label(back.kind)} {back.number}",
            "text": f"{words.enumeration(words.item(line) for line in back.lines)} · {words.label(back.state)}",
        }
        for back in found
    ]


def tickets_of(session: Session, shopper: Shopper, order: OrderView, words: Words) -> Facts:
    """What is reported about it."""
    return [
        {"label": f"{words.label(ticket.kind)} {ticket.number}", "text": words.label(ticket.remedy)}
        for ticket in trouble.tickets_of(session, shopper, order.number)
    ]


def items_in_short(order: OrderView, words: Words) -> str:
    first = words.item(order.lines[0])
    if len(order.lines) == 1:
        return first
    return words.say("order", "items_more", first=first, count=sum(line.quantity for line in order.lines))


def view_facts(view: Any, order: OrderView, words: Words) -> Facts:
    """A preview, or what came of it: every field of it that has something to say."""
    return [{"label": label, "text": text} for label, text in _facts(view, order, words) if text]


def _facts(view: Any, order: OrderView, words: Words) -> Iterator[tuple[str, str]]:
    kind = next((kind for name in PAYMENTS if isinstance(kind := getattr(view, name, None), PaymentKind)), None)
    for field in fields(view):
        name, value = field.name, getattr(view, field.name)
        is_said = value not in (None, "", order.number) and not isinstance(value, PaymentKind)
        if is_said and name not in TOLD_OTHERWISE:
            yield words.say("preview", name), _text(name, value, words)
    if kind is not None:
        yield words.say("preview", "payment"), words.payment(kind, view.last_four or "")


def _text(name: str, value: Any, words: Words) -> str:
    if name.endswith("_cents"):
        return words.money(value)
    if isinstance(value, enum.Enum):
        return words.label(value)
    if isinstance(value, datetime):
        return words.moment(value)
    if isinstance(value, date):
        return words.day(value)
    if isinstance(value, LineView):
        return words.item(value)
    if isinstance(value, VariantView):
        return f"{words.options(value)} {words.money(value.price_cents)}".strip()
    if isinstance(value, (PaymentView, PaymentMethodView)):
        return words.payment(value.kind, value.last_four)
    if isinstance(value, tuple):
        return words.enumeration([_text(name, one, words) for one in value])
    return str(value)


def told(act: str, view: Any, order: OrderView, words: Words) -> str:
    """A sentence that tells the customer what was done, in the words of their language."""
    if act == "cancel" and not view.refund_cents:
        act = "cancel_unpaid"
    until = getattr(view, "send_back_by", None) or getattr(view, "answer_by", None)
    return words.say(
        "done",
        act,
        order=order.number,
        number=getattr(view, "number", ""),
        refund=words.money(getattr(view, "refund_cents", 0)),
        address=getattr(view, "address", ""),
        email=getattr(view, "email", ""),
        day=words.day(until) if until else "",
    )
