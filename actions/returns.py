"""Returns: send items back for money, exchange one for another version, ask how far it has got."""

from __future__ import annotations

from typing import ClassVar

from actions.base import Events, ShopAction
from actions.flow import FLOWS, CarryOut, Draft, Flow, Retries, register
from actions.orders import difference, refund_facts
from actions.replies import item_buttons, item_list, numbered_items, order_reply
from actions.steps import (
    Choice,
    Confirmed,
    Items,
    OrderNumber,
    OrderProof,
    Quantity,
    RefundTo,
    Variant,
    chosen_items,
    reason_so_far,
    return_in_focus,
    returnable_lines,
)
from actions.turn import Turn
from shop import orders, returns
from shop.errors import (
    BalanceTooLow,
    InvalidQuantity,
    NoSuchItem,
    NoSuchReturn,
    NoSuchVariant,
    NotDeliveredYet,
    NotReturnable,
    OutOfStock,
    SameVariant,
    ShopError,
)
from shop.models import OrderState, RefundTarget, ReturnKind, ReturnReason

NOT_AMONG_THEM = "utter_item_not_among_them"
MOST_BUTTONS = 6
REASON = Choice("reason", entity="reason", otherwise="other")


class AskItems(ShopAction):
    """Asks which items of the order it is about."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_items"

    def serve(self, turn: Turn) -> Events:
        step = next(step for step in FLOWS[turn.active_form or ""].steps if isinstance(step, Items))
        lines = step.lines(turn, Draft(turn))
        if (name := unmatched_name(turn)) and not _has_been_told(turn):
            turn.say(NOT_AMONG_THEM, name=name)
        reply = "utter_ask_items" if step.most > 1 else "utter_ask_item"
        turn.say(reply, items=numbered_items(turn, lines), buttons=item_buttons(turn, lines))
        return []


class AskQuantity(ShopAction):
    """Asks how many pieces of an item that was bought more than once."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_quantity"

    def serve(self, turn: Turn) -> Events:
        most = Quantity().most(turn, Draft(turn))
        numbers = [str(number) for number in range(1, min(most, MOST_BUTTONS) + 1)]
        turn.say("utter_ask_quantity", most=str(most), buttons=[{"title": n, "payload": n} for n in numbers])
        return []


def check_quantity(turn: Turn, draft: Draft) -> None:
    """Raise a refusal where nothing can be returned, or not that many pieces."""
    lines = returnable_lines(turn, draft)
    if draft["items"] and len(draft["items"]) == 1:
        (line_id, pieces), *_ = draft["items"].items()
        wanted = draft["quantity"] if draft["quantity"] is not None else pieces
        most = next((line.quantity for line in lines if str(line.id) == line_id), 0)
        if wanted is not None and not 1 <= wanted <= most:
            raise InvalidQuantity(most)


def unmatched_name(turn: Turn) -> str | None:
    """What the customer called an item that is not in the list: the question would be odd without a word on it."""
    mentioned = turn.slot("mentioned") or []
    return next((str(e["value"]) for e in reversed(mentioned) if e["entity"] == "product"), None)


def _has_been_told(turn: Turn) -> bool:
    for event in reversed(list(turn.tracker.events)):
        if event.get("event") == "active_loop":
            return False
        if event.get("event") == "bot" and (event.get("metadata") or {}).get("utter_action") == NOT_AMONG_THEM:
            return True
    return False


def _is_before_shipping(refusal: ShopError) -> bool:
    return isinstance(refusal, NotDeliveredYet) and not refusal.has_shipped


@register
class ReturnFlow(Flow):
    form = "return_item_form"
    trigger = "return_item"
    steps = (OrderNumber(), OrderProof(), Items(only_returnable=True), Quantity(), REASON, RefundTo(), Confirmed())
    retries: ClassVar[Retries] = {InvalidQuantity: "quantity", NoSuchItem: "items", NotReturnable: "items"}
    brings = ("refund",)

    def other_way(self, refusal: ShopError) -> str | None:
        return "cancel_order_form" if _is_before_shipping(refusal) else None

    def check(self, turn: Turn, draft: Draft) -> None:
        check_quantity(turn, draft)

    def preview(self, turn: Turn, draft: Draft) -> returns.ReturnPreview:
        return returns.preview_return(
            turn.session,
            turn.shopper,
            draft["order_number"],
            chosen_items(draft),
            ReturnReason(draft["reason"]),
            RefundTarget(draft["refund_to"]),
        )

    def say_back(self, turn: Turn, draft: Draft, seen: returns.ReturnPreview) -> None:
        reply = "utter_ask_return_with_fee" if seen.fee_cents else "utter_ask_return"
        turn.say(
            reply,
            number=seen.number,
            items=item_list(turn, seen.lines),
            fee=turn.wording.money(seen.fee_cents),
            reason=turn.wording.label(ReturnReason(draft["reason"])),
            **refund_facts(turn, seen),
        )


