"""Two hundred open windows, fifty customers who talk: nothing is lost, nothing comes twice, nothing to another."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deploy.bot import Bot
from tests.conversations.conftest import Shop

LISTENERS, TALKERS = 200, 50
SAYINGS = ("hello", "where is my order", "W2378156", "never mind")
PATIENCE = 120.0


@dataclass
class Window:
    """A browser: its own conversation, and what its event stream has brought."""

    client: httpx.AsyncClient
    number: int
    conversation: str = ""
    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def open(self) -> None:
        opened = (await self.client.post("/session", json={"fresh": True})).raise_for_status().json()
        self.conversation = opened["conversation"]
        self.headers = {"Authorization": f"Bearer {opened['token']}"}

    async def listen(self) -> None:
        headers = {**self.headers, "Accept": "text/event-stream"}
        async with self.client.stream("GET", "/events", headers=headers) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: ") and "number" in (data := json.loads(line[6:])):
                    self.numbers.append(data["number"])
                    self.texts.append(data["text"])

    async def talk(self) -> None:
        for saying in self.sayings:
            began = time.monotonic()
            answer = await self.client.post("/webhook", json={"message": saying}, headers=self.headers)
            self.waits.append(time.monotonic() - began)
            assert answer.status_code == 200
            assert all(said["recipient_id"] == self.conversation for said in answer.json())

    @property
    def sayings(self) -> tuple[str, ...]:
        """What this customer says, and nobody else does."""
        return (*SAYINGS, f"my name is customer {self.number}")

    def has_heard_all(self, said: list[Any]) -> bool:
        return self.numbers == [one["number"] for one in said]


def test_two_hundred_windows_and_fifty_talkers(bot: Bot, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.restore()
    windows = asyncio.run(_crowd(bot.url))
    waits = sorted(wait for window in windows for wait in window.waits)
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    with capsys.disabled():
        print(
            f"\n{LISTENERS} event streams, {TALKERS} customers talking at once: {len(waits)} messages, none lost, none "
            f"twice, none to another; an answer took {middle:.1f} s at the median, {late:.1f} s at the 95th percentile"
        )


async def _crowd(url: str) -> list[Window]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False) as client:
        windows = [Window(client, number) for number in range(LISTENERS)]
        for window in windows:
            await window.open()
        client.cookies.clear()
        listening = [asyncio.create_task(window.listen()) for window in windows]
        await asyncio.gather(*(window.talk() for window in windows[:TALKERS]))
        try:
            for window in windows:
                await _judge(client, window)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        return windows


async def _judge(client: httpx.AsyncClient, window: Window) -> None:
    """What its stream brought is what the record holds: each number once, in order, and nobody else's words."""
    said = (await client.get("/events", headers=window.headers)).json()["messages"]
    deadline = time.monotonic() + 10
    while not window.has_heard_all(said) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert window.numbers == list(range(1, len(said) + 1))
    own = [one["text"] for one in said if one["sender"] == "customer"]
    assert own == (list(window.sayings) if window.number < TALKERS else [])
    assert window.texts == [one["text"] for one in said]
