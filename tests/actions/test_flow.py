"""Flows: facts in any order, digressions, corrections, a yes that is a yes to what was said back, done once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actions.flow import LONGEST_MEMORY, MOST_REMINDERS, RETRY
from shop.policy import POLICY
from tests.actions.conftest import UNAVAILABLE, Conversation, Shop

EMAIL = "emma.clarke@example.com"


def asked_to_cancel(talk: Conversation, number: str = "W8264401") -> None:
    """Emma's order is proven, its cancellation said back, and a yes awaited."""
    heard = talk.says(f"cancel {number}", "cancel_order", order_number=number)
    assert heard.replies == ["utter_ask_cancel_paid_order"]


# -- gathering ---------------------------------------------------------------------------------------------------------


def test_a_flow_asks_for_what_it_needs_one_at_a_time(talk: Conversation, shop: Shop) -> None:
    assert talk.says("I want to cancel an order", "cancel_order").replies == ["utter_ask_order_number"]
    assert talk.says("W8264401", order_number="W8264401").replies == ["utter_ask_order_proof"]
    heard = talk.says(EMAIL, email=EMAIL)
    assert heard.replies == ["utter_ask_cancel_paid_order"]
    assert (heard.fact("number"), heard.fact("amount"), heard.fact("payment")) == (
        "W8264401",
        "¥199",
        "Visa ending 1881",
    )
    assert talk.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]
    assert shop.row("orders", number="W8264401")["state"] == "cancelled"


@pytest.mark.parametrize(
    "entities",
    [
        {"order_number": "W8264401", "email": EMAIL},
        {"order_number": "W8264401", "phone": "+447700900123"},
    ],
)
def test_everything_said_at_once_is_asked_for_never(talk: Conversation, entities: dict[str, str]) -> None:
    heard = talk.says("cancel W8264401, here is my proof", "cancel_order", **entities)
    assert heard.replies == ["utter_ask_cancel_paid_order"]


def test_a_postal_code_nobody_asked_for_is_part_of_an_address_and_no_proof(talk: Conversation, shop: Shop) -> None:
    heard = talk.says(
        "cancel W8264401, it went to 100080", "cancel_order", order_number="W8264401", postal_code="100080"
    )
    assert heard.replies == ["utter_ask_order_proof"]
    assert not shop.rows("proof_misses")
    assert talk.says("200040", postal_code="200040").replies == ["utter_ask_cancel_paid_order"]


@pytest.mark.parametrize("text", ["cancel W8264401 200040", "cancel W8264401, 200040."])
def test_a_postal_code_behind_the_order_number_is_its_proof(talk: Conversation, text: str) -> None:
    heard = talk.says(text, "cancel_order", order_number="W8264401", postal_code="200040")
    assert heard.replies == ["utter_ask_cancel_paid_order"]


def test_bare_digits_are_the_proof_that_was_asked_for_and_no_other_order(talk: Conversation) -> None:
    """Eight digits might be an order number of the old system, six a postal code."""
    for digits in ("12345678", "100080"):
        talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
        heard = talk.says(digits, order_number=digits)
        assert heard.replies == ["utter_refuse_order_not_found", "utter_ask_order_proof"]
        assert talk.slots["order_number"] == heard.fact("number") == "W8264401"
    assert talk.says("200040", order_number="200040").replies == ["utter_ask_cancel_paid_order"]


def test_a_wrong_proof_is_one_miss_and_not_tried_again_with_the_next_message(talk: Conversation, shop: Shop) -> None:
    talk.says("cancel W8264401, me@example.com", "cancel_order", order_number="W8264401", email="me@example.com")
    talk.says("hm")
    talk.says("hm hm", "nlu_fallback")
    assert len(shop.rows("proof_misses", visitor=talk.visitor)) == 1


@pytest.mark.parametrize("proof", [{"email": EMAIL}, {"phone": "+447700900123"}])
def test_a_proof_that_came_before_the_order_number_is_not_asked_for_again(
    talk: Conversation, proof: dict[str, str]
) -> None:
    (said,) = proof.values()
    assert talk.says(f"cancel my order, {said}", "cancel_order", **proof).replies == ["utter_ask_order_number"]
    assert talk.says("W8264401", order_number="W8264401").replies == ["utter_ask_cancel_paid_order"]


def test_what_was_mentioned_before_its_question_came_up_is_not_asked_for(emma: Conversation) -> None:
    emma.says(
        "the yoga mat is the wrong colour, it goes back", "return_item", product="yoga mat", reason="wrong colour"
    )
    heard = emma.says("W8264404", order_number="W8264404")
    assert heard.replies == ["utter_ask_refund_to"]
    assert emma.slots["reason"] == "wrong_item"


