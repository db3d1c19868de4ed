"""What agents may do to an order: forms over the shop's own changes, each previewed, agreed to and done once.

An act knows its fields, the shop's preview and the shop's change. The shop decides; an act only translates what a form
holds, as an action of the bot translates slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from desk.words import Words
from shop import orders, returns, trouble
from shop.account import Shopper
from shop.errors import ShopError
from shop.ledger import recalled
from shop.models import OrderState, RefundTarget, Remedy, ReturnReason, TicketKind
from shop.orders import OrderView

Values = Mapping[str, Any]
BEFORE_IT_SHIPS = (OrderState.AWAITING_PAYMENT, OrderState.PROCESSING, OrderState.ON_HOLD)
ARRIVED = (OrderState.DELIVERED,)
GONE = (OrderState.SHIPPED, OrderState.DELIVERED)
ALL_BUT_CANCELLED = (*BEFORE_IT_SHIPS, *GONE)
LONGEST_VALUE = 1_000


class FieldMissing(Exception):
    """A field of the form is empty or holds what it did not offer."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class NoSuchAct(Exception):
    """The order's state does not allow it, or there is no such thing."""


@dataclass(frozen=True)
class Choice:
    """One of a field's choices; with a parent it is offered only while the field before has that value."""

    value: str
    label: str
    parent: str | None = None


@dataclass(frozen=True)
class Field:
    name: str
    kind: str  # text, long, choice (one) or choices (one or more)
    is_required: bool = True
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Context:
    """Whose order it is, as the shop sees it, and the words of whoever reads the form."""

    session: Session
    shopper: Shopper
    order: OrderView
    words: Words


@dataclass(frozen=True)
class Act:
    """`preview` and `do` are the shop's; each gets what the form holds as `arguments` turns it into."""

    name: str
    states: Sequence[OrderState]
    fields: Callable[[Context], list[Field]]
    arguments: Callable[[Values], dict[str, Any]]
    preview: Callable[..., Any]
    do: Callable[..., Any]
    view: type  # of what `do` returns
    only_in_do: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """An act that the order's state allows, with its form; or why the shop would refuse whatever is filled in."""

    act: Act
    fields: tuple[Field, ...] = ()
    refusal: ShopError | None = None


def offers(context: Context) -> list[Offer]:
    """What may be done to the order as it is now; what has nothing to choose from is left out."""
    found = []
    for act in ACTS:
        if context.order.state in act.states:
            try:
                fields = tuple(act.fields(context))
            except ShopError as refusal:
                found.append(Offer(act, refusal=refusal))
                continue
            if all(field.choices for field in fields if field.kind.startswith("choice")):
                found.append(Offer(act, fields))
    return found


def preview(context: Context, name: str, values: Values) -> Any:
    """What would happen, as the shop's preview says it. Raises NoSuchAct, FieldMissing, and as the shop does."""
    act, arguments = _filled(context, name, values)
    arguments = {key: value for key, value in arguments.items() if key not in act.only_in_do}
    return act.preview(context.session, context.shopper, context.order.number, **arguments)


def do(context: Context, name: str, values: Values, *, quote: str, key: str) -> Any:
    """Do it, if it is still what was previewed; under a key seen before, say what was done then.

    Raises as the preview, and QuoteChanged.
    """
    named = next((act for act in ACTS if act.name == name), None)
    if named is not None and (done := recalled(context.session, key, named.view)) is not None:
        return done
    act, arguments = _filled(context, name, values)
    return act.do(context.session, context.shopper, context.order.number, **arguments, quote=quote, key=key)


def _filled(context: Context, name: str, values: Values) -> tuple[Act, dict[str, Any]]:
    offer = next((one for one in offers(context) if one.act.name == name), None)
    if offer is None:
        raise NoSuchAct
    if offer.refusal is not None:
        raise offer.refusal
    checked: dict[str, Any] = {}
    for field in offer.fields:
        checked[field.name] = _checked(field, values.get(field.name), checked)
    return offer.act, offer.act.arguments(checked)


def _checked(field: Field, value: Any, before: Values) -> Any:
    if field.kind == "choices":
        picked = value if isinstance(value, list) else []
        if not picked or not {str(one) for one in picked} <= {choice.value for choice in field.choices}:
            raise FieldMissing(field.name)
        return [str(one) for one in picked]
    text = value.strip()[:LONGEST_VALUE] if isinstance(value, str) else ""
    if field.kind == "choice":
        chosen = before.values()
        open_to = {one.value for one in field.choices if one.parent is None or one.parent in chosen}
        if text not in open_to:
            raise FieldMissing(field.name)
    if not text and field.is_required:
        raise FieldMissing(field.name)
    return text or None


def _lines(context: Context) -> tuple[Choice, ...]:
    return tuple(Choice(str(line.id), context.words.item(line)) for line in context.order.lines)


def _pieces(context: Context) -> tuple[Choice, ...]:
    """Every number of pieces of every line that may still come back: `line:pieces`."""
    everything = ReturnReason.DAMAGED  # what may come back for no other reason is refused when it is previewed
    lines = returns.returnable_lines(context.session, context.shopper, context.order.number, everything)
    return tuple(
        Choice(f"{line.id}:{count}", context.words.item(line, count))
        for line in lines
        for count in range(1, line.quantity + 1)
    )


