"""When something went wrong: parcels lost, damaged, wrong or short, products that fail, warranties.

A report is said to be made good at once: new pieces are reserved, or the refund is booked. Each item reported has a
ticket of its own, so that each can be answered; a lost parcel has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock, money, stock
from shop.account import Shopper, owned_order
from shop.delivery import counts_as_lost_from, delivered_on, due_on, months_after
from shop.errors import (
    AlreadyReported,
    NoSuchItem,
    NotOverdueYet,
    NoWarranty,
    ReportTooLate,
    WarrantyExpired,
)
from shop.ledger import fresh_number, hold_to
from shop.models import (
    Order,
    OrderLine,
    OrderState,
    PaymentKind,
    Photo,
    Remedy,
    Ticket,
    TicketKind,
    TicketState,
)
from shop.orders import change_order, line_of
from shop.policy import POLICY
from shop.returns import DELIVERY_PROBLEMS, need_left, pieces_gone, pieces_left, settling_ticket
from shop.views import LineView, line_view

LONGEST_DESCRIPTION = 1000


@dataclass(frozen=True)
class ReportPreview:
    number: str
    kind: TicketKind
    lines: tuple[LineView, ...]
    remedy: Remedy
    refund_cents: int
    kind_of_payment: PaymentKind | None
    last_four: str | None
    answer_by: date


@dataclass(frozen=True)
class WarrantyView:
    line: LineView
    covered_until: date
    is_covered: bool


@dataclass(frozen=True)
class RepairPreview:
    number: str
    line: LineView
    remedy: Remedy
    covered_until: date
    answer_by: date
    repair_days: int


@dataclass(frozen=True)
class TicketView:
    """`number` is the first of `numbers`: one for each item reported."""

    number: str
    numbers: tuple[str, ...]
    kind: TicketKind
    remedy: Remedy
    order_number: str
    lines: tuple[LineView, ...]
    answer_by: date
    opened_at: datetime


def preview_report(
    session: Session, shopper: Shopper, number: str, kind: TicketKind, line_ids: Sequence[int], remedy: Remedy
) -> ReportPreview:
    """How the shop would make good what went wrong with a parcel; a lost one is all its items, whichever are named.

    Raises OrderNotFound, AlreadyCancelled, NotDeliveredYet, NotOverdueYet, ReportTooLate, NoSuchItem, AlreadyReported,
    AlreadyReturned and OutOfStock.
    """
    if kind not in DELIVERY_PROBLEMS or remedy not in (Remedy.RESEND, Remedy.REFUND):
        raise ValueError(f"a parcel is not reported as {kind}, {remedy}")
    order = owned_order(session, shopper, number)
    _need_time_to_report(order, kind)
    lines = _reported_lines(order, kind, line_ids)
    left = pieces_left(order)
    if remedy is Remedy.RESEND:
        _need_stock(lines, left)
    payment = money.paid_with(order) if remedy is Remedy.REFUND else None
    return ReportPreview(
        number=order.number,
        kind=kind,
        lines=tuple(line_view(session, line, left[line.id]) for line in lines),
        remedy=remedy,
        refund_cents=_refund(order, kind, lines) if payment else 0,
        kind_of_payment=payment.kind if payment else None,
        last_four=payment.last_four if payment else None,
        answer_by=_answer_by(),
    )


def report_problem(
    session: Session,
    shopper: Shopper,
    number: str,
    kind: TicketKind,
    line_ids: Sequence[int],
    remedy: Remedy,
    *,
    description: str,
    key: str,
    quote: str | None = None,
) -> TicketView:
    """Open the tickets; reserve new pieces or book the refund. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> TicketView:
        preview = preview_report(session, shopper, number, kind, line_ids, remedy)
        hold_to(quote, preview)
        for line in preview.lines if remedy is Remedy.RESEND else ():
            stock.take(session, line_of(order, line.id).variant, line.quantity)
        if preview.refund_cents and preview.kind_of_payment is not None:
            days, last_four = POLICY.ticket_answer_days + POLICY.refund_days, preview.last_four or ""
            money.book_refund(session, order, preview.kind_of_payment, last_four, preview.refund_cents, days)
        reported = [None] if kind is TicketKind.LOST else [line.id for line in preview.lines]
        tickets = [_opened(session, shopper, order, line_id, kind, remedy, description) for line_id in reported]
        return _ticket_view(order, tickets, preview.lines)

    return change_order(session, shopper, number, "report_problem", do, TicketView, key=key)


