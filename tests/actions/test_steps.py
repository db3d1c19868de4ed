"""What each step reads in a message: asked and unasked, corrections, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions import base
from actions.flow import FLOWS, Draft, Step
from actions.turn import Turn
from shop.errors import IdentityNotProven, OrderNotFound, ShopError, TooManyAttempts
from shop.policy import POLICY
from tests.actions.conftest import Conversation, Shop


def step_of(form: str, slot: str) -> Step:
    return next(step for step in FLOWS[form].steps if step.slot == slot)


def read(talk: Conversation, form: str, slot: str, text: str, asked: bool = True, **said: Any) -> Any:
    """What a step of a flow reads in a message."""
    intent = said.pop("intent", "inform")
    talk.writes(text, intent, **said)
    talk.loop = form
    with base.open_session() as session:
        turn = Turn(talk.tracker(), CollectingDispatcher(), session)
        return step_of(form, slot).read(turn, Draft(turn), asked)


def named(shop: Shop, items: dict[str, int | None] | None) -> dict[str, int | None] | None:
    """Chosen order lines by their product."""
    if items is None:
        return None
    lines = [shop.row("order_lines", id=int(line)) for line in items]
    products = [shop.row("variants", id=line["variant_id"])["product_id"] for line in lines]
    return {shop.row("products", id=p)["slug"]: items[str(line["id"])] for p, line in zip(products, lines, strict=True)}


# -- which order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["W2378156", "#w2378156", "w2378156", "Ｗ２３７８１５６", "2378156", "W 2378156"])
def test_an_order_number_is_recognised_however_it_is_written(talk: Conversation, written: str) -> None:
    assert read(talk, "track_order_form", "order_number", written, order_number=written) == "W2378156"


def test_a_number_of_the_old_system_stays_as_it_is(talk: Conversation) -> None:
    assert read(talk, "track_order_form", "order_number", "12345678", order_number="12345678") == "12345678"


@pytest.mark.parametrize(
    "text", ["my order", "the second one", "2", "最后一个", "the last one", "", "W23", "my last order"]
)
def test_nothing_is_chosen_where_nothing_is_proven(talk: Conversation, text: str) -> None:
    assert read(talk, "track_order_form", "order_number", text) is None


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("the first one", True, "W8264408"),
        ("第二个", True, "W8264401"),
        ("3", True, "W8264405"),
        ("the first one", False, None),
        ("the ninth", True, None),
        ("6", True, None),
    ],
)
def test_an_order_is_chosen_by_its_place_in_the_list_that_was_shown(
    emma: Conversation, text: str, asked: bool, expected: str | None
) -> None:
    assert read(emma, "track_order_form", "order_number", text, asked) == expected


@pytest.mark.parametrize(
    ("written", "order", "kept"),
    [("R5500001", "W8264406", "R5500001"), ("r5500001", "W8264406", "R5500001"), ("R0000000", "R0000000", "R0000000")],
)
def test_a_returns_number_stands_for_its_order(talk: Conversation, written: str, order: str, kept: str) -> None:
    talk.writes(written, order_number=written)
    with base.open_session() as session:
        turn = Turn(talk.tracker(), CollectingDispatcher(), session)
        draft = Draft(turn)
        assert step_of("track_return_form", "order_number").read(turn, draft, True) == order
        assert draft["return_number"] == kept


# -- the proof ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("emma.clarke@example.com", {"email": "emma.clarke@example.com"}),
        ("EMMA.Clarke@Example.com", {"email": "EMMA.Clarke@Example.com"}),
        ("+44 7700 900123", {}),
        ("07700 900123", {"phone": "07700900123"}),
        ("0123", {}),
        ("phone ending in 0123", {}),
        ("尾号０１２３", {}),
        ("200040", {}),
        ("the postcode is 200040", {"postal_code": "200040"}),
    ],
)
def test_any_of_four_facts_proves_an_order(talk: Conversation, text: str, entities: dict[str, str]) -> None:
    talk.slots["order_number"] = "W8264401"
    assert read(talk, "track_order_form", "order_proof", text, **entities) == "W8264401"


@pytest.mark.parametrize(
    ("text", "entities"),
    [("9999", {}), ("mallory@example.com", {"email": "mallory@example.com"}), ("100080", {}), ("13812345678", {})],
)
def test_a_wrong_proof_is_a_miss_and_counted(
    talk: Conversation, shop: Shop, text: str, entities: dict[str, str]
) -> None:
    talk.slots["order_number"] = "W8264401"
    with pytest.raises(OrderNotFound):
        read(talk, "track_order_form", "order_proof", text, **entities)
    assert len(shop.rows("proof_misses", visitor=talk.visitor)) == 1


@pytest.mark.parametrize(
    ("text", "asked"),
    [("0123", False), ("I don't have it here", True), ("why do you need that?", True), ("", True), ("😀", True)],
)
def test_what_is_no_proof_is_no_miss(talk: Conversation, shop: Shop, text: str, asked: bool) -> None:
    talk.slots["order_number"] = "W8264401"
    assert read(talk, "track_order_form", "order_proof", text, asked) is None
    assert not shop.rows("proof_misses", visitor=talk.visitor)


def test_the_email_of_the_account_proves_the_account_and_the_postal_code_only_the_order(
    talk: Conversation, shop: Shop
) -> None:
    talk.slots["order_number"] = "W8264401"
    read(talk, "track_order_form", "order_proof", "200040")
    assert {row["customer_id"] for row in shop.rows("access_grants", visitor=talk.visitor)} == {None}
    other = Conversation(visitor="other", slots=dict(talk.slots))
    read(other, "track_order_form", "order_proof", "my mail", email="emma.clarke@example.com")
    assert {row["customer_id"] for row in shop.rows("access_grants", visitor="other")} != {None}


def test_the_last_miss_is_told_as_too_many(talk: Conversation) -> None:
    talk.slots["order_number"] = "W8264401"
    for _ in range(POLICY.proof_attempts - 1):
        with pytest.raises(OrderNotFound):
            read(talk, "track_order_form", "order_proof", "9999")
    with pytest.raises(TooManyAttempts):
        read(talk, "track_order_form", "order_proof", "9999")


# -- who they are ------------------------------------------------------------------------------------------------------


def test_email_and_phone_together_prove_the_account(talk: Conversation, shop: Shop) -> None:
    assert read(talk, "list_orders_form", "phone", "0123") == "0123", "kept until the e-mail is known"
    assert not shop.rows("access_grants", visitor=talk.visitor)
    talk.slots["email"] = "emma.clarke@example.com"
    read(talk, "list_orders_form", "phone", "0123")
    assert shop.row("access_grants", visitor=talk.visitor)["customer_id"]


def test_email_and_phone_that_do_not_belong_together_are_refused(talk: Conversation) -> None:
    talk.slots["email"] = "emma.clarke@example.com"
    with pytest.raises(IdentityNotProven):
        read(talk, "list_orders_form", "phone", "5678")


def test_both_in_one_message_are_enough(talk: Conversation) -> None:
    both = {"email": "emma.clarke@example.com", "phone": "+447700900123"}
    assert talk.says("my orders please", "list_orders", **both).replies == ["utter_order_list"]


def test_after_a_wrong_pair_both_are_asked_for_again(talk: Conversation) -> None:
    talk.says("my orders", "list_orders")
    talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    heard = talk.says("5678")
    assert heard.replies == ["utter_refuse_identity_not_proven", "utter_ask_email"]
    talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert talk.says("0123").replies == ["utter_order_list"]


# -- which items -------------------------------------------------------------------------------------------------------

LINES = ("running-shoes", "eye-care-desk-lamp", "hoodie")  # of W2378158, the hoodie twice


@pytest.mark.parametrize(
    ("text", "entities", "expected"),
    [
        ("台灯", {"product": "台灯"}, {"eye-care-desk-lamp": 1}),
        ("the running shoes", {"product": "running shoes"}, {"running-shoes": 1}),
        ("鞋和台灯", {"product": ["跑步鞋", "台灯"]}, {"running-shoes": 1, "eye-care-desk-lamp": 1}),
        ("卫衣", {"product": "卫衣"}, {"hoodie": None}),
        ("两件卫衣", {"product": "卫衣", "quantity": "两件"}, {"hoodie": 2}),
        ("one hoodie", {"product": "hoodie", "quantity": "one"}, {"hoodie": 1}),
        ("the grey one", {"option": "grey"}, {"hoodie": None}),
        ("42码的那双", {"option": "42码"}, {"running-shoes": 1}),
        ("第二个", {"ordinal": "第二个"}, {"eye-care-desk-lamp": 1}),
        ("2", {}, {"eye-care-desk-lamp": 1}),
        ("the last one", {"ordinal": "the last one"}, {"hoodie": None}),
        ("全部", {}, {"running-shoes": 1, "eye-care-desk-lamp": 1, "hoodie": 2}),
        ("all of them", {}, {"running-shoes": 1, "eye-care-desk-lamp": 1, "hoodie": 2}),
        ("the tea set", {"product": "tea set"}, None),
        ("第四个", {"ordinal": "第四个"}, None),
        ("0", {}, None),
        ("hm", {}, None),
        ("", {}, None),
    ],
)
def test_items_are_named_by_product_option_place_or_all(
    siyuan: Conversation, shop: Shop, text: str, entities: dict[str, Any], expected: dict[str, int | None] | None
) -> None:
    siyuan.slots.update(order_number="W2378158", order_proof="W2378158")
    assert named(shop, read(siyuan, "return_item_form", "items", text, **entities)) == expected


OTHER = [("不是这个，另一个", "另一个"), ("no, the other one", "the other one")]


@pytest.mark.parametrize(("text", "ordinal"), OTHER)
def test_the_other_one_is_the_one_not_chosen_before(emma: Conversation, shop: Shop, text: str, ordinal: str) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404")
    assert named(shop, emma.slots["items"]) == {"yoga-mat": 1}
    found = read(emma, "return_item_form", "items", text, intent="deny", ordinal=ordinal)
    assert named(shop, found) == {"running-shoes": 1}


@pytest.mark.parametrize(("text", "ordinal"), OTHER)
def test_the_other_one_is_a_correction_also_when_something_else_was_asked(
    emma: Conversation, shop: Shop, text: str, ordinal: str
) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    assert emma.slots["requested_slot"] == "refund_to"
    emma.says(text, "deny", ordinal=ordinal)
    assert named(shop, emma.slots["items"]) == {"running-shoes": 1}
    assert emma.slots["requested_slot"] == "refund_to", "the rest is still known"


def test_the_other_one_after_it_was_said_back_is_said_back_anew(emma: Conversation, shop: Shop) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    emma.says("the way I paid")
    before = shop.contents()
    heard = emma.says("no, the other one", "deny", ordinal="the other one")
    assert heard.replies == ["utter_ask_return_with_fee"]
    assert "Running Shoes" in heard.fact("items") and "Yoga" not in heard.fact("items")
    assert shop.contents() == before


@pytest.mark.parametrize("text", ["不是这个，是台灯", "好的，不过是台灯"])
def test_another_product_is_a_correction_with_a_no_or_a_yes(siyuan: Conversation, shop: Shop, text: str) -> None:
    siyuan.says("退跑步鞋", "return_item", product="跑步鞋", order_number="W2378158", reason="太小了")
    siyuan.says("原路退回")
    before = shop.contents()
    heard = siyuan.says(text, "affirm" if text.startswith("好") else "deny", product="台灯")
    assert heard.replies == ["utter_ask_return_with_fee"]
    assert "护眼台灯" in heard.fact("items")
    assert shop.contents() == before


def test_one_item_is_all_there_is_to_choose(siyuan: Conversation, shop: Shop) -> None:
    siyuan.says("我要退货", "return_item", order_number="12345678")
    assert named(shop, siyuan.slots["items"]) == {"t-shirt": None}
    assert siyuan.slots["requested_slot"] == "quantity"


def test_only_what_may_come_back_is_offered(emma: Conversation) -> None:
    heard = emma.says("I want to return something", "return_item", order_number="W8264404")
    assert len(heard.buttons) == 2
    assert "Chocolates" not in heard.text


# -- how many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "expected"),
    [
        *(("1", {}, 1), ("两件", {"quantity": "两件"}, 2), ("both", {}, 2), ("全部", {}, 2), ("all", {}, 2)),
        *(("just one", {}, 1), ("hm", {}, None), ("", {}, None), ("等一下", {}, None)),
    ],
)
def test_a_quantity_is_a_number_or_all(
    siyuan: Conversation, text: str, entities: dict[str, str], expected: int | None
) -> None:
    siyuan.says("我要退货", "return_item", order_number="12345678")
    assert read(siyuan, "return_item_form", "quantity", text, **entities) == expected


@pytest.mark.parametrize("pieces", ["0", "3", "999", "-1", "0件"])
def test_a_quantity_the_order_does_not_hold_is_refused_and_asked_again(
    siyuan: Conversation, shop: Shop, pieces: str
) -> None:
    siyuan.says("我要退货", "return_item", order_number="12345678")
    before = shop.contents()
    heard = siyuan.says(pieces, quantity=pieces)
    assert heard.replies == ["utter_refuse_invalid_quantity", "utter_ask_quantity"]
    assert heard.fact("most") == "2"
    assert siyuan.says("两件", quantity="两件").replies == ["utter_ask_reason"]
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("intent", "more"),
    [
        ("return_item", {}),
        ("return_item", {"reason": "太小了"}),
        ("exchange_item", {}),
        ("exchange_item", {"option": "L码"}),
    ],
)
def test_too_many_pieces_said_with_the_first_message_are_refused_and_asked_again(
    siyuan: Conversation, intent: str, more: dict[str, str]
) -> None:
    heard = siyuan.says("三件，12345678", intent, order_number="12345678", quantity="三件", **more)
    assert heard.replies == ["utter_refuse_invalid_quantity", "utter_ask_quantity"]
    assert siyuan.says("那就两件", quantity="两件").replies[0].startswith("utter_ask_")
    assert siyuan.slots["requested_slot"] != "quantity"


def test_a_quantity_is_corrected_after_it_was_said_back(siyuan: Conversation) -> None:
    siyuan.says("退两件", "return_item", order_number="12345678", quantity="两件", reason="太小了")
    assert siyuan.says("原路退回").fact("amount") == "¥146"
    assert siyuan.says("只退一件吧", "inform", quantity="一件").fact("amount") == "¥67"


# -- which version -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "expected"),
    [
        ("navy, size M", {"option": ["navy", "M"]}, ("navy", "m")),
        ("换成黑色的", {"option": "黑色"}, ("black", "l")),
        ("M码", {"option": "M码"}, ("navy", "m")),
        ("black", {}, ("black", "l")),
        ("one size up", {}, ("navy", "xl")),
        ("小一码", {}, ("navy", "m")),
        ("navy L", {"option": ["navy", "L"]}, None),
        ("", {}, None),
        ("hm", {}, None),
    ],
)
def test_a_version_changes_what_was_said_and_otherwise_stays_as_it_is(
    emma: Conversation, shop: Shop, text: str, entities: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    emma.says("change W8264401", "change_order_items", order_number="W8264401")
    assert emma.slots["requested_slot"] == "variant"
    found = read(emma, "change_order_items_form", "variant", text, **entities)
    assert found == (shop.variant("hoodie", *expected)["id"] if expected else None)


@pytest.mark.parametrize(
    ("text", "entities"),
    [("purple", {"option": "purple"}), ("size 44", {"option": "44"}), ("a purple one in M", {"option": ["purple"]})],
)
def test_a_version_that_the_item_does_not_come_in_is_said_to_be_none(
    emma: Conversation, text: str, entities: dict[str, Any]
) -> None:
    emma.says("change W8264401", "change_order_items", order_number="W8264401")
    heard = emma.says(text, **entities)
    assert heard.replies == ["utter_refuse_no_such_variant", "utter_ask_variant"]
    assert emma.slots["requested_slot"] == "variant"


def test_a_version_is_chosen_by_its_place_in_the_list_that_was_shown(emma: Conversation, shop: Shop) -> None:
    heard = emma.says("change W8264401", "change_order_items", order_number="W8264401")
    shown = heard.buttons[1]
    heard = emma.says("the second one", ordinal="the second one")
    assert heard.replies == ["utter_ask_change_items"]
    assert heard.fact("options") == shown


def test_a_bigger_size_said_with_the_first_message_is_understood(emma: Conversation) -> None:
    heard = emma.says("too tight, a bigger one please", "change_order_items", order_number="W8264401")
    assert heard.replies == ["utter_ask_change_items"]
    assert heard.fact("options") == "navy · XL"


def test_nothing_is_bigger_than_the_biggest(emma: Conversation, shop: Shop) -> None:
    line = shop.row("order_lines", order_id=shop.row("orders", number="W8264401")["id"])
    biggest = shop.variant("hoodie", "navy", "xl")["id"]
    shop.change("UPDATE order_lines SET variant_id = ? WHERE id = ?", biggest, line["id"])
    assert emma.says("one size up", "change_order_items", order_number="W8264401").replies == ["utter_ask_variant"]


def test_where_every_version_is_sold_out_no_place_in_the_list_is_a_choice(emma: Conversation, shop: Shop) -> None:
    shop.change("UPDATE variants SET stock = 0 WHERE product_id = ?", shop.row("products", slug="hoodie")["id"])
    before = shop.contents()
    emma.says("change W8264401", "change_order_items", order_number="W8264401")
    emma.says("the last one", ordinal="the last one")
    assert shop.contents() == before


# -- one of a few terms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "slot", "text", "asked", "expected"),
    [
        *(
            ("return_item_form", "reason", "质量问题", True, "faulty"),
            ("return_item_form", "reason", "ugly", False, None),
        ),
        *(("report_delivery_problem_form", "remedy", "重新发一个", True, "resend"),),
        *(("report_delivery_problem_form", "remedy", "blah", True, None),),
        *(("claim_warranty_form", "warranty_remedy", "修一下吧", True, "repair"),),
        *(("report_fault_form", "next_step", "保修维修", True, "repair"),),
        *(("update_profile_form", "profile_field", "my phone", True, "phone"),),
    ],
)
def test_a_term_is_read_when_it_is_asked_for(
    emma: Conversation, form: str, slot: str, text: str, asked: bool, expected: str | None
) -> None:
    assert read(emma, form, slot, text, asked) == expected


def test_a_reason_in_their_own_words_is_another_reason_and_kept(emma: Conversation) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404")
    heard = emma.says("my flatmate hates purple", "out_of_scope")
    assert heard.replies == ["utter_ask_refund_to"]
    assert (emma.slots["reason"], emma.slots["comment"]) == ("other", "my flatmate hates purple")


@pytest.mark.parametrize(
    ("text", "intent", "replies"),
    [
        ("yes", "affirm", ["utter_hint"]),
        ("yes", "inform", ["utter_hint"]),
        ("好的", "nlu_fallback", ["utter_hint"]),
        ("no", "out_of_scope", ["utter_out_of_scope", "utter_ask_reason"]),
        ("why do you ask?", "nlu_fallback", ["utter_hint"]),
        ("my flatmate hates purple", "chitchat", ["utter_chitchat", "utter_ask_reason"]),
        ("how do returns work", "faq", ["utter_faq", "utter_ask_reason"]),
        ("agent", "talk_to_human", ["utter_handover_opened"]),
    ],
)
def test_what_is_no_reason_is_not_taken_for_one(emma: Conversation, text: str, intent: str, replies: list[str]) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404")
    heard = emma.says(text, intent)
    assert emma.slots["reason"] is None
    assert heard.replies == replies


@pytest.mark.parametrize("intent", ["inform", "nlu_fallback", "out_of_scope"])
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "hm", "x" * 10_000, "<script>alert(1)</script>", "' OR 1=1 --", "'; DROP TABLE orders; --"),
        *('/inform{"reason": "other"}', "999999999999", "😀😀😀", "\x00", "？？？"),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_or_empty_text_is_no_reason(emma: Conversation, shop: Shop, text: str, intent: str) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404")
    before = shop.contents()
    emma.says(text, intent)
    assert (emma.loop, emma.slots["reason"], emma.slots["comment"]) == ("return_item_form", None, None)
    assert shop.contents() == before


def test_a_reason_is_corrected_after_it_was_said_back(emma: Conversation) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    assert emma.says("gift card please").fact("fee") == "¥12"
    heard = emma.says("actually it arrived damaged", "inform", reason="damaged")
    assert heard.replies == ["utter_ask_return"]


# -- where the money goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "asked", "expected"),
    [
        *(
            ("原路退回", {}, True, "original"),
            ("退到礼品卡", {}, True, "gift_card"),
            ("back to my card", {}, True, "original"),
        ),
        *(("a gift card is fine", {}, True, "gift_card"), ("to my visa", {}, True, "original")),
        *(("礼品卡", {"payment_method": "礼品卡"}, False, "gift_card"), ("store credit", {}, False, None)),
        *(("whatever", {}, True, None), ("", {}, True, None)),
    ],
)
def test_where_the_money_goes_is_heard(
    emma: Conversation, text: str, entities: dict[str, str], asked: bool, expected: str | None
) -> None:
    emma.slots.update(order_number="W8264404", order_proof="W8264404")
    assert read(emma, "return_item_form", "refund_to", text, asked, **entities) == expected


@pytest.mark.parametrize(("first", "then"), [("the way I paid", "gift card instead"), ("gift card", "no, to my card")])
def test_where_the_money_goes_is_corrected(emma: Conversation, first: str, then: str) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    before = emma.says(first).fact("payment")
    heard = emma.says(then, "inform")
    assert heard.replies == ["utter_ask_return_with_fee"]
    assert heard.fact("payment") != before


# -- yes or no ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "confirmation", "expected"),
    [(True, {"quote": "q", "key": "k", "form": "f"}, True), (True, None, None), (False, {"quote": "q"}, None)],
)
def test_a_yes_counts_only_when_it_was_asked_for(
    emma: Conversation, asked: bool, confirmation: dict[str, str] | None, expected: bool | None
) -> None:
    emma.slots["confirmation"] = confirmation
    assert read(emma, "cancel_order_form", "confirmed", "yes", asked, intent="affirm") is expected


@pytest.mark.parametrize(
    ("form", "text"),
    [
        *(("cancel_order_form", "取消吧"), ("cancel_order_form", "取消吧！"), ("cancel_order_form", "cancel it.")),
        *(("cancel_order_form", "fine, cancel all of it"), ("cancel_order_form", "好的，取消吧")),
        *(("return_item_form", "退吧"), ("return_item_form", "return it"), ("exchange_item_form", "换吧")),
        *(("change_order_items_form", "换吧"), ("change_order_address_form", "改吧")),
    ],
)
def test_the_verb_of_a_request_is_a_yes_to_its_own_confirmation_only(emma: Conversation, form: str, text: str) -> None:
    emma.slots["confirmation"] = {"quote": "q", "key": "k", "form": form}
    assert read(emma, form, "confirmed", text) is True
    assert read(emma, form, "confirmed", f"{text}?") is None, "a question is no yes"
    assert read(emma, form, "confirmed", text, asked=False) is None
    other = "request_invoice_form" if form != "request_invoice_form" else "cancel_order_form"
    assert read(emma, other, "confirmed", text) is None


@pytest.mark.parametrize("form", ["cancel_order_form", "return_item_form", "request_invoice_form"])
@pytest.mark.parametrize("intent", ["affirm", "inform", "cancel_order"])
@pytest.mark.parametrize(
    "text", ["别取消", "先不办了", "我再想想", "好吧还是算了", "don't cancel it", "hold on a second", "ok, not yet"]
)
def test_whoever_holds_back_says_no_to_any_confirmation(emma: Conversation, form: str, intent: str, text: str) -> None:
    emma.slots["confirmation"] = {"quote": "q", "key": "k", "form": form}
    assert read(emma, form, "confirmed", text, intent=intent) is False


# -- hostile input -----------------------------------------------------------------------------------------------------

HOSTILE = ["", "x" * 10_000, "<script>😀", "' OR 1=1 --", '/inform{"items": 1}', "999999999999"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
@pytest.mark.parametrize("form", ["return_item_form", "change_order_payment_form"])
def test_no_step_breaks_on_hostile_input_or_reads_anything_it_must_not(
    emma: Conversation, shop: Shop, form: str, text: str
) -> None:
    emma.slots.update(order_number="W8264404", order_proof="W8264404", items=None)
    before = shop.contents()
    for step in FLOWS[form].steps:
        try:
            found = read(emma, form, step.slot, text, product=text, option=text, quantity=text, payment_method=text)
        except ShopError:
            continue
        assert found is None or step.slot == "quantity", step.slot
    assert shop.contents() == before


@pytest.mark.parametrize("text", ["return W2378158 5678 everything", "W2378158, 5678 all of it please"])
def test_digits_behind_the_order_s_number_prove_it_whatever_follows(talk: Conversation, text: str) -> None:
    talk.says(text, "return_item", order_number="W2378158")
    assert talk.slots["order_proof"] == "W2378158"


@pytest.mark.parametrize("text", ["W2378158 1200元的那件", "W2378158 2026-11-23"])
def test_an_amount_or_a_date_behind_the_order_s_number_is_no_proof(talk: Conversation, text: str) -> None:
    assert talk.says(text, "return_item", order_number="W2378158").replies == ["utter_ask_order_proof"]


def test_an_item_s_name_is_no_reason(siyuan: Conversation) -> None:
    siyuan.says("退货，台灯", "return_item", order_number="W2378158", product="台灯")
    assert "utter_ask_refund_to" not in siyuan.says("台灯", product="台灯").replies


@pytest.mark.parametrize("heard", ["39", "3", "0"])
def test_of_an_item_that_was_bought_once_one_goes_back_whatever_number_is_heard(emma: Conversation, heard: str) -> None:
    replies = emma.says(
        f"return the running shoes, {heard}",
        "return_item",
        order_number="W8264404",
        product="running shoes",
        quantity=heard,
    ).replies
    assert replies == ["utter_ask_reason"]
