"""Returns: send items back for money, exchange one for another version, ask how far it has got."""

from __future__ import annotations

from typing import Any

import pytest

from shop.policy import POLICY
from tests.actions.conftest import Conversation, Shop, StandingTime


def in_return(talk: Conversation, **entities: Any) -> None:
    """Emma's return of the yoga mat, up to where the money goes."""
    talk.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", **entities)


# -- sending back ------------------------------------------------------------------------------------------------------


def test_a_return_is_said_back_and_opened_on_a_yes(emma: Conversation, shop: Shop) -> None:
    in_return(emma, reason="ugly")
    heard = emma.says("the way I paid")
    assert heard.replies == ["utter_ask_return_with_fee"]
    assert heard.fact("fee") == "¥12"
    assert (heard.fact("reason"), heard.fact("payment")) == ("changed my mind", "Visa ending 1881")
    assert not shop.rows("returns", order_id=shop.row("orders", number="W8264404")["id"])
    said_back = heard.fact("amount")
    heard = emma.says("yes", "affirm")
    assert heard.replies == ["utter_opened_return"]
    assert heard.fact("amount") == said_back
    assert heard.fact("day") == "Thu 22 May"
    back = shop.row("returns", number=heard.fact("return_number"))
    assert (back["reason"], back["refund_to"], back["fee_cents"]) == ("changed_mind", "original", 1200)


def test_the_shop_pays_the_way_back_where_it_is_at_fault(emma: Conversation) -> None:
    in_return(emma, reason="damaged")
    heard = emma.says("gift card")
    assert heard.replies == ["utter_ask_return"]
    assert heard.fact("payment") == "gift card"


def test_several_items_go_back_at_once(siyuan: Conversation, shop: Shop) -> None:
    siyuan.says("退跑步鞋和台灯", "return_item", product=["跑步鞋", "台灯"], order_number="W2378158", reason="质量问题")
    heard = siyuan.says("原路退回")
    assert "跑步鞋" in heard.fact("items") and "护眼台灯" in heard.fact("items")
    heard = siyuan.says("好的", "affirm")
    back = shop.row("returns", number=heard.fact("return_number"))
    assert len(shop.rows("return_lines", return_id=back["id"])) == 2


def test_the_whole_order_goes_back(siyuan: Conversation) -> None:
    siyuan.says("退货", "return_item", order_number="W2378158", reason="不想要了")
    assert siyuan.says("全部退").replies == ["utter_ask_refund_to"]
    heard = siyuan.says("原路退回")
    assert "×2" in heard.fact("items")


def test_items_are_shown_numbered_with_a_button_each(siyuan: Conversation) -> None:
    heard = siyuan.says("我要退货", "return_item", order_number="W2378158")
    assert heard.replies == ["utter_ask_items"]
    assert [line[:2] for line in heard.fact("items").splitlines()] == ["1.", "2.", "3."]
    assert [b["payload"] for b in heard.messages[0]["buttons"]] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("number", "reply", "words"),
    [
        ("W8264403", "utter_refuse_not_delivered_yet", ["W8264403"]),
        ("W8264407", "utter_refuse_return_window_closed", ["30", "Wed 30 Apr"]),
        ("W8264405", "utter_refuse_already_cancelled", ["W8264405"]),
    ],
)
@pytest.mark.parametrize("intent", ["return_item", "exchange_item"])
def test_what_cannot_go_back_is_refused_at_once_with_the_reason(
    emma: Conversation, shop: Shop, intent: str, number: str, reply: str, words: list[str]
) -> None:
    before = shop.contents()
    heard = emma.says("it goes back", intent, order_number=number)
    assert heard.replies == [reply]
    assert all(word in heard.text for word in words), heard.text
    assert shop.contents() == before


def test_a_return_of_what_has_not_shipped_is_a_cancellation(emma: Conversation, shop: Shop) -> None:
    before = shop.contents()
    heard = emma.says("I want my money back", "return_item", order_number="W8264401")
    assert heard.replies == ["utter_goes_on_as_cancel_order", "utter_ask_cancel_paid_order"]
    assert shop.contents() == before
    emma.says("yes", "affirm")
    assert shop.row("orders", number="W8264401")["state"] == "cancelled"


