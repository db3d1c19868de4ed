"""One running bot for all conversations, and a shop that starts each of them as it was filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deploy.bot import Bot, running_bot
from deploy.training import newest_model
from evaluation.conversations import shown
from evaluation.sample_shop import Shop, filled_shop
from evaluation.sides import UNHURRIED

__all__ = ["UNHURRIED", "Customer", "Shop"]


@dataclass
class Customer:
    """Somebody who writes to the bot over the REST channel, from a browser of their own."""

    url: str
    _client: httpx.Client = field(init=False, repr=False)
    _conversation: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._client = httpx.Client(base_url=self.url, timeout=60)

    @property
    def conversation(self) -> str:
        """Its name, given by the server."""
        if not self._conversation:
            opened = self._client.post("/session").raise_for_status().json()
            self._conversation = str(opened["conversation"])
        return self._conversation

    def write(self, message: Any) -> list[dict[str, Any]]:
        """Send a message; the bot's replies, as the channel gives them."""
        response = self._client.post("/webhook", json={"message": message})
        response.raise_for_status()
        replies: list[dict[str, Any]] = response.json()
        return replies

    def leave(self) -> None:
        self._client.close()

    def says(self, message: str) -> str:
        """Send a message; the text of the bot's replies, with its buttons' titles."""
        return shown(self.write(message))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with filled_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture(scope="session")
def bot(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    model = newest_model()
    assert model is not None, "There is no model: run `make train` first."
    folder = tmp_path_factory.mktemp("bot")
    with running_bot(model=model, folder=folder, shop_url=str(shop.engine.url), channel=UNHURRIED) as bot:
        yield bot


@pytest.fixture
def customer(bot: Bot, shop: Shop) -> Iterator[Customer]:
    shop.restore()
    customer = Customer(bot.url)
    yield customer
    customer.leave()
