"""The sample shop: whole, exact, the same every time, and true to the clock."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock, database, seed
from shop.models import (
    Base,
    Category,
    Customer,
    HoldReason,
    Invoice,
    Membership,
    OptionValue,
    Order,
    OrderState,
    PaymentKind,
    PaymentState,
    Product,
    RefundState,
    Return,
    ReturnKind,
    ReturnState,
    ShipmentState,
    Ticket,
    TicketState,
    Variant,
)
from shop.policy import POLICY

NOON = datetime(2025, 6, 18, 12, tzinfo=clock.SHOP_TIME)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_source", lambda: NOON)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a whole sample shop, filled by the command."""
    url = f"sqlite:///{tmp_path_factory.mktemp('sample')}/var/shop.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_source", lambda: NOON)
        assert seed.main(["--url", url]) == 0
    return url


@pytest.fixture(scope="module")
def session(filled: str) -> Iterator[Session]:
    """One session for all that only read; what it has read stays in it."""
    with database.session_factory(database.connect(filled))() as session:
        yield session


def rows(session: Session, model: Any) -> list[Any]:
    kept: list[Any] = session.info.setdefault(model, [])
    kept[:] = kept or session.execute(select(model).order_by(model.id)).scalars()
    return kept


def orders_in(session: Session, *states: OrderState) -> list[Order]:
    return [order for order in rows(session, Order) if order.state in states]


def days_ago(moment: datetime) -> int:
    return (clock.today() - clock.day_of(moment)).days


def contents(url: str) -> dict[str, list[Any]]:
    with database.connect(url).connect() as connection:
        return {table.name: connection.execute(table.select()).all() for table in Base.metadata.sorted_tables}


def small_shop(url: str) -> None:
    """The known orders and a small crowd, which are filled in a moment."""
    database.migrate(url)
    with database.session_factory(database.connect(url))() as session:
        seed.fill(session, crowd_size=30, crowd_orders_size=150)
        session.commit()


KNOWN = [
    ("W2378156", "chen.siyuan", OrderState.PROCESSING, [("eye-care-desk-lamp", 1), ("ceramic-mug", 2)], "alipay "),
    ("W2378157", "chen.siyuan", OrderState.SHIPPED, [("bluetooth-earphones", 1)], "alipay "),
    (
        "W2378158",
        "chen.siyuan",
        OrderState.DELIVERED,
        [("running-shoes", 1), ("eye-care-desk-lamp", 1), ("hoodie", 2)],
        "visa 4242",
    ),
    ("W2378159", "chen.siyuan", OrderState.DELIVERED, [("electric-kettle", 1)], "wechat_pay "),
    ("12345678", "chen.siyuan", OrderState.DELIVERED, [("t-shirt", 2)], "wechat_pay "),
    ("W8264401", "emma.clarke", OrderState.PROCESSING, [("hoodie", 1)], "visa 1881"),
    ("W8264402", "emma.clarke", OrderState.ON_HOLD, [("backpack", 1)], "visa 1881"),
    ("W8264403", "emma.clarke", OrderState.SHIPPED, [("board-game", 1)], "visa 1881"),
    (
        "W8264404",
        "emma.clarke",
        OrderState.DELIVERED,
        [("running-shoes", 1), ("yoga-mat", 1), ("chocolate-box", 1)],
        "visa 1881",
    ),
    ("W8264405", "emma.clarke", OrderState.CANCELLED, [("summer-dress", 1)], "visa 1881"),
    ("W8264406", "emma.clarke", OrderState.DELIVERED, [("ceramic-mug", 2), ("bluetooth-earphones", 1)], "visa 1881"),
    ("W8264407", "emma.clarke", OrderState.DELIVERED, [("smart-watch", 1)], "visa 1881"),
    ("W8264408", "emma.clarke", OrderState.AWAITING_PAYMENT, [("electric-kettle", 1)], "visa 1881"),
    ("W7700001", "wang.fang", OrderState.DELIVERED, [("summer-dress", 1)], "alipay "),
    ("W7700002", "wang.fang", OrderState.DELIVERED, [("hoodie", 1)], "alipay "),
    ("W7700003", "wang.fang", OrderState.SHIPPED, [("yoga-mat", 1)], "unionpay 6688"),
    ("W7700004", "wang.fang", OrderState.ON_HOLD, [("iphone-13", 1)], "alipay "),
]


@pytest.fixture()
def known(session: Session) -> dict[str, Order]:
    return {order.number: order for order in rows(session, Order) if order.number in {row[0] for row in KNOWN}}


