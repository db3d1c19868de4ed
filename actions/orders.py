"""Orders: track, list, cancel, change the address, the items or the payment, ask for the invoice."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet

from actions import answers
from actions.base import Events, ShopAction
from actions.cards import order_card
from actions.flow import FLOWS, CarryOut, Draft, Flow, Retries, Step, register
from actions.replies import item_list, order_reply, variant_buttons
from actions.steps import (
    Confirmed,
    Email,
    Items,
    OrderNumber,
    OrderProof,
    Phone,
    Variant,
    chosen_line,
    is_like_postal_code,
    known_orders,
    named_part,
    prove,
)
from actions.turn import Turn
from shop import orders
from shop.errors import (
    AlreadyShipped,
    BalanceTooLow,
    InvalidAddress,
    NoSuchPaymentMethod,
    NoSuchVariant,
    OutOfStock,
    SamePaymentMethod,
    SameVariant,
    ShopError,
)
from shop.policy import POLICY


class AskOrderNumber(ShopAction):
    """Asks which order: a choice where some are proven theirs, the number where none is."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_order_number"

    def serve(self, turn: Turn) -> Events:
        known = known_orders(turn)
        if not known:
            turn.say("utter_ask_order_number")
            return []
        listed = "\n".join(f"{place}. {order_line(turn, order)}" for place, order in enumerate(known, start=1))
        buttons = [{"title": order.number, "payload": order.number} for order in known]
        turn.say("utter_ask_order_choice", orders=listed, buttons=buttons)
        return []


def order_line(turn: Turn, order: orders.OrderView) -> str:
    """An order in one line of a list."""
    goods = turn.wording.listing(turn.wording.named(line) for line in order.lines)
    return f"{order.number} · {turn.wording.label(order.state)} · {goods} · {turn.wording.money(order.total_cents)}"


@register
class TrackOrderFlow(Flow):
    form = "track_order_form"
    trigger = "track_order"
    steps = (OrderNumber(), OrderProof())
    only_looks = True


class TrackOrder(CarryOut):
    changes_nothing = True
    flow = TrackOrderFlow

    def name(self) -> str:
        return "action_track_order"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        order = orders.view_order(turn.session, turn.shopper, draft["order_number"])
        reply, facts = order_reply(turn, order)
        turn.say(reply, **facts)
        turn.show([order_card(turn, order)])
        return []


@register
class ListOrdersFlow(Flow):
    form = "list_orders_form"
    trigger = "list_orders"
    steps = (Email(), Phone())
    only_looks = True


class ListOrders(CarryOut):
    changes_nothing = True
    flow = ListOrdersFlow

    def name(self) -> str:
        return "action_list_orders"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        found = known_orders(turn)
        if found:
            turn.say("utter_order_list", orders="\n".join(f"· {order_line(turn, order)}" for order in found))
        else:
            turn.say("utter_no_orders")
        return []


@register
class CancelOrderFlow(Flow):
    form = "cancel_order_form"
    trigger = "cancel_order"
    steps = (OrderNumber(), OrderProof(), Confirmed())
    brings = ("refund",)

    def is_worth_keeping(self, turn: Turn, draft: Draft, asked: Step | None) -> bool:
        """An item named at the question is what they would cancel alone."""
        is_named = asked is not None and turn.value("product") is not None
        return is_named or super().is_worth_keeping(turn, draft, asked)

    def check(self, turn: Turn, draft: Draft) -> None:
        orders.preview_cancellation(turn.session, turn.shopper, draft["order_number"])

    def preview(self, turn: Turn, draft: Draft) -> orders.CancellationView:
        return orders.preview_cancellation(turn.session, turn.shopper, draft["order_number"])

    def say_back(self, turn: Turn, draft: Draft, seen: orders.CancellationView) -> None:
        facts = {"number": seen.number, "items": item_list(turn, seen.lines)}
        if part := named_part(turn, draft):
            turn.say("utter_cancels_whole_only", part=item_list(turn, part), days=str(POLICY.return_window_days))
        if seen.was_paid:
            turn.say("utter_ask_cancel_paid_order", **facts, **refund_facts(turn, seen))
        else:
            turn.say("utter_ask_cancel_unpaid_order", **facts)


def refund_facts(turn: Turn, view: Any) -> dict[str, str]:
    """How much goes back, and where to."""
    return {
        "amount": turn.wording.money(view.refund_cents),
        "payment": turn.wording.payment(view.kind, view.last_four or "") if view.kind else "",
    }


