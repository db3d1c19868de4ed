"""Where an order is, and what may be changed before it ships: previewed, done once, exact to the cent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shop import clock
from shop.account import Shopper
from shop.errors import (
    AlreadyCancelled,
    AlreadyShipped,
    BalanceTooLow,
    IdentityNotProven,
    InvalidAddress,
    InvoiceTooLate,
    NoSuchItem,
    NoSuchPaymentMethod,
    NoSuchVariant,
    NotPaidYet,
    OrderNotFound,
    OutOfStock,
    SamePaymentMethod,
    SameVariant,
)
from shop.models import (
    AuditEntry,
    Customer,
    HoldReason,
    Invoice,
    Order,
    OrderState,
    Payment,
    PaymentKind,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    ShipmentEvent,
    ShipmentState,
    Variant,
)
from shop.orders import (
    cancel_order,
    change_address,
    change_item,
    change_payment,
    issue_invoice,
    item_choices,
    list_orders,
    payment_choices,
    preview_address_change,
    preview_cancellation,
    preview_invoice,
    preview_item_change,
    preview_payment_change,
    view_order,
)
from shop.policy import POLICY
from shop.records import quote_of
from tests.shop.conftest import SmallShop

NEW_HOME = "南京西路 1266 号 恒隆广场 5 楼"


@pytest.fixture
def emma(small_shop: SmallShop) -> Customer:
    return small_shop.customer()


@pytest.fixture
def lamps(small_shop: SmallShop) -> list[Variant]:
    """Black for 100, white for 120, red for 70 yuan; five of each."""
    return small_shop.product(10_000, 12_000, 7_000)


def every_change(
    shop: SmallShop, order: Order, shopper: Shopper, variant: Variant, method: int
) -> list[Callable[[], Any]]:
    number, line = order.number, order.lines[0].id
    return [
        lambda: preview_cancellation(shop.db, shopper, number),
        lambda: cancel_order(shop.db, shopper, number, reason=None, key="1"),
        lambda: preview_address_change(shop.db, shopper, number, NEW_HOME),
        lambda: change_address(shop.db, shopper, number, NEW_HOME, key="2"),
        lambda: preview_item_change(shop.db, shopper, number, line, variant.id),
        lambda: change_item(shop.db, shopper, number, line, variant.id, key="3"),
        lambda: preview_payment_change(shop.db, shopper, number, method),
        lambda: change_payment(shop.db, shopper, number, method, key="4"),
    ]


def stock_of(shop: SmallShop) -> list[int]:
    return [variant.stock for variant in shop.all(Variant)]


def kept_cents(shop: SmallShop) -> int:
    """What the shop keeps of the customer's money in the end."""
    taken = [payment for payment in shop.all(Payment) if payment.state in (PaymentState.PAID, PaymentState.REFUNDED)]
    return sum(payment.amount_cents for payment in taken) - sum(refund.amount_cents for refund in shop.all(Refund))


# seeing


def test_an_order_shows_what_where_and_how_paid(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 2), shipping_cents=1_000, discount_cents=500)
    seen = view_order(small_shop.db, small_shop.shopper(emma), f"#{order.number.lower()}")
    (line,) = seen.lines
    assert (line.name_zh, line.name_en, line.quantity, line.unit_price_cents) == ("台灯1", "Lamp 1", 2, 10_000)
    assert (line.options, line.options_zh, line.options_en) == ({"colour": "black"}, "黑色", "black")
    assert (seen.state, seen.total_cents, seen.placed_at) == (OrderState.PROCESSING, 20_500, order.placed_at)
    assert seen.paid_with is not None
    assert (seen.paid_with.kind, seen.paid_with.last_four) == (PaymentKind.VISA, "1881")
    assert (seen.shipment, seen.refund, seen.restock_on, seen.is_overdue) == (None, None, None, False)


def test_a_shipped_order_shows_its_parcels_trail(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.SHIPPED, due_on=small_shop.time.today)
    order.shipment.events.append(
        ShipmentEvent(at=clock.now(), state=ShipmentState.IN_TRANSIT, place_zh="上海", place_en="Shanghai")
    )
    small_shop.commit()
    seen = view_order(small_shop.db, small_shop.shopper(emma), order.number)
    assert seen.shipment is not None
    assert (seen.shipment.carrier, seen.shipment.state) == ("sf", ShipmentState.IN_TRANSIT)
    assert [event.place_en for event in seen.shipment.events] == ["Shanghai"]
    assert not seen.is_overdue
    small_shop.time.forward(days=1)
    assert view_order(small_shop.db, small_shop.shopper(emma), order.number).is_overdue


