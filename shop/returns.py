"""Returns and exchanges: what of a delivered order may come back, for how much, and how far it has got.

The customer's money is promised when a return is opened and booked when the parcel has come and been inspected
(`complete_return`). The shares of an order's pieces add up to the cent, over any number of returns.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock, money, parts, stock
from shop.account import Shopper, owned_order
from shop.contacts import storable
from shop.delivery import delivered_on
from shop.errors import (
    AlreadyReported,
    AlreadyReturned,
    InvalidQuantity,
    NoSuchItem,
    NoSuchReturn,
    NotReturnable,
    OrderNotFound,
    ReturnWindowClosed,
    SameVariant,
)
from shop.ledger import fresh_number, hold_to, once
from shop.models import (
    Membership,
    Order,
    OrderLine,
    PaymentKind,
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
from shop.orders import change_order, item_choices, line_of, variant_of
from shop.policy import POLICY
from shop.views import LineView, RefundView, VariantView, line_view, refund_view, variant_view

SPOILT = (ReturnReason.DAMAGED, ReturnReason.FAULTY, ReturnReason.WRONG_ITEM)
SHOP_AT_FAULT = (*SPOILT, ReturnReason.NOT_AS_DESCRIBED, ReturnReason.ARRIVED_LATE)
UNDER_WAY = (ReturnState.OPEN, ReturnState.SENT_BACK, ReturnState.RECEIVED)
DELIVERY_PROBLEMS = (TicketKind.LOST, TicketKind.DAMAGED, TicketKind.WRONG_ITEM, TicketKind.MISSING_ITEM)
RETURN_NUMBER = re.compile(r"(?<![A-Z0-9])R[ -]?([0-9]{7})(?![A-Z0-9@])")


@dataclass(frozen=True)
class ReturnPreview:
    """`goods_cents` were paid for these pieces; `fee_cents` of it pays the way back."""

    number: str
    lines: tuple[LineView, ...]
    goods_cents: int
    fee_cents: int
    refund_cents: int
    refund_to: RefundTarget
    kind: PaymentKind | None
    last_four: str | None
    send_back_by: date
    refund_days: int


@dataclass(frozen=True)
class ExchangePreview:
    """`difference_cents` above zero is charged now, below zero comes back when the parcel has."""

    number: str
    line: LineView
    variant: VariantView
    quantity: int
    difference_cents: int
    kind: PaymentKind | None
    last_four: str | None
    send_back_by: date


@dataclass(frozen=True)
class ReturnView:
    number: str
    kind: ReturnKind
    order_number: str
    state: ReturnState
    lines: tuple[LineView, ...]
    replacement: VariantView | None
    reason: ReturnReason
    refund_cents: int
    fee_cents: int
    refund_to: RefundTarget | None
    kind_of_payment: PaymentKind | None
    last_four: str | None
    opened_at: datetime
    send_back_by: date
    refund: RefundView | None


def normalise_return_number(text: str) -> str | None:
    """The return number in a text, as the shop writes it: R and seven digits."""
    found = RETURN_NUMBER.search(unicodedata.normalize("NFKC", text).upper())
    return f"R{found.group(1)}" if found else None


def returnable_lines(
    session: Session, shopper: Shopper, number: str, reason: ReturnReason | None = None
) -> tuple[LineView, ...]:
    """What may still come back, with the pieces left of each; spoilt food may, too, once that is the reason.

    Raises OrderNotFound, NotDeliveredYet, AlreadyCancelled, ReturnWindowClosed, AlreadyReturned, AlreadyReported and
    NotReturnable.
    """
    order = parts.read(session, owned_order(session, shopper, number), parts.OF_ORDER_SENT_BACK)
    _need_window(order, POLICY.return_window_days)
    left = pieces_left(order)
    lines = [line for line in order.lines if left[line.id]]
    if not lines:
        _refuse_settled(order, order.lines)
    allowed = [line for line in lines if _may_come_back(line, reason)]
    if not allowed:
        raise _not_returnable(lines[0])
    return tuple(line_view(session, line, left[line.id]) for line in allowed)


def preview_return(
    session: Session,
    shopper: Shopper,
    number: str,
    items: Mapping[int, int],
    reason: ReturnReason,
    refund_to: RefundTarget,
) -> ReturnPreview:
    """What sending pieces (line id -> how many) back would bring.

    Raises OrderNotFound, NotDeliveredYet, AlreadyCancelled, ReturnWindowClosed, NoSuchItem, InvalidQuantity,
    AlreadyReturned, AlreadyReported and NotReturnable.
    """
    order = parts.read(session, owned_order(session, shopper, number), parts.OF_ORDER_SENT_BACK)
    _need_window(order, POLICY.return_window_days)
    if not items:
        raise NoSuchItem(order.number)
    lines = [_checked_pieces(order, line_id, count, reason) for line_id, count in items.items()]
    gone = pieces_gone(order)
    goods = sum(money.price_of_pieces(line, gone[line.id], items[line.id]) for line in lines)
    fee = min(goods, _way_back_cents(order, reason))
    kind, last_four = _refund_goes_to(order, refund_to)
    return ReturnPreview(
        number=order.number,
        lines=tuple(line_view(session, line, items[line.id]) for line in lines),
        goods_cents=goods,
        fee_cents=fee,
        refund_cents=min(goods - fee, money.refundable_cents(order)),
        refund_to=refund_to,
        kind=kind,
        last_four=last_four,
        send_back_by=_send_back_by(),
        refund_days=money.refund_days(kind, POLICY.refund_days) if kind else POLICY.refund_days,
    )


def open_return(
    session: Session,
    shopper: Shopper,
    number: str,
    items: Mapping[int, int],
    reason: ReturnReason,
    refund_to: RefundTarget,
    *,
    key: str,
    quote: str | None = None,
) -> ReturnView:
    """Open the return; the refund is booked when the parcel is back. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> ReturnView:
        preview = preview_return(session, shopper, number, items, reason, refund_to)
        hold_to(quote, preview)
        lines = [ReturnLine(order_line_id=line.id, quantity=line.quantity) for line in preview.lines]
        opened = _opened(session, order, ReturnKind.RETURN, reason, lines)
        opened.refund_to = refund_to
        opened.fee_cents, opened.refund_cents = preview.fee_cents, preview.refund_cents
        return _return_view(session, opened)

    return change_order(session, shopper, number, "open_return", do, ReturnView, key=key)


