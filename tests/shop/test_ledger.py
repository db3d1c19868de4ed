"""Every change happens once, whole, and leaves a line in the trail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import pytest
from sqlalchemy import event

from shop import clock, database
from shop.errors import AlreadyCancelled, QuoteChanged
from shop.ledger import fresh_number, hold_to, once
from shop.models import AuditEntry, Order, OrderState, PaymentKind, Receipt, Refund
from shop.orders import cancel_order, preview_cancellation
from shop.records import as_record, from_record, quote_of
from tests.shop.conftest import SmallShop


@dataclass(frozen=True)
class Inner:
    kind: PaymentKind | None
    stock: int


@dataclass(frozen=True)
class Outer:
    name: str
    inner: tuple[Inner, ...]
    day: date | None
    moment: datetime
    options: dict[str, str]


OUTER = Outer(
    "灯", (Inner(PaymentKind.VISA, 3), Inner(None, 0)), None, datetime(2031, 5, 15, tzinfo=clock.SHOP_TIME), {"a": "b"}
)


def cancelled(shop: SmallShop, order: Order, key: str) -> int:
    return cancel_order(shop.db, shop.shopper(order.customer), order.number, reason=None, key=key).refund_cents


def an_order(shop: SmallShop) -> Order:
    (lamp,) = shop.product(10_000)
    return shop.order(shop.customer(), (lamp, 2))


def test_a_change_leaves_one_receipt_and_one_line_in_the_trail(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    cancelled(small_shop, order, "yes-1")
    assert small_shop.receipts() == 1
    assert small_shop.trail() == [("visitor", "cancel_order", order.number)]
    assert small_shop.one(AuditEntry).details["result"]["refund_cents"] == 20_000


def test_the_same_key_gives_the_same_result_and_does_nothing_twice(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    customer = small_shop.shopper(order.customer)
    first = cancel_order(small_shop.db, customer, order.number, reason="late", key="yes-1")
    small_shop.time.forward(days=1)
    second = cancel_order(small_shop.db, customer, order.number, reason="late", key="yes-1")
    assert second == first
    assert len(small_shop.all(Refund)) == len(small_shop.trail()) == small_shop.receipts() == 1


def test_another_key_asks_the_rules_again(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    cancelled(small_shop, order, "yes-1")
    with pytest.raises(AlreadyCancelled):
        cancelled(small_shop, order, "yes-2")
    assert small_shop.receipts() == 1


def test_two_at_once_with_the_same_key_get_the_same_result_and_do_it_once(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    customer, number = small_shop.shopper(order.customer), order.number
    small_shop.db.rollback()
    sessions = database.session_factory(database.connect(small_shop.url))
    together = threading.Barrier(2)

    def say_yes(_: int) -> int:
        with sessions() as session:
            together.wait()
            return cancel_order(session, customer, number, reason=None, key="yes").refund_cents

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(say_yes, range(2))) == [20_000, 20_000]
    assert len(small_shop.all(Refund)) == len(small_shop.trail()) == 1
    assert small_shop.all(Order)[0].lines[0].variant.stock == 7


def test_two_at_once_with_different_keys_change_it_once_and_refuse_once(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    customer, number = small_shop.shopper(order.customer), order.number
    small_shop.db.rollback()
    sessions = database.session_factory(database.connect(small_shop.url))
    together = threading.Barrier(2)

    def say_yes(key: str) -> str:
        with sessions() as session:
            together.wait()
            try:
                return str(cancel_order(session, customer, number, reason=None, key=key).refund_cents)
            except AlreadyCancelled:
                return "refused"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(say_yes, ["yes-1", "yes-2"])) == ["20000", "refused"]
    assert len(small_shop.all(Refund)) == len(small_shop.trail()) == 1


def test_a_crash_before_the_commit_leaves_nothing_and_the_key_free(small_shop: SmallShop) -> None:
    order = an_order(small_shop)

    def crash(_: object) -> None:
        raise MemoryError("the power is out")

    event.listen(small_shop.db, "before_commit", crash)
    with pytest.raises(MemoryError):
        cancelled(small_shop, order, "yes")
    event.remove(small_shop.db, "before_commit", crash)
    assert small_shop.one(Order).state is OrderState.PROCESSING
    assert small_shop.all(Refund) == small_shop.trail() == []
    assert small_shop.receipts() == 0
    assert cancelled(small_shop, order, "yes") == 20_000


def test_a_crash_in_the_middle_leaves_nothing(small_shop: SmallShop) -> None:
    def half() -> Inner:
        small_shop.db.add(Receipt(key="side effect", action="x", result={}, at=clock.now()))
        small_shop.db.flush()
        raise MemoryError

    with pytest.raises(MemoryError):
        once(small_shop.db, "key", "action", "visitor", "W0000001", {}, half, Inner)
    assert small_shop.receipts() == 0


def test_a_refused_change_leaves_no_trace(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    order.state = OrderState.CANCELLED
    small_shop.commit()
    with pytest.raises(AlreadyCancelled):
        cancelled(small_shop, order, "yes")
    assert small_shop.trail() == []
    assert small_shop.receipts() == 0


def test_a_key_used_for_another_action_is_a_mistake_of_the_caller(small_shop: SmallShop) -> None:
    once(small_shop.db, "key", "one", "visitor", "W0000001", {}, lambda: OUTER.inner[0], Inner)
    with pytest.raises(ValueError, match="used for two"):
        once(small_shop.db, "key", "two", "visitor", "W0000001", {}, lambda: OUTER.inner[0], Inner)


@pytest.mark.parametrize("key", ["", "k" * 81])
def test_a_key_has_one_to_eighty_characters(small_shop: SmallShop, key: str) -> None:
    with pytest.raises(ValueError, match="80"):
        once(small_shop.db, key, "one", "visitor", "W0000001", {}, lambda: OUTER.inner[0], Inner)


def test_a_view_read_back_from_json_is_the_view_written(small_shop: SmallShop) -> None:
    assert from_record(Outer, as_record(OUTER)) == OUTER


def test_a_quote_holds_while_the_preview_says_the_same(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    customer = small_shop.shopper(order.customer)
    quote = quote_of(preview_cancellation(small_shop.db, customer, order.number))
    assert (
        cancel_order(small_shop.db, customer, order.number, reason=None, key="yes", quote=quote).refund_cents == 20_000
    )


def test_a_yes_to_another_quote_is_asked_again_and_changes_nothing(small_shop: SmallShop) -> None:
    order = an_order(small_shop)
    customer = small_shop.shopper(order.customer)
    quote = quote_of(preview_cancellation(small_shop.db, customer, order.number))
    order.payments[0].amount_cents = 19_000
    small_shop.commit()
    with pytest.raises(QuoteChanged):
        cancel_order(small_shop.db, customer, order.number, reason=None, key="yes", quote=quote)
    assert small_shop.one(Order).state is OrderState.PROCESSING


def test_a_piece_sold_to_someone_else_does_not_break_a_quote() -> None:
    assert quote_of(Inner(None, stock=3)) == quote_of(Inner(None, stock=2))
    hold_to(None, OUTER)


def test_numbers_are_random_and_never_given_twice(small_shop: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = an_order(small_shop)
    order.number = "W1000005"
    small_shop.commit()
    draws = iter([5, 6])
    monkeypatch.setattr("shop.ledger.secrets.randbelow", lambda _: next(draws))
    assert fresh_number(small_shop.db, Order.number, "W") == "W1000006"