class ReturnItem(CarryOut):
    flow = ReturnFlow

    def name(self) -> str:
        return "action_return_item"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = returns.open_return(
            turn.session,
            turn.shopper,
            draft["order_number"],
            chosen_items(draft),
            ReturnReason(draft["reason"]),
            RefundTarget(draft["refund_to"]),
            **self.agreed(draft),
        )
        turn.say("utter_opened_return", **_return_facts(turn, done))
        return []


def _return_facts(turn: Turn, view: returns.ReturnView) -> dict[str, str]:
    return {
        "return_number": view.number,
        "number": view.order_number,
        "items": item_list(turn, view.lines),
        "state": turn.wording.label(view.state),
        "day": turn.wording.day(view.send_back_by),
        "amount": turn.wording.money(view.refund_cents),
        "payment": turn.wording.payment(view.kind_of_payment, view.last_four or "") if view.kind_of_payment else "",
    }


class Replacement(Variant):
    """Which version it should be instead; of what came spoilt or wrong the same again, unless another is named."""

    def default(self, turn: Turn, draft: Draft) -> int | None:
        named = super().default(turn, draft)
        return named or (self.line(turn, draft).variant_id if _why(draft) in returns.SPOILT else None)


@register
class ExchangeFlow(Flow):
    form = "exchange_item_form"
    trigger = "exchange_item"
    steps = (
        OrderNumber(),
        OrderProof(),
        Items(most=1, only_returnable=True),
        Quantity(),
        Replacement(returns.exchange_choices),
        Confirmed(),
    )
    retries: ClassVar[Retries] = {
        InvalidQuantity: "quantity",
        SameVariant: "variant",
        OutOfStock: "variant",
        NoSuchVariant: "variant",
        BalanceTooLow: "variant",
        NotReturnable: "items",
    }
    brings = ("replacement",)

    def other_way(self, refusal: ShopError) -> str | None:
        return "change_order_items_form" if _is_before_shipping(refusal) else None

    def check(self, turn: Turn, draft: Draft) -> None:
        check_quantity(turn, draft)

    def preview(self, turn: Turn, draft: Draft) -> returns.ExchangePreview:
        (line_id, quantity), *_ = chosen_items(draft).items()
        return returns.preview_exchange(
            turn.session, turn.shopper, draft["order_number"], line_id, draft["variant"], quantity, _why(draft)
        )

    def say_back(self, turn: Turn, draft: Draft, seen: returns.ExchangePreview) -> None:
        turn.say(
            "utter_ask_exchange",
            number=draft["order_number"],
            item=turn.wording.item(seen.line, seen.quantity),
            options=turn.wording.options(seen.variant),
            difference=difference(turn, seen),
        )


def _why(draft: Draft) -> ReturnReason:
    """The reason of an exchange, as far as it was said: nobody is asked for it."""
    return ReturnReason(reason_so_far(draft) or "other")


class ExchangeItem(CarryOut):
    flow = ExchangeFlow

    def name(self) -> str:
        return "action_exchange_item"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        (line_id, quantity), *_ = chosen_items(draft).items()
        done = returns.open_exchange(
            turn.session,
            turn.shopper,
            draft["order_number"],
            line_id,
            draft["variant"],
            quantity,
            _why(draft),
            **self.agreed(draft),
        )
        turn.say("utter_opened_exchange", **_return_facts(turn, done))
        return []


@register
class TrackReturnFlow(Flow):
    form = "track_return_form"
    trigger = "track_return"
    steps = (OrderNumber(), OrderProof())
    only_looks = True


class TrackReturn(CarryOut):
    changes_nothing = True
    flow = TrackReturnFlow

    def name(self) -> str:
        return "action_track_return"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        number = draft["order_number"]
        try:
            found = returns.track_returns(turn.session, turn.shopper, return_in_focus(turn, draft) or number)
        except NoSuchReturn:
            order = orders.view_order(turn.session, turn.shopper, number)
            if order.state is not OrderState.CANCELLED:
                raise
            reply, facts = order_reply(turn, order)  # a cancelled order's refund
            turn.say(reply, **facts)
            return []
        for view in found[:3]:
            self._tell(turn, view)
        return []

    def _tell(self, turn: Turn, view: returns.ReturnView) -> None:
        facts = _return_facts(turn, view)
        if view.kind is ReturnKind.RETURN and view.refund:
            refund = view.refund
            day = refund.paid_at.date() if refund.paid_at else refund.expected_on
            facts |= {
                "amount": turn.wording.money(refund.amount_cents),
                "payment": turn.wording.payment(refund.kind, refund.last_four),
                "day": turn.wording.day(day),
            }
            turn.say(f"utter_return_refund_{refund.state.value}", **facts)
        else:
            turn.say(f"utter_{view.kind.value}_{view.state.value}", **facts)
