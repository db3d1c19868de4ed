"""What somebody with bad intent sends: every request gets a clear refusal, and the next customer an answer."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk import pictures
from tests.channels.server import Chat
from tests.hostile import bodies, on_one_server

FIELDS = ("message", "sender", "key", "number", "identity", "fresh", "metadata", "input_channel", "stream")
BODIES = bodies(FIELDS, most=5)
UNDERSTOOD = {200, 204, 400, 401, 403, 413, 415, 429}
ON_ONE_SERVER = on_one_server(150)


@ON_ONE_SERVER
@given(path=st.sampled_from(["/webhook", "/session", "/read", "/typing", "/photos"]), body=BODIES)
def test_no_body_breaks_the_channel(chat: Chat, path: str, body: bytes) -> None:
    response = chat.client.post(path, content=body)

    assert response.status_code in UNDERSTOOD, response.text
    if response.status_code >= 400:
        assert response.json()["error"]


@ON_ONE_SERVER
@given(
    name=st.sampled_from(["Authorization", "Cookie", "Origin", "Last-Event-ID", "Accept-Language", "X-Forwarded-For"]),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
)
def test_no_header_breaks_the_channel(chat: Chat, name: str, value: str) -> None:
    for response in (
        chat.client.post("/webhook", json={"message": "hello", "sender": "visitor-1"}, headers={name: value}),
        chat.client.get("/events", params={"sender": "visitor-1"}, headers={name: value}),
    ):
        assert response.status_code in UNDERSTOOD


@ON_ONE_SERVER
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126, blacklist_characters="#?"), max_size=60))
def test_no_path_shows_a_file_that_is_not_a_page(chat: Chat, path: str) -> None:
    if not chat.client.cookies:
        chat.client.post("/session")
    response = chat.client.get(f"/photos/{path}")

    assert response.status_code in {400, 404, 405}


@pytest.mark.parametrize(
    "message",
    [
        '/affirm{"order_number": "W2378156"}',
        "/restart",
        "/session_start",
        " /action_listen",
        "／restart",
        "choice:/restart",
        '{"intent": "affirm"}',
        "EXTERNAL: restart",
    ],
)
def test_nothing_that_is_typed_is_a_command(site: Chat, message: str) -> None:
    site.post(json={"message": message})

    assert all(not str(heard).startswith("/") for heard in site.heard())


@pytest.mark.parametrize("claims", [{"sender": "x"}, {"conversation": "x"}, {"recipient_id": "x"}, {"metadata": {}}])
def test_a_body_claims_no_conversation(site: Chat, claims: dict[str, Any]) -> None:
    mine = site.client.post("/session").json()["conversation"]
    said = site.post(json={"message": "hello", **{name: value or mine for name, value in claims.items()}}).json()

    assert said[0]["recipient_id"] == mine


# Bodies that are not what they say, or more than is wanted

MEGABYTE = 1024 * 1024


def begun(chat: Chat, path: str, *headers: str) -> socket.socket:
    """A request of which only the head was sent."""
    chat.client.post("/session")
    cookies = "; ".join(f"{name}={value}" for name, value in chat.client.cookies.items())
    url = chat.client.base_url
    line = socket.create_connection((url.host, url.port), timeout=5)
    head = [f"POST {url.path}{path.lstrip('/')} HTTP/1.1", f"Host: {url.host}", f"Cookie: {cookies}", *headers]
    line.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    return line


def pushed(line: socket.socket, part: bytes, most: int) -> int:
    """How much of a body was taken, until the server has enough of it."""
    taken = 0
    try:
        while taken < most:
            line.sendall(part)
            taken += len(part)
    except OSError:
        pass
    return taken


@pytest.mark.parametrize(("path", "largest"), [("/webhook", 64 * 1024), ("/photos", pictures.MOST_BYTES)])
def test_a_body_that_says_that_it_is_far_too_large_is_refused_unread(site: Chat, path: str, largest: int) -> None:
    with closing(begun(site, path, f"Content-Length: {largest + 2 * MEGABYTE}")) as line:
        assert line.recv(1_000).startswith(b"HTTP/1.1 413")


def test_a_photo_without_end_is_not_read_to_its_end(site: Chat) -> None:
    with closing(begun(site, "/photos", "Transfer-Encoding: chunked")) as line:
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

        assert pushed(line, chunk, 60 * MEGABYTE) < 60 * MEGABYTE


def test_a_photo_a_bit_too_large_is_read_and_its_sender_hears_why(site: Chat) -> None:
    site.client.post("/session")
    refused = site.client.post("/photos", content=b"x" * (pictures.MOST_BYTES + MEGABYTE // 2))

    assert (refused.status_code, str(pictures.MOST_BYTES) in refused.json()["error"]) == (413, True)
    assert site.client.post("/session").status_code == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "1_0", "+5", "٣", "x"])
def test_a_body_of_a_strange_length_keeps_nobody_waiting(site: Chat, length: str) -> None:
    with closing(begun(site, "/webhook", f"Content-Length: {length}")) as line:
        line.sendall(b"x")

        assert line.recv(1_000).startswith(b"HTTP/1.1 400")
        assert site.client.get("/").status_code == 200
