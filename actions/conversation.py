"""Conversation: coming back to an open question, repeating, languages, and what was not understood."""

from __future__ import annotations

import re
from itertools import takewhile

from rasa_sdk.events import FollowupAction, SlotSet

from actions import answers
from actions.base import Events, ShopAction
from actions.feedback import scores_an_agent
from actions.flow import FLOWS, RATHER, Draft, close_form
from actions.products import (
    CANDIDATES,
    FOCUS,
    SUGGESTIONS,
    AboutProduct,
    ProductInfo,
    ProductStock,
    RecommendProducts,
    another_of_its_kind,
    focus_on,
    place_among_offered,
)
from actions.steps import known_orders
from actions.turn import Turn
from shop import products
from shop.products import ProductView

MISSES_BEFORE_OFFER = 3
ANOTHER = re.compile(
    r"(?:那么?)?(.{1,12}?)的?(?:那个|那款|款)?(?:呢|怎么样)\s*[？?]*"
    r"|(?:and|what about|how about) (?:the |that )?(.{2,30}?)(?: one)?\s*\??",
    re.IGNORECASE,
)
ANNOUNCED = {  # the request that an order's number begins, right after the article that tells how it goes
    "utter_faq/invoice": "request_invoice_form",
    "utter_faq/return_how": "return_item_form",
    "utter_faq/exchange_policy": "exchange_item_form",
    "utter_faq/cancel_policy": "cancel_order_form",
    "utter_faq/repair": "claim_warranty_form",
}


class Resume(ShopAction):
    """Comes back to the open question of an interrupted flow; where none is open, waits."""

    changes_nothing = True

    def name(self) -> str:
        return "action_resume"

    def serve(self, turn: Turn) -> Events:
        return [FollowupAction(turn.active_form)] if turn.active_form else []


class Stop(ShopAction):
    """Ends the open flow: nothing has changed. Where something else is wanted instead, begins that."""

    def name(self) -> str:
        return "action_stop"

    def serve(self, turn: Turn) -> Events:
        form = turn.active_form
        if not form and turn.wanted_rather:
            return [FollowupAction(RATHER[turn.wanted_rather])]
        turn.say("utter_stopped_request" if form else "utter_stopped")
        return close_form(turn)


class SwitchLanguage(ShopAction):
    """Stays in the language asked for, whatever the next messages are written in."""

    def name(self) -> str:
        return "action_switch_language"

    def serve(self, turn: Turn) -> Events:
        said = turn.text.lower()
        wants_english = any(word in said for word in ("english", "英文", "英语"))
        wants_chinese = any(word in said for word in ("chinese", "中文", "汉语", "普通话", "mandarin", "国语"))
        other = "en" if turn.language == "zh" else "zh"
        choice = "en" if wants_english and not wants_chinese else "zh" if wants_chinese and not wants_english else other
        return [SlotSet("language_choice", choice), SlotSet("language", choice)]


class Repeat(ShopAction):
    """Says again what was said last; an open question is asked anew instead."""

    comes_back = True

    def name(self) -> str:
        return "action_repeat"

    def serve(self, turn: Turn) -> Events:
        if turn.active_form:
            return []
        if turn.last_reply == "utter_not_understood":
            turn.say("utter_ask_help")  # to say that once more would help nobody
            return []
        said: list[str] = []
        for event in reversed(list(turn.tracker.events)[:-1]):
            if event.get("event") == "user" and said:
                break
            if event.get("event") == "bot" and event.get("text"):
                said.insert(0, event["text"])
        for text in said:
            turn.dispatcher.utter_message(text=text)
        if not said:
            turn.say("utter_ask_help")
        return []


