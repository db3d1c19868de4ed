"""One running bot for all conversations, and a shop that starts each of them as it was filled."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from deploy.bot import Bot, running_bot
from deploy.training import newest_model
from shop import clock, database, seed
from shop.models import Base

# Written by asking, not by changing anything of the shop's.
BOOKKEEPING = {"access_grants", "proof_misses", "conversations", "messages"}
# Many customers from one address, and some who write faster than any person.
UNHURRIED = {
    "messages_a_minute": 1_000_000,
    "messages_a_minute_per_address": 1_000_000,
    "sessions_an_hour_per_address": 1_000_000,
    "streams_per_address": 1_000,
}


@dataclass
class Shop:
    """The shop behind the bot: as it was filled, and as it is now."""

    engine: Engine
    pristine: Path
    filled_on: date  # where the shop is

    def restore(self) -> None:
        """Put every row back as it was filled, in one transaction beside whatever the bot is doing."""
        connection = sqlite3.connect(self.engine.url.database, isolation_level=None, timeout=30)
        try:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("ATTACH ? AS pristine", (str(self.pristine),))
            connection.execute("BEGIN IMMEDIATE")
            for table in Base.metadata.tables:
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM pristine.{table}")
            connection.execute("COMMIT")
        finally:
            connection.close()

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table that a change of the shop would show in."""
        return {table: self.rows(table) for table in Base.metadata.tables if table not in BOOKKEEPING}


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
        replies = self.write(message)
        shown = [r.get("text", "") + " ".join(f" [{b['title']}]" for b in r.get("buttons") or []) for r in replies]
        return "\n".join(shown)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    url = f"sqlite:///{folder / 'shop.db'}"
    database.migrate(url)
    filled_on = clock.today()
    seed.main(["--url", url])
    pristine = folder / "pristine.db"
    engine = database.connect(url)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    shutil.copy(folder / "shop.db", pristine)
    yield Shop(engine, pristine, filled_on)
    engine.dispose()


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
