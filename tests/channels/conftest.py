"""A shop's database and a served channel for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from channels.web import WebChannel
from shop import database
from tests.channels.server import Chat, serving


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
    with serving(WebChannel()) as chat:
        yield chat


@pytest.fixture
def chat_without_shop(shop_file: Path) -> Iterator[Chat]:
    with serving(WebChannel()) as chat:
        yield chat