def test_the_window_closes_while_they_hesitate(emma: Conversation, shop: Shop, time: StandingTime) -> None:
    in_return(emma, reason="ugly")
    emma.says("the way I paid")
    shop.change("UPDATE shipments SET delivered_at = '2031-04-14 04:00:00.000000'")
    before = shop.contents()
    time.forward(minutes=5)
    assert emma.says("yes", "affirm").replies == ["utter_refuse_return_window_closed"]
    assert shop.contents() == before


def test_what_may_not_come_back_is_told_by_name(emma: Conversation, shop: Shop) -> None:
    order = shop.row("orders", number="W8264404")
    chocolates = shop.row("products", slug="chocolate-box")["id"]
    variants = [v["id"] for v in shop.rows("variants", product_id=chocolates)]
    shop.change("UPDATE order_lines SET variant_id = ? WHERE order_id = ?", variants[0], order["id"])
    heard = emma.says("return it", "return_item", order_number="W8264404")
    assert heard.replies == ["utter_refuse_not_returnable"]
    assert "Box of Chocolates" in heard.text
    assert emma.loop is None


def test_food_that_arrived_damaged_may_come_back(emma: Conversation) -> None:
    entities = {"product": "chocolates", "reason": "damaged"}
    heard = emma.says("the chocolates arrived damaged", "return_item", order_number="W8264404", **entities)
    assert heard.replies == ["utter_ask_refund_to"]


@pytest.mark.parametrize("intent", ["return_item", "exchange_item"])
def test_what_is_on_its_way_back_does_not_go_back_twice(emma: Conversation, intent: str) -> None:
    in_return(emma, reason="ugly")
    emma.says("the way I paid")
    first = emma.says("yes", "affirm").fact("return_number")
    heard = emma.says("the yoga mat goes back", intent, product="yoga mat", order_number="W8264404")
    if intent == "return_item":
        assert heard.replies == ["utter_refuse_already_returned", "utter_ask_items"]
        assert "Yoga Mat" not in heard.fact("items")
    else:  # the shoes are the one thing left
        assert heard.replies == ["utter_refuse_already_returned", "utter_ask_item"]
    assert heard.fact("return_number") == first


@pytest.mark.parametrize("intent", ["return_item", "exchange_item"])
def test_a_named_item_that_cannot_go_back_is_refused_once_and_the_items_asked_for(
    emma: Conversation, shop: Shop, intent: str
) -> None:
    before = shop.contents()
    heard = emma.says("the chocolates go back", intent, order_number="W8264404", product="chocolates")
    asked = heard.replies[-1]
    assert heard.replies == ["utter_refuse_not_returnable", asked]
    assert asked in {"utter_ask_items", "utter_ask_item"}
    assert "Box of Chocolates" in heard.text and "Chocolates" not in heard.fact("items")
    assert emma.slots["requested_slot"] == "items"
    assert emma.says("how long do refunds take", "faq").replies == ["utter_faq", asked], "it was told"
    assert "utter_refuse_not_returnable" not in emma.says("the yoga mat", product="yoga mat").replies
    assert emma.slots["items"]
    assert shop.contents() == before


@pytest.mark.parametrize("intent", ["inform", "ask_product_info", "return_item"])
def test_an_item_that_cannot_go_back_is_refused_as_an_answer_too(emma: Conversation, intent: str) -> None:
    emma.says("I want to return something", "return_item", order_number="W8264404")
    heard = emma.says("the chocolates", intent, product="chocolates")
    assert heard.replies == ["utter_refuse_not_returnable", "utter_ask_items"]
    assert emma.says("the yoga mat", product="yoga mat").replies == ["utter_ask_reason"]


def test_an_item_that_cannot_go_back_is_refused_as_a_correction_and_what_was_chosen_stays(
    emma: Conversation,
) -> None:
    in_return(emma, reason="ugly")
    items = emma.slots["items"]
    heard = emma.says("no, the chocolates", "deny", product="chocolates")
    assert heard.replies == ["utter_refuse_not_returnable", "utter_ask_refund_to"]
    assert emma.slots["items"] == items