class CancelOrder(CarryOut):
    flow = CancelOrderFlow

    def name(self) -> str:
        return "action_cancel_order"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        reasons = [e["value"] for e in draft["mentioned"] or [] if e["entity"] == "reason"]
        done = orders.cancel_order(
            turn.session,
            turn.shopper,
            draft["order_number"],
            reason=str(reasons[-1]) if reasons else None,
            **self.agreed(draft),
        )
        if done.was_paid and done.expected_on:
            facts = refund_facts(turn, done)
            turn.say("utter_cancelled_paid_order", number=done.number, day=turn.wording.day(done.expected_on), **facts)
        else:
            turn.say("utter_cancelled_unpaid_order", number=done.number)
        return []


class NewAddress(Step):
    """Where the order should go instead: {"address", "postal_code"}; the postal code may be missing."""

    slot = "new_address"
    clears = ("confirmed",)

    def read(self, turn: Turn, draft: Draft, asked: bool) -> dict[str, str | None] | None:
        postal_code = turn.value("postal_code")
        if asked:
            has_address = turn.value("address") or (len(turn.text) >= 8 and turn.intent != "nlu_fallback")
            is_written = has_address or (len(turn.text) >= 12 and any(c.isdigit() for c in turn.text))
            return {"address": _without(turn.text, postal_code), "postal_code": postal_code} if is_written else None
        start = next((e["start"] for e in turn.entities if e["entity"] == "address"), None)
        if draft["new_address"] is None:
            return None
        if start is None:
            sent_after = postal_code or (turn.text if self._is_postal_code(turn) else None)
            return {**draft["new_address"], "postal_code": sent_after} if sent_after else None
        return {"address": _without(turn.text[start:], postal_code), "postal_code": postal_code}

    def _is_postal_code(self, turn: Turn) -> bool:
        digits = sum(map(str.isdigit, turn.text))
        return digits > 1 and len(turn.text) > 4 and not turn.value("order_number") and is_like_postal_code(turn.text)

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return turn.value("address") is not None and not answers.is_question(turn.text)

    def default(self, turn: Turn, draft: Draft) -> dict[str, str | None] | None:
        said = {e["entity"]: str(e["value"]) for e in draft["mentioned"] or []}
        if len(said.get("address", "")) < 8:
            return None
        return {"address": said["address"], "postal_code": said.get("postal_code")}


def _without(text: str, part: str | None) -> str:
    rest = (
        re.sub(rf"(邮编|邮政编码|post ?code|zip( code)?)?\s*(是|is|[:：])?\s*{re.escape(part)}", " ", text, flags=re.I)
        if part
        else text
    )
    return " ".join(rest.strip(" ,，.。;；、").split())


@register
class ChangeAddressFlow(Flow):
    form = "change_order_address_form"
    trigger = "change_order_address"
    steps = (OrderNumber(), OrderProof(), NewAddress(), Confirmed())
    retries: ClassVar[Retries] = {InvalidAddress: "new_address"}

    def check(self, turn: Turn, draft: Draft) -> None:
        orders.preview_cancellation(
            turn.session, turn.shopper, draft["order_number"]
        )  # neither can be done once shipped

    def preview(self, turn: Turn, draft: Draft) -> orders.AddressChange:
        new = draft["new_address"]
        return orders.preview_address_change(
            turn.session, turn.shopper, draft["order_number"], new["address"], new["postal_code"]
        )

    def say_back(self, turn: Turn, draft: Draft, seen: orders.AddressChange) -> None:
        turn.say("utter_ask_change_address", number=seen.number, old_address=seen.old_address, address=_address(seen))


def _address(change: orders.AddressChange) -> str:
    return f"{change.address} {change.postal_code}".strip()


class ChangeAddress(CarryOut):
    flow = ChangeAddressFlow

    def name(self) -> str:
        return "action_change_order_address"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        new = draft["new_address"]
        done = orders.change_address(
            turn.session, turn.shopper, draft["order_number"], new["address"], new["postal_code"], **self.agreed(draft)
        )
        turn.say("utter_changed_address", number=done.number, address=_address(done))
        return []


