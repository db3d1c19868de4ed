"""Returns, exchanges, tickets and invoices of the sample's orders, each with a past that fits its state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from shop import clock
from shop.models import (
    Invoice,
    Membership,
    Order,
    OrderLine,
    Payment,
    PaymentKind,
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
    Ticket,
    TicketKind,
    TicketState,
    Variant,
)
from shop.policy import POLICY
from shop.sample.orders import moment

SHOP_AT_FAULT = {
    ReturnReason.DAMAGED,
    ReturnReason.FAULTY,
    ReturnReason.WRONG_ITEM,
    ReturnReason.NOT_AS_DESCRIBED,
    ReturnReason.ARRIVED_LATE,
}
# What a return goes through: state, and the days after its opening.
TRAILS = {
    ReturnState.OPEN: [(ReturnState.OPEN, 0)],
    ReturnState.SENT_BACK: [(ReturnState.OPEN, 0), (ReturnState.SENT_BACK, 2)],
    ReturnState.RECEIVED: [(ReturnState.OPEN, 0), (ReturnState.SENT_BACK, 2), (ReturnState.RECEIVED, 5)],
    ReturnState.EXPIRED: [(ReturnState.OPEN, 0), (ReturnState.EXPIRED, 8)],
}
TRAILS[ReturnState.COMPLETED] = [*TRAILS[ReturnState.RECEIVED], (ReturnState.COMPLETED, 6)]
TRAILS[ReturnState.REJECTED] = [*TRAILS[ReturnState.RECEIVED], (ReturnState.REJECTED, 7)]


def a_return(
    order: Order,
    pieces: Sequence[tuple[OrderLine, int]],
    *,
    number: str,
    state: ReturnState,
    reason: ReturnReason,
    opened: int,
    refund_to: RefundTarget = RefundTarget.ORIGINAL,
    replacement: Variant | None = None,
) -> Return:
    """A return opened some days ago, or an exchange where there is a replacement (of the same price)."""
    opened_at = moment(opened, 11, 20)
    is_exchange = replacement is not None
    goods_cents = sum(line.unit_price_cents * quantity for line, quantity in pieces)
    is_free = is_exchange or reason in SHOP_AT_FAULT or order.customer.membership is Membership.GOLD
    fee_cents = 0 if is_free else POLICY.return_shipping_cents
    opened_return = Return(
        number=number,
        order=order,
        kind=ReturnKind.EXCHANGE if is_exchange else ReturnKind.RETURN,
        state=state,
        reason=reason,
        refund_to=None if is_exchange else refund_to,
        fee_cents=fee_cents,
        refund_cents=0 if is_exchange else goods_cents - fee_cents,
        opened_at=opened_at,
        send_back_by=clock.day_of(opened_at) + timedelta(days=POLICY.send_back_within_days),
        lines=[ReturnLine(order_line=line, quantity=quantity, replacement=replacement) for line, quantity in pieces],
        events=[
            ReturnEvent(state=step, at=opened_at + timedelta(days=days, hours=days)) for step, days in TRAILS[state]
        ],
    )
    if state is ReturnState.COMPLETED and not is_exchange:
        opened_return.refund = _refund(order, opened_return, refund_to)
    return opened_return


def _refund(order: Order, finished: Return, refund_to: RefundTarget) -> Refund:
    """The money for a return that passed its inspection, on its way or arrived."""
    completed_at = finished.events[-1].at
    paid: Payment = order.payments[-1]
    to_gift_card = refund_to is RefundTarget.GIFT_CARD
    days = POLICY.gift_card_refund_days if to_gift_card else POLICY.refund_days
    paid_at = completed_at + timedelta(days=1 if to_gift_card else 2, hours=3)
    has_arrived = paid_at <= clock.now()
    return Refund(
        order=order,
        kind=PaymentKind.GIFT_CARD if to_gift_card else paid.kind,
        last_four="" if to_gift_card else paid.last_four,
        amount_cents=finished.refund_cents,
        state=RefundState.PAID if has_arrived else RefundState.PENDING,
        opened_at=completed_at,
        expected_on=clock.day_of(completed_at) + timedelta(days=days),
        paid_at=paid_at if has_arrived else None,
    )


def a_ticket(order: Order, *, number: str, kind: TicketKind, remedy: Remedy, opened: int, description: str) -> Ticket:
    """A ticket opened some days ago, resolved once its answer was due."""
    opened_at = moment(opened, 14, 5)
    answer_by = clock.day_of(opened_at) + timedelta(days=POLICY.ticket_answer_days)
    return Ticket(
        number=number,
        order=order,
        order_line=None if kind is TicketKind.LOST else order.lines[0],
        kind=kind,
        remedy=remedy,
        state=TicketState.RESOLVED if answer_by < clock.today() else TicketState.OPEN,
        description=description,
        opened_at=opened_at,
        answer_by=answer_by,
    )


def an_invoice(order: Order, rng: Random, *, number: str) -> Invoice:
    """The invoice that a customer asked for within two days of ordering."""
    company = rng.choice(["杭州云栖科技有限公司", "上海启明文化传媒有限公司", "Northwind Trading (Shanghai) Co., Ltd."])
    return Invoice(
        number=number,
        title=company if rng.random() < 0.3 else order.recipient,
        amount_cents=order.total_cents,
        issued_at=min(order.placed_at + timedelta(hours=rng.randint(1, 48)), clock.now()),
    )