class UseFacts(ShopAction):
    """Facts without a request: an order number asks for its state, a product for what it is like.

    What sounds like a fact and holds none was not understood: a name, a code or letters struck at random.
    """

    def name(self) -> str:
        return "action_use_facts"

    def serve(self, turn: Turn) -> Events:
        if scores_an_agent(turn):
            return [FollowupAction("action_record_rating")]
        has_number = turn.value("order_number") is not None
        if _has_no_number(turn):
            return [FollowupAction("list_orders_form")]
        if turn.active_form and not (has_number and turn.active_form == "list_orders_form"):
            return [FollowupAction("action_not_understood")]  # facts, but not those that were asked for
        if order := self._of_the_list(turn):
            return [SlotSet("order_number", order), FollowupAction("track_order_form")]
        if has_number:
            wanted = answers.pick(turn.text, "request_words") or ANNOUNCED.get(turn.last_reply or "")
            return [FollowupAction(wanted or "track_order_form")]
        if turn.last_reply in SUGGESTIONS and (turn.value("amount") or answers.says(turn.text, "cheaper")):
            return RecommendProducts().serve(turn)
        if turn.value("product") or _picks_a_product(turn) or (turn.slot(FOCUS) and turn.value("option")):
            return _question_about_product(turn).serve(turn)
        if not turn.entities:
            return [FollowupAction("action_not_understood")]
        turn.say("utter_ask_what_for")
        return []

    def _of_the_list(self, turn: Turn) -> str | None:
        """The order that "the second one" means, right after their orders were listed."""
        if turn.last_reply != "utter_order_list" or turn.value("order_number"):
            return None
        known = known_orders(turn)
        place = 0 if answers.says(turn.text, "last") and known else answers.ordinal(turn.text, len(known))
        return known[place].number if place is not None else None


def _picks_a_product(turn: Turn) -> bool:
    """Whether it answers a question about which product, or points at one of those suggested."""
    return bool(turn.slot(CANDIDATES) and (turn.slot("product_question") or place_among_offered(turn) is not None))


def _question_about_product(turn: Turn) -> AboutProduct:
    """The question that a product's name answers: the one that was open, or what it is like."""
    asked = turn.slot("product_question")
    open_question = next((kind for kind in AboutProduct.__subclasses__() if kind().name() == asked), None)
    return (open_question or (ProductInfo if turn.value("product") else ProductStock))()


def _has_no_number(turn: Turn) -> bool:
    """Whether they are asked for an order's number and say that they have none, or who they are instead."""
    if turn.active_form not in FLOWS or turn.active_form == "list_orders_form":
        return False
    step = FLOWS[turn.active_form].asked(turn, Draft(turn))
    is_asked = step is not None and step.slot == "order_number"
    return is_asked and (turn.value("email") is not None or answers.says(turn.text, "no_number"))


def _another_product(turn: Turn) -> ProductView | None:
    """The product of the same kind that "夹式的呢" or "what about the clip one" means, after one was spoken of."""
    asked = ANOTHER.fullmatch(turn.text)
    if turn.active_form or asked is None or not turn.slot(FOCUS):
        return None
    focus = products.product(turn.session, turn.slot(FOCUS))
    return another_of_its_kind(turn, focus, asked.group(1) or asked.group(2))


class NotUnderstood(ShopAction):
    """Says what would help; the third time in a row, offers a person."""

    changes_nothing = True

    def name(self) -> str:
        return "action_not_understood"

    def serve(self, turn: Turn) -> Events:
        if scores_an_agent(turn):
            return [FollowupAction("action_record_rating")]
        if _has_no_number(turn):
            return [FollowupAction("list_orders_form")]
        if another := _another_product(turn):
            return [*ProductInfo().answer(turn, another), *focus_on(another), FollowupAction("action_listen")]
        confirmation = turn.slot("confirmation")
        answer = answers.yes_or_no(turn.text, turn.intent, turn.confidence)
        if turn.was_offered_a_person and answer:
            return [FollowupAction("action_handover")]
        if turn.has_declined_a_person and turn.active_form:
            return [FollowupAction(turn.active_form)]
        if confirmation and not turn.active_form and answer:
            return [SlotSet("confirmed", True), FollowupAction(f"action_{FLOWS[confirmation['form']].trigger}")]
        if not turn.active_form and answer is not None:
            turn.say("utter_anything_else")  # a second yes, or a no to nothing
            return [FollowupAction("action_listen")]
        if self._misses(turn) >= MISSES_BEFORE_OFFER:
            return [FollowupAction("action_offer_person")]
        open_step = FLOWS[turn.active_form].asked(turn, Draft(turn)) if turn.active_form in FLOWS else None
        if open_step is None:
            turn.say("utter_not_understood")
        else:
            turn.say(f"utter_hint_{open_step.slot}" if open_step.slot in HINTS else "utter_hint")
        return [FollowupAction(turn.active_form or "action_listen")]

    def _misses(self, turn: Turn) -> int:
        """How many messages in a row, this one included, were not understood."""
        return 1 + len(list(takewhile(bool, reversed(turn.followed_by(self.name())[:-1]))))


HINTS = {"order_number", "order_proof", "items", "quantity", "confirmed", "variant", "email", "phone", "new_address"}
