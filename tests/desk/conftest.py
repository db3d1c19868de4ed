"""A shop's database for each test of the desk, in which it is half past nine in the morning."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shop import clock, database

MORNING = datetime(2026, 5, 4, 1, 30, tzinfo=timezone.utc)  # 9:30 in the shop


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sessionmaker]:
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    database.migrate()
    engine = database.connect()
    clock.set_source(lambda: MORNING)
    yield database.session_factory(engine)
    clock.set_source(lambda: datetime.now(timezone.utc))
    engine.dispose()


@pytest.fixture
def session(sessions: sessionmaker) -> Iterator[Session]:
    with sessions() as session:
        yield session
