"""Orders: track, list, cancel, change the address, the items or the payment, ask for the invoice."""

from __future__ import annotations

from typing import Any

import pytest

from actions.flow import RETRY
from actions.orders import masked
from tests.actions.conftest import Conversation, Shop

NEW_ADDRESS = "Flat 12, 88 Century Avenue, Pudong, Shanghai"


# -- looking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reply", "words"),
    [
        ("W8264401", "utter_order_processing", ["Hoodie", "navy", "Mon 19 May"]),
        ("W8264402", "utter_order_on_hold", ["Backpack", "out of stock"]),
        ("W8264403", "utter_order_overdue", ["Board Game", "EMS", "Tue 6 May"]),
        ("W8264404", "utter_order_delivered", ["Running Shoes", "Yoga Mat", "Box of Chocolates", "SF Express"]),
        ("W8264405", "utter_order_cancelled_refund_pending", ["Floral Dress", "¥", "Visa ending 1881"]),
        ("W8264408", "utter_order_awaiting_payment", ["Electric Kettle", "¥159"]),
    ],
)
def test_an_order_is_told_by_its_state(emma: Conversation, number: str, reply: str, words: list[str]) -> None:
    heard = emma.says(f"where is {number}", "track_order", order_number=number)
    assert heard.replies == [reply]
    assert number in heard.text
    assert all(word in heard.text for word in words), heard.text


@pytest.mark.parametrize(
    ("number", "reply", "words"),
    [
        ("W2378156", "utter_order_processing", ["护眼台灯", "陶瓷马克杯", "×2"]),
        ("W2378157", "utter_order_shipped", ["蓝牙耳机", "顺丰速运", "明天"]),
        ("12345678", "utter_order_delivered", ["T恤", "圆通速递"]),
    ],
)
def test_an_order_is_told_in_chinese(siyuan: Conversation, number: str, reply: str, words: list[str]) -> None:
    heard = siyuan.says(f"{number}到哪了", "track_order", order_number=number)
    assert heard.replies == [reply]
    assert all(word in heard.text for word in words), heard.text


def test_a_lost_parcel_is_told_with_what_can_be_done(emma: Conversation, shop: Shop) -> None:
    order = shop.row("orders", number="W8264403")
    shop.change("UPDATE shipments SET state = 'lost' WHERE order_id = ?", order["id"])
    assert emma.says("where is it", "track_order", order_number="W8264403").replies == ["utter_order_lost"]


def test_an_order_number_alone_shows_nothing(talk: Conversation) -> None:
    heard = talk.says("where is W8264404", "track_order", order_number="W8264404")
    assert heard.replies == ["utter_ask_order_proof"]
    assert "Running" not in heard.text


def test_another_customers_order_is_not_shown_to_a_proven_customer(emma: Conversation) -> None:
    assert emma.says("W2378156", "track_order", order_number="W2378156").replies == ["utter_ask_order_proof"]


def test_the_order_stays_in_focus_for_what_comes_next(emma: Conversation) -> None:
    emma.says("where is W8264401", "track_order", order_number="W8264401")
    heard = emma.says("then cancel it", "cancel_order")
    assert heard.fact("number") == "W8264401"


def test_their_orders_are_listed_newest_first(emma: Conversation) -> None:
    heard = emma.says("show my orders", "list_orders")
    assert heard.replies == ["utter_order_list"]
    numbers = [line.split(" · ")[0].lstrip("· ") for line in heard.fact("orders").splitlines()]
    assert numbers == ["W8264408", "W8264401", "W8264405", "W8264402", "W8264404"]


def test_a_customer_without_orders_is_told_so(emma: Conversation, shop: Shop) -> None:
    other = shop.row("customers", email="wang.fang@example.com")["id"]
    mine = shop.row("customers", email="emma.clarke@example.com")["id"]
    shop.change("UPDATE orders SET customer_id = ? WHERE customer_id = ?", other, mine)
    assert emma.says("my orders", "list_orders").replies == ["utter_no_orders"]


def test_which_order_is_asked_with_a_choice_where_some_are_proven(emma: Conversation) -> None:
    heard = emma.says("where is my order", "track_order")
    assert heard.replies == ["utter_ask_order_choice"]
    assert heard.buttons[:2] == ["W8264408", "W8264401"]
    assert heard.fact("orders").startswith("1. W8264408 · waiting for payment · Electric Kettle · ¥159")
    assert emma.says("2", "inform").replies == ["utter_order_processing"]


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_a_cancellation_keeps_the_reason_that_was_given(emma: Conversation, shop: Shop) -> None:
    emma.says("cancel, it takes too long", "cancel_order", order_number="W8264401", reason="takes too long")
    heard = emma.says("yes", "affirm")
    assert (heard.fact("amount"), heard.fact("payment")) == ("¥199", "Visa ending 1881")
    assert "takes too long" in shop.row("audit_trail", action="cancel_order", actor=emma.visitor)["details"]
    order = shop.row("orders", number="W8264401")
    assert shop.row("refunds", order_id=order["id"])["amount_cents"] == 19900


