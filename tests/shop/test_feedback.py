"""A score for each conversation."""

from __future__ import annotations

from typing import Any

import pytest

from shop.errors import InvalidRating
from shop.feedback import has_rated, record_rating
from shop.models import Rating
from tests.shop.conftest import SmallShop


def test_a_score_is_kept_with_its_conversation(small_shop: SmallShop) -> None:
    assert record_rating(small_shop.db, "talk-1", 4) == 4
    rating = small_shop.one(Rating)
    assert (rating.conversation, rating.score, rating.at) == ("talk-1", 4, small_shop.time.moment)


def test_the_newest_score_of_a_conversation_counts(small_shop: SmallShop) -> None:
    record_rating(small_shop.db, "talk-1", 2)
    small_shop.time.forward(minutes=3)
    record_rating(small_shop.db, "talk-1", 5)
    assert small_shop.one(Rating).score == 5
    assert small_shop.one(Rating).at == small_shop.time.moment


def test_each_conversation_has_a_score_of_its_own(small_shop: SmallShop) -> None:
    record_rating(small_shop.db, "talk-1", 1)
    record_rating(small_shop.db, "talk-2", 5)
    assert [rating.score for rating in small_shop.all(Rating)] == [1, 5]


def test_nobody_is_asked_for_a_score_twice(small_shop: SmallShop) -> None:
    assert not has_rated(small_shop.db, "talk-1")
    record_rating(small_shop.db, "talk-1", 5)
    assert has_rated(small_shop.db, "talk-1")
    assert not has_rated(small_shop.db, "talk-2")


@pytest.mark.parametrize("score", [0, 6, -1, 999, True, 4.5, "5", None])
def test_anything_but_a_whole_number_from_one_to_five_is_refused(small_shop: SmallShop, score: Any) -> None:
    with pytest.raises(InvalidRating) as refusal:
        record_rating(small_shop.db, "talk-1", score)
    assert refusal.value.facts == {"lowest": 1, "highest": 5}
    assert small_shop.all(Rating) == []
