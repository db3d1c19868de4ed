"""What became of the crowd's orders after they arrived: returns, exchanges, tickets, invoices."""

from __future__ import annotations

from random import Random

from shop import clock
from shop.models import (
    Invoice,
    Order,
    OrderLine,
    OrderState,
    RefundTarget,
    Remedy,
    Return,
    ReturnReason,
    ReturnState,
    Ticket,
    TicketKind,
    Variant,
)
from shop.policy import POLICY
from shop.sample.aftersales import a_return, a_ticket, an_invoice
from shop.sample.drawn_numbers import DrawnNumbers

RETURN_AGES = {  # the least and most days ago that a return now in this state was opened
    ReturnState.OPEN: (0, 5),
    ReturnState.SENT_BACK: (3, 6),
    ReturnState.RECEIVED: (6, 8),
    ReturnState.COMPLETED: (7, 380),
    ReturnState.REJECTED: (8, 380),
    ReturnState.EXPIRED: (9, 380),
}
COMPLAINTS = {
    TicketKind.DAMAGED: (
        Remedy.RESEND,
        {"zh": "外箱压扁了，里面也碎了", "en": "The box was crushed, and so is what's in it."},
    ),
    TicketKind.WRONG_ITEM: (Remedy.RESEND, {"zh": "发错颜色了", "en": "This is not the one I ordered."}),
    TicketKind.MISSING_ITEM: (Remedy.REFUND, {"zh": "少发了一件", "en": "One piece was missing from the parcel."}),
    TicketKind.FAULT: (Remedy.ADVICE, {"zh": "用了两天就不行了", "en": "It stopped working after two days."}),
    TicketKind.WARRANTY: (
        Remedy.REPAIR,
        {"zh": "保修期内坏了，想修一下", "en": "It broke under warranty, can it be repaired?"},
    ),
}


def crowd_returns(orders: list[Order], numbers: DrawnNumbers, rng: Random) -> list[Return]:
    """A return or an exchange for about one delivered order in ten, in every state that its age allows."""
    candidates = [order for order in orders if _can_go_back(order)]
    return [_return(order, numbers, rng) for order in candidates if rng.random() < 0.14]


def crowd_tickets(orders: list[Order], numbers: DrawnNumbers, rng: Random) -> list[Ticket]:
    """A ticket for about one delivered order in thirty."""
    return [
        _ticket(order, numbers, rng) for order in orders if order.state is OrderState.DELIVERED and rng.random() < 0.035
    ]


def crowd_invoices(orders: list[Order], numbers: DrawnNumbers, rng: Random) -> list[Invoice]:
    """An invoice for about one order in six that has arrived."""
    invoices = []
    for order in orders:
        if order.state is OrderState.DELIVERED and rng.random() < 0.16:
            order.invoice = an_invoice(order, rng, number=numbers.draw("INV", 10))
            invoices.append(order.invoice)
    return invoices


def _days_since_delivery(order: Order) -> int:
    return (clock.today() - clock.day_of(order.shipment.delivered_at)).days


def _can_go_back(order: Order) -> bool:
    """Delivered, all of it returnable, and without a discount that would have to be shared out."""
    return (
        order.state is OrderState.DELIVERED
        and order.discount_cents == 0
        and _days_since_delivery(order) >= 1
        and all(line.variant.product.is_returnable for line in order.lines)
    )


def _return(order: Order, numbers: DrawnNumbers, rng: Random) -> Return:
    delivered = _days_since_delivery(order)
    earliest, latest = max(delivered - POLICY.return_window_days, 0), delivered - 1
    ages = {state: age for state, age in RETURN_AGES.items() if age[0] <= latest and age[1] >= earliest}
    state = rng.choice(list(ages))
    line = rng.choice(order.lines)
    replacement = _sibling(line, rng) if rng.random() < 0.25 else None
    return a_return(
        order,
        [(line, line.quantity)],
        number=numbers.draw("R"),
        state=state,
        reason=ReturnReason.WRONG_SIZE if replacement is not None else rng.choice(list(ReturnReason)),
        opened=rng.randint(max(earliest, ages[state][0]), min(latest, ages[state][1])),
        refund_to=RefundTarget.GIFT_CARD if rng.random() < 0.2 else RefundTarget.ORIGINAL,
        replacement=replacement,
    )


def _sibling(line: OrderLine, rng: Random) -> Variant | None:
    """Another variant of the same product at the same price, if there is one."""
    others = [
        variant
        for variant in line.variant.product.variants
        if variant is not line.variant and variant.price_cents == line.unit_price_cents
    ]
    return rng.choice(others) if others else None


def _ticket(order: Order, numbers: DrawnNumbers, rng: Random) -> Ticket:
    kind = rng.choice(list(COMPLAINTS))
    remedy, words = COMPLAINTS[kind]
    opened = max(_days_since_delivery(order) - rng.randint(0, 5), 0)
    return a_ticket(
        order,
        number=numbers.draw("T"),
        kind=kind,
        remedy=remedy,
        opened=opened,
        description=words[order.customer.language],
    )