def exchange_choices(session: Session, shopper: Shopper, number: str, line_id: int) -> tuple[VariantView, ...]:
    """The other variants of an item's product, in stock or not.

    Raises OrderNotFound, NoSuchItem, NotDeliveredYet, AlreadyCancelled and ReturnWindowClosed.
    """
    _need_window(owned_order(session, shopper, number), POLICY.exchange_window_days)
    return item_choices(session, shopper, number, line_id)


def preview_exchange(
    session: Session,
    shopper: Shopper,
    number: str,
    line_id: int,
    variant_id: int,
    quantity: int,
    reason: ReturnReason,
) -> ExchangePreview:
    """What swapping pieces would cost. The same variant is only sent again where the first was spoilt.

    Raises OrderNotFound, NotDeliveredYet, AlreadyCancelled, ReturnWindowClosed, NoSuchItem, InvalidQuantity,
    AlreadyReturned, AlreadyReported, NotReturnable, NoSuchVariant, SameVariant, OutOfStock and BalanceTooLow.
    """
    order = owned_order(session, shopper, number)
    _need_window(order, POLICY.exchange_window_days)
    line = _checked_pieces(order, line_id, quantity, reason)
    variant = variant_of(line, variant_id)
    if variant.id == line.variant_id and reason not in SPOILT:
        raise SameVariant
    stock.need(variant, quantity)
    difference = _difference(line, variant, quantity)
    money.need_difference(session, order, difference)
    payment = money.paid_with(order)
    return ExchangePreview(
        number=order.number,
        line=line_view(session, line, quantity),
        variant=variant_view(session, variant),
        quantity=quantity,
        difference_cents=difference,
        kind=payment.kind if payment else None,
        last_four=payment.last_four if payment else None,
        send_back_by=_send_back_by(),
    )