def warranty_of(session: Session, shopper: Shopper, number: str, line_id: int) -> WarrantyView:
    """Until when an item is covered. Whatever is returned here is covered.

    Raises OrderNotFound, NoSuchItem, AlreadyCancelled, NotDeliveredYet, AlreadyReturned, NoWarranty, WarrantyExpired.
    """
    order = owned_order(session, shopper, number)
    line, arrived_on = line_of(order, line_id), delivered_on(order)
    product = line.variant.product
    if not product.warranty_months:
        raise NoWarranty(product.name_zh, product.name_en)
    covered_until = months_after(arrived_on, product.warranty_months)
    if clock.today() > covered_until:
        raise WarrantyExpired(product.name_zh, product.name_en, covered_until)
    need_left(order, line)
    return WarrantyView(line_view(session, line), covered_until, is_covered=True)


def preview_repair(session: Session, shopper: Shopper, number: str, line_id: int, remedy: Remedy) -> RepairPreview:
    """What a warranty claim would bring: the item repaired or replaced.

    Raises what `warranty_of` raises, AlreadyReported and (for a replacement) OutOfStock.
    """
    if remedy not in (Remedy.REPAIR, Remedy.REPLACE):
        raise ValueError(f"a warranty does not offer {remedy}")
    warranty = warranty_of(session, shopper, number, line_id)
    order = owned_order(session, shopper, number)
    _refuse_second(session, order, line_id, TicketKind.WARRANTY)
    if remedy is Remedy.REPLACE:
        stock.need(line_of(order, line_id).variant, 1)
    return RepairPreview(order.number, warranty.line, remedy, warranty.covered_until, _answer_by(), POLICY.repair_days)


