"""What the shop shows: frozen pictures of its records, made while a session is open and safe to keep after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from shop import clock
from shop.models import (
    Category,
    Order,
    OrderLine,
    Payment,
    PaymentKind,
    Refund,
    RefundState,
    Shipment,
    ShipmentState,
    Variant,
)
from shop.options import OptionWords, option_words


@dataclass(frozen=True)
class VariantView:
    id: int
    sku: str
    options: dict[str, str]
    options_zh: str
    options_en: str
    price_cents: int
    stock: int
    restock_on: date | None


@dataclass(frozen=True)
class LineView:
    id: int
    product_id: int
    variant_id: int
    name_zh: str
    name_en: str
    options: dict[str, str]
    options_zh: str
    options_en: str
    quantity: int
    unit_price_cents: int
    slug: str
    category: Category
    picture: str | None = None


@dataclass(frozen=True)
class PaymentView:
    kind: PaymentKind
    last_four: str


@dataclass(frozen=True)
class RefundView:
    amount_cents: int
    kind: PaymentKind
    last_four: str
    state: RefundState
    expected_on: date
    paid_at: datetime | None


@dataclass(frozen=True)
class EventView:
    at: datetime
    state: ShipmentState
    place_zh: str
    place_en: str


@dataclass(frozen=True)
class ShipmentView:
    carrier: str
    tracking_number: str
    state: ShipmentState
    shipped_at: datetime
    delivered_at: datetime | None
    events: tuple[EventView, ...]


def variant_view(session: Session, variant: Variant) -> VariantView:
    options_zh, options_en = option_words(session).in_words(variant.options)
    return VariantView(
        variant.id,
        variant.sku,
        dict(variant.options),
        options_zh,
        options_en,
        variant.price_cents,
        variant.stock,
        variant.restock_on,
    )


def line_view(session: Session, line: OrderLine, quantity: int | None = None) -> LineView:
    """A line of an order, or some pieces of it."""
    return _line_view(line, option_words(session), quantity)


def line_views(session: Session, order: Order) -> tuple[LineView, ...]:
    names = option_words(session)
    return tuple(_line_view(line, names) for line in order.lines)


def payment_view(payment: Payment | None) -> PaymentView | None:
    return None if payment is None else PaymentView(payment.kind, payment.last_four)


def refund_view(refund: Refund | None) -> RefundView | None:
    if refund is None:
        return None
    return RefundView(
        refund.amount_cents,
        refund.kind,
        refund.last_four,
        refund.state,
        refund.expected_on,
        shop_moment(refund.paid_at),
    )


def shipment_view(shipment: Shipment | None) -> ShipmentView | None:
    if shipment is None:
        return None
    events = [EventView(event.at, event.state, event.place_zh, event.place_en) for event in shipment.events]
    return ShipmentView(
        shipment.carrier,
        shipment.tracking_number,
        shipment.state,
        shipment.shipped_at.astimezone(clock.SHOP_TIME),
        shop_moment(shipment.delivered_at),
        tuple(replace(event, at=event.at.astimezone(clock.SHOP_TIME)) for event in events),
    )


def shop_moment(moment: datetime | None) -> datetime | None:
    """A moment in the shop's time, as a customer reads it."""
    return None if moment is None else moment.astimezone(clock.SHOP_TIME)


def _line_view(line: OrderLine, names: OptionWords, quantity: int | None = None) -> LineView:
    product = line.variant.product
    options_zh, options_en = names.in_words(line.variant.options)
    return LineView(
        line.id,
        product.id,
        line.variant_id,
        product.name_zh,
        product.name_en,
        dict(line.variant.options),
        options_zh,
        options_en,
        line.quantity if quantity is None else quantity,
        line.unit_price_cents,
        product.slug,
        product.category,
        product.picture,
    )
