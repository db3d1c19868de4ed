"""A builder of small shops: a few customers, products and orders of their own, under a clock that stands still."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from shop import clock, database
from shop.account import Shopper
from shop.models import (
    Address,
    AuditEntry,
    Base,
    Category,
    Customer,
    Membership,
    OptionKind,
    OptionValue,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentKind,
    PaymentMethod,
    PaymentState,
    Product,
    Receipt,
    Shipment,
    ShipmentState,
    Variant,
)

NOON = datetime(2031, 5, 15, 12, 0, tzinfo=clock.SHOP_TIME)
COLOURS = {"black": "黑色", "white": "白色", "red": "红色"}
TO_SHIP = (OrderState.AWAITING_PAYMENT, OrderState.PROCESSING, OrderState.ON_HOLD, OrderState.CANCELLED)


@dataclass
class StandingTime:
    """A clock that moves only when told to."""

    moment: datetime = NOON

    @property
    def today(self) -> date:
        return self.moment.date()

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class SmallShop:
    """Builds records, commits them, and looks at them afterwards."""

    url: str
    db: Session
    time: StandingTime
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def customer(self, email: str = "emma@example.com", **facts: Any) -> Customer:
        facts = {
            "name": "Emma Clarke",
            "phone": "13812345678",
            "language": "en",
            "membership": Membership.BASIC,
            **facts,
        }
        customer = Customer(email=email, joined_at=NOON, **facts)
        customer.addresses = [Address(line="1 Harbour Road, Shanghai", postal_code="200040", is_default=True)]
        return self._kept(customer)

    def method(self, customer: Customer, kind: PaymentKind, last_four: str = "", balance: int | None = None) -> int:
        method = PaymentMethod(customer=customer, kind=kind, last_four=last_four, balance_cents=balance)
        return int(self._kept(method).id)

    def product(self, *prices: int, stock: int = 5, **facts: Any) -> list[Variant]:
        """A product with a variant for each price, in black, white and red."""
        number = next(self._numbers)
        facts = {"warranty_months": 12, "is_returnable": True, "category": Category.HOME, **facts}
        product = Product(
            slug=f"lamp-{number}",
            name_zh=f"台灯{number}",
            name_en=f"Lamp {number}",
            summary_zh="亮",
            summary_en="bright",
            rating=4.5,
            review_count=10,
            help_article="lamp",
            released_on=date(2030, 1, 1),
            **facts,
        )
        product.variants = [
            Variant(sku=f"L{number}-{colour}", options={"colour": colour}, price_cents=price, stock=stock)
            for colour, price in zip(COLOURS, prices, strict=False)
        ]
        return list(self._kept(product).variants)

    def order(self, customer: Customer, *lines: tuple[Variant, int], **facts: Any) -> Order:
        """An order, paid by Visa 1881 and in processing unless said otherwise; `arrived` so many days ago."""
        number = facts.pop("number", f"W{next(self._numbers):07}")
        arrived, kind, last_four = (
            facts.pop("arrived", None),
            facts.pop("kind", PaymentKind.VISA),
            facts.pop("card", "1881"),
        )
        facts.setdefault("state", OrderState.PROCESSING if arrived is None else OrderState.DELIVERED)
        goods = sum(variant.price_cents * quantity for variant, quantity in lines)
        facts = {"shipping_cents": 0, "discount_cents": 0, "placed_at": self.time.moment - timedelta(days=1), **facts}
        order = Order(
            number=number,
            customer=customer,
            recipient=customer.name,
            phone=customer.phone,
            email=customer.email,
            address="1 Harbour Road, Shanghai",
            postal_code="200040",
            total_cents=goods + facts["shipping_cents"] - facts["discount_cents"],
            **facts,
        )
        order.lines = [
            OrderLine(variant=variant, quantity=quantity, unit_price_cents=variant.price_cents)
            for variant, quantity in lines
        ]
        self._pay(order, kind, last_four)
        self._ship(order, arrived)
        return self._kept(order)

    def shopper(self, customer: Customer) -> Shopper:
        """The customer in person, their account proven."""
        return Shopper("visitor", customer.id, frozenset(), customer.name, customer.language)

    def guest(self, *orders: Order) -> Shopper:
        """Someone who has proven single orders, or nothing."""
        return Shopper("visitor", None, frozenset(order.id for order in orders), None, None)

    def all(self, kind: type[Any], **facts: Any) -> list[Any]:
        """What the database holds now, read afresh."""
        self.db.rollback()
        return list(self.db.execute(select(kind).filter_by(**facts).order_by(kind.id)).scalars())

    def one(self, kind: type[Any], **facts: Any) -> Any:
        (found,) = self.all(kind, **facts)
        return found

    def trail(self) -> list[tuple[str, str, str]]:
        """The audit trail: who, what, to what."""
        return [(entry.actor, entry.action, entry.subject) for entry in self.all(AuditEntry)]

    def receipts(self) -> int:
        return int(self.db.execute(select(func.count()).select_from(Receipt)).scalar_one())

    def commit(self) -> None:
        self.db.commit()

    def _kept(self, record: Any) -> Any:
        self.db.add(record)
        self.db.commit()
        return record

    def _pay(self, order: Order, kind: PaymentKind, last_four: str) -> None:
        state = PaymentState.PENDING if order.state is OrderState.AWAITING_PAYMENT else PaymentState.PAID
        order.payments = [
            Payment(kind=kind, last_four=last_four, amount_cents=order.total_cents, state=state, at=order.placed_at)
        ]

    def _ship(self, order: Order, arrived: int | None) -> None:
        if order.state in TO_SHIP:
            return
        state = ShipmentState.IN_TRANSIT if arrived is None else ShipmentState.DELIVERED
        order.shipment = Shipment(
            carrier="sf",
            tracking_number=f"SF{next(self._numbers)}",
            state=state,
            shipped_at=self.time.moment - timedelta(days=(arrived or 0) + 2),
            delivered_at=None if arrived is None else self.time.moment - timedelta(days=arrived),
        )


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StandingTime:
    standing = StandingTime()
    monkeypatch.setattr(clock, "_source", lambda: standing.moment)
    return standing


@pytest.fixture(scope="session")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and the names of a few colours, copied for each test."""
    path = tmp_path_factory.mktemp("shop") / "empty.db"
    engine = create_engine(f"sqlite:///{path}", future=True)
    Base.metadata.create_all(engine)
    with Session(engine, future=True) as session:
        for code, name_zh in COLOURS.items():
            session.add(OptionValue(kind=OptionKind.COLOUR, code=code, name_zh=name_zh, name_en=code, other_names=[]))
        session.commit()
    engine.dispose()
    return path


@pytest.fixture
def small_shop(empty_shop: Path, tmp_path: Path, time: StandingTime) -> Iterator[SmallShop]:
    path = tmp_path / "shop.db"
    shutil.copy(empty_shop, path)
    url = f"sqlite:///{path}"
    engine = database.connect(url)
    sessions: sessionmaker = database.session_factory(engine)
    with sessions() as session:
        yield SmallShop(url, session, time)
    engine.dispose()