def test_one_of_two_items_that_cannot_go_back_is_not_dropped_in_silence(emma: Conversation) -> None:
    both = ["yoga mat", "chocolates"]
    heard = emma.says("the mat and the chocolates go back", "return_item", order_number="W8264404", product=both)
    assert heard.replies == ["utter_refuse_not_returnable", "utter_ask_items"]
    assert emma.says("just the yoga mat then", product="yoga mat").replies == ["utter_ask_reason"]


def test_an_item_that_is_not_in_the_order_is_named_and_the_items_asked_for(emma: Conversation) -> None:
    heard = emma.says("return the tea set", "return_item", product="tea set", order_number="W8264404")
    assert heard.replies == ["utter_item_not_among_them", "utter_ask_items"]


def test_money_of_a_gift_card_goes_back_to_a_gift_card_unasked(emma: Conversation, shop: Shop) -> None:
    order = shop.row("orders", number="W8264404")
    shop.change("UPDATE payments SET kind = 'gift_card', last_four = '9120' WHERE order_id = ?", order["id"])
    heard = emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    assert heard.replies == ["utter_ask_return_with_fee"]
    assert "gift card" in heard.fact("payment")


# -- exchanging --------------------------------------------------------------------------------------------------------


def test_an_exchange_is_said_back_and_opened_on_a_yes(emma: Conversation, shop: Shop) -> None:
    heard = emma.says(
        "the running shoes are too small, one size up please",
        "exchange_item",
        product="running shoes",
        reason="too small",
        order_number="W8264404",
    )
    assert heard.replies == ["utter_ask_exchange"]
    assert heard.fact("options") == "white · size 40"
    variant = shop.variant("running-shoes", "white", "40")
    heard = emma.says("yes", "affirm")
    assert heard.replies == ["utter_opened_exchange"]
    back = shop.row("returns", number=heard.fact("return_number"))
    assert (back["kind"], back["reason"]) == ("exchange", "wrong_size")
    assert shop.row("variants", id=variant["id"])["stock"] == variant["stock"] - 1


def test_an_exchange_for_what_is_sold_out_offers_the_others(siyuan: Conversation, shop: Shop) -> None:
    before = shop.contents()
    heard = siyuan.says("换XXL", "exchange_item", order_number="12345678", quantity="两件", option="XXL")
    assert heard.replies == ["utter_refuse_out_of_stock", "utter_ask_variant"]
    assert siyuan.says("那换XL吧", option="XL").replies == ["utter_ask_exchange"]
    assert shop.contents() == before


def test_another_version_is_a_correction_after_it_was_said_back(emma: Conversation, shop: Shop) -> None:
    entities: dict[str, Any] = {"product": "running shoes", "option": "size 40"}
    emma.says("swap the shoes for size 40", "exchange_item", order_number="W8264404", **entities)
    before = shop.contents()
    heard = emma.says("no, size 41", "deny", option="size 41")
    assert heard.replies == ["utter_ask_exchange"]
    assert "41" in heard.fact("options")
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("entities", "then"),
    [
        ({}, "utter_ask_variant"),
        ({"product": "hoodie", "option": "black"}, "utter_ask_change_items"),
    ],
)
def test_an_exchange_of_what_has_not_shipped_is_a_change_of_the_order(
    emma: Conversation, shop: Shop, entities: dict[str, str], then: str
) -> None:
    heard = emma.says("another colour please", "exchange_item", order_number="W8264401", **entities)
    assert heard.replies == ["utter_goes_on_as_change_order_items", then]
    assert emma.loop == "change_order_items_form"
    if not entities:
        emma.says("black", option="black")
    emma.says("yes", "affirm")
    line = shop.row("order_lines", order_id=shop.row("orders", number="W8264401")["id"])
    assert line["variant_id"] == shop.variant("hoodie", "black", "l")["id"]