def test_an_unpaid_order_is_cancelled_without_a_word_of_money(emma: Conversation, shop: Shop) -> None:
    heard = emma.says("cancel W8264408", "cancel_order", order_number="W8264408")
    assert heard.replies == ["utter_ask_cancel_unpaid_order"]
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_unpaid_order"]
    assert shop.row("orders", number="W8264408")["state"] == "cancelled"


@pytest.mark.parametrize(
    ("text", "entities", "part"),
    [
        ("cancel 1 of the mugs", {"product": "mugs", "quantity": "1"}, "Ceramic Mug – blue"),
        ("cancel the mugs", {"product": "mugs"}, "Ceramic Mug – blue ×2"),
        ("取消其中一个杯子", {"product": "杯子"}, "陶瓷马克杯 蓝色 ×2"),
    ],
)
def test_that_a_part_cannot_be_cancelled_alone_is_said_beside_the_question(
    siyuan: Conversation, shop: Shop, text: str, entities: dict[str, str], part: str
) -> None:
    before = shop.contents()
    heard = siyuan.says(text, "cancel_order", order_number="W2378156", **entities)
    assert heard.replies == ["utter_cancels_whole_only", "utter_ask_cancel_paid_order"]
    assert heard.fact("part") == part
    siyuan.says("no", "deny")
    assert shop.contents() == before


def test_an_item_named_at_the_question_is_a_part_too(siyuan: Conversation) -> None:
    siyuan.says("cancel it", "cancel_order", order_number="W2378156")
    heard = siyuan.says("only the lamp", product="lamp")
    assert heard.replies == ["utter_cancels_whole_only", "utter_ask_cancel_paid_order"]


@pytest.mark.parametrize(("number", "named"), [("W8264401", ["hoodie"]), ("W8264401", ["shoes"])])
def test_all_that_an_order_holds_is_no_part_nor_is_what_it_does_not_hold(
    emma: Conversation, number: str, named: list[str]
) -> None:
    heard = emma.says("cancel it", "cancel_order", order_number=number, product=named)
    assert heard.replies == ["utter_ask_cancel_paid_order"]


# -- another address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "line", "code"),
    [
        (NEW_ADDRESS, {"address": "88 Century Avenue"}, NEW_ADDRESS, ""),
        (f"{NEW_ADDRESS}, 200120", {"address": "88 Century Avenue", "postal_code": "200120"}, NEW_ADDRESS, "200120"),
        (
            "上海市浦东新区世纪大道88号1201室",
            {"address": "世纪大道88号1201室"},
            "上海市浦东新区世纪大道88号1201室",
            "",
        ),
        (
            "世纪大道88号金茂大厦，邮编200120",
            {"address": "世纪大道88号", "postal_code": "200120"},
            "世纪大道88号金茂大厦",
            "200120",
        ),
    ],
)
def test_an_address_is_said_back_and_changed_on_a_yes(
    emma: Conversation, shop: Shop, text: str, entities: dict[str, str], line: str, code: str
) -> None:
    assert emma.says("another address", "change_order_address", order_number="W8264401").replies == [
        "utter_ask_new_address"
    ]
    heard = emma.says(text, **entities)
    assert heard.replies == ["utter_ask_change_address"]
    assert shop.row("orders", number="W8264401")["address"] != line
    assert emma.says("好的" if heard.messages[0]["text"].startswith("把") else "yes", "affirm").replies == [
        "utter_changed_address"
    ]
    order = shop.row("orders", number="W8264401")
    assert (order["address"], order["postal_code"]) == (line, code)


def test_an_address_in_the_first_message_is_taken(emma: Conversation) -> None:
    heard = emma.says(
        "send W8264401 to 88 Century Avenue, Pudong instead",
        "change_order_address",
        order_number="W8264401",
        address="88 Century Avenue, Pudong",
    )
    assert heard.replies == ["utter_ask_change_address"]
    assert heard.fact("address").startswith("88 Century Avenue, Pudong")