@pytest.mark.parametrize(
    ("said", "chosen"), [("1", "original"), ("2", "gift_card"), ("第二个", "gift_card"), ("3", None)]
)
def test_where_the_money_goes_may_be_told_by_its_place_in_the_question(
    emma: Conversation, said: str, chosen: str | None
) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    emma.says(said, "inform")
    assert emma.slots["refund_to"] == chosen


def test_a_proven_order_is_not_proven_twice(emma: Conversation) -> None:
    assert emma.says("where is W8264403?", "track_order", order_number="W8264403").replies == ["utter_order_overdue"]


def test_nothing_of_an_earlier_flow_is_left_for_the_next_but_the_order(emma: Conversation) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    emma.says("never mind", "stop")
    heard = emma.says("then I'd like to swap something", "exchange_item")
    assert heard.replies == ["utter_ask_item"]
    assert (emma.slots["order_number"], emma.slots["reason"], emma.slots["items"]) == ("W8264404", None, None)


def test_the_memory_of_a_flow_is_bounded(emma: Conversation) -> None:
    emma.says("I want to return something", "return_item", order_number="W8264404")
    emma.slots["mentioned"] *= LONGEST_MEMORY
    emma.says("the yoga mat" + "!" * 5_000, "inform", product="yoga mat")
    assert len(emma.slots["mentioned"]) == LONGEST_MEMORY
    assert max(len(said["value"]) for said in emma.slots["mentioned"]) <= 200


# -- digressions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "intent", "answer"),
    [
        ("how long does delivery take", "faq", "utter_faq"),
        ("配送要多久", "faq", "utter_faq"),
        ("any deals?", "ask_promotions", "utter_promotions"),
        ("how much is the yoga mat", "ask_product_price", "utter_product_price"),
        ("please speak Chinese", "switch_language", "utter_language_switched"),
    ],
)
def test_a_digression_is_answered_and_the_open_question_asked_again(
    emma: Conversation, shop: Shop, text: str, intent: str, answer: str
) -> None:
    asked_to_cancel(emma)
    before, key = shop.contents(), emma.slots["confirmation"]["key"]
    entities = {"product": "yoga mat"} if intent == "ask_product_price" else {}
    assert emma.says(text, intent, **entities).replies == [answer, "utter_ask_cancel_paid_order"]
    assert shop.contents() == before
    assert emma.slots["confirmation"]["key"] == key
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]


def test_after_the_third_digression_in_a_row_the_question_is_not_repeated(emma: Conversation) -> None:
    question = emma.says("return something from W8264404", "return_item", order_number="W8264404").replies
    for _ in range(MOST_REMINDERS):
        assert emma.says("how long is delivery", "faq").replies == ["utter_faq", *question]
    for _ in range(2):
        assert emma.says("and abroad?", "faq").replies == ["utter_faq"]
    assert (emma.loop, emma.slots["requested_slot"]) == ("return_item_form", RETRY)
    assert emma.says("the yoga mat", product="yoga mat").replies == ["utter_ask_reason"], "it is still open"
    assert MOST_REMINDERS == 2


def test_what_a_yes_would_mean_is_said_again_after_every_digression(emma: Conversation) -> None:
    asked_to_cancel(emma)
    for _ in range(MOST_REMINDERS + 2):
        assert emma.says("how long is delivery", "faq").replies == ["utter_faq", "utter_ask_cancel_paid_order"]
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]


def test_an_answer_between_digressions_begins_their_count_anew(emma: Conversation) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404")
    emma.says("how long is delivery", "faq")
    emma.says("and abroad?", "faq")
    emma.says("ugly", reason="ugly")
    assert emma.says("how do returns work", "faq").replies == ["utter_faq", "utter_ask_refund_to"]


def test_a_complaint_in_a_flow_is_answered_and_the_question_waits_beside_the_offer(emma: Conversation) -> None:
    asked_to_cancel(emma)
    assert emma.says("this is a joke", "complain").replies[-1] == "utter_offer_person"
    assert (emma.loop, emma.slots["requested_slot"]) == ("cancel_order_form", RETRY)
    assert emma.says("no thanks", "deny").replies == ["utter_ask_cancel_paid_order"]
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]


def test_a_digression_is_no_proof_and_no_choice(talk: Conversation) -> None:
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    heard = talk.says("do you ship to 200040?", "faq", postal_code="200040")
    assert heard.replies == ["utter_faq", "utter_ask_order_proof"]