def test_what_came_broken_is_replaced_by_the_same_version(siyuan: Conversation, shop: Shop) -> None:
    siyuan.says("退台灯", "return_item", order_number="W2378158", product="台灯")
    siyuan.says("坏了", reason="坏了")
    heard = siyuan.says("给我换一个吧", "exchange_item")
    assert heard.replies == ["utter_ask_exchange"]
    assert heard.fact("options") == "暖白色"
    siyuan.says("好的", "affirm")
    assert shop.rows("returns", kind="exchange", reason="faulty", state="open")


def test_a_replacement_counts_no_pieces(siyuan: Conversation) -> None:
    assert siyuan.says("退卫衣", "return_item", order_number="W2378158", product="卫衣").replies == [
        "utter_ask_quantity"
    ]
    assert siyuan.says("给我换一个吧", "exchange_item").replies == ["utter_ask_quantity"]
    assert siyuan.loop == "exchange_item_form"


# -- how far it has got ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["R5500001", "r5500001", "W8264406"])
def test_a_return_is_tracked_by_its_number_or_its_orders(emma: Conversation, said: str) -> None:
    heard = emma.says(f"how far is {said}", "track_return", order_number=said)
    assert heard.replies == ["utter_return_received"]
    assert heard.fact("return_number") == "R5500001"


def test_a_refund_that_was_paid_says_when_and_how_much(talk: Conversation) -> None:
    talk.says("退款到账了吗", "track_return", order_number="R5500002")
    heard = talk.says("wang.fang@example.com", email="wang.fang@example.com")
    assert heard.replies == ["utter_return_refund_paid"]
    assert heard.fact("payment") in {"支付宝", "Alipay"}


@pytest.mark.parametrize("said", ["R5500002", "R9999999"])
def test_a_return_that_is_not_theirs_is_as_one_that_is_not_there(talk: Conversation, said: str) -> None:
    assert talk.says("my refund", "track_return", order_number=said).replies == ["utter_ask_order_proof"]
    heard = talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert heard.replies == ["utter_refuse_order_not_found", "utter_ask_order_proof"]
    assert heard.fact("number") == said
    assert "W7700002" not in heard.text, "the number of somebody else's order is told to nobody"


@pytest.mark.parametrize("intent", ["track_return", "cancel_order"])
def test_the_order_of_somebody_elses_return_stays_unnamed_in_the_next_flow_too(talk: Conversation, intent: str) -> None:
    talk.says("my refund", "track_return", order_number="R5500002")
    talk.says("never mind", "stop")
    talk.says("and now?", intent)
    heard = talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert heard.replies == ["utter_refuse_order_not_found", "utter_ask_order_proof"]
    assert heard.fact("number") == "R5500002"


def test_after_a_return_was_looked_for_another_order_is_refused_by_its_own_number(talk: Conversation) -> None:
    talk.says("my refund", "track_return", order_number="R5500002")
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert talk.says("9999").fact("number") == "W8264401"


def test_a_cancelled_orders_refund_is_told_where_there_is_no_return(emma: Conversation) -> None:
    heard = emma.says("where is my money", "track_return", order_number="W8264405")
    assert heard.replies == ["utter_order_cancelled_refund_pending"]


def test_an_order_without_a_return_says_so(emma: Conversation) -> None:
    assert emma.says("my refund", "track_return", order_number="W8264401").replies == ["utter_refuse_no_such_return"]


@pytest.mark.parametrize("state", ["open", "sent_back", "received", "completed", "rejected", "expired"])
@pytest.mark.parametrize("kind", ["return", "exchange"])
def test_every_state_of_a_return_has_its_words(emma: Conversation, shop: Shop, kind: str, state: str) -> None:
    shop.change("UPDATE returns SET kind = ?, state = ? WHERE number = 'R5500001'", kind, state)
    heard = emma.says("how far is it", "track_return", order_number="R5500001")
    assert heard.replies == [f"utter_{kind}_{state}"]


def test_the_refund_days_that_are_promised_are_the_policys(emma: Conversation) -> None:
    in_return(emma, reason="ugly")
    heard = emma.says("how do returns work", "faq")
    assert heard.replies[-1] == "utter_ask_refund_to"
    text = heard.text
    assert f"{POLICY.refund_days} days" in text and f"{POLICY.gift_card_refund_days} day" in text
