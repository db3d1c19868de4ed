"""Handover: a person at the first time of asking, with everything they need so as not to ask again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desk import queue
from shop.models import HandoverState
from tests.actions.conftest import NOON, Conversation, Shop, StandingTime


def packet(shop: Shop, visitor: str = "visitor") -> dict[str, Any]:
    row = shop.row("handovers", conversation=visitor)
    return {**row, "tried": json.loads(row["tried"])}


def lines(shop: Shop) -> list[tuple[str, str]]:
    conversation = shop.row("handovers")["conversation"]
    return [(row["sender"], row["text"]) for row in shop.rows("messages", conversation_id=conversation)]


@pytest.mark.parametrize(("text", "language"), [("转人工", "zh"), ("let me talk to someone real", "en")])
def test_a_person_comes_at_the_first_time_of_asking(talk: Conversation, shop: Shop, text: str, language: str) -> None:
    assert talk.says(text, "talk_to_human").replies == ["utter_handover_opened"]
    row = packet(shop)
    assert (row["state"], row["language"], row["topic"]) == (HandoverState.WAITING.value, language, "talk_to_human")
    assert (row["is_verified"], row["customer_id"], row["order_number"], row["tried"]) == (0, None, None, [])
    assert row["wish"] == text
    assert lines(shop) == [("customer", text)]


def test_the_packet_holds_who_what_why_and_all_that_was_said(talk: Conversation, shop: Shop) -> None:
    talk.says(
        "I want to return the smart watch W8264407", "return_item", order_number="W8264407", product="smart watch"
    )
    talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    talk.says("but it is broken!", "report_fault", product="smart watch")
    talk.says("agent", "talk_to_human")
    row = packet(shop)
    assert (row["topic"], row["order_number"], row["is_verified"]) == ("report_fault", "W8264407", 1)
    assert row["customer_id"] == shop.row("customers", name="Emma Clarke")["id"]
    assert row["tried"] == ["utter_refuse_return_window_closed", "utter_help_wearable"]
    assert row["wish"] == "I want to return the smart watch W8264407 / but it is broken!"
    said = lines(shop)
    assert [text for sender, text in said if sender == "customer"] == [
        "I want to return the smart watch W8264407",
        "emma.clarke@example.com",
        "but it is broken!",
        "agent",
    ]
    assert said[1][0] == "bot" and "postal code" in said[1][1]


def test_each_line_keeps_its_moment(talk: Conversation, shop: Shop, time: StandingTime) -> None:
    talk.says("hello", "greet")
    time.forward(minutes=7)
    talk.says("agent", "talk_to_human")
    moments = [row["at"] for row in shop.rows("messages")]
    assert moments == sorted(moments) and len(set(moments)) == 2
    assert moments[0].startswith("2031-05-15 04:00")


def test_a_proven_order_tells_the_agent_whose_it_is(talk: Conversation, shop: Shop) -> None:
    talk.says("where is W8264403", "track_order", order_number="W8264403")
    talk.says("200040")
    talk.says("agent", "talk_to_human")
    row = packet(shop)
    assert (row["is_verified"], row["customer_id"]) == (1, None)  # the order alone was proven, not the account
    assert row["topic"] == "track_order"


def test_an_order_that_was_only_claimed_tells_the_agent_nobody(talk: Conversation, shop: Shop) -> None:
    talk.says("where is W8264403", "track_order", order_number="W8264403")
    talk.says("agent", "talk_to_human")
    row = packet(shop)
    assert (row["is_verified"], row["customer_id"], row["order_number"]) == (0, None, "W8264403")


def test_an_open_flow_ends_with_nothing_changed(emma: Conversation, shop: Shop) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert emma.says("get me a person", "talk_to_human").replies == ["utter_handover_opened"]
    assert (emma.loop, emma.slots["requested_slot"], emma.slots["confirmation"]) == (None, None, None)
    assert shop.row("orders", number="W8264401")["state"] == "processing"
    assert packet(shop)["topic"] == "cancel_order"


def test_who_asks_twice_waits_once(talk: Conversation, shop: Shop) -> None:
    talk.says("agent", "talk_to_human")
    talk.says("agent!!", "talk_to_human")
    assert "agent!!" in packet(shop)["wish"]


@pytest.mark.parametrize(
    ("hour", "reply"),
    [(8, "utter_handover_opened_after_hours"), (9, "utter_handover_opened"), (20, "utter_handover_opened"),
     (21, "utter_handover_opened_after_hours")],
)  # fmt: skip
def test_after_hours_it_is_said_when_people_are_back(
    talk: Conversation, time: StandingTime, hour: int, reply: str
) -> None:
    time.moment = NOON.replace(hour=hour)
    heard = talk.says("agent", "talk_to_human")
    assert heard.replies == [reply]
    assert (heard.fact("opens"), heard.fact("closes")) == ("09:00", "21:00")


@pytest.mark.parametrize(("channel", "pauses"), [("cmdline", True), ("web", False), ("rest", False)])
def test_only_in_the_terminal_rasa_itself_is_paused(talk: Conversation, channel: str, pauses: bool) -> None:
    talk.channel = channel
    heard = talk.says("agent", "talk_to_human")
    assert any(event["event"] == "pause" for event in heard.events) is pauses


def test_the_agent_sees_what_was_recorded(emma: Conversation) -> None:
    from actions.base import open_session

    emma.says("where is W8264403", "track_order", order_number="W8264403")
    emma.says("agent", "talk_to_human")
    with open_session() as session:
        view = queue.open_in(session, emma.visitor)
    assert view is not None and view.account is not None
    assert (view.name, view.order_state, view.tried) == ("Emma Clarke", "shipped", ("utter_order_overdue",))
    assert [line.sender.value for line in view.lines] == ["customer", "bot", "customer"]


# -- complaints --------------------------------------------------------------------------------------------------------


def test_a_complaint_is_answered_with_the_facts_and_the_offer_of_a_person(emma: Conversation) -> None:
    emma.says("where is W8264403", "track_order", order_number="W8264403")
    heard = emma.says("this is a joke", "complain")
    assert heard.replies == ["utter_sorry", "utter_order_overdue", "utter_offer_person"]


def test_a_complaint_about_an_order_not_proven_theirs_gets_no_facts(talk: Conversation) -> None:
    talk.slots["order_number"] = "W8264403"
    heard = talk.says("我很不满意", "complain")
    assert heard.replies == ["utter_sorry", "utter_offer_person"]
    assert "W8264403" not in heard.text


def test_an_offered_person_is_recorded_with_the_complaint(talk: Conversation, shop: Shop) -> None:
    talk.says("your service is awful", "complain")
    talk.writes("yes", "affirm")
    assert talk.does("action_handover").replies == ["utter_handover_opened"]
    row = packet(shop)
    assert (row["topic"], row["wish"]) == ("complain", "your service is awful")


@pytest.mark.parametrize(("language", "text"), [("zh", "转人工"), ("en", "a person please")])
def test_who_is_not_the_first_hears_how_many_are_before(
    talk: Conversation, shop: Shop, language: str, text: str
) -> None:
    Conversation("first").says("agent", "talk_to_human")
    Conversation("second").says("agent", "talk_to_human")
    heard = talk.says(text, "talk_to_human")

    assert heard.replies == ["utter_handover_opened_in_queue"]
    assert heard.fact("ahead") == "2"