def open_exchange(
    session: Session,
    shopper: Shopper,
    number: str,
    line_id: int,
    variant_id: int,
    quantity: int,
    reason: ReturnReason,
    *,
    key: str,
    quote: str | None = None,
) -> ReturnView:
    """Open the exchange: reserve the new pieces, charge what is dearer. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> ReturnView:
        preview = preview_exchange(session, shopper, number, line_id, variant_id, quantity, reason)
        hold_to(quote, preview)
        variant = variant_of(line_of(order, line_id), variant_id)
        stock.take(session, variant, quantity)
        line = ReturnLine(order_line_id=line_id, quantity=quantity, replacement=variant)
        opened = _opened(session, order, ReturnKind.EXCHANGE, reason, [line])
        if preview.difference_cents < 0:
            opened.refund_to, opened.refund_cents = RefundTarget.ORIGINAL, -preview.difference_cents
        else:
            money.settle_difference(session, order, preview.difference_cents)
        return _return_view(session, opened)

    return change_order(session, shopper, number, "open_exchange", do, ReturnView, key=key)


def complete_return(session: Session, return_number: str, *, actor: str, key: str) -> ReturnView:
    """The warehouse's word that the parcel is back and in order: the refund is booked, whole goods go on the shelf.

    Raises NoSuchReturn, and AlreadyReturned where that was said before (or the return was rejected or has expired).
    """

    def do() -> ReturnView:
        back = _return_of(session, return_number, to_change=True)
        if back.state not in UNDER_WAY:
            raise AlreadyReturned(back.number)
        kind, last_four = _refund_goes_to(back.order, back.refund_to or RefundTarget.ORIGINAL)
        if back.refund_cents and kind is not None:
            money.book_refund(
                session, back.order, kind, last_four or "", back.refund_cents, POLICY.refund_days, back.id
            )
        for line in back.lines:
            if back.reason not in SPOILT:
                stock.put_back(session, line.order_line.variant, line.quantity)
        _step(back, ReturnState.COMPLETED)
        session.flush()
        session.refresh(back)
        return _return_view(session, back)

    return once(session, key, "complete_return", actor, return_number, {}, do, ReturnView)


def track_returns(session: Session, shopper: Shopper, number: str) -> tuple[ReturnView, ...]:
    """The return of that number, or all of an order of that number, newest first.

    Raises OrderNotFound (also for a return number that is not there: theirs or nothing) and NoSuchReturn.
    """
    return_number = normalise_return_number(number)
    order_number = order_of_return(session, return_number) if return_number else number
    try:
        order = owned_order(session, shopper, order_number or "")
    except OrderNotFound:
        raise OrderNotFound(return_number or number) from None
    found = [back for back in order.returns if return_number in (None, back.number)]
    if not found:
        raise NoSuchReturn
    return tuple(_return_view(session, back) for back in reversed(found))


def order_of_return(session: Session, return_number: str) -> str | None:
    """The order that a return belongs to, for the caller to ask for that order's proof: tell the customer no more."""
    query = select(Order.number).join(Return, Return.order_id == Order.id)
    canonical = normalise_return_number(return_number) or storable(return_number, 12)
    found: str | None = session.execute(query.where(Return.number == canonical)).scalar_one_or_none()
    return found


def pieces_gone(order: Order) -> Counter[int]:
    """How many pieces of each line (by id) have gone back or are going; a return that was never sent does not count."""
    gone: Counter[int] = Counter()
    for back in order.returns:
        if back.state is not ReturnState.EXPIRED:
            gone.update({line.order_line_id: line.quantity for line in back.lines})
    return gone


def pieces_left(order: Order) -> dict[int, int]:
    """How many pieces of each line (by id) the customer has that are neither going back nor settled by a ticket."""
    gone, tickets = pieces_gone(order), _settling_tickets(order)
    return {
        line.id: 0 if any(_is_about([line.id], ticket) for ticket in tickets) else line.quantity - gone[line.id]
        for line in order.lines
    }


def settling_ticket(order: Order, line_ids: Collection[int]) -> Ticket | None:
    """The ticket that makes good, or has paid for, one of these lines (or the whole parcel)."""
    return next((ticket for ticket in _settling_tickets(order) if _is_about(line_ids, ticket)), None)


def _settling_tickets(order: Order) -> list[Ticket]:
    return [
        ticket
        for ticket in order.tickets
        if ticket.kind in DELIVERY_PROBLEMS and (ticket.state is TicketState.OPEN or ticket.remedy is Remedy.REFUND)
    ]


def _is_about(line_ids: Collection[int], ticket: Ticket) -> bool:
    return ticket.order_line_id is None or ticket.order_line_id in line_ids


def need_left(order: Order, line: OrderLine) -> int:
    """How many pieces are left of a line. Raises AlreadyReturned and AlreadyReported where there are none."""
    left = pieces_left(order)[line.id]
    if not left:
        _refuse_settled(order, [line])
    return left


