"""What was paid for an order, what of it has gone back, and the exact cents of each piece."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import desc, select, update
from sqlalchemy.orm import Session

from shop import clock
from shop.errors import BalanceTooLow
from shop.models import (
    Order,
    OrderLine,
    Payment,
    PaymentKind,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    ReturnState,
)
from shop.policy import POLICY

TAKEN = (PaymentState.PAID, PaymentState.REFUNDED)  # money that came in, whether or not it went back later
FORFEITED = (ReturnState.REJECTED, ReturnState.EXPIRED)  # returns that cost the shop nothing


def prorate(amount: int, weights: Sequence[int]) -> list[int]:
    """Shares of an amount in proportion to weights, exact in sum: the largest remainders get the last cents."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return shares


def piece_prices(order: Order) -> dict[int, list[int]]:
    """What was paid for each piece of each line (by line id), the order's discount taken off exactly."""
    pieces = [line for line in order.lines for _ in range(line.quantity)]
    prices = [line.unit_price_cents for line in pieces]
    discounts = prorate(min(order.discount_cents, sum(prices)), prices)
    paid: dict[int, list[int]] = {line.id: [] for line in order.lines}
    for line, price, discount in zip(pieces, prices, discounts, strict=True):
        paid[line.id].append(price - discount)
    return paid


def price_of_pieces(line: OrderLine, first: int, count: int) -> int:
    """What was paid for some pieces of a line; the first ones may have gone back before."""
    return sum(piece_prices(line.order)[line.id][first : first + count])


def taken_cents(order: Order) -> int:
    return sum(payment.amount_cents for payment in order.payments if payment.state in TAKEN)


def paid_with(order: Order) -> Payment | None:
    """The payment that counts: the last one that came in."""
    taken = [payment for payment in order.payments if payment.state in TAKEN]
    return taken[-1] if taken else None


def refundable_cents(order: Order) -> int:
    """What the shop still has of the customer's money for this order and has promised to nobody."""
    booked = sum(refund.amount_cents for refund in order.refunds)
    open_ones = [back for back in order.returns if back.refund is None and back.state not in FORFEITED]
    return max(0, taken_cents(order) - booked - sum(back.refund_cents for back in open_ones))


def refund_days(kind: PaymentKind, otherwise: int) -> int:
    """How long a refund takes: gift cards are the shop's own and quick."""
    return POLICY.gift_card_refund_days if kind is PaymentKind.GIFT_CARD else otherwise


def book_refund(
    session: Session,
    order: Order,
    kind: PaymentKind,
    last_four: str,
    cents: int,
    days: int,
    return_id: int | None = None,
) -> None:
    """Book money back to a card, a wallet or as gift card credit; it is paid out later."""
    refund = Refund(
        order=order,
        return_id=return_id,
        kind=kind,
        last_four=last_four,
        amount_cents=cents,
        state=RefundState.PENDING,
        opened_at=clock.now(),
        expected_on=clock.today() + timedelta(days=refund_days(kind, days)),
    )
    session.add(refund)


def take_payment(session: Session, order: Order, kind: PaymentKind, last_four: str, cents: int) -> None:
    """Take money for an order; a gift card's has to be spent first."""
    now = clock.now()
    made = Payment(order=order, kind=kind, last_four=last_four, amount_cents=cents, state=PaymentState.PAID, at=now)
    session.add(made)


def spend(session: Session, card: PaymentMethod, cents: int) -> None:
    """Take credit off a gift card, checked and counted in one statement. Raises BalanceTooLow."""
    balance: Any = PaymentMethod.balance_cents
    query = update(PaymentMethod).where(PaymentMethod.id == card.id, balance >= cents)
    query = query.values(balance_cents=balance - cents)
    spent: Any = session.execute(query.execution_options(synchronize_session=False))
    session.refresh(card)
    if spent.rowcount == 0:
        raise BalanceTooLow(card.balance_cents or 0, cents)


def settle_difference(session: Session, order: Order, cents: int) -> None:
    """Charge a difference to the way the order was paid, or book it back; an unpaid order is paid as a whole later.

    Raises BalanceTooLow.
    """
    payment = paid_with(order)
    if payment is None or cents == 0:
        return
    if cents > 0:
        if payment.kind is PaymentKind.GIFT_CARD:
            spend(session, _card_with(session, order, payment.last_four, cents), cents)
        take_payment(session, order, payment.kind, payment.last_four, cents)
    elif back := min(-cents, refundable_cents(order)):
        book_refund(session, order, payment.kind, payment.last_four, back, POLICY.cancellation_refund_days)


def need_difference(session: Session, order: Order, cents: int) -> None:
    """Raises BalanceTooLow where a gift card paid for the order and cannot bear the difference."""
    payment = paid_with(order)
    if payment is not None and payment.kind is PaymentKind.GIFT_CARD and cents > 0:
        _card_with(session, order, payment.last_four, cents)


def _card_with(session: Session, order: Order, last_four: str, cents: int) -> PaymentMethod:
    cards = select(PaymentMethod).filter_by(
        customer_id=order.customer_id, kind=PaymentKind.GIFT_CARD, last_four=last_four
    )
    card: PaymentMethod | None = session.execute(cards.order_by(desc(PaymentMethod.balance_cents))).scalars().first()
    balance = 0 if card is None else card.balance_cents or 0
    if card is None or balance < cents:
        raise BalanceTooLow(balance, cents)
    return card
