"""The action server over the wire: it says that it is well, runs actions, and keeps a caller's words to itself."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from actions.server import app
from tests.actions.conftest import Conversation, Shop
from tests.servers import served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(app()) as url:
        yield url.removeprefix("http://")


def ask(address: str, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text.decode()
    finally:
        connection.close()


def call(name: str, **more: Any) -> bytes:
    talk = Conversation()
    talk.writes("hello", "greet")
    tracker = {**talk.tracker().current_state(), "events": talk.events}
    return json.dumps({"next_action": name, "sender_id": "visitor", "tracker": tracker, **more}).encode()


def test_it_says_that_it_is_well(address: str) -> None:
    assert ask(address, "GET", "/health") == (200, {"status": "ok"})


def test_an_action_is_run(address: str, shop: Shop) -> None:
    status, answer = ask(address, "POST", "/webhook", call("action_promotions"))
    assert status == 200 and answer["responses"] and "ahead" not in answer


def test_what_follows_is_answered_ahead_for_who_asks(address: str, shop: Shop) -> None:
    _, answer = ask(address, "POST", "/webhook", call("action_promotions", ahead=True))
    assert [following["action"] for following in answer["ahead"]] == ["action_resume"]


def test_an_action_that_is_none_is_named(address: str) -> None:
    status, answer = ask(address, "POST", "/webhook", call("action_unheard_of"))
    assert status == 404 and answer["action_name"] == "action_unheard_of"


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'"text"', b"{}", b"null"])
def test_what_is_no_call_is_refused(address: str, body: bytes) -> None:
    assert ask(address, "POST", "/webhook", body)[0] == 400


def test_a_failure_does_not_send_the_conversation_back(address: str) -> None:
    body = b'{"next_action": "action_promotions", "tracker": "w2378156 is my order"}'
    status, answer = ask(address, "POST", "/webhook", body)
    assert status == 500 and "w2378156" not in json.dumps(answer)
