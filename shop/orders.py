"""A customer's orders: where they are, and what may still be changed before they ship.

Each change has a preview, which says what would happen and refuses what may not; the change itself repeats the preview
inside its transaction, so that a yes said to an order which has shipped meanwhile changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import desc, or_, select
from sqlalchemy.orm import Session

from shop import clock, money, parts, stock
from shop.account import Shopper, owned_order
from shop.contacts import checked_address, checked_postal_code
from shop.errors import (
    AlreadyCancelled,
    AlreadyShipped,
    BalanceTooLow,
    IdentityNotProven,
    InvoiceTooLate,
    NoSuchItem,
    NoSuchPaymentMethod,
    NoSuchVariant,
    NotPaidYet,
    SamePaymentMethod,
    SameVariant,
)
from shop.ledger import fresh_number, hold_to, once
from shop.models import (
    HoldReason,
    Invoice,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentKind,
    PaymentMethod,
    PaymentState,
    Variant,
)
from shop.policy import POLICY
from shop.records import View
from shop.views import (
    LineView,
    PaymentView,
    RefundView,
    ShipmentView,
    VariantView,
    line_view,
    line_views,
    payment_view,
    refund_view,
    shipment_view,
    shop_moment,
    variant_view,
)

AFTER_GIVING_BACK = {PaymentState.PAID: PaymentState.REFUNDED, PaymentState.PENDING: PaymentState.FAILED}
LEFT = (OrderState.SHIPPED, OrderState.DELIVERED)
LONGEST_INVOICE_TITLE = 120


@dataclass(frozen=True)
class OrderView:
    number: str
    state: OrderState
    hold_reason: HoldReason | None
    placed_at: datetime
    due_on: date | None
    cancelled_at: datetime | None
    recipient: str
    address: str
    postal_code: str
    lines: tuple[LineView, ...]
    shipping_cents: int
    discount_cents: int
    total_cents: int
    paid_with: PaymentView | None
    shipment: ShipmentView | None
    is_overdue: bool
    restock_on: date | None
    refund: RefundView | None


@dataclass(frozen=True)
class CancellationView:
    number: str
    item_count: int
    lines: tuple[LineView, ...]
    refund_cents: int
    kind: PaymentKind | None
    last_four: str | None
    was_paid: bool
    expected_on: date | None


@dataclass(frozen=True)
class AddressChange:
    number: str
    old_address: str
    old_postal_code: str
    address: str
    postal_code: str


@dataclass(frozen=True)
class ItemChange:
    """`difference_cents` above zero is charged, below zero comes back; an unpaid order is only dearer or cheaper."""

    number: str
    line: LineView
    variant: VariantView
    difference_cents: int
    kind: PaymentKind | None
    last_four: str | None


@dataclass(frozen=True)
class PaymentMethodView:
    id: int
    kind: PaymentKind
    last_four: str
    balance_cents: int | None


@dataclass(frozen=True)
class PaymentChange:
    """`old` is how it was paid, or was meant to be."""

    number: str
    old: PaymentView | None
    new: PaymentMethodView
    amount_cents: int
    was_paid: bool = True  # or nothing is to be given back


@dataclass(frozen=True)
class InvoiceView:
    number: str
    order_number: str
    title: str
    amount_cents: int
    email: str
    issued_at: datetime
    was_issued_before: bool


def view_order(session: Session, shopper: Shopper, number: str) -> OrderView:
    """One order as it is now. Raises OrderNotFound."""
    return _order_view(session, owned_order(session, shopper, number))


def list_orders(session: Session, shopper: Shopper, limit: int = 5) -> tuple[OrderView, ...]:
    """Newest first: all of a proven account and each order proven alone. Raises IdentityNotProven if nothing is."""
    if not shopper.is_known:
        raise IdentityNotProven
    theirs = or_(Order.customer_id == shopper.customer_id, *(Order.id == order_id for order_id in shopper.order_ids))
    query = select(Order).where(theirs).order_by(desc(Order.placed_at), desc(Order.id)).limit(limit)
    return tuple(_order_view(session, order) for order in session.execute(query).scalars())


def preview_cancellation(session: Session, shopper: Shopper, number: str) -> CancellationView:
    """What cancelling would give back. Raises OrderNotFound, AlreadyShipped and AlreadyCancelled."""
    order = _changeable(owned_order(session, shopper, number))
    payment, refund = money.paid_with(order), money.refundable_cents(order)
    days = money.refund_days(payment.kind, POLICY.cancellation_refund_days) if payment else 0
    return CancellationView(
        number=order.number,
        item_count=sum(line.quantity for line in order.lines),
        lines=line_views(session, order),
        refund_cents=refund,
        kind=payment.kind if payment else None,
        last_four=payment.last_four if payment else None,
        was_paid=payment is not None,
        expected_on=clock.today() + timedelta(days=days) if refund else None,
    )


def cancel_order(
    session: Session, shopper: Shopper, number: str, *, reason: str | None, key: str, quote: str | None = None
) -> CancellationView:
    """Cancel: goods go back on the shelf, money to where it came from. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> CancellationView:
        cancellation = preview_cancellation(session, shopper, number)
        hold_to(quote, cancellation)
        for line in [line for line in order.lines if stock.is_reserved(order, line)]:
            stock.put_back(session, line.variant, line.quantity)
        _give_all_back(session, order)
        order.state, order.hold_reason, order.cancelled_at = OrderState.CANCELLED, None, clock.now()
        return cancellation

    return change_order(
        session,
        shopper,
        number,
        "cancel_order",
        do,
        CancellationView,
        key=key,
        details={"reason": (reason or "")[:1000] or None},
    )


