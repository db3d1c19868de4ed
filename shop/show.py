"""Prints a record of the shop as JSON: `python -m shop.show order NUMBER | customer EMAIL | return NUMBER`.

For people who run the shop: it shows what is stored, all of it, and asks for no proof.
"""

from __future__ import annotations

import argparse
import enum
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shop import clock
from shop.database import connect, session_factory
from shop.models import Customer, Order, OrderLine, Return, Ticket, Variant

Record = dict[str, Any]
HIDDEN = {"id", "order_id", "customer_id", "product_id", "return_id", "shipment_id", "order_line_id", "variant_id"}


def show_order(session: Session, number: str) -> Record | None:
    """An order with its lines, payments, parcel, returns, refunds, invoice and tickets."""
    order = _find(session, Order, Order.number, number)
    if order is None:
        return None
    shipment, invoice = order.shipment, order.invoice
    return {
        **_columns(order),
        "customer": order.customer.email,
        "lines": [_line(line) for line in order.lines],
        "payments": _all(order.payments),
        "shipment": shipment and {**_columns(shipment), "events": _all(shipment.events)},
        "returns": [_return(item) for item in _of_order(session, Return, order)],
        "refunds": _all(order.refunds),
        "invoice": invoice and _columns(invoice),
        "tickets": _all(_of_order(session, Ticket, order)),
    }


def show_customer(session: Session, email: str) -> Record | None:
    """A customer with addresses, payment methods and the numbers of their orders, newest first."""
    customer = _find(session, Customer, Customer.email, email)
    if customer is None:
        return None
    orders = session.execute(
        select(Order).where(Order.customer_id == customer.id).order_by(Order.placed_at.desc(), Order.id)
    )
    return {
        **_columns(customer),
        "addresses": _all(customer.addresses),
        "payment_methods": _all(customer.payment_methods),
        "orders": [{"number": order.number, "state": order.state} for order in orders.scalars()],
    }


def show_return(session: Session, number: str) -> Record | None:
    """A return or an exchange with its lines, its trail and its refund."""
    found = _find(session, Return, Return.number, number)
    return None if found is None else {**_return(found), "order": found.order.number}


SHOWN: dict[str, Callable[[Session, str], Record | None]] = {
    "order": show_order,
    "customer": show_customer,
    "return": show_return,
}


def as_json(record: Record) -> str:
    """A record as a person reads it: names unescaped, moments in the shop's time."""
    return json.dumps(record, ensure_ascii=False, indent=2, default=_plain)


def main(arguments: list[str] | None = None) -> int:
    """The command. Exits with 1, and a sentence, where there is no such record or no shop."""
    parser = argparse.ArgumentParser(prog="python -m shop.show", description="Print a record of the shop as JSON.")
    parser.add_argument("kind", choices=SHOWN)
    parser.add_argument("name", help="an order or return number, or a customer's e-mail address")
    parser.add_argument("--url", help="the database (default: SHOP_DATABASE_URL, or a file in var/)")
    options = parser.parse_args(arguments)
    engine = connect(options.url)
    try:
        with session_factory(engine)() as session:
            record = SHOWN[options.kind](session, options.name)
            text = None if record is None else as_json(record)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        print(f"The shop cannot be read ({cause}). `python -m shop.seed` makes a sample one.", file=sys.stderr)
        return 1
    finally:
        engine.dispose()
    if text is None:
        print(f"There is no {options.kind} {options.name}.", file=sys.stderr)
        return 1
    print(text)
    return 0


def _find(session: Session, model: Any, column: Any, name: str) -> Any:
    """The record of that name, however it is written: " #w2378156" is W2378156."""
    plain = unicodedata.normalize("NFKC", name).strip().lstrip("#")
    wanted = plain.lower() if "@" in plain else plain.upper()
    return session.execute(select(model).where(column == wanted)).scalar_one_or_none()


def _of_order(session: Session, model: Any, order: Order) -> Iterable[Any]:
    return session.execute(select(model).where(model.order_id == order.id).order_by(model.id)).scalars()


def _columns(row: Any) -> Record:
    """A row's own columns, without the ids that mean nothing outside the database."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key not in HIDDEN}


def _all(rows: Iterable[Any]) -> list[Record]:
    return [_columns(row) for row in rows]


def _line(line: OrderLine) -> Record:
    return {**_variant(line.variant), **_columns(line)}


def _return(found: Return) -> Record:
    return {
        **_columns(found),
        "lines": [
            {
                **_variant(line.order_line.variant),
                "quantity": line.quantity,
                "replacement": line.replacement and _variant(line.replacement),
            }
            for line in found.lines
        ],
        "events": _all(found.events),
        "refund": found.refund and _columns(found.refund),
    }


def _variant(variant: Variant) -> Record:
    product = variant.product
    return {"sku": variant.sku, "name_zh": product.name_zh, "name_en": product.name_en, "options": variant.options}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(clock.SHOP_TIME).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form")


if __name__ == "__main__":
    sys.exit(main())
