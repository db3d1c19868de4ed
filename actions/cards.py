"""What the web chat shows beside a sentence: a product with its picture, an order and how far it has come.

A card is `{"title", "lines", "link", "image", "steps": [{"title", "at", "is_done"}]}`; only the title is always there.
The words on it are the sentence's own; a client that shows no cards misses nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from actions.turn import Turn
from shop.models import OrderState, ShipmentState
from shop.orders import OrderView
from shop.policy import POLICY
from shop.products import ProductView

Card = dict[str, Any]

COME_TO = {ShipmentState.PICKED_UP: 2, ShipmentState.IN_TRANSIT: 3, ShipmentState.LOST: 3}
STEPS = ("placed", "shipped", "in_transit", "out_for_delivery", "delivered")


def product_card(turn: Turn, product: ProductView, *lines: str) -> Card:
    """Its picture and its page, with what is to be said of it: its price, say."""
    name, link = turn.wording.named(product), POLICY.site + product.url
    return _without_nothing(title=name, lines=list(lines), link=link, image=product.picture)


def order_card(turn: Turn, order: OrderView) -> Card:
    """The order with its first item's picture; while it is on its way, with the steps it has come."""
    items = [turn.wording.item(line) for line in order.lines]
    pictures = [line.picture for line in order.lines if line.picture]
    return _without_nothing(
        title=order.number,
        lines=[turn.wording.label(order.state), *items],
        image=pictures[0] if pictures else None,
        steps=_steps(turn, order),
    )


def _steps(turn: Turn, order: OrderView) -> list[dict[str, Any]]:
    if order.shipment is None or order.state not in (OrderState.SHIPPED, OrderState.DELIVERED):
        return []
    reached = len(STEPS) if order.state is OrderState.DELIVERED else COME_TO.get(order.shipment.state, 4)
    days = {"placed": order.placed_at, "shipped": order.shipment.shipped_at, "delivered": order.shipment.delivered_at}
    return [
        {
            "title": turn.wording.term("parcel_step", step),
            "at": _day(turn, days.get(step)),
            "is_done": place < reached,
        }
        for place, step in enumerate(STEPS)
    ]


def _day(turn: Turn, moment: datetime | None) -> str:
    return turn.wording.moment(moment) if moment is not None else ""


def _without_nothing(**parts: Any) -> Card:
    return {name: part for name, part in parts.items() if part}
