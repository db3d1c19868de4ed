"""Fills the sample shop: `python -m shop.seed [--url URL] [--force]`.

The same shop every time, dated relative to the shop's clock. A shop that is filled is left alone, unless `--force` says
to empty it first. All of it happens in one transaction: a shop is filled or it isn't.
"""

from __future__ import annotations

import argparse
import sys
from random import Random

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shop.database import begin_change, connect, holds_anything, migrate, session_factory
from shop.models import Base
from shop.sample import catalogue, people
from shop.sample.crowd_aftersales import crowd_invoices, crowd_returns, crowd_tickets
from shop.sample.crowd_orders import crowd_orders
from shop.sample.drawn_numbers import DrawnNumbers
from shop.sample.known_orders import known_orders

SEED = 20240618
CROWD = 320
CROWD_ORDERS = 1_250


def seed(url: str | None = None, *, force: bool = False) -> bool:
    """Bring the schema up to date and fill the shop. Returns whether it did: False means that it was filled already."""
    migrate(url)
    engine = connect(url)
    try:
        with session_factory(engine)() as session:
            begin_change(session)
            if not force and holds_anything(session):
                return False
            empty(session)
            fill(session)
            session.commit()
            return True
    finally:
        engine.dispose()


def fill(session: Session, *, crowd_size: int = CROWD, crowd_orders_size: int = CROWD_ORDERS) -> None:
    """Add the whole sample to an empty shop, with as large a crowd as asked for; the caller commits."""
    rng = Random(SEED)
    products, known = catalogue.products(), people.known()
    session.add_all([*catalogue.option_values(), *products, *catalogue.promotions(), *known])
    orders, returns = known_orders(products, known, rng)
    session.add_all([*orders, *returns])
    session.flush()  # so that the known ones come first, whatever the crowd does
    numbers = DrawnNumbers(rng, {order.number for order in orders} | {item.number for item in returns})
    crowd = people.crowd(rng, crowd_size)
    session.add_all(crowd)
    orders = crowd_orders(products, crowd, crowd_orders_size, numbers, rng)
    session.add_all(orders)
    session.add_all(crowd_returns(orders, numbers, rng))
    session.add_all(crowd_tickets(orders, numbers, rng))
    session.add_all(crowd_invoices(orders, numbers, rng))
    session.flush()


def empty(session: Session) -> None:
    """Delete every row of the shop; the caller commits."""
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(table.delete())


def main(arguments: list[str] | None = None) -> int:
    """The command. Exits with 1, and a sentence, where the database cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m shop.seed", description="Fill the sample shop.")
    parser.add_argument("--url", help="the database (default: SHOP_DATABASE_URL, or a file in var/)")
    parser.add_argument("--force", action="store_true", help="empty a shop that is filled, and fill it anew")
    options = parser.parse_args(arguments)
    try:
        was_filled = seed(options.url, force=options.force)
    except (SQLAlchemyError, OSError) as error:
        print(f"The shop could not be filled: {getattr(error, 'orig', None) or error}.", file=sys.stderr)
        return 1
    print("The sample shop is filled." if was_filled else "The shop is filled already; --force fills it anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
