"""Facts that several capabilities say alike: an order's state, its items, the versions of a product."""

from __future__ import annotations

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions import base
from actions.replies import item_buttons, item_list, numbered_items
from actions.turn import Turn
from shop import orders
from tests.actions.conftest import Conversation, Shop


def turn_of(talk: Conversation, language: str) -> tuple[Turn, orders.OrderView]:
    talk.slots["language"] = language
    number = "W2378158" if language == "zh" else "W8264404"
    with base.open_session() as session:
        turn = Turn(talk.tracker(), CollectingDispatcher(), session)
        return turn, orders.view_order(session, turn.shopper, number)


def test_items_are_listed_as_in_a_sentence(siyuan: Conversation) -> None:
    turn, order = turn_of(siyuan, "zh")
    listed = item_list(turn, order.lines)
    assert listed.startswith("跑步鞋") and listed.endswith("×2")
    assert "护眼台灯" in listed and "连帽卫衣" in listed


def test_items_are_numbered_and_their_buttons_send_the_number(emma: Conversation) -> None:
    turn, order = turn_of(emma, "en")
    assert numbered_items(turn, order.lines).splitlines()[1].startswith("2. Yoga Mat")
    assert [button["payload"] for button in item_buttons(turn, order.lines)] == ["1", "2", "3"]


@pytest.mark.parametrize("state", ["awaiting_payment", "processing", "on_hold", "shipped", "delivered", "cancelled"])
def test_an_order_is_told_whatever_its_records_lack(emma: Conversation, shop: Shop, state: str) -> None:
    """No shipment of what has shipped, no reason for a hold, no date, no refund: less is said, but nothing breaks."""
    shop.change("UPDATE orders SET state = ?, due_on = NULL WHERE number = 'W8264401'", state)
    for text in ("where is it", "到哪了"):
        heard = emma.says(text, "track_order", order_number="W8264401")
        assert "W8264401" in heard.text and "None" not in heard.text


@pytest.mark.parametrize("reason", ["out_of_stock", "preorder", "address_check", "payment_check"])
def test_an_order_on_hold_says_why(emma: Conversation, shop: Shop, reason: str) -> None:
    shop.change("UPDATE orders SET hold_reason = ? WHERE number = 'W8264402'", reason)
    assert emma.says("where is it", "track_order", order_number="W8264402").replies == ["utter_order_on_hold"]


@pytest.mark.parametrize("state", ["pending", "paid"])
def test_a_cancelled_orders_refund_is_told(emma: Conversation, shop: Shop, state: str) -> None:
    shop.change("UPDATE refunds SET state = ?, paid_at = '2031-05-14 18:00:00.000000'", state)
    heard = emma.says("where is it", "track_order", order_number="W8264405")
    assert heard.replies == [f"utter_order_cancelled_refund_{state}"]
    assert "Thu 15 May" in heard.fact("day"), "the day in the shop's time"
