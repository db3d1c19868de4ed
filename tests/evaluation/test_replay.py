"""Customers over REST, against a small server that is really there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import repeat

import aiohttp
import pytest
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from evaluation.replay import SAYINGS, Customer, WebCustomer, at_once, converse, for_long, http
from tests.servers import served

DIALOGUE = {"turns": [{"says": "hello"}, {"says": 42}]}


class Echo:
    """Rasa's channel and ours in one: says back who speaks and what, and counts who speak at the same time."""

    def __init__(self) -> None:
        self.opened = self.speaking = self.most_speaking = 0
        self.app = Sanic("echo")
        self.app.add_route(self.session, "/session", methods=["POST"])
        self.app.add_route(self.webhook, "/webhook", methods=["POST"])

    async def session(self, request: Request) -> HTTPResponse:
        assert request.json["fresh"] is True
        self.opened += 1
        return response.json({"token": f"token-{self.opened}"})

    async def webhook(self, request: Request) -> HTTPResponse:
        if request.json["message"] == "fail":
            return response.json({}, status=500)
        self.speaking += 1
        self.most_speaking = max(self.most_speaking, self.speaking)
        await asyncio.sleep(0.01)
        self.speaking -= 1
        who = request.headers.get("authorization") or request.json["sender"]
        return response.json([{"text": f"{who} said {request.json['message']}"}])


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def url(echo: Echo) -> Iterator[str]:
    with served(echo.app) as address:
        yield address


async def heard_by(kind: type[Customer], url: str) -> list[str]:
    async with http() as connections:
        return [heard.text for heard in await converse(kind(connections, url), DIALOGUE)]


def test_a_customer_of_rasas_channel_keeps_a_name_that_nobody_else_has(url: str) -> None:
    first, second = (asyncio.run(heard_by(Customer, url)) for _ in range(2))
    names = [text.partition(" said ")[0] for text in (*first, *second)]
    assert names[0] == names[1] != names[2] == names[3]
    assert [text.partition(" said ")[2] for text in first] == ["hello", "42"]


def test_a_customer_of_the_web_channel_shows_the_token_of_their_own_conversation(url: str) -> None:
    assert asyncio.run(heard_by(WebCustomer, url)) == ["Bearer token-1 said hello", "Bearer token-1 said 42"]
    assert asyncio.run(heard_by(WebCustomer, url)) == ["Bearer token-2 said hello", "Bearer token-2 said 42"]


def test_a_message_that_fails_is_unanswered_and_the_conversation_goes_on(url: str) -> None:
    async def talk() -> list[bool]:
        async with http() as connections:
            told = {"turns": [{"says": "fail"}, {"says": "hello"}]}
            return [heard.is_answered for heard in await converse(Customer(connections, url), told)]

    assert asyncio.run(talk()) == [False, True]


def test_so_many_customers_talk_at_any_time_and_every_dialogue_once(echo: Echo, url: str) -> None:
    async def crowd() -> tuple[int, list[str]]:
        async with http() as connections:
            customers = (one(connections, url) for one in repeat(Customer))
            told = [{"turns": [{"says": f"{number}"}] * 3} for number in range(12)]
            found = await at_once(customers, told, 4)
            assert found.seconds > 0
            return len(found.heard), [heard.text.partition(" said ")[2] for heard in found.heard]

    counted, said = asyncio.run(crowd())
    assert echo.most_speaking == 4
    assert counted == len(said) <= 36 and counted > 36 - 4 * 3  # the last ones talk among fewer
    assert all(said.count(str(number)) == 3 for number in range(8))


def test_a_crowd_needs_more_to_say_than_it_has_customers() -> None:
    with pytest.raises(ValueError, match="too few"):
        asyncio.run(at_once(iter(()), [DIALOGUE] * 7, 4))


def test_a_long_conversation_goes_round_through_its_sayings(url: str) -> None:
    async def talk() -> list[str]:
        async with http() as connections:
            customer = Customer(connections, url)
            return [heard.text for heard in await for_long(customer, range(18, 22))]

    said = [text.partition(" said ")[2] for text in asyncio.run(talk())]
    assert said == [*SAYINGS[18:], *SAYINGS[:2]]


def test_nobody_there_is_unanswered_too() -> None:
    async def talk() -> bool:
        async with aiohttp.ClientSession() as connections:
            return (await Customer(connections, "http://127.0.0.1:9").says("hello")).is_answered

    assert asyncio.run(talk()) is False