@pytest.mark.parametrize(("number", "who", "state", "lines", "paid"), KNOWN)
def test_a_known_order_is_as_the_readme_says(
    known: dict[str, Order], number: str, who: str, state: OrderState, lines: list[tuple[str, int]], paid: str
) -> None:
    order = known[number]
    assert (order.email, order.state) == (f"{who}@example.com", state)
    assert [(line.variant.product.slug, line.quantity) for line in order.lines] == lines
    assert f"{order.payments[-1].kind.value} {order.payments[-1].last_four}" == paid


def test_the_known_customers_are_as_the_readme_says(session: Session) -> None:
    chen, emma, wang = rows(session, Customer)[:3]
    assert (chen.name, chen.phone, chen.language) == ("陈思远", "13812345678", "zh")
    assert (emma.name, emma.phone, emma.language) == ("Emma Clarke", "+44 7700 900123", "en")
    assert (wang.name, wang.phone, wang.membership) == ("王芳", "13900001111", Membership.GOLD)
    assert [who.addresses[0].postal_code for who in (chen, emma, wang)] == ["100080", "200040", "310012"]
    cards = [(m.kind, m.last_four, m.balance_cents) for m in emma.payment_methods]
    assert cards[:2] == [(PaymentKind.VISA, "1881", None), (PaymentKind.MASTERCARD, "5454", None)]
    assert [balance for kind, _, balance in cards if kind is PaymentKind.GIFT_CARD] == [5_000, 200_000]


def test_the_known_orders_carry_the_versions_and_amounts_they_should(known: dict[str, Order]) -> None:
    assert known["W2378156"].total_cents == 33_800
    options = {number: [line.variant.options for line in order.lines] for number, order in known.items()}
    assert options["W2378156"] == [{"colour": "white"}, {"colour": "blue"}]
    assert options["W2378158"][0] == {"colour": "black", "size": "42"}
    assert options["W2378158"][2] == {"colour": "grey", "size": "m"}
    assert options["12345678"] == [{"colour": "white", "size": "m"}]
    assert options["W8264401"] == [{"colour": "navy", "size": "l"}]
    assert options["W8264404"][:2] == [{"colour": "white", "size": "39"}, {"colour": "purple"}]
    assert not known["W8264404"].lines[2].variant.product.is_returnable
    assert known["W2378159"].lines[0].variant.product.warranty_months == 24


def test_the_known_orders_are_as_old_as_they_should_be(known: dict[str, Order]) -> None:
    parcels = {number: order.shipment for number, order in known.items() if order.state is OrderState.DELIVERED}
    assert {number: days_ago(parcel.delivered_at) for number, parcel in parcels.items()} == {
        "W2378158": 5,
        "W2378159": 60,
        "12345678": 3,
        "W8264404": 2,
        "W8264406": 20,
        "W8264407": 45,
        "W7700001": 4,
        "W7700002": 26,
    }
    assert days_ago(known["W2378156"].placed_at) == 1
    assert known["W2378157"].due_on == clock.today() + timedelta(days=1)
    assert known["W2378157"].shipment.state is ShipmentState.IN_TRANSIT
    assert known["W2378157"].shipment.carrier == "sf"
    assert known["W8264403"].due_on == clock.today() - timedelta(days=9)
    assert known["W8264403"].shipment.state is ShipmentState.IN_TRANSIT
    assert days_ago(known["W8264405"].cancelled_at) == 1
    assert known["W8264402"].hold_reason is HoldReason.OUT_OF_STOCK
    assert known["W7700004"].hold_reason is HoldReason.PREORDER
    assert known["W8264408"].payments[0].state is PaymentState.PENDING


def test_the_known_returns_and_refunds_are_where_they_should_be(session: Session, known: dict[str, Order]) -> None:
    returns = {item.number: item for item in rows(session, Return)}
    inspected, finished = returns["R5500001"], returns["R5500002"]
    assert (inspected.order.number, inspected.state, inspected.refund) == ("W8264406", ReturnState.RECEIVED, None)
    assert (finished.order.number, finished.state, finished.refund.state) == (
        "W7700002",
        ReturnState.COMPLETED,
        RefundState.PAID,
    )
    (refund,) = known["W8264405"].refunds
    assert (refund.state, refund.amount_cents) == (RefundState.PENDING, known["W8264405"].total_cents)


def test_the_shop_is_large_enough_to_be_believed(session: Session) -> None:
    products = rows(session, Product)
    assert len(rows(session, Customer)) >= 300
    assert len(rows(session, Order)) >= 1_200
    assert len(products) >= 60
    assert min(Counter(product.category for product in products)[category] for category in Category) >= 6
    assert {customer.language for customer in rows(session, Customer)} == {"zh", "en"}