@register
class ChangeItemsFlow(Flow):
    form = "change_order_items_form"
    trigger = "change_order_items"
    steps = (OrderNumber(), OrderProof(), Items(most=1), Variant(orders.item_choices), Confirmed())
    retries: ClassVar[Retries] = {
        SameVariant: "variant",
        OutOfStock: "variant",
        NoSuchVariant: "variant",
        BalanceTooLow: "variant",
    }
    brings = ("replacement",)

    def other_way(self, refusal: ShopError) -> str | None:
        is_delivered = isinstance(refusal, AlreadyShipped) and refusal.is_delivered
        return "exchange_item_form" if is_delivered else None

    def check(self, turn: Turn, draft: Draft) -> None:
        orders.preview_cancellation(turn.session, turn.shopper, draft["order_number"])

    def preview(self, turn: Turn, draft: Draft) -> orders.ItemChange:
        return orders.preview_item_change(
            turn.session, turn.shopper, draft["order_number"], chosen_line(draft), draft["variant"]
        )

    def say_back(self, turn: Turn, draft: Draft, seen: orders.ItemChange) -> None:
        turn.say("utter_ask_change_items", **item_change_facts(turn, seen))


def item_change_facts(turn: Turn, change: Any) -> dict[str, str]:
    """An item, what it becomes, and what that costs or brings."""
    return {
        "number": getattr(change, "number", "") or "",
        "item": turn.wording.item(change.line),
        "options": turn.wording.options(change.variant),
        "difference": difference(turn, change),
    }


def difference(turn: Turn, change: Any) -> str:
    """What an item change costs or brings, as a clause of the reply."""
    cents = change.difference_cents
    name = "same" if cents == 0 else "more" if cents > 0 else "less"
    payment = turn.wording.payment(change.kind, change.last_four or "") if change.kind else ""
    return turn.wording.term("difference", name).format(amount=turn.wording.money(abs(cents)), payment=payment)


class ChangeItems(CarryOut):
    flow = ChangeItemsFlow

    def name(self) -> str:
        return "action_change_order_items"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = orders.change_item(
            turn.session,
            turn.shopper,
            draft["order_number"],
            chosen_line(draft),
            draft["variant"],
            **self.agreed(draft),
        )
        turn.say("utter_changed_items", **item_change_facts(turn, done))
        return []


class AskVariant(ShopAction):
    """Asks which other version of the item it should be."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_variant"

    def serve(self, turn: Turn) -> Events:
        flow = FLOWS[turn.active_form or ""]
        step = next(step for step in flow.steps if isinstance(step, Variant))
        variants = step.offered(turn, Draft(turn))
        if not variants:
            turn.say("utter_no_other_version")
            return [SlotSet("outcome", "refused"), SlotSet("requested_slot", None)]
        listed = "\n".join(f"{place}. {_variant_line(turn, v)}" for place, v in enumerate(variants, start=1))
        turn.say("utter_ask_variant", variants=listed, buttons=variant_buttons(turn, variants))
        return []


def _variant_line(turn: Turn, variant: Any) -> str:
    return f"{turn.wording.options(variant)} · {turn.wording.money(variant.price_cents)}"


class AccountEmail(Email):
    """The account's e-mail, where only the order is proven: payment methods belong to the account."""

    slot = "account_email"

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return turn.value("email") is not None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        email = turn.value("email")
        if not asked or email is None:
            return None
        prove(turn, draft["order_number"], email, shown=draft["order_number"])
        return email if turn.shopper.customer_id else None


class PaymentChoice(Step):
    """The id of the payment method on the account that should pay instead."""

    slot = "payment_choice"
    clears = ("confirmed",)

    def _choices(self, turn: Turn, draft: Draft) -> Any:
        return orders.payment_choices(turn.session, turn.shopper, draft["order_number"])

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return turn.shopper.customer_id is not None

    def default(self, turn: Turn, draft: Draft) -> int | None:
        said = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] == "payment_method"]
        return self._named(turn, draft, said[-1]) if said else None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> int | None:
        if asked:
            choices = self._choices(turn, draft)
            place = answers.ordinal(turn.text, len(choices))
            named = self._named(turn, draft, turn.text)
            return named or (choices[place].id if place is not None else None)
        if draft["payment_choice"] and (said := turn.value("payment_method")):
            return self._named(turn, draft, said)
        return None

    def _named(self, turn: Turn, draft: Draft, text: str) -> int | None:
        """The one method that the text names, by its last four digits or its kind."""
        choices = self._choices(turn, draft)
        by_digits = [m.id for m in choices if m.last_four and m.last_four in text]
        if by_digits:
            return int(by_digits[0])
        kind = answers.pick(text, "payment_kind")
        of_kind = [m for m in choices if m.kind.value == kind]
        if kind == "gift_card" and of_kind:
            return int(max(of_kind, key=lambda method: method.balance_cents or 0).id)
        return int(of_kind[0].id) if len(of_kind) == 1 else None


