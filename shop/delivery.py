"""When a parcel arrived, and how long ago: returns, reports and warranties count from that day."""

from __future__ import annotations

from datetime import date, timedelta

from shop import clock
from shop.errors import AlreadyCancelled, NotDeliveredYet
from shop.models import Order, OrderState, ShipmentState
from shop.policy import POLICY


def delivered_on(order: Order) -> date:
    """The day it arrived. Raises AlreadyCancelled and NotDeliveredYet."""
    if order.state is OrderState.CANCELLED:
        raise AlreadyCancelled(order.number)
    if order.state is not OrderState.DELIVERED:
        raise NotDeliveredYet(order.number, order.due_on, has_shipped=order.state is OrderState.SHIPPED)
    moment = order.shipment.delivered_at if order.shipment else None
    return clock.day_of(moment) if moment else order.due_on or clock.day_of(order.placed_at)


def counts_as_lost_from(order: Order) -> date:
    """The day from which a parcel on its way counts as lost; at once where the carrier has said so."""
    shipment = order.shipment
    if shipment is not None and shipment.state is ShipmentState.LOST:
        return clock.today()
    return due_on(order) + timedelta(days=POLICY.overdue_after_days)


def due_on(order: Order) -> date:
    """When it should arrive; by the slowest standard shipping where nobody has said."""
    left = order.shipment.shipped_at if order.shipment else order.placed_at
    return order.due_on or clock.day_of(left) + timedelta(days=POLICY.standard_shipping_days[1])


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(day.year + years, month + 1, last)
        except ValueError:
            continue
    return date(day.year + years, month + 1, day.day)
