"""Conversation: coming back to an open question, repeating, languages, and what was not understood."""

from __future__ import annotations

import pytest

from actions.conversation import MISSES_BEFORE_OFFER
from actions.flow import FLOWS, RETRY
from tests.actions.conftest import Conversation, Shop, all_actions, deed_of


def test_resuming_goes_back_to_the_open_form_and_where_none_is_open_waits(emma: Conversation) -> None:
    assert emma.does("action_resume").followups == []
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert emma.does("action_resume").followups == ["cancel_order_form"]


@pytest.mark.parametrize("text", ["算了", "never mind"])
def test_never_mind_ends_the_flow_and_nothing_has_changed(emma: Conversation, shop: Shop, text: str) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    emma.says("the way I paid")
    before = shop.contents()
    assert emma.says(text, "stop").replies == ["utter_stopped_request"]
    assert emma.loop is None
    assert [emma.slots[slot] for slot in ("items", "reason", "refund_to", "confirmation", "mentioned")] == [None] * 5
    assert emma.slots["order_number"] == "W8264404"
    assert shop.contents() == before


def test_never_mind_with_nothing_open_is_friendly(talk: Conversation) -> None:
    assert talk.says("算了", "stop").replies == ["utter_stopped"]


def test_a_yes_after_never_mind_does_nothing(emma: Conversation, shop: Shop) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    emma.says("never mind", "stop")
    before = shop.contents()
    emma.says("yes", "affirm")
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("text", "intent"),
    [("never mind just refund", "stop"), ("算了，直接退款吧", "inform"), ("算了 退款吧", "return_item")],
)
def test_never_mind_with_a_wish_goes_on_to_it_with_all_that_was_said(
    siyuan: Conversation, shop: Shop, text: str, intent: str
) -> None:
    siyuan.says("卫衣太小了，换大一码", "exchange_item", order_number="W2378158", product="卫衣", reason="太小了")
    assert siyuan.says("1件", quantity="1件").replies == ["utter_ask_exchange"]
    before = shop.contents()
    assert siyuan.says(text, intent).replies == ["utter_ask_refund_to"]
    assert (siyuan.loop, siyuan.slots["quantity"], siyuan.slots["reason"]) == ("return_item_form", 1, "wrong_size")
    assert shop.contents() == before


def test_never_mind_with_the_wish_of_the_open_flow_is_no_stop(siyuan: Conversation) -> None:
    siyuan.says("the hoodie arrived damaged", "report_delivery_problem", order_number="W2378158", product="hoodie")
    assert siyuan.says("never mind just refund", "stop").replies == ["utter_ask_report_refund"]


def test_never_mind_without_a_refund_is_never_mind(siyuan: Conversation) -> None:
    siyuan.says("换台灯", "exchange_item", order_number="W2378158", product="台灯")
    assert siyuan.says("算了，不退款了", "stop").replies == ["utter_stopped_request"]


def test_another_item_named_beside_the_wish_is_the_one(siyuan: Conversation) -> None:
    siyuan.says("换台灯", "exchange_item", order_number="W2378158", product="台灯")
    siyuan.says("算了，跑步鞋退款吧", "stop", product="跑步鞋")
    assert siyuan.loop == "return_item_form"
    assert siyuan.says("不喜欢", reason="不喜欢").replies == ["utter_ask_refund_to"]
    assert "跑步鞋" in siyuan.says("原路退回").fact("items")


# -- starting over -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "intent"), [("/restart", "report_fault"), ("重新开始", "cancel_order")])
def test_starting_over_drops_the_open_flow(emma: Conversation, shop: Shop, text: str, intent: str) -> None:
    emma.says("cancel it", "cancel_order", order_number="W8264401")
    before = shop.contents()
    assert emma.says(text, intent).replies == ["utter_started_over"]
    assert (emma.loop, emma.slots["confirmation"], emma.slots["outcome"]) == (None, None, None)
    emma.says("yes", "affirm")
    assert shop.contents() == before


def test_starting_over_drops_the_flow_that_waits_behind_a_look_too(talk: Conversation) -> None:
    talk.says("return the mat", "return_item", order_number="W8264404")
    talk.says("where is it", "track_order")
    assert talk.says("start over", "goodbye").replies == ["utter_started_over"]
    assert (talk.loop, talk.slots["paused"]) == (None, None)


@pytest.mark.parametrize(("text", "intent"), [("/restart", "report_fault"), ("start over", "goodbye")])
def test_starting_over_with_nothing_open_is_friendly(talk: Conversation, text: str, intent: str) -> None:
    assert talk.says(text, intent).replies == ["utter_started_over"]
    assert talk.loop is None


