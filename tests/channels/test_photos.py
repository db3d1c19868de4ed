"""A photo of the damage: sent, kept beside the case, and shown to nobody else."""

from __future__ import annotations

import http.client
import threading
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from channels.settings import Settings
from channels.web import WebChannel
from desk import conversations, pictures, queue
from shop.models import Photo
from tests.channels.server import Chat, serving
from tests.channels.test_events import PATIENCE, wait_for
from tests.desk.test_pictures import photo


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / pictures.FOLDER


def sent(client: httpx.Client, data: bytes, **query: str) -> httpx.Response:
    return client.post("/photos", content=data, params=query, headers={"Content-Type": "image/jpeg"})


def messages(chat: Chat) -> list[dict[str, object]]:
    return list(chat.client.get("/events").json()["messages"])


def test_a_photo_is_acknowledged_and_shown_in_its_conversation(site: Chat, folder: Path) -> None:
    site.client.post("/session")
    answer = sent(site.client, photo(), key="p1")
    again = sent(site.client, photo(), key="p1")

    assert answer.json()[0]["text"] == again.json()[0]["text"] == "Got your photo."
    first, second = messages(site)
    assert (first["sender"], first["text"], second["text"]) == ("customer", "", "Got your photo.")
    shown = site.client.get(f"/photos/{first['photo']}")
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert site.heard() == []
    assert len(list(folder.iterdir())) == 1


def test_nobody_else_sees_it(site: Chat) -> None:
    site.client.post("/session")
    sent(site.client, photo())
    name = messages(site)[0]["photo"]
    with site.new_client() as stranger:
        assert stranger.get(f"/photos/{name}").status_code == 401
        stranger.post("/session")
        assert stranger.get(f"/photos/{name}").status_code == 404


@pytest.mark.parametrize(
    "name", ["../../shop.db", "..%2f..%2fshop.db", "%2e%2e/shop.db", "shop.db", "x.jpg", "%00.jpg"]
)
def test_no_path_leads_to_another_file(site: Chat, name: str) -> None:
    site.client.post("/session")

    assert site.client.get(f"/photos/{name}").status_code in (400, 404, 405)


def test_what_is_no_photo_is_refused_with_a_sentence(site: Chat, folder: Path) -> None:
    site.client.post("/session")

    refused = sent(site.client, b"<script>alert(1)</script>")
    assert (refused.status_code, "JPEG, PNG or WebP" in refused.json()["error"]) == (415, True)
    assert sent(site.client, b"\0" * (pictures.MOST_BYTES + 1)).status_code == 413
    assert sent(site.client, photo(), key="a b").status_code == 400
    assert messages(site) == []


def test_who_has_no_conversation_sends_no_photo(site: Chat) -> None:
    assert sent(site.client, photo()).status_code == 401


def test_an_agent_who_has_the_conversation_answers_in_place_of_the_bot(site: Chat, shop: Session) -> None:
    conversation = site.client.post("/session").json()["conversation"]
    queue.open_handover(shop, conversation, language="en", topic="person", wish="a person")

    assert sent(site.client, photo()).json() == []
    assert [message["sender"] for message in messages(site)] == ["customer"]
    shop.rollback()
    assert shop.execute(select(Photo.conversation_id)).scalar() == conversation


@pytest.mark.usefixtures("within_a_minute")
def test_who_sends_photo_after_photo_is_stopped(shop: Session) -> None:
    with serving(WebChannel(Settings(photos_an_hour=1))) as chat:
        chat.client.post("/session")
        assert [sent(chat.client, photo()).status_code for _ in range(2)] == [200, 429]


@pytest.mark.usefixtures("within_a_minute")
def test_who_sends_photos_under_many_names_is_stopped(shop: Session) -> None:
    with serving(WebChannel(Settings(photos_an_hour_per_address=2))) as chat:
        statuses = []
        for _ in range(3):
            with chat.new_client() as client:
                client.post("/session")
                statuses.append(sent(client, photo()).status_code)

    assert statuses == [200, 200, 429]


def test_a_photo_whose_sender_hangs_up_is_kept_whole(site: Chat, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.client.post("/session")
    store, is_drawing, is_gone = pictures.store, threading.Event(), threading.Event()

    def slowly(data: bytes) -> pictures.Picture:
        is_drawing.set()
        is_gone.wait(PATIENCE)
        return store(data)

    monkeypatch.setattr(pictures, "store", slowly)
    connection = http.client.HTTPConnection(site.client.base_url.host, site.client.base_url.port)
    cookies = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    connection.request("POST", "/webhooks/rest/photos", photo(), {"Cookie": cookies, "Content-Type": "image/jpeg"})
    assert is_drawing.wait(PATIENCE)
    connection.close()
    time.sleep(0.2)  # until the server knows
    is_gone.set()

    wait_for(lambda: len(messages(site)) == 2)
    first, second = messages(site)
    assert second["text"] == "Got your photo."
    assert [file.name for file in folder.iterdir()] == [first["photo"]]


def test_a_photo_that_takes_too_long_is_apologised_for_and_kept(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    store = pictures.store
    monkeypatch.setattr(pictures, "store", lambda data: (time.sleep(0.5), store(data))[1])
    with serving(WebChannel(Settings(answer_within_seconds=0.1))) as chat:
        chat.client.post("/session")
        answer = sent(chat.client, photo())

        assert "cannot do that now" in answer.json()[0]["text"]
        wait_for(lambda: len(messages(chat)) == 2)


def test_a_bot_without_words_for_a_photo_says_so(site: Chat) -> None:
    site.client.post("/session")
    site.bot.agent.domain.responses.clear()

    assert sent(site.client, photo()).status_code == 503


def test_a_photo_that_cannot_be_recorded_leaves_no_file(
    site: Chat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    site.client.post("/session")
    monkeypatch.setattr(conversations, "hear", away)

    assert sent(site.client, photo()).status_code == 503
    assert list(folder.iterdir()) == []
