"""What lies on the shelves: taken and put back without two customers getting the last piece."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.errors import OutOfStock
from shop.models import HoldReason, Order, OrderLine, Variant

WAITING_FOR_GOODS = (HoldReason.OUT_OF_STOCK, HoldReason.PREORDER)


def need(variant: Variant, quantity: int) -> None:
    """Raises OutOfStock where there are fewer pieces."""
    if variant.stock < quantity:
        raise OutOfStock(variant.product.name_zh, variant.product.name_en, variant.restock_on)


def take(session: Session, variant: Variant, quantity: int) -> None:
    """Reserve pieces, checked and counted in one statement. Raises OutOfStock."""
    enough = update(Variant).where(Variant.id == variant.id, Variant.stock >= quantity)
    taken: Any = session.execute(_counting(enough.values(stock=Variant.stock - quantity)))
    session.refresh(variant)
    if taken.rowcount == 0:
        raise OutOfStock(variant.product.name_zh, variant.product.name_en, variant.restock_on)


def put_back(session: Session, variant: Variant, quantity: int) -> None:
    query = update(Variant).where(Variant.id == variant.id)
    session.execute(_counting(query.values(stock=Variant.stock + quantity)))
    session.refresh(variant)


def is_reserved(order: Order, line: OrderLine) -> bool:
    """Whether the pieces of a line lie packed for it; those that an order on hold waits for were never on the shelf."""
    if order.hold_reason not in WAITING_FOR_GOODS:
        return True
    return line.variant.restock_on is None and line.variant.stock >= line.quantity


def _counting(query: Any) -> Any:
    """The statement alone counts; what the session has in mind is read again after it."""
    return query.execution_options(synchronize_session=False)