def test_what_has_arrived_is_not_overdue(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), arrived=1, due_on=small_shop.time.today - timedelta(days=3))
    assert not view_order(small_shop.db, small_shop.shopper(emma), order.number).is_overdue


def test_an_order_on_hold_says_when_the_goods_are_expected(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    lamps[0].restock_on = small_shop.time.today + timedelta(days=9)
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.ON_HOLD, hold_reason=HoldReason.OUT_OF_STOCK)
    seen = view_order(small_shop.db, small_shop.shopper(emma), order.number)
    assert (seen.hold_reason, seen.restock_on) == (HoldReason.OUT_OF_STOCK, lamps[0].restock_on)


def test_a_customer_sees_all_their_orders_newest_first(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    for days in (3, 1, 2):
        placed = small_shop.time.moment - timedelta(days=days)
        small_shop.order(emma, (lamps[0], 1), placed_at=placed, number=f"W000100{days}")
    small_shop.order(small_shop.customer("other@example.com"), (lamps[0], 1))
    seen = list_orders(small_shop.db, small_shop.shopper(emma))
    assert [order.number for order in seen] == ["W0001001", "W0001002", "W0001003"]
    assert len(list_orders(small_shop.db, small_shop.shopper(emma), limit=2)) == 2


def test_who_has_proven_one_order_sees_that_one(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    proven, _ = small_shop.order(emma, (lamps[0], 1)), small_shop.order(emma, (lamps[0], 1))
    assert [order.number for order in list_orders(small_shop.db, small_shop.guest(proven))] == [proven.number]


def test_who_has_proven_nothing_sees_no_orders(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    small_shop.order(emma, (lamps[0], 1))
    with pytest.raises(IdentityNotProven):
        list_orders(small_shop.db, small_shop.guest())


# refusals that all changes share


def test_nobody_changes_an_order_that_is_not_proven_theirs(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order, method = small_shop.order(emma, (lamps[0], 1)), small_shop.method(emma, PaymentKind.ALIPAY)
    stranger = small_shop.shopper(small_shop.customer("other@example.com"))
    for change in every_change(small_shop, order, stranger, lamps[1], method):
        with pytest.raises(OrderNotFound):
            change()
    assert small_shop.trail() == []


@pytest.mark.parametrize("state", [OrderState.SHIPPED, OrderState.DELIVERED])
def test_what_has_left_the_warehouse_is_no_longer_changed(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant], state: OrderState
) -> None:
    order, method = small_shop.order(emma, (lamps[0], 1), state=state), small_shop.method(emma, PaymentKind.ALIPAY)
    for change in every_change(small_shop, order, small_shop.shopper(emma), lamps[1], method):
        with pytest.raises(AlreadyShipped) as refusal:
            change()
        assert refusal.value.facts == {"number": order.number, "is_delivered": state is OrderState.DELIVERED}
    assert small_shop.trail() == []


def test_a_cancelled_order_is_no_longer_changed(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.CANCELLED)
    method = small_shop.method(emma, PaymentKind.ALIPAY)
    for change in every_change(small_shop, order, small_shop.shopper(emma), lamps[1], method):
        with pytest.raises(AlreadyCancelled):
            change()
    assert small_shop.trail() == []


def test_a_yes_after_the_parcel_has_left_changes_nothing(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1))
    preview_cancellation(small_shop.db, small_shop.shopper(emma), order.number)
    order.state = OrderState.SHIPPED
    small_shop.commit()
    with pytest.raises(AlreadyShipped):
        cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason=None, key="yes")
    assert small_shop.one(Order).state is OrderState.SHIPPED
    assert small_shop.all(Refund) == []


# cancelling


def test_a_preview_changes_nothing(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 2), (lamps[1], 1))
    seen = preview_cancellation(small_shop.db, small_shop.shopper(emma), order.number)
    assert (seen.item_count, seen.refund_cents, seen.kind, seen.last_four) == (3, 32_000, PaymentKind.VISA, "1881")
    assert (seen.was_paid, len(seen.lines)) == (True, 2)
    assert seen.expected_on == small_shop.time.today + timedelta(days=POLICY.cancellation_refund_days)
    assert small_shop.one(Order).state is OrderState.PROCESSING
    assert small_shop.receipts() == 0


