"""Handover: a person at the first time of asking, with everything they need so as not to ask again."""

from __future__ import annotations

import re

from rasa_sdk.events import ConversationPaused, FollowupAction, SlotSet

from actions.base import Events, ShopAction
from actions.flow import FLOWS, close_form
from actions.replies import order_reply
from actions.turn import Turn
from desk import conversations, queue
from desk.hours import service_hours
from shop import orders
from shop.errors import OrderNotFound
from shop.models import Mood, Sender

LOUD = re.compile(r"[!！]{2,}|[?？]{3,}")
SHELL = "cmdline"  # `rasa shell`: no channel of ours keeps the bot silent there, so Rasa's own pause does


class HandOver(ShopAction):
    """Puts the conversation into the agents' queue; the channel keeps the bot silent until it is handed back."""

    def name(self) -> str:
        return "action_handover"

    def serve(self, turn: Turn) -> Events:
        order_number = turn.slot("order_number")
        queue.open_handover(
            turn.session,
            turn.visitor,
            language=turn.language,
            topic=topic(turn),
            mood=mood(turn),
            wish=wish(turn),
            customer_id=turn.shopper.customer_id,
            is_verified=turn.shopper.is_known,
            order_number=order_number,
            tried=tried(turn),
            transcript=transcript(turn),
        )
        hours, ahead = service_hours(), queue.ahead_of(turn.session, turn.visitor)
        reply = "utter_handover_opened_in_queue" if ahead else "utter_handover_opened"
        if not hours.is_open:
            reply = "utter_handover_opened_after_hours"
        turn.say(reply, opens=hours.opens, closes=hours.closes, ahead=str(ahead))
        pause = [ConversationPaused()] if turn.tracker.get_latest_input_channel() == SHELL else []
        return [*close_form(turn), *pause, FollowupAction("action_listen")]  # nothing more is said to this message


def topic(turn: Turn) -> str:
    """What the conversation is about: the open flow's request, else the last request of the customer."""
    form = turn.active_form
    if form in FLOWS:
        return FLOWS[form].trigger
    requests = [
        i for i in _intents(turn) if i not in {"talk_to_human", "affirm", "greet", "inform", "deny", "nlu_fallback"}
    ]
    return requests[-1] if requests else "talk_to_human"


def mood(turn: Turn) -> Mood:
    """How they feel, by their complaints and how loudly they write."""
    said = [e.get("text") or "" for e in turn.tracker.events if e.get("event") == "user"]
    signs = _intents(turn).count("complain") + sum(LOUD.search(text) is not None for text in said)
    return Mood.CALM if not signs else Mood.UPSET if signs == 1 else Mood.ANGRY


def _intents(turn: Turn) -> list[str]:
    said = [e for e in turn.tracker.events if e.get("event") == "user"]
    return [((e.get("parse_data") or {}).get("intent") or {}).get("name") or "" for e in said]


def wish(turn: Turn) -> str:
    """What they want, in their own words: their last messages that were more than a yes or a request for a person."""
    skipped = {"talk_to_human", "affirm", "deny", "greet", "inform"}
    said = [e for e in turn.tracker.events if e.get("event") == "user" and e.get("text")]
    telling = [e["text"] for e, intent in zip(said, _intents(turn), strict=False) if intent not in skipped]
    return " / ".join(telling[-3:] or [e["text"] for e in said[-1:]])[:1000]


def tried(turn: Turn) -> list[str]:
    """The deeds and refusals of this conversation, by their reply's name."""
    said = [(e.get("metadata") or {}).get("utter_action") for e in turn.tracker.events if e.get("event") == "bot"]
    return [name for name in said if name and not name.startswith("utter_ask")][-20:]


def transcript(turn: Turn) -> list[conversations.Line]:
    """Who said what, oldest first."""
    senders = {"user": Sender.CUSTOMER, "bot": Sender.BOT}
    return [
        conversations.Line.of(senders[e["event"]], e["text"], e.get("timestamp"))
        for e in turn.tracker.events
        if e.get("event") in senders and e.get("text")
    ]


class AnswerComplaint(ShopAction):
    """Answers anger with the facts of the order in question and the offer of a person."""

    comes_back = True

    def name(self) -> str:
        return "action_answer_complaint"

    def serve(self, turn: Turn) -> Events:
        turn.say("utter_sorry")
        number = turn.value("order_number") or turn.slot("order_number")
        if number:
            try:
                reply, facts = order_reply(turn, orders.view_order(turn.session, turn.shopper, number))
                turn.say(reply, **facts)
            except OrderNotFound:
                pass  # not proven theirs: no facts
        turn.say("utter_offer_person")
        return [SlotSet("order_number", number)]


class OfferPerson(ShopAction):
    changes_nothing = True
    comes_back = True

    def name(self) -> str:
        return "action_offer_person"

    def serve(self, turn: Turn) -> Events:
        turn.say("utter_offer_person")
        return []
