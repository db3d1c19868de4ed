from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from shop import database, parts, seed
from shop.models import Order, Payment, PaymentKind, PaymentState, Return, Shipment

OF_ORDER = [*dict.fromkeys(parts.OF_ORDER_SHOWN + parts.OF_ORDER_SENT_BACK), "invoice"]


@pytest.fixture(scope="module")
def sample_shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.db'}"
    seed.seed(url)
    return url


@pytest.fixture
def session(sample_shop: str) -> Iterator[Session]:
    engine = database.connect(sample_shop)
    with database.session_factory(engine)() as session:
        yield session
    engine.dispose()


def _all(session: Session, kind: type) -> list[Any]:
    return list(session.execute(select(kind).order_by(kind.id)).scalars())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "names"), [(Order, OF_ORDER), (Shipment, ["events"]), (Return, ["lines", "events", "refund"])]
)
def test_relationships_are_read_as_they_would_load_themselves(session: Session, kind: type, names: list[str]) -> None:
    found = {}
    for record in _all(session, kind):
        assert parts.read(session, record, names) is record
        found[record.id] = {name: record.__dict__[name] for name in names}
    session.expire_all()
    expected = {record.id: {name: getattr(record, name) for name in names} for record in _all(session, kind)}
    assert found == expected
    assert any(value for record in found.values() for value in record.values())


def test_what_is_loaded_is_not_read_again(session: Session) -> None:
    order = _all(session, Order)[0]
    parts.read(session, order, OF_ORDER)
    asked: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *about: asked.append(about[2]))
    parts.read(session, order, OF_ORDER)
    for name in OF_ORDER:
        getattr(order, name)
    assert asked == []


def test_what_was_added_and_is_not_written_yet_is_read_too(session: Session) -> None:
    order = _all(session, Order)[0]
    before = len(order.payments)
    session.expire(order)
    added = Payment(order_id=order.id, kind=PaymentKind.ALIPAY, last_four="", amount_cents=1, state=PaymentState.PAID)
    added.at = order.placed_at
    session.add(added)
    assert len(parts.read(session, order, ["payments"]).payments) == before + 1


def test_of_a_record_that_was_never_written_nothing_is_read(session: Session) -> None:
    order = Order(number="W0000000")
    assert parts.read(session, order, OF_ORDER).lines == []