def test_cancelling_gives_money_and_goods_back(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 2), (lamps[1], 1), shipping_cents=1_000)
    done = cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason="too slow", key="yes")
    assert done.refund_cents == 33_000
    cancelled, refund = small_shop.one(Order), small_shop.one(Refund)
    assert (cancelled.state, cancelled.cancelled_at) == (OrderState.CANCELLED, small_shop.time.moment)
    assert (refund.amount_cents, refund.kind, refund.last_four) == (33_000, PaymentKind.VISA, "1881")
    assert (refund.state, refund.expected_on) == (RefundState.PENDING, done.expected_on)
    assert small_shop.one(Payment).state is PaymentState.REFUNDED
    assert stock_of(small_shop) == [7, 6, 5]
    assert small_shop.one(AuditEntry).details["reason"] == "too slow"
    seen = view_order(small_shop.db, small_shop.shopper(emma), order.number)
    assert seen.refund is not None
    assert seen.refund.amount_cents == 33_000


def test_cancelling_an_unpaid_order_refunds_nothing(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.AWAITING_PAYMENT)
    done = cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason=None, key="yes")
    assert (done.was_paid, done.refund_cents, done.kind, done.expected_on) == (False, 0, None, None)
    assert small_shop.all(Refund) == []
    assert small_shop.one(Payment).state is PaymentState.FAILED
    assert small_shop.one(Order).state is OrderState.CANCELLED


def test_a_gift_card_is_refunded_as_gift_card_credit(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), kind=PaymentKind.GIFT_CARD, card="2000")
    done = cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason=None, key="yes")
    assert small_shop.one(Refund).kind is PaymentKind.GIFT_CARD
    assert done.expected_on == small_shop.time.today + timedelta(days=POLICY.gift_card_refund_days)


def test_goods_an_order_waits_for_are_not_put_on_the_shelf(small_shop: SmallShop, emma: Customer) -> None:
    (missing,), (there,) = small_shop.product(10_000, stock=0), small_shop.product(5_000)
    missing.restock_on = small_shop.time.today + timedelta(days=9)
    order = small_shop.order(
        emma, (missing, 2), (there, 1), state=OrderState.ON_HOLD, hold_reason=HoldReason.OUT_OF_STOCK
    )
    cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason=None, key="yes")
    assert stock_of(small_shop) == [0, 6]


# the address


def test_an_address_is_previewed_then_changed(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 1)), small_shop.shopper(emma)
    seen = preview_address_change(small_shop.db, shopper, order.number, f" {NEW_HOME} ", "200041")
    assert (seen.old_address, seen.address, seen.postal_code) == ("1 Harbour Road, Shanghai", NEW_HOME, "200041")
    assert small_shop.one(Order).address == "1 Harbour Road, Shanghai"
    assert change_address(small_shop.db, shopper, order.number, NEW_HOME, "200041", key="yes") == seen
    assert (small_shop.one(Order).address, small_shop.one(Order).postal_code) == (NEW_HOME, "200041")
    assert small_shop.trail() == [("visitor", "change_address", order.number)]


def test_without_a_postal_code_the_new_address_has_none(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1))
    change_address(small_shop.db, small_shop.shopper(emma), order.number, NEW_HOME, key="yes")
    assert small_shop.one(Order).postal_code == ""


@pytest.mark.parametrize(
    ("address", "code"), [("x", None), ("<img src=x>", None), (NEW_HOME, "here"), ("上" * 201, None)]
)
def test_what_cannot_be_delivered_to_is_refused(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant], address: str, code: str | None
) -> None:
    order = small_shop.order(emma, (lamps[0], 1))
    with pytest.raises(InvalidAddress):
        change_address(small_shop.db, small_shop.shopper(emma), order.number, address, code, key="yes")
    assert small_shop.one(Order).address == "1 Harbour Road, Shanghai"


def test_an_order_that_waited_for_its_address_goes_on(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.ON_HOLD, hold_reason=HoldReason.ADDRESS_CHECK)
    change_address(small_shop.db, small_shop.shopper(emma), order.number, NEW_HOME, key="yes")
    assert (small_shop.one(Order).state, small_shop.one(Order).hold_reason) == (OrderState.PROCESSING, None)


