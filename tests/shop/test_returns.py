"""What of a delivered order may come back, for how much to the cent, and how far it has got."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.errors import (
    AlreadyCancelled,
    AlreadyReported,
    AlreadyReturned,
    BalanceTooLow,
    InvalidQuantity,
    NoSuchItem,
    NoSuchReturn,
    NoSuchVariant,
    NotDeliveredYet,
    NotReturnable,
    OrderNotFound,
    OutOfStock,
    QuoteChanged,
    ReturnWindowClosed,
    SameVariant,
)
from shop.models import (
    Customer,
    Membership,
    Order,
    OrderState,
    Payment,
    PaymentKind,
    PaymentMethod,
    Refund,
    RefundState,
    RefundTarget,
    Remedy,
    Return,
    ReturnEvent,
    ReturnKind,
    ReturnLine,
    ReturnReason,
    ReturnState,
    TicketKind,
    Variant,
)
from shop.money import prorate
from shop.policy import POLICY
from shop.records import quote_of
from shop.returns import (
    complete_return,
    exchange_choices,
    normalise_return_number,
    open_exchange,
    open_return,
    order_of_return,
    preview_exchange,
    preview_return,
    returnable_lines,
    track_returns,
)
from shop.trouble import report_problem
from tests.shop.conftest import SmallShop

ORIGINAL, GIFT_CARD = RefundTarget.ORIGINAL, RefundTarget.GIFT_CARD
FREE = (
    ReturnReason.DAMAGED,
    ReturnReason.FAULTY,
    ReturnReason.WRONG_ITEM,
    ReturnReason.NOT_AS_DESCRIBED,
    ReturnReason.ARRIVED_LATE,
)
SPOILT = (ReturnReason.DAMAGED, ReturnReason.FAULTY, ReturnReason.WRONG_ITEM)


@pytest.fixture
def emma(small_shop: SmallShop) -> Customer:
    return small_shop.customer()


@pytest.fixture
def lamps(small_shop: SmallShop) -> list[Variant]:
    """Black for 100, white for 120, red for 70 yuan; five of each."""
    return small_shop.product(10_000, 12_000, 7_000)


@pytest.fixture
def order(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> Order:
    """Three black lamps, delivered five days ago."""
    return small_shop.order(emma, (lamps[0], 3), arrived=5)


def send_back(
    shop: SmallShop,
    order: Order,
    pieces: int = 1,
    line: int = 0,
    reason: ReturnReason = ReturnReason.FAULTY,
    to: RefundTarget = ORIGINAL,
    key: str = "yes",
) -> str:
    items = {order.lines[line].id: pieces}
    return open_return(shop.db, shop.shopper(order.customer), order.number, items, reason, to, key=key).number


def finish(shop: SmallShop, order: Order, state: ReturnState) -> None:
    shop.one(Return).state = state
    shop.commit()


# what may come back


def test_what_was_delivered_may_come_back_piece_by_piece(small_shop: SmallShop, order: Order) -> None:
    shopper = small_shop.shopper(order.customer)
    assert [line.quantity for line in returnable_lines(small_shop.db, shopper, order.number)] == [3]
    send_back(small_shop, order, 2)
    assert [line.quantity for line in returnable_lines(small_shop.db, shopper, order.number)] == [1]


@pytest.mark.parametrize(
    ("state", "has_shipped"),
    [
        (OrderState.AWAITING_PAYMENT, False),
        (OrderState.PROCESSING, False),
        (OrderState.ON_HOLD, False),
        (OrderState.SHIPPED, True),
    ],
)
def test_what_has_not_arrived_cannot_come_back(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant], state: OrderState, has_shipped: bool
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=state, due_on=small_shop.time.today)
    with pytest.raises(NotDeliveredYet) as refusal:
        send_back(small_shop, order)
    assert refusal.value.facts == {
        "number": order.number,
        "due_on": small_shop.time.today,
        "has_shipped": has_shipped,
    }
    with pytest.raises(NotDeliveredYet):
        returnable_lines(small_shop.db, small_shop.shopper(emma), order.number)


def test_a_cancelled_order_has_nothing_to_send_back(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), state=OrderState.CANCELLED)
    with pytest.raises(AlreadyCancelled):
        send_back(small_shop, order)


def test_the_window_is_open_on_its_last_day_and_closed_after(small_shop: SmallShop, order: Order) -> None:
    shopper = small_shop.shopper(order.customer)
    small_shop.time.forward(days=POLICY.return_window_days - 5)
    last_day = small_shop.time.today
    returnable_lines(small_shop.db, shopper, order.number)
    small_shop.time.forward(days=1)
    with pytest.raises(ReturnWindowClosed) as refusal:
        send_back(small_shop, order)
    assert refusal.value.facts == {
        "number": order.number,
        "closed_on": last_day,
        "window_days": POLICY.return_window_days,
    }
    with pytest.raises(ReturnWindowClosed):
        returnable_lines(small_shop.db, shopper, order.number)
    assert small_shop.trail() == []


def test_when_all_is_going_back_the_return_is_named(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order, 3)
    for ask in (
        lambda: returnable_lines(small_shop.db, small_shop.shopper(order.customer), order.number),
        lambda: send_back(small_shop, order, key="again"),
    ):
        with pytest.raises(AlreadyReturned) as refusal:
            ask()
        assert refusal.value.return_number == number


def test_a_rejected_return_is_not_opened_again(small_shop: SmallShop, order: Order) -> None:
    send_back(small_shop, order, 3)
    finish(small_shop, order, ReturnState.REJECTED)
    with pytest.raises(AlreadyReturned):
        send_back(small_shop, order, key="again")


def test_what_was_never_sent_may_be_returned_anew(small_shop: SmallShop, order: Order) -> None:
    send_back(small_shop, order, 3)
    finish(small_shop, order, ReturnState.EXPIRED)
    send_back(small_shop, order, 3, key="again")
    assert [back.refund_cents for back in small_shop.all(Return)] == [30_000, 30_000]


def test_what_a_ticket_makes_good_does_not_come_back_too(small_shop: SmallShop, order: Order) -> None:
    shopper, line = small_shop.shopper(order.customer), order.lines[0].id
    ticket = report_problem(
        small_shop.db, shopper, order.number, TicketKind.DAMAGED, [line], Remedy.REFUND, description="", key="one"
    )
    with pytest.raises(AlreadyReported) as refusal:
        send_back(small_shop, order)
    assert refusal.value.ticket_number == ticket.number


def test_food_stays_unless_it_was_spoilt(small_shop: SmallShop, emma: Customer) -> None:
    (chocolates,) = small_shop.product(5_000, is_returnable=False)
    order, shopper = small_shop.order(emma, (chocolates, 2), arrived=2), small_shop.shopper(emma)
    with pytest.raises(NotReturnable) as refusal:
        returnable_lines(small_shop.db, shopper, order.number)
    assert refusal.value.facts == {"product_zh": "台灯1", "product_en": "Lamp 1"}
    for reason in set(ReturnReason) - set(SPOILT):
        with pytest.raises(NotReturnable):
            send_back(small_shop, order, reason=reason)
    assert returnable_lines(small_shop.db, shopper, order.number, ReturnReason.DAMAGED)
    for reason in SPOILT:
        preview_return(small_shop.db, shopper, order.number, {order.lines[0].id: 1}, reason, ORIGINAL)


def test_beside_other_things_food_is_not_offered(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    (chocolates,) = small_shop.product(5_000, is_returnable=False)
    order = small_shop.order(emma, (chocolates, 1), (lamps[0], 1), arrived=2)
    (offered,) = returnable_lines(small_shop.db, small_shop.shopper(emma), order.number)
    assert offered.id == order.lines[1].id


def test_an_item_of_another_order_is_no_such_item(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant], order: Order
) -> None:
    other, shopper = small_shop.order(emma, (lamps[1], 1), arrived=5), small_shop.shopper(emma)
    for items in ({other.lines[0].id: 1}, {999: 1}, {}):
        with pytest.raises(NoSuchItem):
            preview_return(small_shop.db, shopper, order.number, items, ReturnReason.FAULTY, ORIGINAL)


@pytest.mark.parametrize("pieces", [0, -1, 4, 999])
def test_no_more_pieces_go_back_than_are_there(small_shop: SmallShop, order: Order, pieces: int) -> None:
    with pytest.raises(InvalidQuantity) as refusal:
        send_back(small_shop, order, pieces)
    assert refusal.value.facts == {"most": 3}
    assert small_shop.all(Return) == []


def test_nobody_returns_an_order_that_is_not_proven_theirs(small_shop: SmallShop, order: Order) -> None:
    stranger, line = small_shop.shopper(small_shop.customer("other@example.com")), order.lines[0].id
    with pytest.raises(OrderNotFound):
        returnable_lines(small_shop.db, stranger, order.number)
    with pytest.raises(OrderNotFound):
        open_return(small_shop.db, stranger, order.number, {line: 1}, ReturnReason.FAULTY, ORIGINAL, key="yes")
    with pytest.raises(OrderNotFound):
        exchange_choices(small_shop.db, stranger, order.number, line)
    with pytest.raises(OrderNotFound):
        track_returns(small_shop.db, stranger, order.number)


# for how much


@given(amount=st.integers(0, 10**7), weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_add_up_to_the_cent_and_none_is_a_cent_off(amount: int, weights: list[int]) -> None:
    shares = prorate(amount, weights)
    total = sum(weights)
    assert sum(shares) == (amount if total else 0)
    assert all(
        abs(share * total - amount * weight) < total for share, weight in zip(shares, weights, strict=True) if total
    )


@pytest.mark.parametrize("reason", list(ReturnReason))
def test_the_way_back_is_free_only_where_the_shop_is_at_fault(
    small_shop: SmallShop, order: Order, reason: ReturnReason
) -> None:
    items, shopper = {order.lines[0].id: 2}, small_shop.shopper(order.customer)
    seen = preview_return(small_shop.db, shopper, order.number, items, reason, ORIGINAL)
    fee = 0 if reason in FREE else POLICY.return_shipping_cents
    assert (seen.goods_cents, seen.fee_cents, seen.refund_cents) == (20_000, fee, 20_000 - fee)


def test_gold_members_never_pay_the_way_back(small_shop: SmallShop, order: Order) -> None:
    order.customer.membership = Membership.GOLD
    small_shop.commit()
    send_back(small_shop, order, reason=ReturnReason.CHANGED_MIND)
    assert (small_shop.one(Return).fee_cents, small_shop.one(Return).refund_cents) == (0, 10_000)


def test_the_way_back_never_costs_more_than_the_goods(small_shop: SmallShop, emma: Customer) -> None:
    (sticker,) = small_shop.product(500)
    order = small_shop.order(emma, (sticker, 1), arrived=1)
    send_back(small_shop, order, reason=ReturnReason.CHANGED_MIND)
    assert (small_shop.one(Return).fee_cents, small_shop.one(Return).refund_cents) == (500, 0)


def test_the_discount_is_shared_by_all_pieces(small_shop: SmallShop, emma: Customer, lamps: list[Variant]) -> None:
    order = small_shop.order(emma, (lamps[0], 1), (lamps[1], 1), arrived=1, discount_cents=2_200, shipping_cents=1_000)
    send_back(small_shop, order, line=0, key="one")
    send_back(small_shop, order, line=1, key="two")
    assert [back.refund_cents for back in small_shop.all(Return)] == [9_000, 10_800]


@pytest.mark.parametrize("discount", [0, 1, 2, 100, 3_333, 29_999, 30_000, 31_000])
def test_several_returns_one_after_another_give_back_exactly_what_was_paid(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant], discount: int
) -> None:
    order = small_shop.order(emma, (lamps[0], 3), arrived=1, discount_cents=discount, shipping_cents=1_000)
    for key in ("one", "two", "three"):
        complete_return(small_shop.db, send_back(small_shop, order, key=key), actor="warehouse", key=f"done {key}")
    given_back = sum(refund.amount_cents for refund in small_shop.all(Refund))
    assert given_back == max(0, 30_000 - discount)
    assert given_back <= order.total_cents + max(0, discount - 30_000)


def test_returns_never_give_back_more_than_was_paid(small_shop: SmallShop, order: Order) -> None:
    order.payments[0].amount_cents = 25_000
    small_shop.commit()
    for key in ("one", "two", "three"):
        send_back(small_shop, order, key=key)
    assert [back.refund_cents for back in small_shop.all(Return)] == [10_000, 10_000, 5_000]


# opening a return


def test_a_return_is_opened_once_with_its_trail(small_shop: SmallShop, order: Order) -> None:
    shopper, items = small_shop.shopper(order.customer), {order.lines[0].id: 2}
    seen = preview_return(small_shop.db, shopper, order.number, items, ReturnReason.WRONG_SIZE, ORIGINAL)
    assert small_shop.all(Return) == []
    assert seen.send_back_by == small_shop.time.today + timedelta(days=POLICY.send_back_within_days)
    assert (seen.kind, seen.last_four, seen.refund_days) == (PaymentKind.VISA, "1881", POLICY.refund_days)
    for _ in range(2):
        done = open_return(
            small_shop.db,
            shopper,
            order.number,
            items,
            ReturnReason.WRONG_SIZE,
            ORIGINAL,
            key="yes",
            quote=quote_of(seen),
        )
        back = small_shop.one(Return)
        assert (done.number, done.state, done.refund_cents) == (back.number, ReturnState.OPEN, seen.refund_cents)
        assert [(line.id, line.quantity) for line in done.lines] == list(items.items())
    assert normalise_return_number(done.number) == done.number
    assert (small_shop.one(ReturnLine).quantity, small_shop.one(ReturnEvent).state) == (2, ReturnState.OPEN)
    assert small_shop.all(Refund) == []
    assert small_shop.trail() == [("visitor", "open_return", order.number)]


def test_a_yes_to_another_refund_opens_nothing(small_shop: SmallShop, order: Order) -> None:
    shopper, items = small_shop.shopper(order.customer), {order.lines[0].id: 1}
    quote = quote_of(preview_return(small_shop.db, shopper, order.number, items, ReturnReason.FAULTY, ORIGINAL))
    with pytest.raises(QuoteChanged):
        open_return(
            small_shop.db, shopper, order.number, items, ReturnReason.CHANGED_MIND, ORIGINAL, key="yes", quote=quote
        )
    assert small_shop.all(Return) == []


def test_a_refund_may_go_to_a_gift_card_and_is_quick_then(small_shop: SmallShop, order: Order) -> None:
    items = {order.lines[0].id: 1}
    shopper = small_shop.shopper(order.customer)
    seen = preview_return(small_shop.db, shopper, order.number, items, ReturnReason.FAULTY, GIFT_CARD)
    assert (seen.kind, seen.refund_days) == (PaymentKind.GIFT_CARD, POLICY.gift_card_refund_days)
    number = send_back(small_shop, order, to=GIFT_CARD)
    complete_return(small_shop.db, number, actor="warehouse", key="done")
    refund = small_shop.one(Refund)
    assert (refund.kind, refund.amount_cents, refund.state) == (PaymentKind.GIFT_CARD, 10_000, RefundState.PENDING)
    assert refund.expected_on == small_shop.time.today + timedelta(days=POLICY.gift_card_refund_days)


# the parcel is back


def test_a_parcel_that_is_back_books_the_refund_and_fills_the_shelf(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order, 2, reason=ReturnReason.CHANGED_MIND)
    for _ in range(2):
        done = complete_return(small_shop.db, number, actor="warehouse", key="done")
        assert done.state is ReturnState.COMPLETED
        assert done.refund is not None
        assert done.refund.amount_cents == 20_000 - POLICY.return_shipping_cents
    assert small_shop.one(Refund).return_id == small_shop.one(Return).id
    assert [event.state for event in small_shop.all(ReturnEvent)] == [ReturnState.OPEN, ReturnState.COMPLETED]
    assert small_shop.all(Variant)[0].stock == 7
    assert small_shop.trail()[-1] == ("warehouse", "complete_return", number)


def test_spoilt_goods_do_not_go_on_the_shelf(small_shop: SmallShop, order: Order) -> None:
    complete_return(small_shop.db, send_back(small_shop, order, reason=ReturnReason.FAULTY), actor="w", key="done")
    assert small_shop.all(Variant)[0].stock == 5


def test_a_return_is_completed_once(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order)
    complete_return(small_shop.db, number, actor="warehouse", key="one")
    with pytest.raises(AlreadyReturned):
        complete_return(small_shop.db, number, actor="warehouse", key="two")
    with pytest.raises(NoSuchReturn):
        complete_return(small_shop.db, "R0000000", actor="warehouse", key="three")
    assert len(small_shop.all(Refund)) == 1


# exchanging


def exchange(
    shop: SmallShop,
    order: Order,
    variant: Variant,
    pieces: int = 1,
    reason: ReturnReason = ReturnReason.WRONG_SIZE,
    key: str = "yes",
) -> int:
    """The difference, as it was said and then done."""
    shopper, line = shop.shopper(order.customer), order.lines[0].id
    seen = preview_exchange(shop.db, shopper, order.number, line, variant.id, pieces, reason)
    done = open_exchange(
        shop.db, shopper, order.number, line, variant.id, pieces, reason, key=key, quote=quote_of(seen)
    )
    assert done.replacement is not None
    assert (done.kind, done.replacement.id) == (ReturnKind.EXCHANGE, variant.id)
    return seen.difference_cents


def test_the_other_variants_are_offered_while_the_window_is_open(small_shop: SmallShop, order: Order) -> None:
    shopper, line = small_shop.shopper(order.customer), order.lines[0].id
    offered = exchange_choices(small_shop.db, shopper, order.number, line)
    assert [variant.options_zh for variant in offered] == ["白色", "红色"]
    small_shop.time.forward(days=POLICY.exchange_window_days)
    with pytest.raises(ReturnWindowClosed) as refusal:
        exchange_choices(small_shop.db, shopper, order.number, line)
    assert refusal.value.window_days == POLICY.exchange_window_days


def test_a_dearer_variant_is_charged_when_the_exchange_is_opened(
    small_shop: SmallShop, order: Order, lamps: list[Variant]
) -> None:
    assert exchange(small_shop, order, lamps[1], 2) == 4_000
    assert [payment.amount_cents for payment in small_shop.all(Payment)] == [30_000, 4_000]
    assert [variant.stock for variant in small_shop.all(Variant)] == [5, 3, 5]
    assert (small_shop.one(ReturnLine).quantity, small_shop.one(ReturnLine).replacement_id) == (2, lamps[1].id)
    assert small_shop.one(Return).refund_cents == 0


def test_a_cheaper_variant_gives_the_difference_back_when_the_parcel_is(
    small_shop: SmallShop, order: Order, lamps: list[Variant]
) -> None:
    assert exchange(small_shop, order, lamps[2]) == -3_000
    assert small_shop.all(Refund) == []
    complete_return(small_shop.db, small_shop.one(Return).number, actor="warehouse", key="done")
    assert small_shop.one(Refund).amount_cents == 3_000


def test_the_difference_given_back_is_never_more_than_was_paid(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    order = small_shop.order(emma, (lamps[0], 1), arrived=1, discount_cents=9_000)
    assert exchange(small_shop, order, lamps[2]) == -1_000


def test_exchanged_pieces_cannot_be_returned_too(small_shop: SmallShop, order: Order, lamps: list[Variant]) -> None:
    exchange(small_shop, order, lamps[1], 2)
    with pytest.raises(InvalidQuantity) as refusal:
        send_back(small_shop, order, 2, key="more")
    assert refusal.value.most == 1


def test_an_exchange_is_opened_once(small_shop: SmallShop, order: Order, lamps: list[Variant]) -> None:
    shopper, line = small_shop.shopper(order.customer), order.lines[0].id
    for _ in range(2):
        open_exchange(small_shop.db, shopper, order.number, line, lamps[1].id, 1, ReturnReason.WRONG_SIZE, key="yes")
    assert len(small_shop.all(Return)) == 1
    assert [variant.stock for variant in small_shop.all(Variant)] == [5, 4, 5]


@pytest.mark.parametrize("reason", list(ReturnReason))
def test_the_same_variant_is_sent_again_only_where_the_first_was_spoilt(
    small_shop: SmallShop, order: Order, lamps: list[Variant], reason: ReturnReason
) -> None:
    lamps[0].price_cents = 15_000  # dearer today: no matter
    small_shop.commit()
    if reason in SPOILT:
        assert exchange(small_shop, order, lamps[0], reason=reason) == 0
    else:
        with pytest.raises(SameVariant):
            exchange(small_shop, order, lamps[0], reason=reason)


def test_an_exchange_that_cannot_be_is_refused_by_name(
    small_shop: SmallShop, emma: Customer, order: Order, lamps: list[Variant]
) -> None:
    (mug,), (chocolates, dark) = small_shop.product(5_000), small_shop.product(5_000, 5_000, is_returnable=False)
    food = small_shop.order(emma, (chocolates, 1), arrived=1)
    shipped = small_shop.order(emma, (lamps[0], 1), state=OrderState.SHIPPED)
    lamps[1].stock = 1
    small_shop.commit()
    with pytest.raises(NoSuchVariant):
        exchange(small_shop, order, mug)
    with pytest.raises(OutOfStock):
        exchange(small_shop, order, lamps[1], 2)
    with pytest.raises(InvalidQuantity):
        exchange(small_shop, order, lamps[1], 0)
    with pytest.raises(NotReturnable):
        exchange(small_shop, food, dark)
    with pytest.raises(NotDeliveredYet):
        exchange(small_shop, shipped, lamps[1])
    with pytest.raises(NoSuchItem):
        exchange_choices(small_shop.db, small_shop.shopper(emma), order.number, 999)
    assert small_shop.trail() == []


def test_a_gift_card_that_cannot_bear_the_difference_opens_no_exchange(
    small_shop: SmallShop, emma: Customer, lamps: list[Variant]
) -> None:
    card = small_shop.method(emma, PaymentKind.GIFT_CARD, "2000", balance=1_999)
    order = small_shop.order(emma, (lamps[0], 1), arrived=1, kind=PaymentKind.GIFT_CARD, card="2000")
    with pytest.raises(BalanceTooLow):
        exchange(small_shop, order, lamps[1])
    small_shop.one(PaymentMethod, id=card).balance_cents = 2_000
    small_shop.commit()
    exchange(small_shop, order, lamps[1])
    assert small_shop.one(PaymentMethod).balance_cents == 0


# how far it has got


def test_the_returns_of_an_order_are_told_newest_first(small_shop: SmallShop, order: Order) -> None:
    first = send_back(small_shop, order, key="one")
    small_shop.time.forward(days=1)
    second = send_back(small_shop, order, to=GIFT_CARD, key="two")
    seen = track_returns(small_shop.db, small_shop.shopper(order.customer), order.number)
    assert [(back.number, back.kind_of_payment) for back in seen] == [
        (second, PaymentKind.GIFT_CARD),
        (first, PaymentKind.VISA),
    ]


def test_a_return_is_told_by_its_number(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order)
    send_back(small_shop, order, key="another")
    (seen,) = track_returns(small_shop.db, small_shop.shopper(order.customer), f"#{number.lower()}")
    assert (seen.number, seen.order_number, seen.refund) == (number, order.number, None)


def test_an_order_without_returns_says_so(small_shop: SmallShop, order: Order) -> None:
    with pytest.raises(NoSuchReturn):
        track_returns(small_shop.db, small_shop.shopper(order.customer), order.number)


def test_someone_elses_return_and_one_that_is_not_there_are_one_answer(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order)
    stranger = small_shop.shopper(small_shop.customer("other@example.com"))
    for asked in (number, "R0000000"):
        with pytest.raises(OrderNotFound) as refusal:
            track_returns(small_shop.db, stranger, asked)
        assert refusal.value.number == asked


def test_the_order_of_a_return_is_known_to_who_has_to_ask_for_its_proof(small_shop: SmallShop, order: Order) -> None:
    number = send_back(small_shop, order)
    assert order_of_return(small_shop.db, number.lower()) == order.number
    assert order_of_return(small_shop.db, "R0000000") is None
    assert order_of_return(small_shop.db, "\ud800" * 99) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("r5500001", "R5500001"),
        ("退货单号：Ｒ５５００００１", "R5500001"),
        ("W5500001", None),
        ("R550", None),
        ("", None),
    ],
)
def test_a_return_number_is_recognised_however_it_is_written(text: str, number: str | None) -> None:
    assert normalise_return_number(text) == number