def test_every_state_a_shop_knows_is_there(session: Session) -> None:
    assert {order.state for order in rows(session, Order)} == set(OrderState)
    assert {order.hold_reason for order in rows(session, Order)} == {None, *HoldReason}
    assert {item.state for item in rows(session, Return)} == set(ReturnState)
    assert {item.kind for item in rows(session, Return)} == set(ReturnKind)
    assert {item.state for item in rows(session, Ticket)} == set(TicketState)
    parcels = [order.shipment for order in rows(session, Order) if order.shipment]
    assert {parcel.state for parcel in parcels} == set(ShipmentState)
    assert {refund.state for order in rows(session, Order) for refund in order.refunds} == set(RefundState)
    assert {payment.state for order in rows(session, Order) for payment in order.payments} == set(PaymentState)
    assert len(rows(session, Invoice)) > 50


def test_every_total_adds_up(session: Session) -> None:
    for order in rows(session, Order):
        goods = sum(line.unit_price_cents * line.quantity for line in order.lines)
        assert order.total_cents == goods + order.shipping_cents - order.discount_cents > 0
        assert sum(payment.amount_cents for payment in order.payments) == order.total_cents
        given_back = sum(refund.amount_cents for refund in order.refunds)
        assert 0 <= given_back <= order.total_cents
        assert order.invoice is None or order.invoice.amount_cents == order.total_cents


def test_shipping_is_charged_as_the_policy_says(session: Session) -> None:
    for order in rows(session, Order):
        goods = sum(line.unit_price_cents * line.quantity for line in order.lines)
        is_free = goods >= POLICY.free_shipping_from_cents
        assert order.shipping_cents == (0 if is_free else POLICY.standard_shipping_cents)


def test_parcels_are_there_where_they_should_be_and_their_trails_run_forward(session: Session) -> None:
    for order in rows(session, Order):
        has_shipped = order.state in (OrderState.SHIPPED, OrderState.DELIVERED)
        assert (order.shipment is not None) is has_shipped, order.number
        if order.shipment is not None:
            events = order.shipment.events
            moments = [order.placed_at, *(event.at for event in events)]
            assert moments == sorted(moments), order.number
            assert events[0].state is ShipmentState.PICKED_UP
            assert events[-1].state is order.shipment.state
            is_delivered = order.state is OrderState.DELIVERED
            assert (order.shipment.state is ShipmentState.DELIVERED) is is_delivered
            assert order.shipment.delivered_at == (events[-1].at if is_delivered else None)


def test_parcels_go_where_the_customer_lives(session: Session) -> None:
    for order in orders_in(session, OrderState.DELIVERED):
        place = order.shipment.events[-1]
        assert place.place_zh[:2] in order.address or place.place_en.rsplit(", ", 1)[-1] in order.address


def test_money_is_given_back_for_what_was_paid_and_cancelled_or_returned(session: Session) -> None:
    for order in orders_in(session, OrderState.CANCELLED):
        was_paid = order.payments[0].state is not PaymentState.FAILED
        assert [refund.amount_cents for refund in order.refunds] == ([order.total_cents] if was_paid else [])
        assert order.cancelled_at > order.placed_at
    for item in rows(session, Return):
        has_refund = item.kind is ReturnKind.RETURN and item.state is ReturnState.COMPLETED
        assert (item.refund is not None) is has_refund, item.number
        assert item.refund is None or item.refund.amount_cents == item.refund_cents


def test_returns_were_opened_within_the_window_and_hold_what_was_bought(session: Session) -> None:
    for item in rows(session, Return):
        delivered_at = item.order.shipment.delivered_at
        assert delivered_at < item.opened_at
        assert days_ago(delivered_at) - days_ago(item.opened_at) <= POLICY.return_window_days
        assert item.events[-1].state is item.state
        assert [event.at for event in item.events] == sorted(event.at for event in item.events)
        for line in item.lines:
            assert line.order_line.order_id == item.order_id
            assert line.order_line.variant.product.is_returnable
            assert 0 < line.quantity <= line.order_line.quantity
            assert (line.replacement is not None) is (item.kind is ReturnKind.EXCHANGE)


def test_nothing_has_happened_in_the_future(filled: str) -> None:
    assert_nothing_is_later_than_now(filled, NOON)


def assert_nothing_is_later_than_now(url: str, now: datetime) -> None:
    with database.connect(url).connect() as connection:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if type(column.type).__name__ == "Moment":
                    late = connection.execute(select(column).where(column > now)).all()
                    assert not late, (table.name, column.name, late[:3])


def test_unpaid_orders_are_inside_the_time_to_pay_and_processing_ones_inside_the_time_to_pack(session: Session) -> None:
    for order in orders_in(session, OrderState.AWAITING_PAYMENT):
        assert clock.now() - order.placed_at < timedelta(hours=POLICY.payment_deadline_hours)
    for order in orders_in(session, OrderState.PROCESSING):
        assert clock.now() - order.placed_at < timedelta(hours=POLICY.dispatch_hours)