# -- languages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *(("speak English please", "en"), ("能说英文吗", "en"), ("请说中文", "zh"), ("in Chinese please", "zh")),
        *(("can you switch to Mandarin", "zh"), ("换个语言", "en"), ("another language please", "zh")),
        *(("not Chinese, English!", "zh"),),
    ],
)
def test_the_language_asked_for_is_taken_and_named_in_that_language(
    talk: Conversation, text: str, language: str
) -> None:
    heard = talk.says(text, "switch_language")
    assert heard.replies == ["utter_language_switched"]
    assert (talk.slots["language"], talk.slots["language_choice"]) == (language, language)
    assert ("中文" in heard.text) is (language == "zh")


def test_replies_are_in_the_language_of_the_last_message(talk: Conversation) -> None:
    assert "您好" in talk.says("你好", "greet").text
    assert "Hi" in talk.says("hello", "greet").text


def test_a_language_asked_for_stays_whatever_comes_next(siyuan: Conversation) -> None:
    siyuan.says("English please", "switch_language")
    heard = siyuan.says("W2378156到哪了", "track_order", order_number="W2378156")
    assert "Eye-Care Desk Lamp" in heard.text and "tomorrow" not in heard.text


# -- repeating ---------------------------------------------------------------------------------------------------------


def test_what_was_said_last_is_said_again_whole(emma: Conversation) -> None:
    emma.says("where is W8264403", "track_order", order_number="W8264403")
    last = emma.says("this is a joke", "complain").text
    heard = emma.says("what did you say", "repeat")
    assert heard.text == last
    assert emma.says("again please", "repeat").text == last


def test_an_open_question_is_asked_anew_instead(emma: Conversation) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert emma.says("pardon?", "repeat").replies == ["utter_ask_cancel_paid_order"]


def test_where_nothing_was_said_yet_it_is_said_what_can_be_done(talk: Conversation) -> None:
    assert talk.says("pardon?", "repeat").replies == ["utter_ask_help"]


# -- facts without a request -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entities", "replies"),
    [
        ("W8264403", {"order_number": "W8264403"}, ["utter_order_overdue"]),
        ("the yoga mat", {"product": "yoga mat"}, ["utter_product_info"]),
        ("black", {"option": "black"}, ["utter_ask_what_for"]),
        ("emma.clarke@example.com", {"email": "emma.clarke@example.com"}, ["utter_ask_what_for"]),
    ],
)
def test_a_fact_alone_asks_for_what_it_most_likely_means(
    emma: Conversation, text: str, entities: dict[str, str], replies: list[str]
) -> None:
    assert emma.says(text, **entities).replies == replies


def test_what_sounds_like_a_fact_and_holds_none_was_not_understood(emma: Conversation) -> None:
    assert emma.says("qwpoeiru", "inform").replies == ["utter_not_understood"]


def test_facts_other_than_those_that_were_asked_for_get_a_hint_and_the_form_waits(emma: Conversation) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    heard = emma.says("my phone is 13800138000", phone="13800138000")
    assert heard.replies == ["utter_hint_confirmed", "utter_ask_cancel_paid_order"]
    assert (emma.loop, emma.slots["requested_slot"]) == ("cancel_order_form", "confirmed")
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]


# -- not understood ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "entities", "hint"),
    [
        ("cancel_order", {}, "utter_hint_order_number"),
        ("cancel_order", {"order_number": "W2378156"}, "utter_hint_order_proof"),
        ("return_item", {"order_number": "W8264404"}, "utter_hint_items"),
        ("change_order_items", {"order_number": "W8264401"}, "utter_hint_variant"),
        ("change_order_address", {"order_number": "W8264401"}, "utter_hint_new_address"),
        ("change_order_payment", {"order_number": "W8264401"}, "utter_hint"),
        ("update_profile", {}, "utter_hint"),
    ],
)
def test_a_hint_says_what_would_answer_the_open_question_which_is_not_repeated(
    emma: Conversation, intent: str, entities: dict[str, str], hint: str
) -> None:
    question = emma.says("please", intent, **entities).replies
    form = emma.loop
    assert emma.says("qwzx?", "nlu_fallback").replies == [hint]
    assert (emma.loop, emma.slots["requested_slot"]) == (form, RETRY)
    assert emma.says("pardon?", "repeat").replies == question, "it is still open"


def test_with_nothing_open_it_says_what_one_can_say(talk: Conversation) -> None:
    assert talk.says("qwzx", "nlu_fallback").replies == ["utter_not_understood"]