def preview_address_change(
    session: Session, shopper: Shopper, number: str, address: str, postal_code: str | None = None
) -> AddressChange:
    """Where it would go. The old postal code belongs to the old address: where none is given, there is none.

    Raises OrderNotFound, AlreadyShipped, AlreadyCancelled and InvalidAddress.
    """
    order = _changeable(owned_order(session, shopper, number))
    code = "" if postal_code is None else checked_postal_code(postal_code)
    return AddressChange(order.number, order.address, order.postal_code, checked_address(address), code)


def change_address(
    session: Session,
    shopper: Shopper,
    number: str,
    address: str,
    postal_code: str | None = None,
    *,
    key: str,
    quote: str | None = None,
) -> AddressChange:
    """Send it there; an order that waited for its address goes on. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> AddressChange:
        change = preview_address_change(session, shopper, number, address, postal_code)
        hold_to(quote, change)
        order.address, order.postal_code = change.address, change.postal_code
        if order.hold_reason is HoldReason.ADDRESS_CHECK:
            _go_on(order)
        return change

    return change_order(session, shopper, number, "change_address", do, AddressChange, key=key)


def item_choices(session: Session, shopper: Shopper, number: str, line_id: int) -> tuple[VariantView, ...]:
    """The other variants of an item's product, in stock or not. Raises OrderNotFound and NoSuchItem."""
    line = line_of(owned_order(session, shopper, number), line_id)
    variants = line.variant.product.variants
    return tuple(variant_view(session, variant) for variant in variants if variant.id != line.variant_id)


def preview_item_change(session: Session, shopper: Shopper, number: str, line_id: int, variant_id: int) -> ItemChange:
    """What another variant would cost.

    Raises OrderNotFound, AlreadyShipped, AlreadyCancelled, NoSuchItem, NoSuchVariant, SameVariant, OutOfStock and
    (where a gift card paid) BalanceTooLow.
    """
    order = _changeable(owned_order(session, shopper, number))
    line = line_of(order, line_id)
    variant = variant_of(line, variant_id)
    if variant.id == line.variant_id:
        raise SameVariant
    stock.need(variant, line.quantity)
    difference = (variant.price_cents - line.unit_price_cents) * line.quantity
    difference = max(difference, -order.total_cents)
    money.need_difference(session, order, difference)
    payment = money.paid_with(order)
    return ItemChange(
        order.number,
        line_view(session, line),
        variant_view(session, variant),
        difference,
        payment.kind if payment else None,
        payment.last_four if payment else None,
    )


def change_item(
    session: Session,
    shopper: Shopper,
    number: str,
    line_id: int,
    variant_id: int,
    *,
    key: str,
    quote: str | None = None,
) -> ItemChange:
    """Swap the variant: stock, price and difference; an order that waited for goods goes on if it has them now.

    Raises as the preview, and QuoteChanged.
    """

    def do(order: Order) -> ItemChange:
        change = preview_item_change(session, shopper, number, line_id, variant_id)
        hold_to(quote, change)
        _swap(session, order, line_of(order, line_id), variant_id)
        order.total_cents += change.difference_cents
        money.settle_difference(session, order, change.difference_cents)
        return change

    return change_order(session, shopper, number, "change_item", do, ItemChange, key=key)


