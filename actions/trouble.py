"""Trouble: parcels lost, damaged, wrong or short; products that do not work; warranty."""

from __future__ import annotations

from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet

from actions import answers
from actions.base import Events, ShopAction
from actions.flow import CarryOut, Draft, Flow, Retries, Step, register
from actions.replies import item_list
from actions.steps import Choice, Confirmed, Items, OrderNumber, OrderProof, chosen_line, is_proven
from actions.turn import Turn
from shop import orders, products, trouble
from shop.errors import OutOfStock
from shop.models import Remedy, TicketKind

PROBLEM = "problem"


class Problem(Choice):
    """What is wrong with the delivery; often said with the very first message."""

    def __init__(self) -> None:
        super().__init__(PROBLEM)

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        if asked or turn.intent == "report_delivery_problem":
            return answers.pick(turn.text, PROBLEM)
        return None


class AffectedItems(Items):
    """The items that are damaged, wrong or missing; a lost parcel is lost whole."""

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return super().is_needed(turn, draft) and draft[PROBLEM] not in (None, TicketKind.LOST.value)


@register
class DeliveryProblemFlow(Flow):
    form = "report_delivery_problem_form"
    trigger = "report_delivery_problem"
    steps = (OrderNumber(), OrderProof(), Problem(), AffectedItems(), Choice("remedy"), Confirmed())
    retries: ClassVar[Retries] = {OutOfStock: "remedy"}
    brings = ("refund", "replacement")

    def check(self, turn: Turn, draft: Draft) -> None:
        if draft[PROBLEM] and (draft[PROBLEM] == TicketKind.LOST.value or draft["items"]):
            self.preview(turn, draft)

    def preview(self, turn: Turn, draft: Draft) -> trouble.ReportPreview:
        remedy = draft["remedy"] or Remedy.REFUND.value
        return trouble.preview_report(
            turn.session,
            turn.shopper,
            draft["order_number"],
            TicketKind(draft[PROBLEM]),
            _line_ids(draft),
            Remedy(remedy),
        )

    def say_back(self, turn: Turn, draft: Draft, seen: trouble.ReportPreview) -> None:
        facts = {"number": seen.number, "items": item_list(turn, seen.lines), "kind": turn.wording.label(seen.kind)}
        if seen.remedy is Remedy.REFUND:
            amount = turn.wording.money(seen.refund_cents)
            payment = turn.wording.payment(seen.kind_of_payment, seen.last_four or "") if seen.kind_of_payment else ""
            turn.say("utter_ask_report_refund", amount=amount, payment=payment, **facts)
        else:
            turn.say("utter_ask_report_resend", **facts)


def _line_ids(draft: Draft) -> list[int]:
    return [int(line) for line in draft["items"] or {}]


class ReportDeliveryProblem(CarryOut):
    flow = DeliveryProblemFlow

    def name(self) -> str:
        return "action_report_delivery_problem"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = trouble.report_problem(
            turn.session,
            turn.shopper,
            draft["order_number"],
            TicketKind(draft[PROBLEM]),
            _line_ids(draft),
            Remedy(draft["remedy"]),
            description=draft["comment"] or "",
            **self.agreed(draft),
        )
        turn.say(f"utter_reported_{done.remedy.value}", **_ticket_facts(turn, done))
        return []


def _ticket_facts(turn: Turn, ticket: trouble.TicketView) -> dict[str, str]:
    return {
        "ticket": ticket.number,
        "number": ticket.order_number,
        "items": item_list(turn, ticket.lines),
        "day": turn.wording.day(ticket.answer_by),
    }


class FaultyProduct(Step):
    """Which product does not work: its name as the customer calls it."""

    slot = "faulty_product"
    clears = ("solved", "next_step")

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        named, meant = _products_named(turn)
        if named:
            return str((meant or named)[0]["value"])
        is_name = turn.intent in {"inform", "nlu_fallback"} and not turn.wanted_rather
        return turn.text[:60] if asked and is_name and turn.text else None


class Solved(Step):
    """Whether the guided steps helped."""

    slot = "solved"

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return bool(draft["faulty_product"])

    def read(self, turn: Turn, draft: Draft, asked: bool) -> bool | None:
        if not asked or _names_another_product(turn):
            return None
        if turn.intent == "report_fault" or answers.says(turn.text, "unsolved"):
            return False  # "still dead"
        if answers.is_short(turn.text) and answers.pick(turn.text, "next_step"):
            return False  # "repair it": they are past the steps
        return answers.yes_or_no(turn.text, turn.intent, turn.confidence)


def _names_another_product(turn: Turn) -> bool:
    """ "Not the phone, the lamp": the no is said to the product."""
    named, meant = _products_named(turn)
    return len(named) > 1 and len(meant) < len(named)


