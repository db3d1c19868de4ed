"""The web chat shows cards; whoever has no window for them misses nothing."""

from __future__ import annotations

import pytest

from tests.actions.conftest import Conversation


@pytest.fixture
def window(talk: Conversation) -> Conversation:
    talk.channel = "rest"
    return talk


def test_a_product_is_shown_with_its_picture_its_price_and_its_page(window: Conversation) -> None:
    (card,) = window.says("tell me about the smart watch", "ask_product_info", product="smart watch").cards

    assert card["title"] == "Smart Watch"
    assert card["lines"] == ["¥899"]
    assert card["link"].endswith("/products/smart-watch")
    assert card["image"] == "/webhooks/rest/demo-electronics.svg"


def test_a_choice_of_products_is_a_card_for_each(window: Conversation) -> None:
    heard = window.says("台灯多少钱", "ask_product_price", product="台灯")

    assert [card["title"] for card in heard.cards] == ["护眼台灯", "充电夹式台灯", "触控床头灯"]
    assert all(card["title"] in heard.text for card in heard.cards)


def test_what_was_said_last_is_still_known_when_cards_were_shown_after_it(window: Conversation) -> None:
    window.says("what do you recommend for the kitchen", "recommend_products")
    dear = window.says("cheaper please", "recommend_products")

    assert "utter_cheaper_recommendations" in dear.replies


def test_a_parcel_shows_how_far_it_has_come(window: Conversation) -> None:
    window.says("where is W8264403", "track_order", order_number="W8264403")
    (card,) = window.says("emma.clarke@example.com", email="emma.clarke@example.com").cards

    assert card["title"] == "W8264403"
    done = [step["is_done"] for step in card["steps"]]
    assert len(done) == 5 and done == sorted(done, reverse=True) and done[1] and not done[4]
    assert card["steps"][0]["at"]


def test_an_order_that_has_not_left_has_come_nowhere(window: Conversation) -> None:
    window.says("我的订单W2378156到哪了", "track_order", order_number="W2378156")
    (card,) = window.says("13812345678").cards

    assert "steps" not in card
    assert card["lines"][0] == "备货中"


def test_without_a_window_there_are_no_cards(talk: Conversation) -> None:
    assert talk.says("tell me about the smart watch", "ask_product_info", product="smart watch").cards == []
