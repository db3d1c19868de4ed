"""Feedback: a score at the end, kept once for a conversation; a goodbye that leaves nothing open."""

from __future__ import annotations

import pytest

from tests.actions.conftest import Conversation, Shop


@pytest.mark.parametrize(
    ("text", "entities", "score"),
    [
        *(
            ("给你打5分", {"rating": "5分"}, 5),
            ("四分吧", {"rating": "四分"}, 4),
            ("打个两分", {}, 2),
            ("满分！", {}, 5),
            ("五星好评", {}, 5),
        ),
        *(("I'd say 4 out of 5", {"rating": "4 out of 5"}, 4), ("3", {}, 3), ("two stars", {"rating": "two"}, 2)),
        *(("1", {}, 1), ("5/5", {"rating": "5/5"}, 5), ("full marks", {}, 5)),
    ],
)
def test_a_score_is_kept(talk: Conversation, shop: Shop, text: str, entities: dict[str, str], score: int) -> None:
    reply = "utter_rating_good" if score >= 4 else "utter_rating_bad"
    assert talk.says(text, "rate_service", **entities).replies == [reply]
    assert shop.row("ratings", conversation=talk.visitor)["score"] == score


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        *(("0分", {"rating": "0分"}), ("10分", {"rating": "10分"}), ("6 stars", {"rating": "6"}), ("-3", {})),
        *(("一般吧", {}), ("一百分", {"rating": "一百分"}), ("4.5分", {"rating": "4.5分"}), ("great", {}), ("", {})),
        *(("9" * 10_000, {}), ("😀", {}), ("<b>5", {"rating": "<b>"})),
        *(("四分半", {}), ("四点五分", {}), ("4 and a half", {}), ("4/10", {"rating": "4/10"}), ("五分钟", {})),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_no_score_from_one_to_five_is_asked_for_again(
    talk: Conversation, shop: Shop, text: str, entities: dict[str, str]
) -> None:
    assert talk.says(text, "rate_service", **entities).replies == ["utter_refuse_invalid_rating"]
    assert not shop.rows("ratings")


def test_the_newest_score_of_a_conversation_counts(talk: Conversation, shop: Shop) -> None:
    talk.says("2", "rate_service")
    talk.says("no, 5", "rate_service", rating="5")
    assert [row["score"] for row in shop.rows("ratings")] == [5]


def test_a_goodbye_asks_for_a_score_and_after_one_no_more(talk: Conversation) -> None:
    assert talk.says("bye", "goodbye").replies == ["utter_goodbye_and_ask_rating"]
    talk.says("5", "rate_service", rating="5")
    assert talk.says("bye", "goodbye").replies == ["utter_goodbye"]


def test_a_goodbye_leaves_nothing_open_and_nothing_changed(emma: Conversation, shop: Shop) -> None:
    emma.says("cancel W8264401", "cancel_order", order_number="W8264401")
    before = shop.contents()
    assert emma.says("bye", "goodbye").replies == ["utter_goodbye_and_ask_rating"]
    assert (emma.loop, emma.slots["confirmation"]) == (None, None)
    assert shop.contents() == before