def test_the_third_time_in_a_row_a_person_is_offered(talk: Conversation) -> None:
    for _ in range(MISSES_BEFORE_OFFER - 1):
        assert talk.says("qwzx", "nlu_fallback").replies == ["utter_not_understood"]
    assert talk.says("qwzx", "nlu_fallback").replies == ["utter_offer_person"]
    assert MISSES_BEFORE_OFFER == 3


def test_the_third_time_in_a_row_a_person_is_offered_in_a_flow_too(emma: Conversation, shop: Shop) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    before = shop.contents()
    for _ in range(MISSES_BEFORE_OFFER - 1):
        emma.says("qwzx?", "nlu_fallback")
    assert emma.says("qwzx?", "nlu_fallback").replies == ["utter_offer_person"]
    assert (emma.loop, emma.slots["requested_slot"]) == ("cancel_order_form", RETRY)
    assert shop.contents() == before


def in_flow_with_an_offer(talk: Conversation) -> None:
    """A cancellation awaits its yes, and a person has been offered."""
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    for _ in range(MISSES_BEFORE_OFFER):
        talk.says("qwzx?", "nlu_fallback")


@pytest.mark.parametrize("intent", ["affirm", "inform", "nlu_fallback"])
def test_a_yes_to_the_offer_in_a_flow_brings_a_person_and_is_no_yes_to_the_flow(
    emma: Conversation, shop: Shop, intent: str
) -> None:
    in_flow_with_an_offer(emma)
    assert emma.says("yes", intent).replies == ["utter_handover_opened"]
    assert emma.loop is None
    assert shop.row("orders", number="W8264401")["state"] == "processing"


@pytest.mark.parametrize("intent", ["deny", "inform", "nlu_fallback"])
def test_a_no_to_the_offer_in_a_flow_asks_the_open_question_again(emma: Conversation, shop: Shop, intent: str) -> None:
    in_flow_with_an_offer(emma)
    assert emma.says("no", intent).replies == ["utter_ask_cancel_paid_order"]
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]


@pytest.mark.parametrize(
    ("text", "intent", "reply"),
    [
        ("yes", "affirm", "utter_handover_opened"),
        ("yes", "nlu_fallback", "utter_handover_opened"),
        ("no", "deny", "utter_ask_what_for"),
        ("no", "nlu_fallback", "utter_anything_else"),
    ],
)
def test_with_nothing_open_the_offer_is_answered_whatever_the_classifier_says(
    talk: Conversation, text: str, intent: str, reply: str
) -> None:
    for _ in range(MISSES_BEFORE_OFFER):
        talk.says("qwzx", "nlu_fallback")
    assert talk.says(text, intent).replies == [reply]


def test_a_yes_to_the_offer_is_no_late_yes_to_what_was_lost(emma: Conversation, shop: Shop) -> None:
    for _ in range(MISSES_BEFORE_OFFER):
        emma.says("qwzx", "nlu_fallback")
    emma.slots["confirmation"] = {"form": "cancel_order_form", "key": "k", "quote": "q"}
    emma.writes("yes", "nlu_fallback")
    assert emma.does("action_not_understood").followups == ["action_handover"]


def test_a_message_that_was_understood_begins_the_count_anew(talk: Conversation) -> None:
    for _ in range(2):
        talk.says("qwzx", "nlu_fallback")
        talk.says("qwzx", "nlu_fallback")
        talk.says("hello", "greet")
    assert talk.says("qwzx", "nlu_fallback").replies == ["utter_not_understood"]


def confirmed_forms() -> list[str]:
    """The forms of all flows that end with a yes."""
    all_actions()
    return sorted(form for form, flow in FLOWS.items() if "confirmed" in {step.slot for step in flow.steps})


@pytest.mark.parametrize("form", confirmed_forms())
def test_a_late_yes_finds_the_deed_of_every_flow(talk: Conversation, form: str) -> None:
    talk.slots["confirmation"] = {"form": form, "key": "k", "quote": "q"}
    talk.writes("yes", "affirm")
    assert talk.does("action_not_understood").followups == [deed_of(form)]
    assert deed_of(form) in all_actions()


def test_an_order_s_number_begins_what_the_article_has_announced(siyuan: Conversation) -> None:
    siyuan.says("我的订单可以开发票吗", "faq")
    siyuan._note({"event": "bot", "text": "可以开", "metadata": {"utter_action": "utter_faq/invoice"}})
    assert siyuan.says("W2378158", order_number="W2378158").replies == ["utter_ask_issue_invoice"]


def test_what_was_no_answer_is_not_said_again(talk: Conversation) -> None:
    assert talk.says("asdkjh", "nlu_fallback").replies == ["utter_not_understood"]
    assert talk.says("什么意思", "repeat").replies == ["utter_ask_help"]