def _checked_pieces(order: Order, line_id: int, quantity: int, reason: ReturnReason) -> OrderLine:
    line = line_of(order, line_id)
    left = need_left(order, line)
    if not 0 < quantity <= left:
        raise InvalidQuantity(left)
    if not _may_come_back(line, reason):
        raise _not_returnable(line)
    return line


def _need_window(order: Order, days: int) -> None:
    closed_on = delivered_on(order) + timedelta(days=days)
    if clock.today() > closed_on:
        raise ReturnWindowClosed(order.number, closed_on, days)


def _may_come_back(line: OrderLine, reason: ReturnReason | None) -> bool:
    return line.variant.product.is_returnable or reason in SPOILT


def _not_returnable(line: OrderLine) -> NotReturnable:
    return NotReturnable(line.variant.product.name_zh, line.variant.product.name_en)


def _refuse_settled(order: Order, lines: Iterable[OrderLine]) -> None:
    ids = [line.id for line in lines]
    if ticket := settling_ticket(order, ids):
        raise AlreadyReported(ticket.number)
    backs = [back for back in order.returns if back.state is not ReturnState.EXPIRED]
    numbers = [back.number for back in backs if any(line.order_line_id in ids for line in back.lines)]
    raise AlreadyReturned(numbers[-1] if numbers else None)


def _way_back_cents(order: Order, reason: ReturnReason) -> int:
    is_free = reason in SHOP_AT_FAULT or order.customer.membership is Membership.GOLD
    return 0 if is_free else POLICY.return_shipping_cents


def _refund_goes_to(order: Order, refund_to: RefundTarget) -> tuple[PaymentKind | None, str | None]:
    if refund_to is RefundTarget.GIFT_CARD:
        return PaymentKind.GIFT_CARD, ""
    payment = money.paid_with(order)
    return (payment.kind, payment.last_four) if payment else (None, None)


def _difference(line: OrderLine, variant: Variant, quantity: int) -> int:
    """By the prices then and now; what comes back is never more than was paid for the pieces."""
    if variant.id == line.variant_id:
        return 0
    first = pieces_gone(line.order)[line.id]
    most_back = min(money.price_of_pieces(line, first, quantity), money.refundable_cents(line.order))
    return max((variant.price_cents - line.unit_price_cents) * quantity, -most_back)


def _send_back_by() -> date:
    return clock.today() + timedelta(days=POLICY.send_back_within_days)


def _opened(session: Session, order: Order, kind: ReturnKind, reason: ReturnReason, lines: list[ReturnLine]) -> Return:
    opened = Return(
        number=fresh_number(session, Return.number, "R"),
        order=order,
        kind=kind,
        reason=reason,
        lines=lines,
        fee_cents=0,
        refund_cents=0,
        opened_at=clock.now(),
        send_back_by=_send_back_by(),
    )
    session.add(opened)
    _step(opened, ReturnState.OPEN)
    session.flush()
    return opened


def _step(back: Return, state: ReturnState) -> None:
    back.state = state
    back.events.append(ReturnEvent(at=clock.now(), state=state))


def _return_of(session: Session, return_number: str, *, to_change: bool) -> Return:
    query = select(Return).where(Return.number == return_number)
    back: Return | None = session.execute(query.with_for_update() if to_change else query).scalar_one_or_none()
    if back is None:
        raise NoSuchReturn
    return back


def _return_view(session: Session, back: Return) -> ReturnView:
    kind, last_four = _refund_goes_to(back.order, back.refund_to) if back.refund_to else (None, None)
    replacements = [line.replacement for line in back.lines if line.replacement is not None]
    return ReturnView(
        number=back.number,
        kind=back.kind,
        order_number=back.order.number,
        state=back.state,
        lines=tuple(line_view(session, line.order_line, line.quantity) for line in back.lines),
        replacement=variant_view(session, replacements[0]) if replacements else None,
        reason=back.reason,
        refund_cents=back.refund_cents,
        fee_cents=back.fee_cents,
        refund_to=back.refund_to,
        kind_of_payment=kind,
        last_four=last_four,
        opened_at=back.opened_at.astimezone(clock.SHOP_TIME),
        send_back_by=back.send_back_by,
        refund=refund_view(back.refund),
    )
