"""One turn of a conversation as actions see it: what the customer wrote, who they are, how to answer them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions import answers
from shop import account
from shop.errors import ShopError
from shop.wording import Wording

WEB_CHAT = "rest"


class Turn:
    """The tracker, the dispatcher and an open session of the shop's database, in the words of this project."""

    def __init__(self, tracker: Tracker, dispatcher: CollectingDispatcher, session: Session) -> None:
        self.tracker = tracker
        self.dispatcher = dispatcher
        self.session = session
        self.language: str = tracker.get_slot("language") or "en"
        self.wording = Wording(self.language)
        self._shopper: account.Shopper | None = None

    @property
    def visitor(self) -> str:
        return str(self.tracker.sender_id)

    @property
    def text(self) -> str:
        return (self.tracker.latest_message.get("text") or "").strip()

    @property
    def intent(self) -> str:
        return (self.tracker.latest_message.get("intent") or {}).get("name") or ""

    @property
    def confidence(self) -> float:
        return float((self.tracker.latest_message.get("intent") or {}).get("confidence") or 0.0)

    @property
    def entities(self) -> list[dict[str, Any]]:
        return [e for e in self.tracker.latest_message.get("entities") or [] if e.get("entity") != "language"]

    def values(self, entity: str) -> list[str]:
        """Every value of an entity in the customer's last message, in the order written."""
        return [str(e["value"]) for e in self.entities if e.get("entity") == entity]

    def value(self, entity: str) -> str | None:
        return next(iter(self.values(entity)), None)

    def written(self, entity: str) -> str | None:
        """An entity as the customer wrote it."""
        found = next((e for e in self.entities if e.get("entity") == entity), None)
        text = self.tracker.latest_message.get("text") or ""
        return text[found["start"] : found["end"]] if found else None

    def slot(self, name: str) -> Any:
        return self.tracker.get_slot(name)

    @property
    def active_form(self) -> str | None:
        return (self.tracker.active_loop or {}).get("name")

    @property
    def shopper(self) -> account.Shopper:
        """What this visitor has proven so far."""
        if self._shopper is None:
            self._shopper = account.recognise(self.session, self.visitor)
        return self._shopper

    @shopper.setter
    def shopper(self, shopper: account.Shopper) -> None:
        self._shopper = shopper

    def say(self, response: str, *, buttons: list[dict[str, str]] | None = None, **facts: Any) -> None:
        """Answer with a named reply; its facts are already worded (see `Wording`)."""
        self.dispatcher.utter_message(response=response, buttons=buttons or [], **facts)

    def show(self, cards: Sequence[dict[str, Any]]) -> None:
        """Show cards beside what was said, where there is a window that can: the web chat."""
        if cards and self.tracker.get_latest_input_channel() == WEB_CHAT:
            self.dispatcher.utter_message(json_message={"cards": list(cards)})

    def refuse(self, refusal: ShopError) -> None:
        """Say why the shop will not do it, with the facts, and what is possible instead."""
        self.say(refusal_reply(refusal), **self.wording.facts(refusal.facts))

    @property
    def last_reply(self) -> str | None:
        """The name of the reply that was said last before this message."""
        said = [e for e in self.tracker.events if e.get("event") in ("bot", "user") and e.get("text")][:-1]
        is_bots = bool(said) and said[-1].get("event") == "bot"
        return (said[-1].get("metadata") or {}).get("utter_action") if is_bots else None

    @property
    def was_offered_a_person(self) -> bool:
        """Whether the last thing said before this message was the offer of a person."""
        return self.last_reply == "utter_offer_person"

    @property
    def wanted_rather(self) -> str | None:
        """What a "never mind" wants in place of what is going on: a refund, a replacement."""
        return None if self.intent == "talk_to_human" else answers.wanted_rather(self.text)

    @property
    def is_answered(self) -> bool:
        """Whether something was said to this message already."""
        return any(event["event"] == "bot" for event in self.events_since_message())

    @property
    def has_declined_a_person(self) -> bool:
        """Whether this message is a no to the offer of a person."""
        return self.was_offered_a_person and answers.yes_or_no(self.text, self.intent, self.confidence) is False

    def followed_by(self, action: str) -> list[bool]:
        """For each message of the customer, oldest first, whether this action came after it; the last is this one."""
        followed: list[bool] = []
        for event in self.tracker.events:
            if event.get("event") == "user":
                followed.append(False)
            elif followed and event.get("event") == "action" and event.get("name") == action:
                followed[-1] = True
        return followed

    def events_since_message(self) -> Iterator[dict[str, Any]]:
        """What has happened after the customer's last message, oldest first."""
        events = self.tracker.events
        last = max((i for i, event in enumerate(events) if event.get("event") == "user"), default=-1)
        return iter(events[last + 1 :])


def refusal_reply(refusal: ShopError) -> str:
    """The reply that belongs to a refusal: OrderNotFound is answered by utter_refuse_order_not_found."""
    name = type(refusal).__name__
    return "utter_refuse" + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
