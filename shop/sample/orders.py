"""Builds an order of the sample, whole: lines, payment, parcel, cancellation, all dated so that they fit together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from shop import clock
from shop.models import (
    Customer,
    HoldReason,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentKind,
    PaymentState,
    Refund,
    RefundState,
    Variant,
)
from shop.policy import POLICY
from shop.sample.parcels import parcel

Pieces = tuple[Variant, int]


@dataclass(frozen=True, kw_only=True)
class OrderPlan:
    """What is decided about an order before it is built; `placed`, `delivered`, `cancelled` are days ago."""

    number: str
    customer: Customer
    state: OrderState
    placed: int
    pieces: list[Pieces]
    paid_with: tuple[PaymentKind, str]
    due: int | None = None  # days from today
    delivered: int | None = None
    cancelled: int | None = None
    refund: RefundState | None = None
    hold: HoldReason | None = None
    carrier: str = "sf"
    discount_cents: int = 0
    is_lost: bool = False


def build(plan: OrderPlan, rng: Random) -> Order:
    """The order as it stands today."""
    order = _order(plan, rng)
    order.payments = _payments(plan, order)
    if plan.state in (OrderState.SHIPPED, OrderState.DELIVERED):
        order.shipment = parcel(order, plan.carrier, _delivered_at(plan, rng), rng, is_lost=plan.is_lost)
    if plan.state is OrderState.CANCELLED:
        order.cancelled_at = moment(plan.cancelled or 0, 20, 15)
        order.refunds = _refunds(plan, order.total_cents, order.cancelled_at)
    return order


def moment(days_ago: int, hour: int, minute: int) -> datetime:
    """A time of day, some days ago, where the shop is; never later than now."""
    day = clock.today() - timedelta(days=days_ago)
    return min(datetime.combine(day, time(hour, minute), clock.SHOP_TIME), clock.now())


def _order(plan: OrderPlan, rng: Random) -> Order:
    address = plan.customer.addresses[0]
    goods_cents = sum(variant.price_cents * quantity for variant, quantity in plan.pieces)
    shipping_cents = 0 if goods_cents >= POLICY.free_shipping_from_cents else POLICY.standard_shipping_cents
    return Order(
        number=plan.number,
        customer=plan.customer,
        state=plan.state,
        hold_reason=plan.hold,
        placed_at=_placed_at(plan, rng),
        due_on=_due_on(plan),
        recipient=plan.customer.name,
        phone=plan.customer.phone,
        email=plan.customer.email,
        address=address.line,
        postal_code=address.postal_code,
        shipping_cents=shipping_cents,
        discount_cents=plan.discount_cents,
        total_cents=goods_cents + shipping_cents - plan.discount_cents,
        lines=[
            OrderLine(variant=variant, quantity=quantity, unit_price_cents=variant.price_cents)
            for variant, quantity in plan.pieces
        ],
    )


def _placed_at(plan: OrderPlan, rng: Random) -> datetime:
    hour, minute = rng.randint(8, 21), rng.randint(0, 59)
    if plan.placed == 0:
        return clock.now() - timedelta(hours=1, minutes=hour * 5 + minute)  # inside the time to pay, whatever o'clock
    return moment(plan.placed, hour, minute)


def _due_on(plan: OrderPlan) -> date | None:
    if plan.delivered is not None:
        return clock.today() - timedelta(days=plan.delivered)
    return None if plan.due is None else clock.today() + timedelta(days=plan.due)


def _delivered_at(plan: OrderPlan, rng: Random) -> datetime | None:
    hour, minute = rng.randint(10, 18), rng.randint(0, 59)
    return None if plan.delivered is None else moment(plan.delivered, hour, minute)


def _payments(plan: OrderPlan, order: Order) -> list[Payment]:
    kind, last_four = plan.paid_with
    return [
        Payment(
            kind=kind,
            last_four=last_four,
            amount_cents=order.total_cents,
            state=_payment_state(plan),
            at=order.placed_at + timedelta(minutes=1),
        )
    ]


def _payment_state(plan: OrderPlan) -> PaymentState:
    if plan.state is OrderState.AWAITING_PAYMENT:
        return PaymentState.PENDING
    if plan.state is OrderState.CANCELLED:
        return PaymentState.FAILED if plan.refund is None else PaymentState.REFUNDED
    return PaymentState.PAID


def _refunds(plan: OrderPlan, amount_cents: int, cancelled_at: datetime) -> list[Refund]:
    if plan.refund is None:
        return []
    kind, last_four = plan.paid_with
    return [
        Refund(
            kind=kind,
            last_four=last_four,
            amount_cents=amount_cents,
            state=plan.refund,
            opened_at=cancelled_at,
            expected_on=clock.day_of(cancelled_at) + timedelta(days=POLICY.cancellation_refund_days),
            paid_at=cancelled_at + timedelta(days=2, minutes=35) if plan.refund is RefundState.PAID else None,
        )
    ]
