"""Somebody after other customers' orders, at scale: many conversations, many guesses, over the real channel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.bot import Bot
from shop.policy import POLICY
from tests.conversations.conftest import Customer, Shop

ORDER, PHONE = "W2378156", "13812345678"
SECRETS = re.compile("台灯|陶瓷|陈思远|338|支付宝|南京|example|lamp|mug", re.IGNORECASE)
CROWD = 40


@pytest.fixture
def crowd(bot: Bot, shop: Shop) -> Iterator[list[Customer]]:
    shop.restore()
    customers = [Customer(bot.url) for _ in range(CROWD)]
    yield customers
    for customer in customers:
        customer.leave()


def test_many_visitors_guessing_at_one_order_learn_nothing_and_are_stopped_together(
    crowd: list[Customer], shop: Shop
) -> None:
    def guess(place: int) -> list[str]:
        asked = crowd[place].says(f"查一下订单{ORDER}")
        return [asked, *(crowd[place].says(f"{place:02}{attempt:02}") for attempt in range(3))]

    with ThreadPoolExecutor(8) as threads:
        heard = [answer for answers in threads.map(guess, range(CROWD - 1)) for answer in answers]

    assert not [answer for answer in heard if SECRETS.search(answer)]
    misses = [row for row in shop.rows("proof_misses") if row["aimed_at"] == ORDER]
    assert len(misses) == POLICY.proof_attempts_per_order_a_day
    assert not shop.rows("access_grants")
    late = crowd[-1]
    late.says(f"查一下订单{ORDER}")
    assert not SECRETS.search(late.says(PHONE))  # not even a right guess helps, today
    assert not shop.rows("access_grants")


def test_an_order_that_is_there_and_one_that_is_not_sound_alike_to_whoever_counts_numbers_up(
    crowd: list[Customer], shop: Shop
) -> None:
    def ask(place: int) -> tuple[str, str]:
        number = f"W{2378150 + place}"
        first = crowd[place].says(f"订单{number}到哪了")
        return first.replace(number, "W"), crowd[place].says("9999").replace(number, "W")

    with ThreadPoolExecutor(8) as threads:
        heard = set(threads.map(ask, range(CROWD)))

    there = {row["number"] for row in shop.rows("orders")} & {f"W{2378150 + place}" for place in range(CROWD)}
    assert len(there) > 1
    assert len(heard) == 1, heard
