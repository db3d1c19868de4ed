"""A shop's database and a served channel for each test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from channels.settings import Settings
from channels.web import WebChannel
from shop import database
from tests.channels.server import Chat, serving

TRUSTING = Settings(trusts_sender=True, messages_a_minute=1_000, messages_a_minute_per_address=1_000)


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    chosen = "a secret of this test, and of no other"
    monkeypatch.setenv("HAOKE_SECRET", chosen)
    return chosen


@pytest.fixture
def within_a_minute() -> None:
    """Limits count by the minutes of the clock: a test that begins at the end of one waits for the next."""
    left = 60 - time.time() % 60
    if left < 5:
        time.sleep(left)


@pytest.fixture
def shop_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def shop(shop_file: Path) -> Iterator[Session]:
    database.migrate()
    engine = database.connect()
    with database.session_factory(engine)() as session:
        yield session
    engine.dispose()


@pytest.fixture
def chat(shop: Session) -> Iterator[Chat]:
    """A channel that believes `sender`, so that a test may name its conversations."""
    with serving(WebChannel(TRUSTING)) as chat:
        yield chat


@pytest.fixture
def site(shop: Session) -> Iterator[Chat]:
    """A channel as customers find it on the internet."""
    with serving(WebChannel()) as chat:
        yield chat


@pytest.fixture
def chat_without_shop(shop_file: Path) -> Iterator[Chat]:
    with serving(WebChannel(TRUSTING)) as chat:
        yield chat