# items


def test_the_other_variants_of_an_item_are_offered(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1))
    offered = item_choices(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id)
    assert [(variant.options_en, variant.stock) for variant in offered] == [("white", 5), ("red", 5)]


def test_a_dearer_variant_charges_the_difference(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 2)), small_shop.shopper(emma)
    line = order.lines[0].id
    seen = preview_item_change(small_shop.db, shopper, order.number, line, lamps[1].id)
    assert (seen.difference_cents, seen.kind, seen.last_four) == (4_000, PaymentKind.VISA, "1881")
    assert (seen.line.options_en, seen.variant.options_en) == ("black", "white")
    assert change_item(small_shop.db, shopper, order.number, line, lamps[1].id, key="yes") == seen
    changed = small_shop.one(Order)
    assert (changed.lines[0].variant.options, changed.total_cents) == ({"colour": "white"}, 24_000)
    assert [payment.amount_cents for payment in small_shop.all(Payment)] == [20_000, 4_000]
    assert stock_of(small_shop) == [7, 3, 5]
    assert kept_cents(small_shop) == changed.total_cents


def test_a_cheaper_variant_books_the_difference_back(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 2), discount_cents=333)
    change_item(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, lamps[2].id, key="yes")
    assert small_shop.one(Refund).amount_cents == 6_000
    assert kept_cents(small_shop) == small_shop.one(Order).total_cents == 13_667


def test_an_unpaid_order_only_becomes_dearer(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.AWAITING_PAYMENT)
    done = change_item(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, lamps[1].id, key="yes")
    assert (done.difference_cents, done.kind) == (2_000, None)
    assert small_shop.one(Order).total_cents == 12_000
    assert len(small_shop.all(Payment)) == 1


def test_cancelling_after_a_change_gives_all_of_it_back(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 2)), small_shop.shopper(emma)
    for key, variant in (("one", lamps[1]), ("two", lamps[2])):
        change_item(small_shop.db, shopper, order.number, order.lines[0].id, variant.id, key=key)
    cancel_order(small_shop.db, shopper, order.number, reason=None, key="three")
    assert kept_cents(small_shop) == 0
    assert stock_of(small_shop) == [7, 5, 5]


def test_an_order_that_waited_for_goods_goes_on_with_goods_that_are_there(
    small_shop: SmallShop, emma: Customer
) -> None:
    black, white = small_shop.product(10_000, 10_000)
    black.stock, black.restock_on = 0, small_shop.time.today + timedelta(days=9)
    white.stock = 1
    order = small_shop.order(emma, (black, 1), state=OrderState.ON_HOLD, hold_reason=HoldReason.OUT_OF_STOCK)
    change_item(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, white.id, key="yes")
    assert (small_shop.one(Order).state, small_shop.one(Order).hold_reason) == (OrderState.PROCESSING, None)
    assert stock_of(small_shop) == [0, 0]


def test_an_order_that_waits_for_other_goods_too_stays_on_hold(small_shop: SmallShop, emma: Customer) -> None:
    (black, white), (mug,) = small_shop.product(10_000, 10_000), small_shop.product(5_000, stock=0)
    black.stock, black.restock_on = 0, small_shop.time.today + timedelta(days=9)
    order = small_shop.order(emma, (black, 1), (mug, 1), state=OrderState.ON_HOLD, hold_reason=HoldReason.OUT_OF_STOCK)
    change_item(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, white.id, key="yes")
    assert small_shop.one(Order).state is OrderState.ON_HOLD


