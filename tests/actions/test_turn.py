"""A turn in the project's words: what was written, what it holds, and how a refusal is told."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions import base
from actions.turn import Turn, refusal_reply
from shop import errors
from shop.errors import ShopError
from tests.actions.conftest import NOON, Conversation, rendered

REFUSALS = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__base__ is ShopError]
SAMPLES: dict[str, Any] = {"str": "W2378156", "int": 3000, "bool": True, "date": NOON.date() + timedelta(days=9)}


def turn_of(talk: Conversation) -> tuple[Turn, CollectingDispatcher]:
    dispatcher = CollectingDispatcher()
    with base.open_session() as session:
        return Turn(talk.tracker(), dispatcher, session), dispatcher


def sample(kind: type[ShopError], *, may_be_unknown: bool) -> ShopError:
    """A refusal of a kind; what may be unknown is."""
    types = {f.name: str(f.type).split(" | ") for f in fields(kind)}
    return kind(**{n: None if may_be_unknown and "None" in t else SAMPLES[t[0]] for n, t in types.items()})


@pytest.mark.parametrize("may_be_unknown", [False, True], ids=["all facts known", "facts unknown"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_is_told_with_its_facts(
    talk: Conversation, kind: type[ShopError], language: str, may_be_unknown: bool
) -> None:
    talk.slots["language"] = language
    turn, dispatcher = turn_of(talk)
    turn.refuse(sample(kind, may_be_unknown=may_be_unknown))
    (message,) = dispatcher.messages
    text = rendered(message["response"], language, message)
    assert message["response"] == refusal_reply(sample(kind, may_be_unknown=True))
    assert "None" not in text and "True" not in text


@pytest.mark.parametrize(
    ("refusal", "reply"),
    [
        (errors.OrderNotFound("W1"), "utter_refuse_order_not_found"),
        (errors.TooManyAttempts(), "utter_refuse_too_many_attempts"),
        (errors.QuoteChanged(), "utter_refuse_quote_changed"),
    ],
)
def test_a_refusals_reply_is_its_name_in_snake_case(refusal: ShopError, reply: str) -> None:
    assert refusal_reply(refusal) == reply


def test_entities_keep_the_order_in_which_they_were_written(talk: Conversation) -> None:
    talk.writes("the lamp, the mug and the lamp in red", product=["lamp", "mug", "lamp"], option="red")
    turn, _ = turn_of(talk)
    assert turn.values("product") == ["lamp", "mug", "lamp"]
    assert turn.value("option") == "red"
    assert turn.value("quantity") is None


def test_the_language_is_no_entity_of_what_was_said(talk: Conversation) -> None:
    talk.writes("你好", "greet")
    turn, _ = turn_of(talk)
    assert turn.language == "zh"
    assert turn.entities == []


@pytest.mark.parametrize("text", ["  yes  ", "yes", "\nyes\t"])
def test_the_text_is_read_without_the_space_around_it(talk: Conversation, text: str) -> None:
    talk.writes(text, "affirm")
    assert turn_of(talk)[0].text == "yes"


def test_a_conversation_that_has_not_begun_is_empty_and_english(shop: object) -> None:
    turn, _ = turn_of(Conversation(slots={}))
    assert (turn.text, turn.intent, turn.entities, turn.active_form, turn.language) == ("", "", [], None, "en")
    assert not turn.shopper.is_known


def test_what_happened_since_the_message_is_told_oldest_first(talk: Conversation) -> None:
    talk.says("hi", "greet")
    talk.says("thanks", "thank")
    turn, _ = turn_of(talk)
    names = [event["name"] for event in turn.events_since_message() if event["event"] == "action"]
    assert names == ["utter_welcome", "action_resume"]


def test_what_a_visitor_has_proven_is_nobody_elses(emma: Conversation) -> None:
    assert turn_of(emma)[0].shopper.name == "Emma Clarke"
    assert not turn_of(Conversation(visitor="somebody else"))[0].shopper.is_known