def test_another_request_leaves_the_open_one(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    before = shop.contents()
    heard = emma.says("no wait, just change the address", "change_order_address")
    assert heard.replies == ["utter_ask_new_address"]
    assert emma.loop == "change_order_address_form"
    assert emma.slots["paused"] is None
    assert shop.contents() == before


@pytest.mark.parametrize(
    ("text", "intent", "entities", "answer"),
    [
        ("and where is W8264403?", "track_order", {"order_number": "W8264403"}, "utter_order_overdue"),
        ("show me my orders", "list_orders", {}, "utter_order_list"),
        ("how far is R5500001?", "track_return", {"order_number": "R5500001"}, "utter_return_received"),
    ],
)
def test_a_flow_that_only_looks_is_answered_and_the_paused_one_taken_up_again(
    emma: Conversation, shop: Shop, text: str, intent: str, entities: dict[str, str], answer: str
) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    heard = emma.says(text, intent, **entities)
    assert heard.replies == [answer, "utter_back_to_request", "utter_ask_refund_to"]
    assert emma.loop == "return_item_form"
    assert (emma.slots["order_number"], emma.slots["reason"]) == ("W8264404", "changed_mind")
    assert emma.says("the way I paid").replies == ["utter_ask_return_with_fee"]
    emma.says("yes", "affirm")
    assert shop.row("returns", reason="changed_mind", order_id=shop.row("orders", number="W8264404")["id"])


def test_the_message_that_ended_the_look_is_no_answer_to_the_flow_taken_up_again(emma: Conversation) -> None:
    emma.says("return the yoga mat", "return_item", product="yoga mat", order_number="W8264404", reason="ugly")
    text = "where is W8264403, the one I paid by gift card"
    heard = emma.says(text, "track_order", order_number="W8264403", payment_method="gift card", reason="too small")
    assert heard.replies == ["utter_order_overdue", "utter_back_to_request", "utter_ask_refund_to"]
    kept = (emma.slots["order_number"], emma.slots["reason"], emma.slots["refund_to"])
    assert kept == ("W8264404", "changed_mind", None)


def test_a_paused_flow_is_taken_up_again_even_when_the_look_was_refused(talk: Conversation, shop: Shop) -> None:
    talk.says(f"cancel W8264401, {EMAIL}", "cancel_order", order_number="W8264401", email=EMAIL)
    heard = talk.says("where is my refund for W8264401?", "track_return", order_number="W8264401")
    assert heard.replies == ["utter_refuse_no_such_return", "utter_back_to_request", "utter_ask_cancel_paid_order"]


def test_never_mind_ends_the_paused_flow_too(emma: Conversation, shop: Shop) -> None:
    before = shop.contents()
    asked_to_cancel(emma)
    emma.says("where is W2378157?", "track_order", order_number="W2378157")
    assert emma.says("never mind", "stop").replies == ["utter_stopped_request"]
    assert (emma.loop, emma.slots["paused"], emma.slots["confirmation"]) == (None, None, None)
    assert emma.says("where is W8264403?", "track_order", order_number="W8264403").replies == ["utter_order_overdue"]
    assert shop.contents() == before


# -- corrections -------------------------------------------------------------------------------------------------------


def test_another_order_number_is_a_correction_and_said_back_anew(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    first = dict(emma.slots["confirmation"])
    heard = emma.says("no, not that one, W8264402", "deny", order_number="W8264402")
    assert heard.replies == ["utter_ask_cancel_paid_order"]
    assert heard.fact("number") == "W8264402"
    assert emma.slots["confirmation"]["key"] != first["key"]
    emma.says("yes", "affirm")
    assert shop.row("orders", number="W8264401")["state"] == "processing"
    assert shop.row("orders", number="W8264402")["state"] == "cancelled"


@pytest.mark.parametrize("text", ["yes, but W8264402", "yes"])
def test_a_yes_together_with_a_correction_is_no_yes(emma: Conversation, shop: Shop, text: str) -> None:
    asked_to_cancel(emma)
    before = shop.contents()
    heard = emma.says(text, "affirm", order_number="W8264402")
    assert heard.replies == ["utter_ask_cancel_paid_order"]
    assert emma.slots["confirmed"] is None
    assert shop.contents() == before


def test_a_yes_that_repeats_what_was_said_back_is_a_yes(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    emma.says("yes, W8264401", "affirm", order_number="W8264401")
    assert shop.row("orders", number="W8264401")["state"] == "cancelled"


def test_a_yes_in_the_first_message_is_no_yes_to_what_was_not_said_back(emma: Conversation, shop: Shop) -> None:
    heard = emma.says("yes", "cancel_order", order_number="W8264401")
    assert heard.replies == ["utter_ask_cancel_paid_order"]
    assert shop.row("orders", number="W8264401")["state"] == "processing"


def test_a_no_changes_nothing_and_says_so(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    before = shop.contents()
    assert emma.says("no", "deny").replies == ["utter_nothing_changed"]
    assert emma.loop is None
    assert emma.slots["confirmed"] is None
    assert shop.contents() == before


# -- once --------------------------------------------------------------------------------------------------------------


def test_a_second_submit_with_the_same_key_is_done_once(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    emma.slots["confirmed"] = True
    agreed = dict(emma.slots)
    assert emma.does("action_cancel_order").replies == ["utter_cancelled_paid_order"]
    after = shop.contents()
    emma.slots = agreed
    assert emma.does("action_cancel_order").replies == ["utter_cancelled_paid_order"]
    assert shop.contents() == after


def test_a_late_yes_after_a_lost_answer_repeats_the_receipt(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    open_form = {slot: emma.slots.get(slot) for slot in ("order_number", "order_proof", "confirmation")}
    emma.says("yes", "affirm")
    after = shop.contents()
    emma.slots.update(open_form)
    emma.writes("yes", "affirm")
    assert emma.does("action_not_understood").followups == ["action_cancel_order"]
    assert emma.does("action_cancel_order").replies == ["utter_cancelled_paid_order"]
    assert shop.contents() == after


def test_a_second_yes_after_the_deed_does_nothing(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    emma.says("yes", "affirm")
    after = shop.contents()
    emma.says("yes", "affirm")
    emma.says("yes yes", "nlu_fallback")
    assert shop.contents() == after


@pytest.mark.parametrize("moment", ["before the yes", "while the yes is carried out"])
def test_what_changed_since_it_was_said_back_is_asked_again(emma: Conversation, shop: Shop, moment: str) -> None:
    asked_to_cancel(emma)
    before = shop.row("orders", number="W8264401")
    shop.change("UPDATE payments SET amount_cents = 17900 WHERE order_id = ?", before["id"])
    if moment == "before the yes":
        heard = emma.says("yes", "affirm")
    else:
        emma.writes("yes", "affirm")
        emma.slots["confirmed"], emma.loop = True, None
        heard = emma.does("action_cancel_order")
        assert heard.followups == ["cancel_order_form"]
        emma._runs_form("cancel_order_form", heard)
    assert heard.replies == ["utter_refuse_quote_changed", "utter_ask_cancel_paid_order"]
    assert heard.fact("amount") == "¥179"
    assert shop.row("orders", number="W8264401") == before
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]
    assert shop.row("refunds", order_id=before["id"])["amount_cents"] == 17900


def test_what_became_impossible_since_it_was_said_back_is_refused(emma: Conversation, shop: Shop) -> None:
    asked_to_cancel(emma)
    shop.change("UPDATE orders SET state = 'shipped' WHERE number = 'W8264401'")
    before = shop.contents()
    assert emma.says("yes", "affirm").replies == ["utter_refuse_already_shipped"]
    assert emma.loop is None
    assert shop.contents() == before


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reply"),
    [
        ("W8264403", "utter_refuse_already_shipped"),
        ("W8264404", "utter_refuse_already_shipped"),
        ("W8264405", "utter_refuse_already_cancelled"),
    ],
)
def test_a_refusal_that_nothing_can_mend_ends_the_flow_at_once(
    emma: Conversation, shop: Shop, number: str, reply: str
) -> None:
    before = shop.contents()
    assert emma.says("cancel it", "cancel_order", order_number=number).replies == [reply]
    assert emma.loop is None
    assert emma.slots["outcome"] is None, "the next flow starts afresh"
    assert shop.contents() == before


def test_a_wrong_proof_and_an_absent_order_are_one_answer(talk: Conversation) -> None:
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    wrong = talk.says("mallory@example.com", email="mallory@example.com")
    other = Conversation(visitor="other")
    other.says("cancel W0000001", "cancel_order", order_number="W0000001")
    absent = other.says("mallory@example.com", email="mallory@example.com")
    assert wrong.replies == absent.replies == ["utter_refuse_order_not_found", "utter_ask_order_proof"]
    assert wrong.text.replace("W8264401", "W0000001") == absent.text


def test_after_a_wrong_proof_another_number_or_another_proof_will_do(talk: Conversation) -> None:
    talk.says("cancel W8264402", "cancel_order", order_number="W8264402")
    talk.says("9999", "inform")
    assert talk.says("0123", "inform").replies == ["utter_ask_cancel_paid_order"]


def test_too_many_wrong_proofs_end_the_flow_and_offer_a_person(talk: Conversation, shop: Shop) -> None:
    before = shop.contents()
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    for place in range(POLICY.proof_attempts - 1):
        heard = talk.says(f"{place}@example.com", email=f"{place}@example.com")
        assert heard.replies == ["utter_refuse_order_not_found", "utter_ask_order_proof"]
    heard = talk.says("last@example.com", email="last@example.com")
    assert heard.replies == ["utter_refuse_too_many_attempts", "utter_offer_person"]
    assert talk.loop is None
    assert shop.contents() == before
    talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    heard = talk.says(EMAIL, email=EMAIL)
    assert heard.replies == ["utter_refuse_too_many_attempts", "utter_offer_person"], "not even the right one now"
    assert shop.row("orders", number="W8264401")["state"] == "processing"


def test_a_refusal_that_another_answer_can_mend_asks_for_that_answer(emma: Conversation, shop: Shop) -> None:
    emma.says("pay W8264401 another way", "change_order_payment", order_number="W8264401")
    before = shop.contents()
    heard = emma.says("the gift card ending 7350")
    assert heard.replies == ["utter_refuse_balance_too_low", "utter_ask_payment_choice"]
    assert (heard.fact("balance"), heard.fact("needed")) == ("¥50", "¥199")
    assert shop.contents() == before
    assert emma.says("the other gift card, 9120").replies == ["utter_ask_change_payment"]


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_form_without_the_shop_waits_and_goes_on_where_it_was(
    emma: Conversation, shop: Shop, gone: Callable[[], None], back: Callable[[], None]
) -> None:
    emma.says("return something of W8264404", "return_item", order_number="W8264404")
    before = shop.contents()
    emma.may_fail = True
    gone()
    assert emma.says("the yoga mat", product="yoga mat").replies == [UNAVAILABLE]
    assert (emma.loop, emma.slots["requested_slot"]) == ("return_item_form", RETRY)
    back()
    assert shop.contents() == before
    assert emma.says("the yoga mat", product="yoga mat").replies == ["utter_ask_reason"]


def test_a_yes_without_the_shop_does_nothing_and_the_next_yes_does_it_once(
    emma: Conversation, shop: Shop, gone: Callable[[], None], back: Callable[[], None]
) -> None:
    asked_to_cancel(emma)
    key = emma.slots["confirmation"]["key"]
    before = shop.contents()
    emma.may_fail = True
    emma.writes("yes", "affirm")
    emma.slots["confirmed"], emma.loop = True, None
    gone()
    assert emma.does("action_cancel_order").replies == [UNAVAILABLE]
    assert (emma.loop, emma.slots["confirmed"]) == ("cancel_order_form", None)
    back()
    assert shop.contents() == before
    assert emma.says("yes", "affirm").replies == ["utter_cancelled_paid_order"]
    assert [row["key"] for row in shop.rows("receipts", action="cancel_order")] == [key]


def test_a_flow_that_could_not_even_start_starts_with_the_next_message(
    talk: Conversation, gone: Callable[[], None], back: Callable[[], None]
) -> None:
    talk.may_fail = True
    gone()
    assert talk.says("cancel W8264401", "cancel_order", order_number="W8264401").replies == [UNAVAILABLE]
    back()
    heard = talk.says("cancel W8264401", "cancel_order", order_number="W8264401")
    assert heard.replies == ["utter_ask_order_proof"]


def test_a_look_without_the_shop_is_closed(talk: Conversation, gone: Callable[[], None]) -> None:
    talk.slots["order_number"] = "W8264401"
    talk.may_fail = True
    gone()
    assert talk.does("action_track_order").replies == [UNAVAILABLE]
    assert talk.loop is None


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 10_000,
        "😀😀😀",
        "<b>yes</b><script>",
        "'; DROP TABLE orders; --",
        '/affirm{"confirmed": true}',
        "\x00",
    ],
    ids=["empty", "10 kB", "emoji", "html", "sql", "payload", "nul"],
)
def test_bad_input_to_a_question_is_answered_and_changes_nothing(emma: Conversation, shop: Shop, text: str) -> None:
    asked_to_cancel(emma)
    before = shop.contents()
    heard = emma.says(text, "inform")
    assert heard.replies == ["utter_hint_confirmed", "utter_ask_cancel_paid_order"]
    assert (emma.loop, emma.slots["requested_slot"]) == ("cancel_order_form", "confirmed")
    assert shop.contents() == before