def payment_choices(session: Session, shopper: Shopper, number: str) -> tuple[PaymentMethodView, ...]:
    """How else it could be paid: methods of the account, so the account has to be proven, not the order alone.

    Raises OrderNotFound and IdentityNotProven.
    """
    order = _owned_with_account(session, shopper, number)
    used = money.paid_with(order)
    methods = [_method_view(method) for method in order.customer.payment_methods]
    return tuple(method for method in methods if used is None or not _is_same_method(used, method))


def preview_payment_change(session: Session, shopper: Shopper, number: str, method_id: int) -> PaymentChange:
    """What would move to the other method: all that is paid, or the total of an order still to be paid.

    Raises OrderNotFound, IdentityNotProven, AlreadyShipped, AlreadyCancelled, NoSuchPaymentMethod, SamePaymentMethod
    and BalanceTooLow.
    """
    order = _changeable(_owned_with_account(session, shopper, number))
    method = _method_of(order, method_id)
    used, new = money.paid_with(order), _method_view(method)
    if used is not None and _is_same_method(used, new):
        raise SamePaymentMethod
    amount = order.total_cents if used is None else money.refundable_cents(order)
    balance = method.balance_cents or 0
    if method.kind is PaymentKind.GIFT_CARD and balance < amount:
        raise BalanceTooLow(balance, amount)
    meant = used or (order.payments[-1] if order.payments else None)
    return PaymentChange(order.number, payment_view(meant), new, amount, was_paid=used is not None)


def change_payment(
    session: Session, shopper: Shopper, number: str, method_id: int, *, key: str, quote: str | None = None
) -> PaymentChange:
    """Pay with the other method and book back what was paid before; an unpaid order is now paid and goes on.

    Raises as the preview, and QuoteChanged.
    """

    def do(order: Order) -> PaymentChange:
        change = preview_payment_change(session, shopper, number, method_id)
        hold_to(quote, change)
        _give_all_back(session, order)
        if change.new.kind is PaymentKind.GIFT_CARD:
            money.spend(session, _method_of(order, method_id), change.amount_cents)
        money.take_payment(session, order, change.new.kind, change.new.last_four, change.amount_cents)
        if order.state is OrderState.AWAITING_PAYMENT:
            _go_on(order)
        return change

    return change_order(session, shopper, number, "change_payment", do, PaymentChange, key=key)


def preview_invoice(session: Session, shopper: Shopper, number: str, title: str | None = None) -> InvoiceView:
    """The invoice there is, or the one that would be issued (it has no number yet), made out to the recipient at first.

    Raises OrderNotFound, AlreadyCancelled, NotPaidYet and InvoiceTooLate.
    """
    order = owned_order(session, shopper, number)
    if order.invoice is not None:
        return _invoice_view(order, order.invoice, was_issued_before=True)
    return _invoice_view(order, _new_invoice(order, title), was_issued_before=False)


def issue_invoice(
    session: Session, shopper: Shopper, number: str, *, title: str | None, key: str, quote: str | None = None
) -> InvoiceView:
    """Issue the invoice, or send again the one there is. Raises as the preview, and QuoteChanged."""

    def do(order: Order) -> InvoiceView:
        preview = preview_invoice(session, shopper, number, title)
        hold_to(quote, preview)
        if order.invoice is None:
            invoice = _new_invoice(order, title)
            invoice.number = fresh_number(session, Invoice.number, "INV", digits=10)
            order.invoice = invoice
        return replace(preview, number=order.invoice.number)

    return change_order(session, shopper, number, "issue_invoice", do, InvoiceView, key=key)


def change_order(
    session: Session,
    shopper: Shopper,
    number: str,
    action: str,
    do: Callable[[Order], View],
    kind: type[View],
    *,
    key: str,
    details: Mapping[str, Any] | None = None,
) -> View:
    """Do something once to an order of theirs, its row locked meanwhile. Raises OrderNotFound, and as `do`."""
    subject = owned_order(session, shopper, number).number

    def do_locked() -> View:
        return do(owned_order(session, shopper, number, to_change=True))

    return once(session, key, action, shopper.actor, subject, details or {}, do_locked, kind)


def line_of(order: Order, line_id: int) -> OrderLine:
    """An item of this order. Raises NoSuchItem."""
    for line in order.lines:
        if line.id == line_id:
            return line
    raise NoSuchItem(order.number)


def variant_of(line: OrderLine, variant_id: int) -> Variant:
    """A variant of the item's product. Raises NoSuchVariant."""
    product = line.variant.product
    for variant in product.variants:
        if variant.id == variant_id:
            return variant
    raise NoSuchVariant(product.name_zh, product.name_en)