def _products_named(turn: Turn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every product that the message names, and those of them that are not said no to."""
    named = [one for one in turn.entities if one["entity"] == "product"]
    return named, [one for one in named if not answers.is_unwanted(turn.text[: one["start"]])]


class NextStep(Choice):
    """What to do about a product that still does not work."""

    def __init__(self) -> None:
        super().__init__("next_step")

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return draft["solved"] is False

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        is_said_at_once = answers.is_short(turn.text) and not answers.says(turn.text, "unsolved")
        return super().read(turn, draft, asked or is_said_at_once)


class VolunteeredOrder(OrderNumber):
    """The order's number, sent before it is asked for: kept for the repair or the return that follows."""

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return draft["faulty_product"] is not None and turn.value("order_number") is not None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        turn.say("utter_order_noted", number=turn.value("order_number"))
        return super().read(turn, draft, asked)


class VolunteeredProof(OrderProof):
    """The proof that comes with it, or right after it."""

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        is_open = draft["faulty_product"] is not None and draft["order_number"] is not None
        return is_open and not is_proven(turn, draft["order_number"]) and self._proof(turn, asked=True) is not None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        return super().read(turn, draft, asked=True)


@register
class FaultFlow(Flow):
    form = "report_fault_form"
    trigger = "report_fault"
    steps = (FaultyProduct(), Solved(), VolunteeredOrder(), VolunteeredProof(), NextStep())


class AskSolved(ShopAction):
    """Gives the guided steps of the product's help article and asks whether they helped."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_report_fault_form_solved"

    def serve(self, turn: Turn) -> Events:
        found = products.find_products(turn.session, turn.slot("faulty_product") or "", limit=1)
        turn.say(f"utter_help_{found[0].help_article if found else 'general'}")
        turn.say("utter_ask_solved")
        return []


class ReportFault(CarryOut):
    flow = FaultFlow

    def name(self) -> str:
        return "action_report_fault"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        if draft["solved"]:
            turn.say("utter_fault_solved")
            return []
        forms = {"repair": "claim_warranty_form", "return": "return_item_form", "ticket": "open_ticket_form"}
        mentioned = [
            {"entity": "product", "value": draft["faulty_product"]},
            {"entity": "reason", "value": "faulty"},
            *([{"entity": "warranty_remedy", "value": "replace"}] if wants_new_one(turn, draft) else []),
        ]
        return [
            SlotSet("mentioned", mentioned),
            SlotSet("hands_on", forms[draft["next_step"]]),
            FollowupAction(forms[draft["next_step"]]),
        ]


def wants_new_one(turn: Turn, draft: Draft) -> bool:
    """Whether the way on was answered with a replacement, so that repair or replacement is no question any more."""
    return draft["next_step"] == "repair" and answers.pick(turn.text, "warranty_remedy") == "replace"


class WarrantyRemedy(Choice):
    """Repair or replacement; the entity-free first message is no answer, unless a fault's way on has said it."""

    def __init__(self) -> None:
        super().__init__("warranty_remedy")

    def default(self, turn: Turn, draft: Draft) -> str | None:
        said = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] == "warranty_remedy"]
        return said[-1] if said else None


@register
class WarrantyFlow(Flow):
    form = "claim_warranty_form"
    trigger = "claim_warranty"
    steps = (OrderNumber(), OrderProof(), Items(most=1), WarrantyRemedy(), Confirmed())
    retries: ClassVar[Retries] = {OutOfStock: "warranty_remedy"}
    brings = ("replacement",)

    def check(self, turn: Turn, draft: Draft) -> None:
        if draft["items"]:
            trouble.warranty_of(turn.session, turn.shopper, draft["order_number"], chosen_line(draft))

    def preview(self, turn: Turn, draft: Draft) -> trouble.RepairPreview:
        item, remedy = (draft["order_number"], chosen_line(draft)), Remedy(draft["warranty_remedy"])
        return trouble.preview_repair(turn.session, turn.shopper, *item, remedy)

    def say_back(self, turn: Turn, draft: Draft, seen: trouble.RepairPreview) -> None:
        turn.say(
            "utter_ask_warranty",
            number=seen.number,
            item=turn.wording.item(seen.line, 1),
            day=turn.wording.day(seen.covered_until),
            remedy=turn.wording.label(seen.remedy),
        )


class ClaimWarranty(CarryOut):
    flow = WarrantyFlow

    def name(self) -> str:
        return "action_claim_warranty"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = trouble.claim_warranty(
            turn.session,
            turn.shopper,
            draft["order_number"],
            chosen_line(draft),
            Remedy(draft["warranty_remedy"]),
            description="",
            **self.agreed(draft),
        )
        turn.say("utter_claimed_warranty", **_ticket_facts(turn, done))
        return []


@register
class TicketFlow(Flow):
    form = "open_ticket_form"
    trigger = "open_ticket"
    steps = (OrderNumber(), OrderProof(), Items(most=1), Confirmed())

    def preview(self, turn: Turn, draft: Draft) -> orders.LineView:
        order = orders.view_order(turn.session, turn.shopper, draft["order_number"])
        return next(line for line in order.lines if line.id == chosen_line(draft))

    def say_back(self, turn: Turn, draft: Draft, line: orders.LineView) -> None:
        turn.say("utter_ask_open_ticket", number=draft["order_number"], item=turn.wording.item(line, 1))


class OpenTicket(CarryOut):
    flow = TicketFlow

    def name(self) -> str:
        return "action_open_ticket"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = trouble.open_ticket(
            turn.session,
            turn.shopper,
            draft["order_number"],
            chosen_line(draft),
            draft["comment"] or "",
            key=draft["confirmation"]["key"],
        )
        turn.say("utter_opened_ticket", **_ticket_facts(turn, done))
        return []
