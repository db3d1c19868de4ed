"""Trouble: parcels lost, damaged, wrong or short; products that do not work; warranty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.actions.conftest import Conversation, Shop

# -- the delivery ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remedy", "asked", "done"),
    [
        ("refund please", "utter_ask_report_refund", "utter_reported_refund"),
        ("send it again", "utter_ask_report_resend", "utter_reported_resend"),
    ],
)
def test_a_lost_parcel_is_refunded_or_sent_again(
    emma: Conversation, shop: Shop, remedy: str, asked: str, done: str
) -> None:
    heard = emma.says("my parcel never arrived", "report_delivery_problem", order_number="W8264403")
    assert heard.replies == ["utter_ask_remedy"], "a lost parcel is lost whole"
    assert emma.says(remedy).replies == [asked]
    order = shop.row("orders", number="W8264403")
    assert not shop.rows("tickets", order_id=order["id"])
    heard = emma.says("yes", "affirm")
    assert heard.replies == [done]
    ticket = shop.row("tickets", order_id=order["id"])
    assert (ticket["number"], ticket["kind"]) == (heard.fact("ticket"), "lost")
    assert len(shop.rows("refunds", order_id=order["id"])) == (1 if "refund" in remedy else 0)


def test_a_parcel_that_is_merely_on_its_way_is_not_lost_yet(siyuan: Conversation, shop: Shop) -> None:
    before = shop.contents()
    heard = siyuan.says("包裹丢了", "report_delivery_problem", order_number="W2378157")
    assert heard.replies == ["utter_refuse_not_overdue_yet"]
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("text", "kind", "label"),
    [
        ("瑜伽垫压坏了", "damaged", "商品破损"),
        ("you sent the wrong one", "wrong_item", "wrong item"),
        ("少发了一件", "missing_item", "少发商品"),
    ],
)
def test_a_damaged_wrong_or_missing_item_is_reported(
    emma: Conversation, shop: Shop, text: str, kind: str, label: str
) -> None:
    emma.says(text, "report_delivery_problem", order_number="W8264404")
    assert emma.slots["requested_slot"] == "items"
    emma.says("瑜伽垫" if label[0] > "z" else "the yoga mat", product="yoga mat")
    heard = emma.says("退款" if label[0] > "z" else "refund")
    assert heard.replies == ["utter_ask_report_refund"]
    assert heard.fact("kind") == label
    emma.says("yes", "affirm")
    assert shop.row("tickets", order_id=shop.row("orders", number="W8264404")["id"])["kind"] == kind


def test_what_is_wrong_is_asked_where_it_was_not_said(emma: Conversation) -> None:
    heard = emma.says("there's a problem with my delivery", "report_delivery_problem", order_number="W8264404")
    assert heard.replies == ["utter_ask_problem"]
    assert emma.says("it's cracked").replies == ["utter_ask_items"]


def test_what_is_wrong_is_corrected(emma: Conversation) -> None:
    emma.says("it was damaged", "report_delivery_problem", order_number="W8264404", product="yoga mat")
    emma.says("refund")
    heard = emma.says("no, it is the wrong colour", "report_delivery_problem")
    assert heard.replies == ["utter_ask_report_refund"]
    assert heard.fact("kind") == "wrong item"


def test_a_report_is_made_once(emma: Conversation) -> None:
    for _ in range(2):
        heard = emma.says("it was damaged", "report_delivery_problem", order_number="W8264404", product="yoga mat")
        emma.says("refund")
        emma.says("yes", "affirm")
    assert heard.replies == ["utter_refuse_already_reported"]


def test_what_is_sold_out_is_not_sent_again_but_refunded(emma: Conversation, shop: Shop) -> None:
    shop.change("UPDATE variants SET stock = 0 WHERE product_id = ?", shop.row("products", slug="yoga-mat")["id"])
    emma.says("it was damaged", "report_delivery_problem", order_number="W8264404", product="yoga mat")
    heard = emma.says("send it again")
    assert heard.replies == ["utter_refuse_out_of_stock", "utter_ask_remedy"]
    assert emma.says("then a refund").replies == ["utter_ask_report_refund"]


def test_damage_is_reported_within_days_of_delivery(emma: Conversation) -> None:
    heard = emma.says("it was damaged", "report_delivery_problem", order_number="W8264407")
    assert heard.replies == ["utter_refuse_report_too_late"]


# -- a product that does not work --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "article"),
    [("耳机", "audio"), ("desk lamp", "light"), ("kettle", "kitchen"), ("spaceship", "general")],
)
def test_a_fault_is_met_with_the_steps_that_help_with_such_a_product(
    talk: Conversation, product: str, article: str
) -> None:
    heard = talk.says("it won't turn on", "report_fault", product=product)
    assert heard.replies == [f"utter_help_{article}", "utter_ask_solved"]


def test_every_product_has_steps_that_help(shop: Shop) -> None:
    articles = {row["help_article"]: row for row in shop.rows("products")}
    for article, product in articles.items():
        for name in (product["name_zh"], product["name_en"]):
            heard = Conversation().says(f"{name}!", "report_fault", product=name)
            assert heard.replies == [f"utter_help_{article}", "utter_ask_solved"]
            assert not heard.text.startswith("utter_"), "the article is there"


def test_which_product_is_asked_where_it_was_not_said(talk: Conversation) -> None:
    assert talk.says("坏了", "report_fault").replies == ["utter_ask_faulty_product"]
    assert talk.says("我的台灯", product="台灯").replies == ["utter_help_light", "utter_ask_solved"]


@pytest.mark.parametrize(("text", "intent"), [("yes!", "affirm"), ("好了", "inform"), ("可以了", "affirm")])
def test_what_helped_ends_it(talk: Conversation, text: str, intent: str) -> None:
    talk.says("my kettle won't work", "report_fault", product="kettle")
    assert talk.says(text, intent).replies == ["utter_fault_solved"]
    assert talk.loop is None


@pytest.mark.parametrize(
    ("text", "intent"),
    [("no", "deny"), ("没有", "deny"), ("still broken", "report_fault"), ("还是不行", "report_fault")],
)
def test_what_did_not_help_is_followed_by_a_choice(talk: Conversation, text: str, intent: str) -> None:
    talk.says("my kettle won't work", "report_fault", product="kettle")
    assert talk.says(text, intent).replies == ["utter_ask_next_step"]


@pytest.mark.parametrize(
    ("choice", "form", "then"),
    [
        ("保修维修", "claim_warranty_form", "utter_ask_warranty_remedy"),
        ("退货", "return_item_form", "utter_ask_refund_to"),
        ("技术专员", "open_ticket_form", "utter_ask_open_ticket"),
    ],
)
def test_the_choice_goes_on_with_what_is_known(siyuan: Conversation, choice: str, form: str, then: str) -> None:
    siyuan.slots["order_number"] = "W2378158"
    siyuan.says("台灯不亮了", "report_fault", product="台灯")
    siyuan.says("没有", "deny")
    assert siyuan.says(choice).replies == [then], "neither the order nor the item is asked for"
    assert (siyuan.loop, siyuan.slots["hands_on"]) == (form, None)


def test_a_return_after_a_fault_knows_the_item_and_the_reason(emma: Conversation) -> None:
    emma.slots["order_number"] = "W8264404"
    emma.says("my running shoes fell apart", "report_fault", product="running shoes")
    emma.says("no", "deny")
    heard = emma.says("return it")
    assert heard.replies == ["utter_ask_refund_to"]
    assert emma.slots["reason"] == "faulty"


def test_a_ticket_is_opened_on_a_yes(siyuan: Conversation, shop: Shop) -> None:
    siyuan.slots["order_number"] = "W2378159"
    siyuan.says("水壶不加热了", "report_fault", product="水壶")
    siyuan.says("没有", "deny")
    heard = siyuan.says("让技术专员联系我")
    assert heard.replies == ["utter_ask_open_ticket"]
    heard = siyuan.says("好的", "affirm")
    assert heard.replies == ["utter_opened_ticket"]
    assert shop.row("tickets", number=heard.fact("ticket"))["kind"] == "fault"


# -- warranty ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("remedy", "label"), [("修一下", "维修"), ("换新", "换新")])
def test_a_warranty_claim_is_said_back_and_filed_on_a_yes(
    siyuan: Conversation, shop: Shop, remedy: str, label: str
) -> None:
    heard = siyuan.says("水壶还在保修期吧", "claim_warranty", product="水壶", order_number="W2378159")
    assert heard.replies == ["utter_ask_warranty_remedy"]
    heard = siyuan.says(remedy)
    assert heard.replies == ["utter_ask_warranty"]
    assert heard.fact("remedy") == label
    heard = siyuan.says("好的", "affirm")
    assert heard.replies == ["utter_claimed_warranty"]
    assert shop.row("tickets", number=heard.fact("ticket"))["kind"] == "warranty"


@pytest.mark.parametrize(
    ("number", "product", "reply"),
    [
        ("W8264404", "yoga mat", "utter_refuse_no_warranty"),
        ("W8264401", "hoodie", "utter_refuse_not_delivered_yet"),
        ("W8264405", "dress", "utter_refuse_already_cancelled"),
    ],
)
def test_what_no_warranty_covers_is_refused_before_anything_is_asked(
    emma: Conversation, shop: Shop, number: str, product: str, reply: str
) -> None:
    before = shop.contents()
    entities: dict[str, Any] = {"order_number": number, "product": product}
    assert emma.says("is it covered", "claim_warranty", **entities).replies == [reply]
    assert shop.contents() == before


def test_a_warranty_that_has_expired_says_since_when(emma: Conversation, shop: Shop) -> None:
    shop.change("UPDATE products SET warranty_months = 1 WHERE slug = 'smart-watch'")
    heard = emma.says("is it covered", "claim_warranty", order_number="W8264407")
    assert heard.replies == ["utter_refuse_warranty_expired"]
    assert "Wed 30 Apr" in heard.text


def test_the_order_sent_before_it_is_asked_for_is_kept(talk: Conversation) -> None:
    talk.says("台灯一闪一闪的", "report_fault", product="台灯")
    talk.says("还是不行", "report_fault")
    assert talk.says("W2378158", order_number="W2378158").replies == ["utter_order_noted", "utter_ask_next_step"]
    assert talk.says("5678").replies == ["utter_ask_next_step"]
    assert talk.says("退货吧").replies == ["utter_ask_refund_to"]
    assert talk.slots["order_number"] == "W2378158"


def test_a_wrong_proof_sent_early_counts_as_a_miss(talk: Conversation) -> None:
    talk.says("台灯一闪一闪的", "report_fault", product="台灯")
    talk.says("还是不行", "report_fault")
    talk.says("W2378158", order_number="W2378158")
    assert "utter_refuse_order_not_found" in talk.says("0000").replies


def test_what_is_to_be_done_may_be_said_before_the_steps_have_been_tried(talk: Conversation) -> None:
    talk.says("my lamp is broken", "report_fault", product="lamp")
    assert talk.says("W2378158", order_number="W2378158").replies == [
        "utter_order_noted",
        "utter_help_light",
        "utter_ask_solved",
    ]
    heard = talk.says("repair it", "claim_warranty")
    assert heard.replies == ["utter_ask_order_proof"]
    assert talk.slots["order_number"] == "W2378158"
