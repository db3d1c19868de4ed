"""The desk served for real on a free port, over a shop with its known customers, and agents at it."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sanic import Sanic
from sqlalchemy.orm import Session

from desk import agents, conversations, queue
from desk.packets import Packet
from desk.web.server import Settings, app
from shop import account, clock, database, seed
from shop.models import Role, Sender
from tests.servers import served

PASSWORD = "a password of this test"
PATIENCE = 10.0
OPEN: list[httpx.Client] = []  # closed with the server
READING: list[Session] = []  # the test's own


class Desk:
    """An agent's browser."""

    def __init__(self, address: str, **more: Any) -> None:
        self.client = httpx.Client(base_url=f"{address}/desk", timeout=20, trust_env=False, **more)
        self.mark = "sign-in"
        OPEN.append(self.client)

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        answer = self.post("sign-in", name=name, password=password)
        if answer.status_code == 200:
            self.mark = answer.json()["csrf"]
        return answer

    def get(self, path: str) -> httpx.Response:
        return self._fresh(self.client.get(f"/api/{path}"))

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self._fresh(self.client.post(f"/api/{path}", json=body, headers={"X-Haoke-CSRF": self.mark}))

    def _fresh(self, answer: httpx.Response) -> httpx.Response:
        """What the test reads next is as it is after the answer."""
        for session in READING:
            session.rollback()
        return answer

    def done(self, path: str, **body: Any) -> Any:
        answer = self.post(path, **body)
        assert answer.status_code in (200, 204), answer.text
        return answer.json() if answer.content else None

    def seen(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        answer = self.post(path, **body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]


class Listener:
    """An agent's open event stream."""

    def __init__(self, desk: Desk, **asked: Any) -> None:
        self.events: list[tuple[str, Any]] = []
        self._client = httpx.Client(base_url=desk.client.base_url, cookies=desk.client.cookies, trust_env=False)
        self._asked = asked
        OPEN.append(self._client)
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._is_open.wait(PATIENCE)

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", "/api/events", params=self._asked, timeout=60) as answer:
                self._is_open.set()
                name = ""
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        self.events.append((name, json.loads(line.removeprefix("data: "))))
        except httpx.HTTPError:
            self._is_open.set()

    def of(self, name: str) -> list[Any]:
        return [data for kind, data in list(self.events) if kind == name]

    def wait(self, name: str, condition: Callable[[Any], bool] = lambda data: True) -> Any:
        """The first event of this name that is so."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for data in self.of(name):
                if condition(data):
                    return data
            time.sleep(0.02)
        raise AssertionError(f"no {name} like that among {self.events}")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("desk") / "shop.db"
    database.migrate(f"sqlite:///{path}")
    engine = database.connect(f"sqlite:///{path}")
    with database.session_factory(engine)() as session:
        database.begin_change(session)
        seed.fill(session, crowd_size=4, crowd_orders_size=8)
        session.commit()
        for name, role, language in (("林", Role.AGENT, "zh"), ("Mei", Role.AGENT, "en"), ("Wang", Role.LEAD, "zh")):
            agents.add(session, name, PASSWORD, role=role, language=language)
    engine.dispose()
    return path


@pytest.fixture
def shop(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    shutil.copy(filled, tmp_path / "shop.db")
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    engine = database.connect()
    with database.session_factory(engine)() as session:
        READING.append(session)
        yield session
        READING.remove(session)
    engine.dispose()


@pytest.fixture
def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "tomato").save(drawn, "JPEG")
    return drawn.getvalue()


@pytest.fixture
def address(shop: Session) -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def lin(address: str) -> Desk:
    return signed_in(address, "林")


@pytest.fixture
def mei(address: str) -> Desk:
    return signed_in(address, "Mei")


@pytest.fixture
def wang(address: str) -> Desk:
    return signed_in(address, "Wang")


def signed_in(address: str, name: str) -> Desk:
    desk = Desk(address)
    assert desk.sign_in(name).status_code == 200
    return desk


def waiting(session: Session, conversation: str = "visitor-1", **facts: Any) -> Packet:
    """A customer who has written and waits for a person."""
    conversations.hear(session, conversation, "转人工")
    given: dict[str, Any] = {"language": "zh", "topic": "return_item", "wish": "我要退台灯"} | facts
    return queue.open_handover(session, conversation, **given)


def proven(session: Session, conversation: str, number: str, proof: str, **facts: Any) -> Packet:
    """The same, and the bot knows them by an order."""
    shopper = account.prove_order(session, conversation, number, proof)
    who = {"customer_id": shopper.customer_id, "is_verified": True}
    return waiting(session, conversation, order_number=number, **who, **facts)


def said(session: Session, conversation: str, sender: Sender = Sender.BOT) -> list[str]:
    return [one.text for one in conversations.since(session, conversation) if one.sender is sender]


def writes(session: Session, conversation: str, text: str) -> None:
    conversations.hear(session, conversation, text)


@contextmanager
def a_clock() -> Iterator[Callable[..., None]]:
    """A clock that goes on when it is told to: `later(minutes=5)`."""
    now = [datetime.now(timezone.utc)]

    def later(**time: float) -> None:
        now[0] += timedelta(**time)

    clock.set_source(lambda: now[0])
    try:
        yield later
    finally:
        clock.set_source(lambda: datetime.now(timezone.utc))


@contextmanager
def serving(settings: Settings | None = None) -> Iterator[str]:
    """The desk's address, until the end of the block."""
    Sanic.test_mode = True  # several servers of one name in one process
    with served(app(settings)) as address:
        try:
            yield address
        finally:
            while OPEN:
                OPEN.pop().close()
