"""What is pushed: in order, once, to the one whose it is, also across reconnects and from other processes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy.orm import Session

from channels.incoming import CHOICE_SIGN
from channels.settings import Settings
from channels.web import WebChannel
from desk import conversations, queue, work
from shop import database
from shop.models import Sender
from tests.channels.conftest import TRUSTING
from tests.channels.server import Chat, serving

PATIENCE = 10.0


class Listener:
    """A browser with an open event stream."""

    def __init__(self, client: httpx.Client, **request: Any) -> None:
        self._client = client
        self._request = {"headers": {"Accept": "text/event-stream"}, **request}
        self.events: list[dict[str, str]] = []
        self.comments = 0
        self.status = 0
        self._is_open = threading.Event()
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        assert self._is_open.wait(PATIENCE)

    def _listen(self) -> None:
        try:
            with self._client.stream("GET", "/events", **self._request) as response:
                self.status = response.status_code
                self._is_open.set()
                event: dict[str, str] = {}
                for line in response.iter_lines():
                    if self._is_done.is_set():
                        return
                    if line.startswith(":"):
                        self.comments += 1
                    elif line:
                        name, _, value = line.partition(": ")
                        event[name] = value
                    elif "data" in event:
                        self.events.append(event)
                        event = {}
        except httpx.HTTPError:
            pass
        finally:
            self._is_open.set()

    def messages(self, count: int = 0) -> list[dict[str, Any]]:
        """What was said, once there is as much of it as asked for."""
        wait_for(lambda: len(self._said()) >= count)
        return self._said()

    def texts(self, count: int = 0) -> list[str]:
        return [message["text"] for message in self.messages(count)]

    def _said(self) -> list[dict[str, Any]]:
        return [json.loads(event["data"]) for event in self.events if event["event"] == "message"]

    def presences(self) -> list[dict[str, Any]]:
        return [json.loads(event["data"]) for event in self.events if event["event"] == "presence"]

    def leave(self) -> None:
        self._is_done.set()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def listener(site: Chat) -> Iterator[Listener]:
    site.client.post("/session")
    with site.new_client(cookies=site.client.cookies) as client:
        listener = Listener(client)
        yield listener
        listener.leave()


def conversation_of(site: Chat) -> str:
    return str(site.client.post("/session").json()["conversation"])


def test_both_sides_of_the_conversation_come_in_order_under_their_numbers(site: Chat, listener: Listener) -> None:
    site.post(json={"message": "hello"})
    site.post(json={"message": "again"})

    said = listener.messages(4)
    assert [(one["number"], one["sender"], one["text"]) for one in said] == [
        (1, "customer", "hello"),
        (2, "bot", "You said: hello"),
        (3, "customer", "again"),
        (4, "bot", "You said: again"),
    ]
    assert [event["id"] for event in listener.events if event["event"] == "message"] == ["1", "2", "3", "4"]


def test_what_an_agent_writes_elsewhere_is_pushed(site: Chat, listener: Listener, shop: Session) -> None:
    conversation = conversation_of(site)
    handover = queue.open_handover(shop, conversation, language="en", topic="person", wish="a person")
    work.take(shop, handover.id, "Lin")
    work.write(shop, handover.id, agent="Lin", text="Hello, this is Lin.")

    joined, said = listener.messages(2)
    assert joined["text"] == "Lin is with you now and can see what you wrote."
    assert (said["sender"], said["agent"], said["text"]) == ("agent", "Lin", "Hello, this is Lin.")


def test_typing_and_reading_are_told_without_a_number(site: Chat, listener: Listener, shop: Session) -> None:
    conversation = conversation_of(site)
    site.post(json={"message": "hello"})
    listener.messages(2)
    conversations.is_typing(shop, conversation, Sender.AGENT)
    wait_for(lambda: any(presence["staff_is_typing"] for presence in listener.presences()))
    conversations.has_read(shop, conversation, Sender.AGENT, 1)
    wait_for(lambda: listener.presences()[-1]["staff_has_read"] == 1)

    assert all("id" not in event for event in listener.events if event["event"] == "presence")


def test_who_comes_back_gets_what_came_after_and_nothing_twice(site: Chat) -> None:
    conversation_of(site)
    for text in ("one", "two", "three"):
        site.post(json={"message": text})
    with site.new_client(cookies=site.client.cookies) as client:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": "4"}
        listener = Listener(client, headers=headers)
        assert listener.texts(2) == ["three", "You said: three"]
        site.post(json={"message": "four"})
        assert listener.texts(4) == ["three", "You said: three", "four", "You said: four"]
        listener.leave()


@pytest.mark.parametrize("after", ["-1", "x", "1e3", "99999999999", "٣", " "])
def test_a_number_that_is_none_is_the_beginning(site: Chat, after: str) -> None:
    site.post(json={"message": "hello"})

    assert len(site.client.get("/events", params={"after": after}).json()["messages"]) == 2


def test_nobody_hears_another_conversation(site: Chat, listener: Listener) -> None:
    with site.new_client() as stranger:
        stranger.post("/webhook", json={"message": "mine"})
        site.post(json={"message": "hello"})
        listener.messages(2)

    assert all("mine" not in text for text in listener.texts())


def test_without_a_conversation_there_is_nothing_to_hear(site: Chat) -> None:
    assert site.client.get("/events").status_code == 401


def test_a_quiet_stream_shows_that_it_is_alive(shop: Session) -> None:
    with serving(WebChannel(replace(TRUSTING, heartbeat_seconds=0.05))) as chat:
        listener = Listener(chat.new_client(), params={"sender": "visitor-1"})
        wait_for(lambda: listener.comments > 2)
        listener.leave()


def test_who_cannot_keep_a_stream_open_asks_and_is_answered_when_there_is_news(site: Chat) -> None:
    conversation_of(site)
    with ThreadPoolExecutor(1) as waiting, site.new_client(cookies=site.client.cookies) as client:
        asked = waiting.submit(client.get, "/events", params={"after": 0, "wait": 10})
        time.sleep(0.2)
        assert not asked.done()
        site.post(json={"message": "hello"})
        answer = asked.result(PATIENCE).json()

    assert answer["messages"][0]["text"] == "hello"
    assert answer["last"] == answer["messages"][-1]["number"]
    assert site.client.get("/events", params={"after": 2}).json() == {"messages": [], "last": 2}


def test_too_many_streams_of_one_customer_are_refused_and_a_closed_one_makes_room(shop: Session) -> None:
    with serving(WebChannel(replace(TRUSTING, streams_per_conversation=1, heartbeat_seconds=0.05))) as chat:
        first = Listener(chat.new_client(), params={"sender": "visitor-1"})
        refused = chat.client.get("/events", params={"sender": "visitor-1"})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        first.leave()
        wait_for(lambda: chat.client.get("/events", params={"sender": "visitor-1"}).status_code == 200)


@pytest.mark.parametrize("failing", ["presence", "since"])
def test_a_stream_goes_on_when_the_database_is_back(
    chat: Chat, shop: Session, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr("desk.streams.LOOK_AGAIN_AFTER_FAILURE", 0.05)
    listener = Listener(chat.new_client(), params={"sender": "visitor-1"})
    broken = True
    real = getattr(conversations, failing)

    def at_times(*arguments: Any) -> Any:
        if broken:
            raise OSError("gone")
        return real(*arguments)

    monkeypatch.setattr(conversations, failing, at_times)
    time.sleep(0.4)
    broken = False
    handover = queue.open_handover(shop, "visitor-1", language="en", topic="person", wish="a person")
    work.take(shop, handover.id, "Lin")
    work.write(shop, handover.id, agent="Lin", text="Back again.")

    assert listener.texts(2)[1] == "Back again."
    listener.leave()


# What is sent twice, chosen twice, or too much


def test_a_message_sent_again_under_its_key_is_one_message(site: Chat) -> None:
    first = site.post(json={"message": "hello", "key": "k1"})
    second = site.post(json={"message": "hello", "key": "k1"})

    assert first.json() == second.json()
    assert first.headers["haoke-number"] == second.headers["haoke-number"] == "2"
    assert site.heard() == ["hello"]
    assert len(site.client.get("/events").json()["messages"]) == 2


def test_a_message_sent_again_while_the_first_is_being_answered_waits_for_its_answer(site: Chat) -> None:
    site.client.post("/session")
    with ThreadPoolExecutor(2) as customer:
        both = [customer.submit(site.post, json={"message": "wait, what?", "key": "k1"}) for _ in range(2)]
        answers = [one.result().json() for one in both]

    assert answers[0] == answers[1]
    assert site.heard() == ["wait, what?"]


def test_an_answer_that_was_never_recorded_is_made_when_the_message_is_sent_again(site: Chat, shop: Session) -> None:
    conversation = conversation_of(site)
    conversations.hear(shop, conversation, "hello", key="k1")  # and then the server stopped

    assert site.post(json={"message": "hello", "key": "k1"}).json()[0]["text"] == "You said: hello"
    assert [one["number"] for one in site.client.get("/events").json()["messages"]] == [1, 2]


def test_a_button_is_taken_once_and_says_what_it_shows(site: Chat) -> None:
    (offer,) = site.post(json={"message": "offer"}).json()
    yes, no = offer["buttons"]
    assert (yes["title"], no["title"]) == ("Yes", "No")
    assert "/affirm" not in json.dumps(offer)

    site.post(json={"message": yes["payload"]})
    replayed = site.post(json={"message": yes["payload"]}).json()
    other = site.post(json={"message": no["payload"]}).json()

    assert site.heard() == ["offer", "/affirm"]
    assert replayed[0]["text"] == other[0]["text"] == "That choice has been used."
    said = [one["text"] for one in site.client.get("/events").json()["messages"] if one["sender"] == "customer"]
    assert said == ["offer", "Yes"]


def test_a_button_sent_again_under_its_key_is_the_same_choice(site: Chat) -> None:
    (offer,) = site.post(json={"message": "offer"}).json()
    no = offer["buttons"][1]["payload"]
    first = site.post(json={"message": no, "key": "k1"}).json()

    assert first == site.post(json={"message": no, "key": "k1"}).json()
    assert site.heard() == ["offer", "no thanks"]


def test_a_button_of_another_conversation_or_a_made_up_one_commands_nothing(site: Chat) -> None:
    (offer,) = site.post(json={"message": "offer"}).json()
    good = offer["buttons"][0]["payload"]
    with site.new_client() as stranger:
        stranger.post("/webhook", json={"message": "hello"})
        claims = {"aud": "haoke.choice", "sub": "web-1", "n": 2, "i": 0}
        foreign = CHOICE_SIGN + jwt.encode(claims, "another shop's secret, as long as it has to be", "HS256")
        unsigned = CHOICE_SIGN + jwt.encode(claims, None, "none")
        for payload in (good, f" {good}\n", good[:-3] + "AAA", good[: good.rindex(".") + 1], foreign, unsigned):
            said = stranger.post("/webhook", json={"message": payload}).json()
            assert said[0]["text"] == "That choice has been used."

    assert site.heard() == ["offer", "hello"]
    assert site.post(json={"message": good}).status_code == 200
    assert site.heard()[-1] == "/affirm"


@pytest.mark.parametrize(
    "text",
    ["choice: red or blue?", "choice:red", "choice:", "choice:/affirm", "choice:a.b.c", "choice:www.shop.example"],
)
def test_a_text_that_only_begins_like_a_button_is_a_text(site: Chat, text: str) -> None:
    assert site.post(json={"message": text}).json()[0]["text"] == f"You said: {text}"
    assert site.heard() == [text]


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize(
    "settings", [Settings(messages_a_minute=2), Settings(messages_a_minute_per_address=2)], ids=["customer", "address"]
)
def test_who_writes_too_fast_is_told_when_to_come_back(shop: Session, settings: Settings) -> None:
    with serving(WebChannel(settings)) as chat:
        answers = [chat.post(json={"message": str(number)}) for number in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 60
        assert "seconds" in answers[2].json()["error"]
        assert chat.heard() == ["0", "1"]


@pytest.mark.usefixtures("within_a_minute")
def test_who_opens_one_conversation_after_the_other_is_stopped(shop: Session) -> None:
    with serving(WebChannel(Settings(sessions_an_hour_per_address=2))) as chat:
        statuses = []
        for _ in range(3):
            with chat.new_client() as client:
                statuses.append(client.post("/webhook", json={"message": "hi"}).status_code)
        known = chat.client.post("/session").status_code

    assert statuses == [200, 200, 429]
    assert known == 429


@pytest.mark.usefixtures("within_a_minute")
def test_the_proxys_word_counts_only_where_there_is_one(shop: Session) -> None:
    def statuses(chat: Chat) -> list[int]:
        found = []
        for number in range(3):
            with chat.new_client(headers={"X-Forwarded-For": f"10.0.0.{number}"}) as client:
                found.append(client.post("/session").status_code)
        return found

    with serving(WebChannel(Settings(sessions_an_hour_per_address=1))) as chat:
        assert statuses(chat) == [200, 429, 429]
    with serving(WebChannel(Settings(sessions_an_hour_per_address=1, proxies=1))) as chat:
        assert statuses(chat) == [200, 200, 200]


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize(
    ("addresses", "statuses"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"], [200, 429, 200]),
        (["::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.2"], [200, 429, 200]),
        (["192.0.2.1", "192.0.2.2", "_hidden"], [200, 200, 200]),
    ],
)
def test_an_ipv6_address_counts_with_its_network(shop: Session, addresses: list[str], statuses: list[int]) -> None:
    with serving(WebChannel(Settings(sessions_an_hour_per_address=1, proxies=1))) as chat:
        found = []
        for address in addresses:
            with chat.new_client(headers={"X-Forwarded-For": address}) as client:
                found.append(client.post("/session").status_code)

    assert found == statuses


def test_a_record_that_cannot_be_written_still_answers_and_says_that_it_was_not_kept(
    chat_without_shop: Chat,
) -> None:
    answer = chat_without_shop.post(json={"sender": "visitor-1", "message": "offer"})

    assert answer.json()[0]["text"] == "You said: offer"
    assert "haoke-number" not in answer.headers
    assert [button["title"] for button in answer.json()[0]["buttons"]] == ["No"]  # the other would be a command


def test_two_hundred_listeners_hear_what_is_theirs(shop: Session) -> None:
    settings = replace(TRUSTING, streams_per_address=300)
    with serving(WebChannel(settings)) as chat:
        clients = [chat.new_client() for _ in range(200)]
        listeners = [Listener(client, params={"sender": f"v{n}"}) for n, client in enumerate(clients)]
        engine = database.connect()
        with database.session_factory(engine)() as session:
            for number in range(200):
                conversations.hear(session, f"v{number}", f"for {number}")
        engine.dispose()
        for number, listener in enumerate(listeners):
            assert listener.texts(1) == [f"for {number}"]
            listener.leave()


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("path", ["/read", "/typing"])
def test_signals_have_a_limit_too(shop: Session, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("channels.limits.SIGNALS_A_MINUTE", 2)
    with serving(WebChannel()) as chat:
        chat.client.post("/session")
        statuses = [chat.client.post(path, json={"number": 1}).status_code for _ in range(3)]

    assert statuses == [204, 204, 429]
