"""What somebody with bad intent sends to the desk, signed in or not: a clear refusal, and never a broken server."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.desk.web.conftest import Desk, waiting
from tests.hostile import bodies, on_one_server

FIELDS = (
    *("text", "key", "number", "note", "to", "reason", "over", "fields", "quote", "proof", "language"),
    *("name", "password", "id", "title", "text_zh", "text_en"),
)
BODIES = bodies(FIELDS, most=6)
ACTS = ("take", "write", "typing", "read", "notes", "pass", "hand-back", "close", "prove", "look-up")
PATHS = (
    *("sign-in", "language", "here", "replies", "replies/1/remove", "handovers/99999999999999999999/take"),
    *(f"handovers/1/{act}" for act in ACTS),
    *("handovers/1/orders/W2378156/cancel/preview", "handovers/1/orders/W2378156/cancel"),
)
UNDERSTOOD = {200, 204, 400, 401, 403, 404, 409, 413, 429}
ON_ONE_SERVER = on_one_server(200)


@ON_ONE_SERVER
@given(path=st.sampled_from(PATHS), body=BODIES)
def test_no_body_of_an_agent_breaks_the_desk(shop: Session, wang: Desk, path: str, body: bytes) -> None:
    waiting(shop)
    answer = wang.client.post(
        f"/api/{path}", content=body, headers={"X-Haoke-CSRF": wang.mark, "Content-Type": "application/json"}
    )
    shop.rollback()

    assert answer.status_code in UNDERSTOOD, answer.text
    if answer.status_code >= 400:
        assert answer.json()


@ON_ONE_SERVER
@given(
    name=st.sampled_from(["Cookie", "Origin", "Host", "Accept-Language", "X-Forwarded-For", "X-Haoke-CSRF"]),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
    body=BODIES,
)
def test_nothing_of_a_stranger_changes_anything(shop: Session, address: str, name: str, value: str, body: Any) -> None:
    id = waiting(shop).id
    stranger = Desk(address)
    answer = stranger.client.post(f"/api/handovers/{id}/take", content=body, headers={name: value})
    shop.rollback()

    assert answer.status_code in {400, 401, 403, 404}, answer.text
    assert waiting(shop).state.value == "waiting"


@pytest.mark.parametrize("length", ["-1", "1e3", "+5", "x"])
def test_a_body_of_a_strange_length_keeps_nobody_waiting(lin: Desk, address: str, length: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as line:
        line.sendall(f"POST /desk/api/here HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\nx".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 400")
    assert lin.get("me").status_code == 200