def claim_warranty(
    session: Session,
    shopper: Shopper,
    number: str,
    line_id: int,
    remedy: Remedy,
    description: str,
    *,
    key: str,
    quote: str | None = None,
) -> TicketView:
    """Open the claim; a replacement is reserved. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> TicketView:
        preview = preview_repair(session, shopper, number, line_id, remedy)
        hold_to(quote, preview)
        if remedy is Remedy.REPLACE:
            stock.take(session, line_of(order, line_id).variant, 1)
        ticket = _opened(session, shopper, order, line_id, TicketKind.WARRANTY, remedy, description)
        return _ticket_view(order, [ticket], (preview.line,))

    return change_order(session, shopper, number, "claim_warranty", do, TicketView, key=key)


def open_ticket(
    session: Session, shopper: Shopper, number: str, line_id: int, description: str, *, key: str
) -> TicketView:
    """Ask a specialist about an item that does not work, covered or not.

    Raises OrderNotFound, NoSuchItem, AlreadyCancelled, NotDeliveredYet, AlreadyReturned and AlreadyReported.
    """

    def do(order: Order) -> TicketView:
        line = line_of(order, line_id)
        delivered_on(order)
        need_left(order, line)
        _refuse_second(session, order, line_id, TicketKind.FAULT)
        ticket = _opened(session, shopper, order, line_id, TicketKind.FAULT, Remedy.ADVICE, description)
        return _ticket_view(order, [ticket], (line_view(session, line),))

    return change_order(session, shopper, number, "open_ticket", do, TicketView, key=key)


def tickets_of(session: Session, shopper: Shopper, number: str) -> tuple[TicketView, ...]:
    """What is reported about an order, oldest first. Raises OrderNotFound."""
    order = owned_order(session, shopper, number)
    return tuple(_ticket_view(order, [ticket], _lines_of(session, order, ticket)) for ticket in order.tickets)


def _lines_of(session: Session, order: Order, ticket: Ticket) -> tuple[LineView, ...]:
    about = [line for line in order.lines if ticket.order_line_id in (None, line.id)]
    return tuple(line_view(session, line) for line in about)


def _need_time_to_report(order: Order, kind: TicketKind) -> None:
    if kind is TicketKind.LOST and order.state is OrderState.SHIPPED:
        _need_lost_from(due_on(order), counts_as_lost_from(order))
        return
    arrived_on = delivered_on(order)
    if kind is TicketKind.LOST:
        _need_lost_from(arrived_on, arrived_on + timedelta(days=POLICY.not_received_after_days))
    closed_on = arrived_on + timedelta(days=POLICY.report_damage_within_days)
    if clock.today() > closed_on:
        raise ReportTooLate(closed_on, POLICY.report_damage_within_days)


def _need_lost_from(due: date, lost_from: date) -> None:
    if clock.today() < lost_from:
        raise NotOverdueYet(due, lost_from)


def _reported_lines(order: Order, kind: TicketKind, line_ids: Sequence[int]) -> list[OrderLine]:
    if kind is TicketKind.LOST:
        return _lost_lines(order)
    lines = [line_of(order, line_id) for line_id in dict.fromkeys(line_ids)]
    if not lines:
        raise NoSuchItem(order.number)
    for line in lines:
        need_left(order, line)
    return lines


def _lost_lines(order: Order) -> list[OrderLine]:
    if ticket := settling_ticket(order, [line.id for line in order.lines]):
        raise AlreadyReported(ticket.number)
    left = pieces_left(order)
    lines = [line for line in order.lines if left[line.id]]
    if not lines:
        need_left(order, order.lines[0])
    return lines


def _need_stock(lines: Sequence[OrderLine], left: dict[int, int]) -> None:
    wanted: Counter[int] = Counter()
    for line in lines:
        wanted[line.variant_id] += left[line.id]
        stock.need(line.variant, wanted[line.variant_id])


def _refund(order: Order, kind: TicketKind, lines: Sequence[OrderLine]) -> int:
    """A lost parcel is refunded with its shipping, single items by what was paid for them."""
    still_theirs = money.refundable_cents(order)
    if kind is TicketKind.LOST:
        return still_theirs
    gone = pieces_gone(order)
    paid = sum(money.price_of_pieces(line, gone[line.id], line.quantity) for line in lines)
    return min(paid, still_theirs)


def _refuse_second(session: Session, order: Order, line_id: int, kind: TicketKind) -> None:
    query = select(Ticket).filter_by(order_id=order.id, order_line_id=line_id, kind=kind, state=TicketState.OPEN)
    ticket = session.execute(query).scalars().first()
    if ticket is not None:
        raise AlreadyReported(ticket.number)


def _answer_by() -> date:
    return clock.today() + timedelta(days=POLICY.ticket_answer_days)


def case_for_photos(session: Session, visitor: str) -> int | None:
    """The ticket that a photo belongs to which this visitor sends now: their latest, while it is open."""
    query = select(Ticket.id).filter_by(reported_by=visitor, state=TicketState.OPEN).order_by(Ticket.id.desc())
    found: int | None = session.execute(query.limit(1)).scalar_one_or_none()
    return found


def _opened(
    session: Session,
    shopper: Shopper,
    order: Order,
    line_id: int | None,
    kind: TicketKind,
    remedy: Remedy,
    description: str,
) -> Ticket:
    """With the photos that the visitor has sent before."""
    ticket = Ticket(
        number=fresh_number(session, Ticket.number, "T"),
        order=order,
        order_line_id=line_id,
        kind=kind,
        remedy=remedy,
        state=TicketState.OPEN,
        description=_printable(description),
        opened_at=clock.now(),
        answer_by=_answer_by(),
        reported_by=shopper.visitor,
    )
    session.add(ticket)
    session.flush()
    waiting = select(Photo).filter_by(conversation_id=shopper.visitor, ticket_id=None)
    for photo in session.execute(waiting).scalars():
        photo.ticket_id = ticket.id
    return ticket


def _printable(text: str) -> str:
    kept = [character for character in text if character.isprintable() or character == "\n"]
    return "".join(kept).strip()[:LONGEST_DESCRIPTION]


def _ticket_view(order: Order, tickets: Sequence[Ticket], lines: tuple[LineView, ...]) -> TicketView:
    first = tickets[0]
    return TicketView(
        number=first.number,
        numbers=tuple(ticket.number for ticket in tickets),
        kind=first.kind,
        remedy=first.remedy,
        order_number=order.number,
        lines=lines,
        answer_by=first.answer_by,
        opened_at=first.opened_at.astimezone(clock.SHOP_TIME),
    )