class AskPaymentChoice(ShopAction):
    """Asks which payment method of the account it should be."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_payment_choice"

    def serve(self, turn: Turn) -> Events:
        methods = orders.payment_choices(turn.session, turn.shopper, turn.slot("order_number"))
        names = [_method_name(turn, method) for method in methods]
        listed = "\n".join(f"{place}. {name}" for place, name in enumerate(names, start=1))
        turn.say("utter_ask_payment_choice", methods=listed, buttons=[{"title": n, "payload": n} for n in names])
        return []


def _method_name(turn: Turn, method: Any) -> str:
    name = turn.wording.payment(method.kind, method.last_four)
    if method.balance_cents is None:
        return name
    return turn.wording.term("marks", "balance").format(name=name, amount=turn.wording.money(method.balance_cents))


@register
class ChangePaymentFlow(Flow):
    form = "change_order_payment_form"
    trigger = "change_order_payment"
    steps = (OrderNumber(), OrderProof(), AccountEmail(), PaymentChoice(), Confirmed())
    retries: ClassVar[Retries] = {
        SamePaymentMethod: "payment_choice",
        BalanceTooLow: "payment_choice",
        NoSuchPaymentMethod: "payment_choice",
    }

    def check(self, turn: Turn, draft: Draft) -> None:
        orders.preview_cancellation(turn.session, turn.shopper, draft["order_number"])

    def preview(self, turn: Turn, draft: Draft) -> orders.PaymentChange:
        number = draft["order_number"]
        return orders.preview_payment_change(turn.session, turn.shopper, number, draft["payment_choice"])

    def say_back(self, turn: Turn, draft: Draft, seen: orders.PaymentChange) -> None:
        reply = "utter_ask_change_payment" if seen.was_paid else "utter_ask_first_payment"
        turn.say(reply, **_payment_change_facts(turn, seen))


def _payment_change_facts(turn: Turn, change: orders.PaymentChange) -> dict[str, str]:
    return {
        "number": change.number,
        "old": turn.wording.payment(change.old.kind, change.old.last_four),
        "new": turn.wording.payment(change.new.kind, change.new.last_four),
        "amount": turn.wording.money(change.amount_cents),
    }


class ChangePayment(CarryOut):
    flow = ChangePaymentFlow

    def name(self) -> str:
        return "action_change_order_payment"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = orders.change_payment(
            turn.session, turn.shopper, draft["order_number"], draft["payment_choice"], **self.agreed(draft)
        )
        turn.say("utter_changed_payment", **_payment_change_facts(turn, done))
        return []


@register
class InvoiceFlow(Flow):
    form = "request_invoice_form"
    trigger = "request_invoice"
    steps = (OrderNumber(), OrderProof(), Confirmed())

    def check(self, turn: Turn, draft: Draft) -> None:
        orders.preview_invoice(turn.session, turn.shopper, draft["order_number"])

    def preview(self, turn: Turn, draft: Draft) -> orders.InvoiceView:
        return orders.preview_invoice(turn.session, turn.shopper, draft["order_number"])

    def say_back(self, turn: Turn, draft: Draft, seen: orders.InvoiceView) -> None:
        reply = "utter_ask_send_invoice_again" if seen.was_issued_before else "utter_ask_issue_invoice"
        turn.say(reply, **_invoice_facts(turn, seen))


def _invoice_facts(turn: Turn, invoice: orders.InvoiceView) -> dict[str, str]:
    return {
        "number": invoice.order_number,
        "invoice": invoice.number,
        "title": invoice.title,
        "amount": turn.wording.money(invoice.amount_cents),
        "email": masked(invoice.email),
    }


def masked(email: str) -> str:
    """An e-mail address that its owner recognises and nobody else learns: c***@example.com."""
    name, _, host = email.partition("@")
    return f"{name[:1]}***@{host}"


class RequestInvoice(CarryOut):
    flow = InvoiceFlow

    def name(self) -> str:
        return "action_request_invoice"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = orders.issue_invoice(turn.session, turn.shopper, draft["order_number"], title=None, **self.agreed(draft))
        turn.say("utter_issued_invoice", **_invoice_facts(turn, done))
        return []
