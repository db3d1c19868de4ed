"""Answers ahead: what comes with an answer is what would have been answered, had it been asked for."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker
from sqlalchemy import event

from actions import base
from actions.ahead import AHEAD, Executor, assumption
from tests.actions.conftest import ROOT, Conversation, Heard, Shop, all_actions

KEYS = re.compile(r"[0-9a-f]{32}")  # drawn anew for every question


@pytest.fixture(scope="module")
def executor() -> Executor:
    executor = Executor()
    for action in all_actions().values():
        executor.register_action(action)
    return executor


def call(conversation: Conversation, name: str, tracker: Tracker | None = None) -> dict[str, Any]:
    """What Rasa sends to have an action run."""
    state = (tracker or conversation.tracker()).current_state() | {
        "events": list((tracker or conversation.tracker()).events)
    }
    state["active_loop"] = {"name": conversation.loop} if conversation.loop else {}
    return json.loads(json.dumps({"next_action": name, "sender_id": conversation.visitor, "tracker": state}))


@dataclass
class Foreseen(Conversation):
    """A conversation in which every answer ahead is compared with what is answered when its turn comes."""

    executor: Executor = field(default_factory=Executor)
    calls: list[str] = field(default_factory=list)  # those that no answer ahead had answered
    _ahead: list[dict[str, Any]] = field(default_factory=list)

    def _called(self, name: str, tracker: Tracker, heard: Heard) -> list[dict[str, Any]]:
        asked = call(self, name, tracker)
        if self._ahead and self._ahead[0]["action"] == name:
            foreseen = self._ahead.pop(0)
            assert foreseen["assumes"] == assumption(asked["tracker"])
            with writing() as written:
                asked_for = asyncio.run(self.executor.run(asked))
            answered = foreseen
            assert comparable(answered) == comparable(asked_for)
            assert name.startswith("validate_") or not written  # a validation notes proofs and misses
        else:
            self.calls.append(name)
            answered = asyncio.run(self.executor.run({**asked, AHEAD: True}))
            self._ahead = answered.pop(AHEAD)
        for message in answered["responses"]:
            self._hears(message, heard)
        return list(answered["events"])


@contextmanager
def writing() -> Iterator[list[str]]:
    """What is written to the shop's database within the block."""
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN")):
            written.append(statement)

    with base.open_session() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield written
    finally:
        event.remove(engine, "before_cursor_execute", note)


def comparable(answer: dict[str, Any]) -> str:
    return KEYS.sub("", json.dumps([answer["events"], answer["responses"]], sort_keys=True, ensure_ascii=False))


@pytest.fixture
def foreseen(shop: Shop, executor: Executor) -> Foreseen:
    return Foreseen(executor=executor)


def test_an_order_is_found_and_told_in_two_calls_for_two_messages(foreseen: Foreseen) -> None:
    assert foreseen.says("track W2378157", "track_order", order_number="W2378157").replies == ["utter_ask_order_proof"]
    assert foreseen.says("chen.siyuan@example.com", email="chen.siyuan@example.com").replies == ["utter_order_shipped"]
    assert foreseen.calls == ["validate_track_order_form"] * 2


def test_a_question_that_has_an_action_comes_with_the_validation(foreseen: Foreseen) -> None:
    foreseen.says("I want to return something from W8264404", "return_item", order_number="W8264404")
    heard = foreseen.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert heard.replies == ["utter_ask_items"]
    assert foreseen.calls == ["validate_return_item_form"] * 2


def test_a_deed_is_asked_for_by_itself(foreseen: Foreseen, shop: Shop) -> None:
    foreseen.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert foreseen.says("emma.clarke@example.com", email="emma.clarke@example.com").replies == [
        "utter_ask_cancel_paid_order"
    ]
    foreseen.says("yes", "affirm")
    assert shop.row("orders", number="W8264401")["state"] == "cancelled"
    assert foreseen.calls == [*["validate_cancel_order_form"] * 3, "action_cancel_order"]


def test_a_digression_is_one_call_after_the_form_has_stepped_back(foreseen: Foreseen) -> None:
    foreseen.says("cancel W8264401", "cancel_order", order_number="W8264401")
    foreseen.calls.clear()
    heard = foreseen.says("any offers?", "ask_promotions")
    assert heard.replies[-1] == "utter_ask_order_proof"
    assert foreseen.calls == ["validate_cancel_order_form", "action_promotions"]


def test_what_takes_up_a_paused_flow_is_foreseen(foreseen: Foreseen) -> None:
    foreseen.says("cancel W8264401", "cancel_order", order_number="W8264401")
    foreseen.says("emma.clarke@example.com", email="emma.clarke@example.com")
    heard = foreseen.says("where is W8264403", "track_order", order_number="W8264403")
    assert "utter_back_to_request" in heard.replies
    assert heard.replies[-1] == "utter_ask_cancel_paid_order"


def test_a_turn_to_another_form_is_foreseen(foreseen: Foreseen) -> None:
    foreseen.says("exchange the yoga mat of W8264404", "exchange_item", product="yoga mat", order_number="W8264404")
    foreseen.says("emma.clarke@example.com", email="emma.clarke@example.com")
    heard = foreseen.says("never mind, just refund it", "stop")
    assert heard.replies[-1].startswith("utter_ask_")


def test_what_offers_a_person_is_foreseen(foreseen: Foreseen) -> None:
    foreseen.says("track W2378157", "track_order", order_number="W2378157")
    for guess in ("one@example.com", "two@example.com", "three@example.com", "four@example.com", "five@example.com"):
        heard = foreseen.says(guess, email=guess)
    assert heard.replies[-1] == "utter_offer_person"


def test_nothing_is_answered_ahead_unasked(foreseen: Foreseen, executor: Executor) -> None:
    foreseen.writes("where is W8264401", "track_order", order_number="W8264401")
    assert AHEAD not in (asyncio.run(executor.run(call(foreseen, "action_promotions"))) or {})


def test_the_rules_come_back_after_the_actions_that_say_so_and_no_other() -> None:
    followed: set[str] = set()
    for path in (ROOT / "data/rules").glob("*.yml"):
        for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]:
            names = [step.get("action") for step in rule["steps"]]
            followed |= {name for name, after in pairwise(names) if after == "action_resume"}
    ours = {name for name in followed if name and not name.startswith("utter_")}
    assert ours == {name for name, action in all_actions().items() if action.comes_back}
