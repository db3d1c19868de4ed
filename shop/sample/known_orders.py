"""The known customers' orders, from orders.yml."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from shop.models import (
    Customer,
    HoldReason,
    Order,
    OrderState,
    PaymentKind,
    Product,
    RefundState,
    Return,
    ReturnReason,
    ReturnState,
    Variant,
)
from shop.sample.aftersales import a_return
from shop.sample.files import read
from shop.sample.orders import OrderPlan, Pieces, build


def known_orders(products: list[Product], customers: list[Customer], rng: Random) -> tuple[list[Order], list[Return]]:
    """The orders that the README, the tests and a demo rely on, and their returns."""
    shelves = {product.slug: product for product in products}
    people = {customer.email: customer for customer in customers}
    orders, returns = [], []
    for entry in read("orders.yml"):
        order = build(_plan(entry, shelves, people), rng)
        orders.append(order)
        if "return" in entry:
            returns.append(_return(order, entry["return"]))
    return orders, returns


def variant_of(product: Product, codes: str) -> Variant:
    """The product's variant with exactly these option values."""
    return next(variant for variant in product.variants if set(codes.split()) == set(variant.options.values()))


def _plan(entry: dict[str, Any], shelves: Mapping[str, Product], people: Mapping[str, Customer]) -> OrderPlan:
    kind, *last_four = entry["paid"]
    return OrderPlan(
        number=entry["number"],
        customer=people[entry["customer"]],
        state=OrderState(entry["state"]),
        placed=entry["placed"],
        pieces=[_pieces(shelves, *line) for line in entry["lines"]],
        paid_with=(PaymentKind(kind), last_four[0] if last_four else ""),
        due=entry.get("due"),
        delivered=entry.get("delivered"),
        cancelled=entry.get("cancelled"),
        refund=RefundState(entry["refund"]) if "refund" in entry else None,
        hold=HoldReason(entry["hold"]) if "hold" in entry else None,
        carrier=entry.get("carrier", "sf"),
    )


def _pieces(shelves: Mapping[str, Product], slug: str, codes: str, quantity: int) -> Pieces:
    return variant_of(shelves[slug], str(codes)), quantity


def _return(order: Order, entry: dict[str, Any]) -> Return:
    lines = {line.variant.product.slug: line for line in order.lines}
    return a_return(
        order,
        [(lines[slug], quantity) for slug, quantity in entry["items"]],
        number=entry["number"],
        state=ReturnState(entry["state"]),
        reason=ReturnReason(entry["reason"]),
        opened=entry["opened"],
    )
