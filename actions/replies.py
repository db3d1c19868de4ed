"""Facts that several capabilities say alike: an order's state, its items, the versions of a product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from actions.turn import Turn
from shop import orders
from shop.models import OrderState, ShipmentState


def item_list(turn: Turn, lines: Iterable[orders.LineView]) -> str:
    """Order lines as a sentence lists them."""
    return turn.wording.enumeration(turn.wording.item(line) for line in lines)


def numbered_items(turn: Turn, lines: Iterable[orders.LineView]) -> str:
    """Order lines as a numbered list, for a choice."""
    return "\n".join(f"{place}. {turn.wording.item(line)}" for place, line in enumerate(lines, start=1))


def item_buttons(turn: Turn, lines: Iterable[orders.LineView]) -> list[dict[str, str]]:
    names = [turn.wording.item(line, 1) for line in lines]
    return [{"title": name, "payload": str(place)} for place, name in enumerate(names, start=1)]


def variant_buttons(turn: Turn, variants: Sequence[Any]) -> list[dict[str, str]]:
    return [{"title": turn.wording.options(v), "payload": turn.wording.options(v)} for v in variants]


def order_reply(turn: Turn, order: orders.OrderView) -> tuple[str, dict[str, str]]:
    """The reply that tells how an order stands, and its facts."""
    wording = turn.wording
    facts = {"number": order.number, "items": item_list(turn, order.lines)}
    due = wording.day(order.due_on) if order.due_on else wording.term("marks", "unknown")
    if order.state is OrderState.ON_HOLD and order.hold_reason:
        day = order.restock_on or order.due_on
        shown = wording.day(day) if day else wording.term("marks", "unknown")
        return "utter_order_on_hold", {**facts, "why": wording.label(order.hold_reason), "day": shown}
    if order.state is OrderState.CANCELLED:
        return _cancelled(turn, order, facts)
    if order.shipment and order.state in (OrderState.SHIPPED, OrderState.DELIVERED):
        return _shipped(turn, order, {**facts, "day": due})
    if order.state in (OrderState.ON_HOLD, OrderState.SHIPPED, OrderState.DELIVERED):  # a record that lacks the rest
        return "utter_order_state", {**facts, "state": wording.label(order.state)}
    return f"utter_order_{order.state.value}", {**facts, "day": due, "amount": wording.money(order.total_cents)}


def _cancelled(turn: Turn, order: orders.OrderView, facts: dict[str, str]) -> tuple[str, dict[str, str]]:
    if order.refund is None:
        return "utter_order_cancelled", facts
    refund = order.refund
    day = turn.wording.day(refund.paid_at.date() if refund.paid_at else refund.expected_on)
    money = {"amount": turn.wording.money(refund.amount_cents), "day": day}
    payment = turn.wording.payment(refund.kind, refund.last_four)
    return f"utter_order_cancelled_refund_{refund.state.value}", {**facts, **money, "payment": payment}


def _shipped(turn: Turn, order: orders.OrderView, facts: dict[str, str]) -> tuple[str, dict[str, str]]:
    shipment = order.shipment
    assert shipment is not None
    latest = shipment.events[-1]
    place = latest.place_zh if turn.language == "zh" else latest.place_en
    facts |= {
        "carrier": turn.wording.term("carrier", shipment.carrier),
        "tracking_number": shipment.tracking_number,
        "where": turn.wording.label(latest.state),
        "place": place,
        "when": turn.wording.moment(latest.at),
    }
    if order.state is OrderState.DELIVERED:
        return "utter_order_delivered", facts
    if shipment.state is ShipmentState.LOST:
        return "utter_order_lost", facts
    return ("utter_order_overdue" if order.is_overdue else "utter_order_shipped"), facts
