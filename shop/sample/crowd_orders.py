"""The crowd's orders: every state a shop knows, about as often as a shop sees it, over the last year."""

from __future__ import annotations

from random import Random
from typing import Any

from shop.models import Customer, HoldReason, Order, OrderState, Product, RefundState, Variant
from shop.sample.drawn_numbers import DrawnNumbers
from shop.sample.orders import OrderPlan, Pieces, build
from shop.sample.places import carriers

STATES = {
    OrderState.DELIVERED: 68,
    OrderState.SHIPPED: 11,
    OrderState.PROCESSING: 7,
    OrderState.CANCELLED: 8,
    OrderState.ON_HOLD: 4,
    OrderState.AWAITING_PAYMENT: 2,
}
DISCOUNT_FROM_CENTS, DISCOUNT_CENTS = 30_000, 4_000  # SAVE40, which has run before
OLD_SYSTEM_DAYS = 200  # orders older than this may carry a number of eight digits and no letter


def crowd_orders(
    products: list[Product], customers: list[Customer], size: int, numbers: DrawnNumbers, rng: Random
) -> list[Order]:
    """As many orders as asked for, whole."""
    states = rng.choices(list(STATES), weights=list(STATES.values()), k=size)
    return [build(_plan(state, products, rng.choice(customers), numbers, rng), rng) for state in states]


def _plan(
    state: OrderState, products: list[Product], customer: Customer, numbers: DrawnNumbers, rng: Random
) -> OrderPlan:
    times = _times(state, rng)
    pieces = _pieces(products, rng)
    is_from_old_system = times["placed"] > OLD_SYSTEM_DAYS and rng.random() < 0.06
    method = rng.choice([method for method in customer.payment_methods if method.balance_cents is None])
    goods_cents = sum(variant.price_cents * quantity for variant, quantity in pieces)
    has_discount = goods_cents >= DISCOUNT_FROM_CENTS and rng.random() < 0.3
    hold = rng.choice(list(HoldReason)) if state is OrderState.ON_HOLD else None
    if hold in (HoldReason.OUT_OF_STOCK, HoldReason.PREORDER):
        pieces = [(_sold_out(products, rng), 1)]
        has_discount = False
    return OrderPlan(
        number=numbers.draw("", 8) if is_from_old_system else numbers.draw("W"),
        customer=customer,
        state=state,
        pieces=pieces,
        paid_with=(method.kind, method.last_four),
        hold=hold,
        carrier=rng.choices(list(carriers()), weights=list(carriers().values()))[0],
        discount_cents=DISCOUNT_CENTS if has_discount else 0,
        **times,
    )


def _times(state: OrderState, rng: Random) -> dict[str, Any]:
    """Days that fit the state: when it was placed, is due, was delivered or cancelled."""
    if state is OrderState.DELIVERED:
        delivered = min(rng.randint(1, 60), rng.randint(1, 390)) if rng.random() < 0.6 else rng.randint(1, 390)
        return {"delivered": delivered, "placed": delivered + rng.randint(2, 5)}
    if state is OrderState.SHIPPED:
        return _shipped_times(rng)
    if state is OrderState.CANCELLED:
        return _cancelled_times(rng)
    if state is OrderState.ON_HOLD:
        return {"placed": rng.randint(2, 8), "due": rng.randint(5, 18)}
    if state is OrderState.PROCESSING:
        placed = rng.randint(0, 1)
        return {"placed": placed, "due": 4 - placed}
    return {"placed": 0}


def _shipped_times(rng: Random) -> dict[str, Any]:
    kind = rng.choices(["on time", "just sent", "late", "overdue", "lost"], weights=[72, 6, 12, 5, 5])[0]
    if kind == "just sent":
        return {"placed": 1, "due": 4}
    if kind == "on time":
        placed = rng.randint(2, 5)
        return {"placed": placed, "due": 5 - placed}
    late = {"late": rng.randint(1, 4), "overdue": rng.randint(8, 14), "lost": rng.randint(5, 12)}[kind]
    return {"placed": late + 5, "due": -late, "is_lost": kind == "lost"}


def _cancelled_times(rng: Random) -> dict[str, Any]:
    cancelled = rng.choice([1, 2, rng.randint(4, 380)])
    was_paid = rng.random() < 0.8
    refund = RefundState.PENDING if cancelled <= 2 else RefundState.PAID
    return {"cancelled": cancelled, "placed": cancelled + 1, "refund": refund if was_paid else None}


def _pieces(products: list[Product], rng: Random) -> list[Pieces]:
    chosen = rng.sample(products, rng.choices([1, 2, 3, 4], weights=[55, 28, 12, 5])[0])
    return [(rng.choice(product.variants), rng.choices([1, 2, 3], weights=[80, 15, 5])[0]) for product in chosen]


def _sold_out(products: list[Product], rng: Random) -> Variant:
    """Something worth waiting for: a variant that comes back on a day that is known."""
    return rng.choice([variant for product in products for variant in product.variants if variant.restock_on])