def test_an_address_is_corrected_after_it_was_said_back(emma: Conversation) -> None:
    emma.says("another address", "change_order_address", order_number="W8264401")
    emma.says(NEW_ADDRESS, address=NEW_ADDRESS)
    heard = emma.says("no, 90 Century Avenue", "deny", address="90 Century Avenue")
    assert heard.replies == ["utter_ask_change_address"]
    assert "90 Century Avenue" in heard.fact("address")


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("<b>88 Century</b> Avenue; DROP TABLE orders", {"address": "88 Century"}),
        ("12345678901234567890", {}),
        ("x" * 10_000, {"address": "x" * 10_000}),
    ],
    ids=["html", "digits", "10 kB"],
)
def test_an_address_nobody_can_deliver_to_is_refused_and_asked_again(
    emma: Conversation, shop: Shop, text: str, entities: dict[str, str]
) -> None:
    emma.says("another address", "change_order_address", order_number="W8264401")
    before = shop.contents()
    heard = emma.says(text, **entities)
    assert heard.replies == ["utter_refuse_invalid_address", "utter_ask_new_address"]
    assert shop.contents() == before


@pytest.mark.parametrize(("text", "intent"), [("home", "inform"), ("how long does it take", "faq"), ("ok", "affirm")])
def test_what_is_no_address_is_not_taken_for_one(emma: Conversation, text: str, intent: str) -> None:
    emma.says("another address", "change_order_address", order_number="W8264401")
    heard = emma.says(text, intent)
    assert emma.slots["new_address"] is None
    assert emma.slots["requested_slot"] == ("new_address" if intent == "faq" else RETRY)
    assert heard.replies[-1] == ("utter_ask_new_address" if intent == "faq" else "utter_hint_new_address")


# -- another version ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reply", "difference"),
    [
        ({"option": "M"}, "utter_ask_change_items", "Same price, nothing to pay"),
        ({"option": ["black", "XL"]}, "utter_refuse_out_of_stock", None),
    ],
)
def test_a_version_is_said_back_with_what_it_costs(
    emma: Conversation, shop: Shop, options: dict[str, Any], reply: str, difference: str | None
) -> None:
    before = shop.contents()
    heard = emma.says("change the size", "change_order_items", order_number="W8264401", **options)
    assert heard.replies[0] == reply
    if difference:
        assert heard.fact("difference") == difference
    else:
        assert heard.replies == [reply, "utter_ask_variant"]
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("cents", "word"), [(22900, "That is ¥30 more, charged to your Visa ending 1881"), (15000, "That is ¥49 less")]
)
def test_a_dearer_or_cheaper_version_says_the_difference(emma: Conversation, shop: Shop, cents: int, word: str) -> None:
    variant = shop.variant("hoodie", "navy", "m")["id"]
    shop.change("UPDATE variants SET price_cents = ? WHERE id = ?", cents, variant)
    heard = emma.says("size M", "change_order_items", order_number="W8264401", option="M")
    assert word in heard.text
    heard = emma.says("yes", "affirm")
    assert heard.replies == ["utter_changed_items"]
    order = shop.row("orders", number="W8264401")
    assert shop.row("order_lines", order_id=order["id"])["variant_id"] == variant


def test_only_versions_that_can_be_had_are_offered_the_likest_first(emma: Conversation) -> None:
    heard = emma.says("change W8264401", "change_order_items", order_number="W8264401")
    assert heard.replies == ["utter_ask_variant"]
    assert "black · XL" not in heard.buttons, "sold out"
    assert all("navy" in title or "· L" in title for title in heard.buttons[:3])
    assert len(heard.buttons) <= 8


def test_the_version_asked_for_is_no_choice_of_another_item_that_has_it(siyuan: Conversation) -> None:
    """The order holds a white lamp, too."""
    heard = siyuan.says("换个颜色", "change_order_items", order_number="W2378156")
    assert heard.replies == ["utter_ask_item"]
    assert siyuan.says("马克杯", product="马克杯").replies == ["utter_ask_variant"]
    heard = siyuan.says("白色", option="白色")
    assert heard.replies == ["utter_ask_change_items"]
    assert "陶瓷马克杯" in heard.fact("item")


def test_another_version_of_what_has_arrived_is_an_exchange(emma: Conversation) -> None:
    entities = {"product": "running shoes", "option": "40"}
    heard = emma.says("change the shoes to size 40", "change_order_items", order_number="W8264404", **entities)
    assert heard.replies == ["utter_goes_on_as_exchange_item", "utter_ask_exchange"]
    assert emma.loop == "exchange_item_form"


# -- another payment ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the mastercard", "Mastercard ending 5454"),
        ("5454", "Mastercard ending 5454"),
        ("gift card", "gift card ending 9120"),
        ("第一个", "Mastercard ending 5454"),
        ("the last one", "gift card ending 9120"),
    ],
)
def test_another_payment_is_chosen_by_kind_digits_or_place(emma: Conversation, text: str, expected: str) -> None:
    heard = emma.says("pay another way", "change_order_payment", order_number="W8264401")
    assert heard.replies == ["utter_ask_payment_choice"]
    assert "gift card ending 7350 (¥50 on it)" in heard.text
    emma.slots["language_choice"] = "en"
    heard = emma.says(text)
    assert heard.replies == ["utter_ask_change_payment"]
    assert (heard.fact("old"), heard.fact("new")) == ("Visa ending 1881", expected)


