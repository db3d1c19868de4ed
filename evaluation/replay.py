"""Customers who say what dialogues say, over REST: one by one, many at once, or one of them for very long.

All of it runs in one process on one event loop, so that it takes little from the bot that is measured beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiohttp

from evaluation.conversations import Dialogue, amiss, changes_shop, misheard, shown
from evaluation.sample_shop import Shop

SECONDS_OF_PATIENCE = 120.0
SECONDS_KEPT_OPEN = 2.0  # servers close an idle connection after five
# A day's small talk with a shop, none of which changes anything in it; said over and over in a long conversation.
SAYINGS = (
    "你好",
    "hello",
    "我的订单W2378157到哪了",
    "5678",
    "有没有台灯",
    "how much is the desk lamp",
    "运费怎么算",
    "what is your return policy",
    "谢谢",
    "thanks a lot",
    "你们有什么优惠活动",
    "do you ship abroad",
    "查一下我的订单",
    "never mind",
    "推荐一款耳机",
    "is it waterproof",
    "怎么开发票",
    "can i pay with alipay",
    "你是机器人吗",
    "what can you do",
)


@dataclass(frozen=True)
class Heard:
    """The answer to one message; `is_answered` where the server gave its list, even an empty one."""

    said: str
    text: str
    milliseconds: float
    is_answered: bool


@dataclass
class Customer:
    """Somebody who writes over Rasa's own REST channel, which believes any sender: a name that nobody else has."""

    http: aiohttp.ClientSession
    url: str
    sender: str = field(default_factory=lambda: uuid4().hex)
    headers: dict[str, str] = field(default_factory=dict)

    async def arrive(self) -> None:
        """Opens the conversation, where that takes a word before the first."""

    async def says(self, message: str) -> Heard:
        started = perf_counter()
        text, is_answered = "", True
        try:
            text = shown(await self._post("webhook", {"sender": self.sender, "message": message}))
        except (aiohttp.ClientError, asyncio.TimeoutError):
            is_answered = False
        return Heard(message, text, (perf_counter() - started) * 1_000, is_answered)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.http.post(f"{self.url}/{path}", json=body, headers=self.headers) as response:
            response.raise_for_status()
            return await response.json()


@dataclass
class WebCustomer(Customer):
    """Somebody who writes over the web channel, which gives a token to every conversation."""

    async def arrive(self) -> None:
        opened = await self._post("session", {"fresh": True})
        self.headers = {"Authorization": f"Bearer {opened['token']}"}


@dataclass(frozen=True)
class Talk:
    """A dialogue as it went: whether it is to change the shop, what was heard, how often in the right words, and what
    is wrong at its end."""

    name: str
    changes_shop: bool
    heard: Sequence[Heard]
    heard_right: int
    amiss: str | None


@dataclass(frozen=True)
class Crowd:
    """What customers at once have heard while all of them were talking, and for how many seconds they were."""

    heard: Sequence[Heard]
    seconds: float


@asynccontextmanager
async def http(patience: float = SECONDS_OF_PATIENCE) -> AsyncIterator[aiohttp.ClientSession]:
    """Connections for as many customers as there are; cookies, which would make them all one, are forgotten."""
    timeout = aiohttp.ClientTimeout(total=patience)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=SECONDS_KEPT_OPEN)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, timeout=timeout) as session:
        yield session


async def converse(customer: Customer, dialogue: Dialogue) -> list[Heard]:
    await customer.arrive()
    return [await customer.says(str(turn["says"])) for turn in dialogue["turns"]]


async def alone(customer: Customer, name: str, dialogue: Dialogue, shop: Shop) -> Talk:
    """One customer in a shop as it was filled, and the judge's word on it."""
    shop.restore()
    before = shop.contents()
    heard = await converse(customer, dialogue)
    answers = zip(dialogue["turns"], heard, strict=True)
    right = sum(misheard(turn, answer.text, shop.filled_on) is None for turn, answer in answers)
    return Talk(name, changes_shop(dialogue), heard, right, amiss(dialogue, before, shop))


async def at_once(customers: Iterator[Customer], dialogues: Sequence[Dialogue], count: int) -> Crowd:
    """So many customers at any time, a new one for each dialogue, until there is none left to begin.

    Raises ValueError where there are not twice as many dialogues as customers: hardly ever would all of them talk.
    """
    if len(dialogues) < 2 * count:
        raise ValueError(f"{len(dialogues)} dialogues are too few for {count} customers at once")
    waiting, heard = iter(dialogues), list[tuple[float, Heard]]()
    started = perf_counter()
    ends: list[float] = []

    async def take_turns() -> None:
        for dialogue in waiting:
            customer = next(customers)
            await customer.arrive()
            for turn in dialogue["turns"]:
                answer = await customer.says(str(turn["says"]))
                heard.append((perf_counter(), answer))
        ends.append(perf_counter())

    await asyncio.gather(*(take_turns() for _ in range(count)))
    end = min(ends)  # from here on fewer than all of them were talking
    return Crowd([one for at, one in heard if at <= end], end - started)


async def for_long(customer: Customer, turns: range) -> list[Heard]:
    """These turns of one conversation, which goes round through its sayings."""
    return [await customer.says(SAYINGS[turn % len(SAYINGS)]) for turn in turns]
