"""What goes wrong is answered once, for all actions: refusals are said, failures apologised for, nothing half done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from actions import base
from actions.base import Events
from actions.conversation import Stop
from actions.turn import Turn
from shop import database
from shop.errors import OrderNotFound
from shop.policy import POLICY
from tests.actions.conftest import UNAVAILABLE, Conversation, Heard, Shop, all_actions


@pytest.fixture
def does(monkeypatch: pytest.MonkeyPatch, talk: Conversation) -> Callable[[Callable[[Turn], Events]], Heard]:
    """Runs an action that does what it is told."""
    talk.may_fail = True

    def run(serve: Callable[[Turn], Events]) -> Heard:
        monkeypatch.setattr(Stop, "serve", lambda _, turn: serve(turn))
        return talk.does("action_stop")

    return run


def _rename(turn: Turn) -> None:
    turn.session.execute(text("UPDATE orders SET recipient = 'Nobody'"))


def test_a_refusal_is_said_and_what_was_not_committed_is_undone(does: Any, shop: Shop) -> None:
    before = shop.contents()

    def serve(turn: Turn) -> Events:
        _rename(turn)
        raise OrderNotFound("W0000000")

    heard = does(serve)
    assert heard.replies == ["utter_refuse_order_not_found"]
    assert heard.fact("number") == "W0000000"
    assert heard.events == []
    assert shop.contents() == before


def test_what_breaks_is_logged_whole_and_answered_with_one_sentence(
    does: Any, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    before = shop.contents()

    def serve(turn: Turn) -> Events:
        turn.say("utter_stopped")
        _rename(turn)
        raise KeyError("surprise")

    heard = does(serve)
    assert heard.replies == [UNAVAILABLE], "what was said before it broke is not said"
    assert heard.fact("service_phone") == POLICY.service_phone
    assert heard.events == []
    assert "surprise" in caplog.text and "action_stop" in caplog.text
    assert shop.contents() == before


def test_no_message_of_a_customer_is_logged_above_debug(
    talk: Conversation, gone: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    talk.may_fail = True
    gone()
    with caplog.at_level(logging.INFO):
        talk.says("where is W8264401? my mail is emma.clarke@example.com", "track_order", order_number="W8264401")
    assert caplog.records
    assert "emma" not in caplog.text and "W8264401" not in caplog.text


@pytest.mark.parametrize("name", sorted(all_actions()))
def test_without_the_shop_every_action_says_so_or_needs_no_shop(
    name: str, talk: Conversation, gone: Callable[[], None]
) -> None:
    talk.may_fail = True
    talk.writes("yes, W8264401, the lamp in red, 5 stars", "affirm", order_number="W8264401", product="lamp")
    gone()
    heard = talk.does(name)
    assert UNAVAILABLE not in heard.replies or heard.replies == [UNAVAILABLE]
    assert {event["event"] for event in heard.events} <= {"slot", "followup", "active_loop", "pause"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Iterator[None]:
    """Connections that wait for a locked database only a moment."""
    engine = base._sessions(shop.url).kw["bind"]
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    engine.dispose()
    yield
    engine.dispose()


def test_a_locked_database_is_apologised_for_and_a_second_yes_does_it(
    impatient: None, emma: Conversation, shop: Shop
) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    before = shop.contents()
    emma.may_fail = True
    shop.now.execute("BEGIN IMMEDIATE")
    try:
        assert emma.says("yes", "affirm").replies == [UNAVAILABLE]
    finally:
        shop.now.rollback()
    assert shop.contents() == before
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]
    assert shop.row("orders", number="W8264401")["state"] == "cancelled"
    assert len(shop.rows("receipts")) == len(before["receipts"]) + 1
