"""Parcels lost, damaged, wrong or short, products that fail, warranties: made good once, in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from shop.delivery import months_after
from shop.errors import (
    AlreadyCancelled,
    AlreadyReported,
    AlreadyReturned,
    NoSuchItem,
    NotDeliveredYet,
    NotOverdueYet,
    NoWarranty,
    OrderNotFound,
    OutOfStock,
    QuoteChanged,
    ReportTooLate,
    WarrantyExpired,
)
from shop.models import (
    Customer,
    Order,
    OrderState,
    PaymentKind,
    Refund,
    RefundState,
    RefundTarget,
    Remedy,
    ReturnReason,
    ShipmentState,
    Ticket,
    TicketKind,
    TicketState,
    Variant,
)
from shop.policy import POLICY
from shop.records import quote_of
from shop.returns import open_return
from shop.trouble import (
    TicketView,
    claim_warranty,
    open_ticket,
    preview_repair,
    preview_report,
    report_problem,
    warranty_of,
)
from tests.shop.conftest import SmallShop

OF_ITEMS = (TicketKind.DAMAGED, TicketKind.WRONG_ITEM, TicketKind.MISSING_ITEM)


@pytest.fixture
def emma(small_shop: SmallShop) -> Customer:
    return small_shop.customer()


@pytest.fixture
def lamp(small_shop: SmallShop) -> Variant:
    """100 yuan, five in stock, a warranty of twelve months."""
    return small_shop.product(10_000)[0]


@pytest.fixture
def mug(small_shop: SmallShop) -> Variant:
    """50 yuan, five in stock, no warranty."""
    return small_shop.product(5_000, warranty_months=0)[0]


@pytest.fixture
def order(small_shop: SmallShop, emma: Customer, lamp: Variant, mug: Variant) -> Order:
    """A lamp and two mugs, delivered five days ago, 10 yuan shipping."""
    return small_shop.order(emma, (lamp, 1), (mug, 2), arrived=5, shipping_cents=1_000)


def report(
    shop: SmallShop,
    order: Order,
    kind: TicketKind = TicketKind.DAMAGED,
    lines: Sequence[int] = (0,),
    remedy: Remedy = Remedy.REFUND,
    key: str = "yes",
) -> TicketView:
    """Said back, then done."""
    shopper, ids = shop.shopper(order.customer), [order.lines[line].id for line in lines]
    seen = preview_report(shop.db, shopper, order.number, kind, ids, remedy)
    return report_problem(
        shop.db, shopper, order.number, kind, ids, remedy, description="the box", key=key, quote=quote_of(seen)
    )


def claim(shop: SmallShop, order: Order, remedy: Remedy, line: int = 0, key: str = "yes") -> TicketView:
    shopper, line_id = shop.shopper(order.customer), order.lines[line].id
    seen = preview_repair(shop.db, shopper, order.number, line_id, remedy)
    return claim_warranty(shop.db, shopper, order.number, line_id, remedy, "died", key=key, quote=quote_of(seen))


# lost


def test_a_parcel_counts_as_lost_when_it_is_late_enough(small_shop: SmallShop, emma: Customer, lamp: Variant) -> None:
    due = small_shop.time.today
    order = small_shop.order(emma, (lamp, 1), state=OrderState.SHIPPED, due_on=due)
    small_shop.time.forward(days=POLICY.overdue_after_days - 1)
    with pytest.raises(NotOverdueYet) as refusal:
        report(small_shop, order, TicketKind.LOST)
    assert refusal.value.facts == {"due_on": due, "lost_from": due + timedelta(days=POLICY.overdue_after_days)}
    small_shop.time.forward(days=1)
    assert report(small_shop, order, TicketKind.LOST).remedy is Remedy.REFUND


def test_without_a_due_day_the_slowest_shipping_is_waited_for(
    small_shop: SmallShop, emma: Customer, lamp: Variant
) -> None:
    order = small_shop.order(emma, (lamp, 1), state=OrderState.SHIPPED)
    with pytest.raises(NotOverdueYet) as refusal:
        report(small_shop, order, TicketKind.LOST)
    shipped_on = small_shop.time.today - timedelta(days=2)
    assert refusal.value.due_on == shipped_on + timedelta(days=POLICY.standard_shipping_days[1])


def test_a_parcel_that_the_carrier_calls_lost_is_lost_at_once(
    small_shop: SmallShop, emma: Customer, lamp: Variant
) -> None:
    order = small_shop.order(emma, (lamp, 1), state=OrderState.SHIPPED, due_on=small_shop.time.today)
    order.shipment.state = ShipmentState.LOST
    small_shop.commit()
    report(small_shop, order, TicketKind.LOST)
    assert small_shop.one(Ticket).kind is TicketKind.LOST


def test_a_lost_parcel_is_refunded_with_its_shipping_under_one_ticket(
    small_shop: SmallShop, emma: Customer, lamp: Variant, mug: Variant
) -> None:
    late = small_shop.time.today - timedelta(days=9)
    order = small_shop.order(emma, (lamp, 1), (mug, 2), state=OrderState.SHIPPED, due_on=late, shipping_cents=1_000)
    seen = preview_report(small_shop.db, small_shop.shopper(emma), order.number, TicketKind.LOST, [], Remedy.REFUND)
    assert (seen.refund_cents, seen.kind_of_payment, seen.last_four) == (21_000, PaymentKind.VISA, "1881")
    assert seen.answer_by == small_shop.time.today + timedelta(days=POLICY.ticket_answer_days)
    done = report(small_shop, order, TicketKind.LOST, lines=())
    ticket, refund = small_shop.one(Ticket), small_shop.one(Refund)
    assert (done.number, done.numbers, len(done.lines)) == (ticket.number, (ticket.number,), 2)
    assert (ticket.order_line_id, ticket.description, ticket.state) == (None, "the box", TicketState.OPEN)
    assert (refund.amount_cents, refund.state, refund.kind) == (21_000, RefundState.PENDING, PaymentKind.VISA)


def test_delivered_but_not_there_is_reported_after_a_look_around(
    small_shop: SmallShop, emma: Customer, lamp: Variant
) -> None:
    order = small_shop.order(emma, (lamp, 1), arrived=0)
    arrived_on = small_shop.time.today
    small_shop.time.forward(days=POLICY.not_received_after_days - 1)
    with pytest.raises(NotOverdueYet) as refusal:
        report(small_shop, order, TicketKind.LOST)
    assert refusal.value.facts == {
        "due_on": arrived_on,
        "lost_from": arrived_on + timedelta(days=POLICY.not_received_after_days),
    }
    small_shop.time.forward(days=1)
    report(small_shop, order, TicketKind.LOST)


@pytest.mark.parametrize("kind", [TicketKind.LOST, *OF_ITEMS])
def test_what_has_not_left_yet_has_not_gone_wrong(
    small_shop: SmallShop, emma: Customer, lamp: Variant, kind: TicketKind
) -> None:
    order = small_shop.order(emma, (lamp, 1))
    with pytest.raises(NotDeliveredYet):
        report(small_shop, order, kind)
    cancelled = small_shop.order(emma, (lamp, 1), state=OrderState.CANCELLED)
    with pytest.raises(AlreadyCancelled):
        report(small_shop, cancelled, kind)


# damaged, wrong, missing


@pytest.mark.parametrize("kind", OF_ITEMS)
def test_an_item_is_refunded_by_what_was_paid_for_it(small_shop: SmallShop, order: Order, kind: TicketKind) -> None:
    report(small_shop, order, kind, lines=(1,))
    ticket, refund = small_shop.one(Ticket), small_shop.one(Refund)
    assert (ticket.kind, ticket.order_line_id, refund.amount_cents) == (kind, order.lines[1].id, 10_000)
    assert small_shop.trail() == [("visitor", "report_problem", order.number)]


def test_an_item_is_sent_again_from_stock(small_shop: SmallShop, order: Order) -> None:
    done = report(small_shop, order, lines=(1,), remedy=Remedy.RESEND)
    assert (done.remedy, [line.quantity for line in done.lines]) == (Remedy.RESEND, [2])
    assert [variant.stock for variant in small_shop.all(Variant)] == [5, 3]
    assert small_shop.all(Refund) == []


def test_each_item_reported_has_a_ticket_of_its_own(small_shop: SmallShop, order: Order) -> None:
    done = report(small_shop, order, lines=(0, 1, 0))
    tickets = small_shop.all(Ticket)
    assert done.numbers == tuple(ticket.number for ticket in tickets)
    assert [ticket.order_line_id for ticket in tickets] == [line.id for line in order.lines]
    assert small_shop.one(Refund).amount_cents == 20_000


def test_a_report_is_made_once(small_shop: SmallShop, order: Order) -> None:
    shopper, ids = small_shop.shopper(order.customer), [order.lines[0].id]
    done = [
        report_problem(
            small_shop.db, shopper, order.number, TicketKind.DAMAGED, ids, Remedy.RESEND, description="", key="yes"
        )
        for _ in range(2)
    ]
    assert done[0] == done[1]
    assert len(small_shop.all(Ticket)) == 1
    assert small_shop.all(Variant)[0].stock == 4


def test_what_is_still_on_its_way_is_not_damaged_yet(small_shop: SmallShop, emma: Customer, lamp: Variant) -> None:
    order = small_shop.order(emma, (lamp, 1), state=OrderState.SHIPPED)
    with pytest.raises(NotDeliveredYet) as refusal:
        report(small_shop, order)
    assert refusal.value.has_shipped


@pytest.mark.parametrize("kind", [TicketKind.LOST, *OF_ITEMS])
def test_a_report_is_made_within_days_of_delivery(small_shop: SmallShop, order: Order, kind: TicketKind) -> None:
    small_shop.time.forward(days=POLICY.report_damage_within_days - 5)
    last_day = small_shop.time.today
    preview_report(
        small_shop.db,
        small_shop.shopper(order.customer),
        order.number,
        kind,
        [order.lines[0].id],
        Remedy.REFUND,
    )
    small_shop.time.forward(days=1)
    with pytest.raises(ReportTooLate) as refusal:
        report(small_shop, order, kind)
    assert refusal.value.facts == {"closed_on": last_day, "window_days": POLICY.report_damage_within_days}


def test_an_item_is_reported_once_while_its_ticket_is_open(small_shop: SmallShop, order: Order) -> None:
    number = report(small_shop, order, remedy=Remedy.RESEND).number
    for kind in (TicketKind.DAMAGED, TicketKind.MISSING_ITEM, TicketKind.LOST):
        with pytest.raises(AlreadyReported) as refusal:
            report(small_shop, order, kind, key="again")
        assert refusal.value.ticket_number == number
    report(small_shop, order, lines=(1,), key="the other item")


def test_an_item_sent_again_may_be_reported_again_when_its_ticket_is_closed(
    small_shop: SmallShop, order: Order
) -> None:
    report(small_shop, order, remedy=Remedy.RESEND)
    small_shop.one(Ticket).state = TicketState.RESOLVED
    small_shop.commit()
    report(small_shop, order, key="again")
    assert len(small_shop.all(Ticket)) == 2


def test_an_item_refunded_is_not_refunded_again(small_shop: SmallShop, order: Order) -> None:
    report(small_shop, order)
    small_shop.one(Ticket).state = TicketState.RESOLVED
    small_shop.commit()
    with pytest.raises(AlreadyReported):
        report(small_shop, order, key="again")


def test_after_a_lost_parcel_nothing_of_it_is_reported(small_shop: SmallShop, order: Order) -> None:
    report(small_shop, order, TicketKind.LOST)
    with pytest.raises(AlreadyReported):
        report(small_shop, order, TicketKind.DAMAGED, lines=(1,), key="again")


def test_pieces_that_go_back_are_not_refunded_twice(small_shop: SmallShop, order: Order) -> None:
    shopper, mugs = small_shop.shopper(order.customer), order.lines[1].id
    open_return(small_shop.db, shopper, order.number, {mugs: 1}, ReturnReason.FAULTY, RefundTarget.ORIGINAL, key="one")
    done = report(small_shop, order, lines=(1,), key="two")
    assert ([line.quantity for line in done.lines], small_shop.one(Refund).amount_cents) == ([1], 5_000)


def test_what_has_gone_back_is_not_reported(small_shop: SmallShop, order: Order) -> None:
    shopper, items = small_shop.shopper(order.customer), {line.id: line.quantity for line in order.lines}
    number = open_return(
        small_shop.db, shopper, order.number, items, ReturnReason.FAULTY, RefundTarget.ORIGINAL, key="one"
    ).number
    for kind in (TicketKind.DAMAGED, TicketKind.LOST):
        with pytest.raises(AlreadyReturned) as refusal:
            report(small_shop, order, kind, key="two")
        assert refusal.value.return_number == number


def test_reports_never_give_back_more_than_was_paid(small_shop: SmallShop, order: Order) -> None:
    order.payments[0].amount_cents = 12_000
    small_shop.commit()
    report(small_shop, order, lines=(0,), key="one")
    report(small_shop, order, lines=(1,), key="two")
    assert [refund.amount_cents for refund in small_shop.all(Refund)] == [10_000, 2_000]


def test_what_is_not_in_stock_is_not_sent_again(small_shop: SmallShop, emma: Customer, lamp: Variant) -> None:
    order = small_shop.order(emma, (lamp, 2), (lamp, 2), arrived=5)
    lamp.stock = 3
    small_shop.commit()
    with pytest.raises(OutOfStock):
        report(small_shop, order, lines=(0, 1), remedy=Remedy.RESEND)
    report(small_shop, order, lines=(0,), remedy=Remedy.RESEND)
    assert small_shop.one(Variant).stock == 1


def test_only_items_of_the_order_are_reported(small_shop: SmallShop, order: Order) -> None:
    shopper = small_shop.shopper(order.customer)
    for ids in ([999], []):
        with pytest.raises(NoSuchItem):
            preview_report(small_shop.db, shopper, order.number, TicketKind.DAMAGED, ids, Remedy.REFUND)


def test_nobody_reports_on_an_order_that_is_not_proven_theirs(small_shop: SmallShop, order: Order) -> None:
    stranger, line = small_shop.shopper(small_shop.customer("other@example.com")), order.lines[0].id
    with pytest.raises(OrderNotFound):
        preview_report(small_shop.db, stranger, order.number, TicketKind.LOST, [], Remedy.REFUND)
    with pytest.raises(OrderNotFound):
        warranty_of(small_shop.db, stranger, order.number, line)
    with pytest.raises(OrderNotFound):
        claim_warranty(small_shop.db, stranger, order.number, line, Remedy.REPAIR, "", key="yes")
    with pytest.raises(OrderNotFound):
        open_ticket(small_shop.db, stranger, order.number, line, "", key="yes")
    assert small_shop.trail() == []


def test_a_yes_to_another_refund_reports_nothing(small_shop: SmallShop, order: Order) -> None:
    with pytest.raises(QuoteChanged):
        report_problem(
            small_shop.db,
            small_shop.shopper(order.customer),
            order.number,
            TicketKind.DAMAGED,
            [order.lines[0].id],
            Remedy.REFUND,
            description="",
            key="yes",
            quote="0" * 16,
        )
    assert small_shop.all(Ticket) == []


@pytest.mark.parametrize(("kind", "remedy"), [(TicketKind.FAULT, Remedy.REFUND), (TicketKind.LOST, Remedy.REPAIR)])
def test_a_report_of_the_wrong_kind_is_a_mistake_of_the_caller(
    small_shop: SmallShop, order: Order, kind: TicketKind, remedy: Remedy
) -> None:
    with pytest.raises(ValueError, match="not reported"):
        preview_report(small_shop.db, small_shop.shopper(order.customer), order.number, kind, [], remedy)


def test_a_description_is_kept_printable_and_short(small_shop: SmallShop, order: Order) -> None:
    line, text = order.lines[0].id, " 坏了\x00\n\u202e" + "x" * 10_000
    open_ticket(small_shop.db, small_shop.shopper(order.customer), order.number, line, text, key="yes")
    kept = small_shop.one(Ticket).description
    assert kept.startswith("坏了\nxxx")
    assert len(kept) == 1_000


# warranty


def test_an_item_is_covered_from_the_day_it_arrived(small_shop: SmallShop, order: Order) -> None:
    seen = warranty_of(small_shop.db, small_shop.shopper(order.customer), order.number, order.lines[0].id)
    assert (seen.covered_until, seen.is_covered) == (date(2032, 5, 10), True)


def test_the_last_day_of_a_warranty_still_counts(small_shop: SmallShop, order: Order) -> None:
    shopper, line = small_shop.shopper(order.customer), order.lines[0].id
    small_shop.time.forward(days=(date(2032, 5, 10) - small_shop.time.today).days)
    warranty_of(small_shop.db, shopper, order.number, line)
    small_shop.time.forward(days=1)
    with pytest.raises(WarrantyExpired) as refusal:
        claim(small_shop, order, Remedy.REPAIR)
    assert refusal.value.facts == {"product_zh": "台灯1", "product_en": "Lamp 1", "expired_on": date(2032, 5, 10)}


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2031, 1, 31), 1, date(2031, 2, 28)),
        (date(2031, 8, 31), 6, date(2032, 2, 29)),
        (date(2031, 12, 15), 1, date(2032, 1, 15)),
        (date(2032, 2, 29), 12, date(2033, 2, 28)),
        (date(2031, 5, 10), 24, date(2033, 5, 10)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last(day: date, months: int, later: date) -> None:
    assert months_after(day, months) == later


def test_without_a_warranty_there_is_no_claim(small_shop: SmallShop, order: Order) -> None:
    with pytest.raises(NoWarranty):
        claim(small_shop, order, Remedy.REPAIR, line=1)


def test_a_warranty_needs_a_delivery(small_shop: SmallShop, emma: Customer, lamp: Variant) -> None:
    for state, refusal in ((OrderState.SHIPPED, NotDeliveredYet), (OrderState.CANCELLED, AlreadyCancelled)):
        order = small_shop.order(emma, (lamp, 1), state=state)
        with pytest.raises(refusal):
            claim(small_shop, order, Remedy.REPAIR)
        with pytest.raises(refusal):
            open_ticket(small_shop.db, small_shop.shopper(emma), order.number, order.lines[0].id, "", key="yes")


@pytest.mark.parametrize(("remedy", "stock"), [(Remedy.REPAIR, 5), (Remedy.REPLACE, 4)])
def test_a_claim_opens_a_ticket_and_a_replacement_is_reserved(
    small_shop: SmallShop, order: Order, remedy: Remedy, stock: int
) -> None:
    done = claim(small_shop, order, remedy)
    ticket = small_shop.one(Ticket)
    assert (ticket.kind, ticket.remedy, ticket.order_line_id) == (TicketKind.WARRANTY, remedy, order.lines[0].id)
    assert (done.number, done.answer_by) == (
        ticket.number,
        small_shop.time.today + timedelta(days=POLICY.ticket_answer_days),
    )
    assert small_shop.all(Variant)[0].stock == stock
    assert small_shop.trail() == [("visitor", "claim_warranty", order.number)]


def test_an_item_has_one_open_claim(small_shop: SmallShop, order: Order) -> None:
    number = claim(small_shop, order, Remedy.REPAIR).number
    with pytest.raises(AlreadyReported) as refusal:
        claim(small_shop, order, Remedy.REPLACE, key="again")
    assert refusal.value.ticket_number == number


def test_what_is_not_in_stock_is_repaired_not_replaced(small_shop: SmallShop, order: Order, lamp: Variant) -> None:
    lamp.stock = 0
    small_shop.commit()
    with pytest.raises(OutOfStock):
        claim(small_shop, order, Remedy.REPLACE)
    claim(small_shop, order, Remedy.REPAIR)


def test_what_has_gone_back_is_covered_no_more(small_shop: SmallShop, order: Order) -> None:
    shopper, lamp = small_shop.shopper(order.customer), order.lines[0].id
    open_return(small_shop.db, shopper, order.number, {lamp: 1}, ReturnReason.FAULTY, RefundTarget.ORIGINAL, key="one")
    with pytest.raises(AlreadyReturned):
        claim(small_shop, order, Remedy.REPAIR)


def test_a_warranty_repairs_or_replaces_and_nothing_else(small_shop: SmallShop, order: Order) -> None:
    with pytest.raises(ValueError, match="does not offer"):
        claim(small_shop, order, Remedy.REFUND)


# a specialist


def test_a_specialist_is_asked_about_any_item_covered_or_not(small_shop: SmallShop, order: Order) -> None:
    shopper, mugs = small_shop.shopper(order.customer), order.lines[1].id
    done = [open_ticket(small_shop.db, shopper, order.number, mugs, "it leaks", key="yes") for _ in range(2)]
    ticket = small_shop.one(Ticket)
    assert done[0] == done[1]
    assert (ticket.kind, ticket.remedy, ticket.description) == (TicketKind.FAULT, Remedy.ADVICE, "it leaks")
    with pytest.raises(AlreadyReported):
        open_ticket(small_shop.db, shopper, order.number, mugs, "it still leaks", key="again")
    with pytest.raises(NoSuchItem):
        open_ticket(small_shop.db, shopper, order.number, 999, "", key="other")