def _changeable(order: Order) -> Order:
    if order.state is OrderState.CANCELLED:
        raise AlreadyCancelled(order.number)
    if order.state in LEFT:
        raise AlreadyShipped(order.number, is_delivered=order.state is OrderState.DELIVERED)
    return order


def _go_on(order: Order) -> None:
    order.state, order.hold_reason = OrderState.PROCESSING, None


def _swap(session: Session, order: Order, line: OrderLine, variant_id: int) -> None:
    old, new, was_reserved = line.variant, variant_of(line, variant_id), stock.is_reserved(order, line)
    stock.take(session, new, line.quantity)
    if was_reserved:
        stock.put_back(session, old, line.quantity)
    line.variant, line.unit_price_cents = new, new.price_cents
    others = [other for other in order.lines if other is not line]
    if order.hold_reason in stock.WAITING_FOR_GOODS and all(stock.is_reserved(order, other) for other in others):
        _go_on(order)


def _give_all_back(session: Session, order: Order) -> None:
    """Book all that the shop still has of it back to how it was paid."""
    payment, cents = money.paid_with(order), money.refundable_cents(order)
    if payment is not None and cents:
        days = POLICY.cancellation_refund_days
        money.book_refund(session, order, payment.kind, payment.last_four, cents, days)
    for made in order.payments:
        made.state = AFTER_GIVING_BACK.get(made.state, made.state)


def _owned_with_account(session: Session, shopper: Shopper, number: str) -> Order:
    order = owned_order(session, shopper, number)
    if order.customer_id != shopper.customer_id:
        raise IdentityNotProven
    return order


def _method_of(order: Order, method_id: int) -> PaymentMethod:
    for method in order.customer.payment_methods:
        if method.id == method_id:
            return method
    raise NoSuchPaymentMethod


def _method_view(method: PaymentMethod) -> PaymentMethodView:
    return PaymentMethodView(method.id, method.kind, method.last_four, method.balance_cents)


def _is_same_method(used: Payment, method: PaymentMethodView) -> bool:
    return (used.kind, used.last_four) == (method.kind, method.last_four)


def _new_invoice(order: Order, title: str | None) -> Invoice:
    if order.state is OrderState.CANCELLED:
        raise AlreadyCancelled(order.number)
    amount = money.taken_cents(order) - sum(refund.amount_cents for refund in order.refunds)
    if order.state is OrderState.AWAITING_PAYMENT or amount <= 0:
        raise NotPaidYet(order.number)
    if clock.today() > clock.day_of(order.placed_at) + timedelta(days=POLICY.invoice_within_days):
        raise InvoiceTooLate(order.number, POLICY.invoice_within_days)
    made_out_to = " ".join((title or "").split())[:LONGEST_INVOICE_TITLE] or order.recipient
    return Invoice(number="", title=made_out_to, amount_cents=amount, issued_at=clock.now())


def _invoice_view(order: Order, invoice: Invoice, *, was_issued_before: bool) -> InvoiceView:
    return InvoiceView(
        invoice.number,
        order.number,
        invoice.title,
        invoice.amount_cents,
        order.email,
        invoice.issued_at.astimezone(clock.SHOP_TIME),
        was_issued_before,
    )


def _order_view(session: Session, order: Order) -> OrderView:
    parts.read(session, order, parts.OF_ORDER_SHOWN)
    if order.shipment is not None:
        parts.read(session, order.shipment, ["events"])
    is_under_way = order.state in (OrderState.PROCESSING, OrderState.ON_HOLD, OrderState.SHIPPED)
    own_refunds = [refund for refund in order.refunds if refund.return_id is None]
    return OrderView(
        number=order.number,
        state=order.state,
        hold_reason=order.hold_reason,
        placed_at=order.placed_at.astimezone(clock.SHOP_TIME),
        due_on=order.due_on,
        cancelled_at=shop_moment(order.cancelled_at),
        recipient=order.recipient,
        address=order.address,
        postal_code=order.postal_code,
        lines=line_views(session, order),
        shipping_cents=order.shipping_cents,
        discount_cents=order.discount_cents,
        total_cents=order.total_cents,
        paid_with=payment_view(money.paid_with(order)),
        shipment=shipment_view(order.shipment),
        is_overdue=is_under_way and order.due_on is not None and order.due_on < clock.today(),
        restock_on=_restock_on(order),
        refund=refund_view(own_refunds[-1] if own_refunds else None),
    )


def _restock_on(order: Order) -> date | None:
    """When the last of the goods that an order on hold waits for is expected."""
    if order.hold_reason not in stock.WAITING_FOR_GOODS:
        return None
    return max((line.variant.restock_on for line in order.lines if line.variant.restock_on), default=None)