def _variants(context: Context, choices: Callable[..., Any]) -> tuple[Choice, ...]:
    found = []
    for line in context.order.lines:
        for variant in choices(context.session, context.shopper, context.order.number, line.id):
            label = f"{context.words.options(variant)} {context.words.money(variant.price_cents)}".strip()
            found.append(Choice(str(variant.id), label, parent=str(line.id)))
    return tuple(found)


def _enum(context: Context, *members: Any) -> tuple[Choice, ...]:
    return tuple(Choice(member.value, context.words.label(member)) for member in members)


def _quantities(context: Context) -> tuple[Choice, ...]:
    return tuple(
        Choice(str(count), str(count), parent=str(line.id))
        for line in context.order.lines
        for count in range(1, line.quantity + 1)
    )


def _counts(pieces: Sequence[str]) -> dict[int, int]:
    """Line id -> pieces; where several numbers of one line were ticked, the most."""
    counts: dict[int, int] = {}
    for one in pieces:
        line, count = map(int, one.split(":"))
        counts[line] = max(count, counts.get(line, 0))
    return counts


ACTS = (
    Act(
        "cancel",
        BEFORE_IT_SHIPS,
        lambda context: [Field("reason", "text", is_required=False)],
        lambda values: {"reason": values["reason"]},
        orders.preview_cancellation,
        orders.cancel_order,
        orders.CancellationView,
        only_in_do=("reason",),
    ),
    Act(
        "change_address",
        BEFORE_IT_SHIPS,
        lambda context: [Field("address", "long"), Field("postal_code", "text", is_required=False)],
        lambda values: {"address": values["address"], "postal_code": values["postal_code"]},
        orders.preview_address_change,
        orders.change_address,
        orders.AddressChange,
    ),
    Act(
        "change_item",
        BEFORE_IT_SHIPS,
        lambda context: [
            Field("line", "choice", choices=_lines(context)),
            Field("variant", "choice", choices=_variants(context, orders.item_choices)),
        ],
        lambda values: {"line_id": int(values["line"]), "variant_id": int(values["variant"])},
        orders.preview_item_change,
        orders.change_item,
        orders.ItemChange,
    ),
    Act(
        "change_payment",
        BEFORE_IT_SHIPS,
        lambda context: [Field("method", "choice", choices=_methods(context))],
        lambda values: {"method_id": int(values["method"])},
        orders.preview_payment_change,
        orders.change_payment,
        orders.PaymentChange,
    ),
    Act(
        "open_return",
        ARRIVED,
        lambda context: [
            Field("pieces", "choices", choices=_pieces(context)),
            Field("reason", "choice", choices=_enum(context, *ReturnReason)),
            Field("refund_to", "choice", choices=_enum(context, *RefundTarget)),
        ],
        lambda values: {
            "items": _counts(values["pieces"]),
            "reason": ReturnReason(values["reason"]),
            "refund_to": RefundTarget(values["refund_to"]),
        },
        returns.preview_return,
        returns.open_return,
        returns.ReturnView,
    ),
    Act(
        "open_exchange",
        ARRIVED,
        lambda context: [
            Field("line", "choice", choices=_lines(context)),
            Field("variant", "choice", choices=_variants(context, returns.exchange_choices)),
            Field("quantity", "choice", choices=_quantities(context)),
            Field("reason", "choice", choices=_enum(context, *ReturnReason)),
        ],
        lambda values: {
            "line_id": int(values["line"]),
            "variant_id": int(values["variant"]),
            "quantity": int(values["quantity"]),
            "reason": ReturnReason(values["reason"]),
        },
        returns.preview_exchange,
        returns.open_exchange,
        returns.ReturnView,
    ),
    Act(
        "report_problem",
        GONE,
        lambda context: [
            Field("kind", "choice", choices=_enum(context, *returns.DELIVERY_PROBLEMS)),
            Field("lines", "choices", choices=_lines(context)),
            Field("remedy", "choice", choices=_enum(context, Remedy.RESEND, Remedy.REFUND)),
            Field("description", "long", is_required=False),
        ],
        lambda values: {
            "kind": TicketKind(values["kind"]),
            "line_ids": [int(line) for line in values["lines"]],
            "remedy": Remedy(values["remedy"]),
            "description": values["description"] or "",
        },
        trouble.preview_report,
        trouble.report_problem,
        trouble.TicketView,
        only_in_do=("description",),
    ),
    Act(
        "claim_warranty",
        ARRIVED,
        lambda context: [
            Field("line", "choice", choices=_lines(context)),
            Field("remedy", "choice", choices=_enum(context, Remedy.REPAIR, Remedy.REPLACE)),
            Field("description", "long"),
        ],
        lambda values: {
            "line_id": int(values["line"]),
            "remedy": Remedy(values["remedy"]),
            "description": values["description"],
        },
        trouble.preview_repair,
        trouble.claim_warranty,
        trouble.TicketView,
        only_in_do=("description",),
    ),
    Act(
        "issue_invoice",
        ALL_BUT_CANCELLED,
        lambda context: [Field("title", "text", is_required=False)],
        lambda values: {"title": values["title"]},
        orders.preview_invoice,
        orders.issue_invoice,
        orders.InvoiceView,
    ),
)


def _methods(context: Context) -> tuple[Choice, ...]:
    methods = orders.payment_choices(context.session, context.shopper, context.order.number)
    return tuple(Choice(str(one.id), context.words.payment(one.kind, one.last_four)) for one in methods)