def test_another_payment_in_the_first_message_is_taken(emma: Conversation, shop: Shop) -> None:
    first = "charge my mastercard instead"
    emma.says(first, "change_order_payment", order_number="W8264401", payment_method="mastercard")
    assert emma.says("yes", "affirm").replies == ["utter_changed_payment"]
    order = shop.row("orders", number="W8264401")
    assert {p["kind"]: p["state"] for p in shop.rows("payments", order_id=order["id"])} == {
        "visa": "refunded",
        "mastercard": "paid",
    }


def test_payments_belong_to_the_account_so_its_email_is_asked_for(talk: Conversation) -> None:
    talk.says("pay W8264401 another way", "change_order_payment", order_number="W8264401")
    heard = talk.says("200040", "inform")
    assert heard.replies == ["utter_ask_account_email"]
    assert "Mastercard" not in heard.text
    heard = talk.says("mallory@example.com", email="mallory@example.com")
    assert heard.replies == ["utter_refuse_order_not_found", "utter_ask_account_email"]
    heard = talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert heard.replies == ["utter_ask_payment_choice"]


def test_guessing_the_accounts_email_ends_as_guessing_a_proof_does(talk: Conversation) -> None:
    talk.says("pay W8264401 another way", "change_order_payment", order_number="W8264401")
    talk.says("200040", "inform")
    heard = None
    for place in range(5):
        heard = talk.says(f"{place}@example.com", email=f"{place}@example.com")
    assert heard is not None
    assert heard.replies == ["utter_refuse_too_many_attempts", "utter_offer_person"]
    assert talk.loop is None


def test_a_payment_that_is_not_on_the_account_is_asked_for_again(emma: Conversation, shop: Shop) -> None:
    emma.says("pay another way", "change_order_payment", order_number="W8264401")
    before = shop.contents()
    heard = emma.says("PayPal", payment_method="PayPal")
    assert heard.replies == ["utter_hint"]
    assert (emma.loop, emma.slots["payment_choice"]) == ("change_order_payment_form", None)
    assert shop.contents() == before
    assert emma.says("the mastercard").replies == ["utter_ask_change_payment"]


@pytest.mark.parametrize("method", ["visa", "the mastercard"])
def test_an_unpaid_order_is_paid_for_and_nothing_given_back(emma: Conversation, shop: Shop, method: str) -> None:
    """The method that did not go through at first may be tried again."""
    emma.says("pay another way", "change_order_payment", order_number="W8264408")
    heard = emma.says(method)
    assert heard.replies == ["utter_ask_first_payment"] and "isn't paid for yet" in heard.text
    assert emma.says("yes", "affirm").replies == ["utter_changed_payment"]
    assert shop.row("orders", number="W8264408")["state"] == "processing"


# -- the invoice -------------------------------------------------------------------------------------------------------


def test_an_invoice_is_said_back_issued_on_a_yes_and_sent_again_when_asked_again(
    emma: Conversation, shop: Shop
) -> None:
    heard = emma.says("invoice for W8264404 please", "request_invoice", order_number="W8264404")
    assert heard.replies == ["utter_ask_issue_invoice"]
    assert "e***@example.com" in heard.text and "emma.clarke" not in heard.text
    heard = emma.says("yes", "affirm")
    number = heard.fact("invoice")
    order = shop.row("orders", number="W8264404")
    assert shop.row("invoices", order_id=order["id"])["number"] == number
    heard = emma.says("again please", "request_invoice")
    assert heard.replies == ["utter_ask_send_invoice_again"]
    assert heard.fact("invoice") == number
    emma.says("yes", "affirm")
    assert len(shop.rows("invoices", order_id=order["id"])) == 1


@pytest.mark.parametrize(
    ("number", "reply"), [("W8264408", "utter_refuse_not_paid_yet"), ("W8264405", "utter_refuse_already_cancelled")]
)
def test_an_invoice_that_cannot_be_is_refused_at_once(emma: Conversation, number: str, reply: str) -> None:
    assert emma.says("invoice", "request_invoice", order_number=number).replies == [reply]


@pytest.mark.parametrize(
    ("email", "expected"), [("chen@example.com", "c***@example.com"), ("a@b.cn", "a***@b.cn"), ("", "***@")]
)
def test_an_email_is_shown_only_to_be_recognised(email: str, expected: str) -> None:
    assert masked(email) == expected