def test_an_item_change_that_cannot_be_is_refused_by_name(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order, (mug,) = small_shop.order(emma, (lamps[0], 2)), small_shop.product(5_000)
    lamps[1].stock, lamps[1].restock_on = 1, small_shop.time.today
    small_shop.commit()
    shopper, line = small_shop.shopper(emma), order.lines[0].id

    def change(line_id: int, variant_id: int) -> None:
        change_item(small_shop.db, shopper, order.number, line_id, variant_id, key="yes")

    with pytest.raises(NoSuchItem):
        change(999, lamps[1].id)
    with pytest.raises(NoSuchItem):
        item_choices(small_shop.db, shopper, order.number, 999)
    with pytest.raises(NoSuchVariant):
        change(line, mug.id)
    with pytest.raises(SameVariant):
        change(line, lamps[0].id)
    with pytest.raises(OutOfStock) as refusal:
        change(line, lamps[1].id)
    assert refusal.value.facts == {"product_zh": "台灯1", "product_en": "Lamp 1", "restock_on": small_shop.time.today}
    assert small_shop.trail() == []


def test_a_gift_card_that_cannot_bear_the_difference_changes_nothing(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    small_shop.method(emma, PaymentKind.GIFT_CARD, "2000", balance=1_999)
    order = small_shop.order(emma, (lamps[0], 1), kind=PaymentKind.GIFT_CARD, card="2000")
    line = order.lines[0].id
    with pytest.raises(BalanceTooLow) as refusal:
        change_item(small_shop.db, small_shop.shopper(emma), order.number, line, lamps[1].id, key="yes")
    assert refusal.value.facts == {"balance_cents": 1_999, "needed_cents": 2_000}
    assert stock_of(small_shop) == [5, 5, 5]


def test_a_gift_card_bears_the_difference(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    small_shop.method(emma, PaymentKind.GIFT_CARD, "2000", balance=2_500)
    order = small_shop.order(emma, (lamps[0], 1), kind=PaymentKind.GIFT_CARD, card="2000")
    change_item(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, lamps[1].id, key="yes")
    assert small_shop.one(PaymentMethod).balance_cents == 500


# paying another way


def test_the_methods_of_the_account_are_offered_but_not_the_one_used(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    small_shop.method(emma, PaymentKind.VISA, "1881")
    small_shop.method(emma, PaymentKind.GIFT_CARD, "5000", balance=5_000)
    order = small_shop.order(emma, (lamps[0], 1))
    (offered,) = payment_choices(small_shop.db, small_shop.shopper(emma), order.number)
    assert (offered.kind, offered.balance_cents) == (PaymentKind.GIFT_CARD, 5_000)


def test_a_proven_order_does_not_open_the_accounts_purse(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    method, order = small_shop.method(emma, PaymentKind.ALIPAY), small_shop.order(emma, (lamps[0], 1))
    guest = small_shop.guest(order)
    with pytest.raises(IdentityNotProven):
        payment_choices(small_shop.db, guest, order.number)
    with pytest.raises(IdentityNotProven):
        change_payment(small_shop.db, guest, order.number, method, key="yes")


def test_another_card_is_charged_and_the_first_one_refunded(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    method, order = small_shop.method(emma, PaymentKind.MASTERCARD, "5454"), small_shop.order(emma, (lamps[0], 1))
    shopper = small_shop.shopper(emma)
    seen = preview_payment_change(small_shop.db, shopper, order.number, method)
    assert seen.old is not None
    assert (seen.old.last_four, seen.new.last_four, seen.amount_cents) == ("1881", "5454", 10_000)
    assert change_payment(small_shop.db, shopper, order.number, method, key="yes") == seen
    assert [(payment.last_four, payment.state) for payment in small_shop.all(Payment)] == [
        ("1881", PaymentState.REFUNDED),
        ("5454", PaymentState.PAID),
    ]
    assert (small_shop.one(Refund).last_four, small_shop.one(Refund).amount_cents) == ("1881", 10_000)
    assert kept_cents(small_shop) == 10_000


def test_cancelling_after_a_change_of_card_refunds_the_new_one(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    method, order = small_shop.method(emma, PaymentKind.MASTERCARD, "5454"), small_shop.order(emma, (lamps[0], 1))
    change_payment(small_shop.db, small_shop.shopper(emma), order.number, method, key="one")
    cancel_order(small_shop.db, small_shop.shopper(emma), order.number, reason=None, key="two")
    assert [(refund.last_four, refund.amount_cents) for refund in small_shop.all(Refund)] == [
        ("1881", 10_000),
        ("5454", 10_000),
    ]
    assert kept_cents(small_shop) == 0


def test_a_gift_card_pays_once_whatever_is_repeated(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    card = small_shop.method(emma, PaymentKind.GIFT_CARD, "2000", balance=25_000)
    order = small_shop.order(emma, (lamps[0], 1))
    quote = quote_of(preview_payment_change(small_shop.db, small_shop.shopper(emma), order.number, card))
    for _ in range(3):
        change_payment(small_shop.db, small_shop.shopper(emma), order.number, card, key="yes", quote=quote)
    assert small_shop.one(PaymentMethod).balance_cents == 15_000
    assert len(small_shop.all(Payment)) == 2


def test_an_unpaid_order_is_paid_and_goes_on(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    method = small_shop.method(emma, PaymentKind.ALIPAY)
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.AWAITING_PAYMENT)
    done = change_payment(small_shop.db, small_shop.shopper(emma), order.number, method, key="yes")
    assert done.old is not None
    assert (done.old.kind, done.amount_cents) == (PaymentKind.VISA, 10_000)
    assert small_shop.one(Order).state is OrderState.PROCESSING
    assert [payment.state for payment in small_shop.all(Payment)] == [PaymentState.FAILED, PaymentState.PAID]
    assert small_shop.all(Refund) == []


def test_a_payment_change_that_cannot_be_is_refused_by_name(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    same = small_shop.method(emma, PaymentKind.VISA, "1881")
    poor = small_shop.method(emma, PaymentKind.GIFT_CARD, "5000", balance=5_000)
    others = small_shop.method(small_shop.customer("other@example.com"), PaymentKind.ALIPAY)
    order = small_shop.order(emma, (lamps[0], 1))
    refusals = {same: SamePaymentMethod, poor: BalanceTooLow, others: NoSuchPaymentMethod, 999: NoSuchPaymentMethod}
    for method, refusal in refusals.items():
        with pytest.raises(refusal):
            change_payment(small_shop.db, small_shop.shopper(emma), order.number, method, key="yes")
    assert small_shop.trail() == []
    assert kept_cents(small_shop) == 10_000


# the invoice


def test_an_invoice_is_issued_once_and_then_sent_again(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 1)), small_shop.shopper(emma)
    first = issue_invoice(small_shop.db, shopper, order.number, title=" 云栖 科技 ", key="one")
    assert (first.title, first.amount_cents, first.email) == ("云栖 科技", 10_000, "emma@example.com")
    assert not first.was_issued_before
    again = issue_invoice(small_shop.db, shopper, order.number, title=None, key="two")
    assert (again.number, again.title, again.was_issued_before) == (first.number, "云栖 科技", True)
    assert small_shop.one(Invoice).number == first.number
    assert issue_invoice(small_shop.db, shopper, order.number, title=None, key="one") == first


def test_an_invoice_preview_issues_nothing_and_its_quote_holds(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 1)), small_shop.shopper(emma)
    seen = preview_invoice(small_shop.db, shopper, order.number)
    assert (seen.number, seen.title) == ("", "Emma Clarke")
    assert small_shop.all(Invoice) == []
    small_shop.time.forward(minutes=1)
    done = issue_invoice(small_shop.db, shopper, order.number, title=None, key="yes", quote=quote_of(seen))
    assert done.number == small_shop.one(Invoice).number != ""


def test_an_invoice_is_of_what_the_shop_keeps(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order, shopper = small_shop.order(emma, (lamps[0], 2)), small_shop.shopper(emma)
    change_item(small_shop.db, shopper, order.number, order.lines[0].id, lamps[2].id, key="one")
    assert issue_invoice(small_shop.db, shopper, order.number, title=None, key="two").amount_cents == 14_000


def test_an_invoice_needs_a_payment(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.AWAITING_PAYMENT)
    with pytest.raises(NotPaidYet):
        issue_invoice(small_shop.db, small_shop.shopper(emma), order.number, title=None, key="yes")


def test_a_cancelled_order_gets_no_invoice(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.CANCELLED)
    with pytest.raises(AlreadyCancelled):
        issue_invoice(small_shop.db, small_shop.shopper(emma), order.number, title=None, key="yes")


def test_an_invoice_is_asked_for_within_a_year(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), arrived=1, placed_at=small_shop.time.moment)
    small_shop.time.forward(days=POLICY.invoice_within_days)
    preview_invoice(small_shop.db, small_shop.shopper(emma), order.number)
    small_shop.time.forward(days=1)
    with pytest.raises(InvoiceTooLate):
        issue_invoice(small_shop.db, small_shop.shopper(emma), order.number, title=None, key="yes")
    assert small_shop.all(Invoice) == []