def test_what_waits_for_stock_is_sold_out_and_has_a_day_when_it_is_back(session: Session) -> None:
    for order in orders_in(session, OrderState.ON_HOLD):
        if order.hold_reason in (HoldReason.OUT_OF_STOCK, HoldReason.PREORDER):
            assert all(line.variant.stock == 0 and line.variant.restock_on for line in order.lines)


def test_products_have_natural_names_whole_summaries_and_sensible_prices(session: Session) -> None:
    values = {(value.kind.value, value.code) for value in rows(session, OptionValue)}
    chinese = re.compile("[\u4e00-\u9fff]")
    for product in rows(session, Product):
        assert chinese.search(product.summary_zh) and not chinese.search(product.summary_en)
        assert not chinese.search(product.name_en)
        assert any(chinese.search(name) for name in product.short_names)
        assert any(name.isascii() for name in product.short_names)
        assert 1.0 <= product.rating <= 5.0
        assert len({tuple(sorted(variant.options.items())) for variant in product.variants}) == len(product.variants)
        for variant in product.variants:
            assert 1_000 <= variant.price_cents <= 1_000_000
            assert set(variant.options.items()) <= values, variant.sku
            assert variant.stock == 0 or variant.restock_on is None
    assert sum(variant.stock == 0 for variant in rows(session, Variant)) > 10


def test_no_two_customers_share_an_email_a_phone_or_a_proof(session: Session) -> None:
    customers = rows(session, Customer)
    assert len({customer.email for customer in customers}) == len(customers)
    assert len({customer.phone for customer in customers}) == len(customers)
    assert all(re.fullmatch(r"1\d{10}", customer.phone) for customer in customers if customer.name != "Emma Clarke")
    assert all(re.fullmatch(r"[a-z.-]+@example\.com", customer.email) for customer in customers)


def test_order_numbers_are_w_and_seven_digits_or_eight_in_the_old_system(session: Session) -> None:
    numbers = [order.number for order in rows(session, Order)]
    assert all(re.fullmatch(r"W\d{7}|\d{8}", number) for number in numbers)
    assert 3 <= sum(number.isdigit() for number in numbers) <= 40


def test_a_filled_shop_is_left_alone(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(filled)
    assert seed.main(["--url", filled]) == 0
    assert "filled already" in capsys.readouterr().out
    assert contents(filled) == before


def test_force_empties_the_shop_and_fills_the_same_one_again(filled: str) -> None:
    before = contents(filled)
    with database.session_factory(database.connect(filled))() as session:
        session.execute(Variant.__table__.update().values(stock=0))
        session.commit()
    assert seed.seed(filled, force=True)
    assert contents(filled) == before


def test_a_failure_halfway_leaves_the_shop_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(seed, "crowd_orders", fail)
    url = f"sqlite:///{tmp_path}/shop.db"
    assert seed.main(["--url", url]) == 1
    assert not database.is_filled(url)


def test_a_database_that_cannot_be_written_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.db").write_text("this is no database, whatever its name says")
    assert seed.main(["--url", f"sqlite:///{tmp_path}/shop.db"]) == 1
    assert "could not be filled" in capsys.readouterr().err


@pytest.mark.parametrize(
    "now",
    [
        datetime(2031, 1, 1, 0, 2, tzinfo=clock.SHOP_TIME),
        datetime(2028, 2, 29, 23, 58, tzinfo=clock.SHOP_TIME),
        datetime(2026, 3, 29, 7, 0, tzinfo=clock.SHOP_TIME),
    ],
)
def test_the_shop_is_true_to_the_clock_at_any_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    monkeypatch.setattr(clock, "_source", lambda: now)
    url = f"sqlite:///{tmp_path}/shop.db"
    small_shop(url)
    assert_nothing_is_later_than_now(url, now)
    with database.session_factory(database.connect(url))() as session:
        parcels = {order.number: order.shipment for order in orders_in(session, OrderState.SHIPPED)}
        assert parcels["W2378157"].state is ShipmentState.IN_TRANSIT
        assert {days_ago(order.placed_at) for order in orders_in(session, OrderState.PROCESSING)} <= {0, 1}


def test_the_same_shop_a_year_later_differs_in_nothing_but_its_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = []
    for year in (0, 1):
        monkeypatch.setattr(clock, "_source", lambda year=year: NOON.replace(year=2025 + year))
        url = f"sqlite:///{tmp_path}/{year}.db"
        small_shop(url)
        with database.session_factory(database.connect(url))() as session:
            numbers.append([(order.number, order.state, order.total_cents) for order in rows(session, Order)])
    assert numbers[0] == numbers[1]
