"""The web channel over HTTP: what it lets through to the bot, what it refuses, and what it says when things break."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.shared.exceptions import InvalidConfigException

from channels.settings import Settings
from channels.web import WebChannel
from tests.channels.conftest import TRUSTING
from tests.channels.server import REPLIES, Chat, serving

UNAVAILABLE = ("系统出错，请拨打400-820-0618。", "We cannot do that now, call 400-820-0618.")


def test_a_message_is_answered_in_rasas_list_format(chat: Chat) -> None:
    assert chat.say("hello") == [{"recipient_id": "visitor-1", "text": "You said: hello"}]


def test_the_bot_hears_the_channel_by_its_name_and_nothing_else_the_body_claims(chat: Chat) -> None:
    chat.say("hello", input_channel="cmdline", metadata={"customer_id": 1}, stream=True)

    heard = chat.bot.heard[0]
    assert (heard.sender_id, heard.input_channel, heard.metadata) == ("visitor-1", "rest", None)
    assert heard.output_channel.name() == "rest"


@pytest.mark.parametrize("before", ["", " ", "\n\t", "\ufeff", "\u200b\u2060 ", "\x00", "\u3000\u202e", "\x1b"])
def test_what_begins_with_a_slash_is_text_and_never_a_command(chat: Chat, before: str) -> None:
    chat.say(before + '/affirm{"order_number": "W2378156"}')

    assert chat.heard() == ['／affirm{"order_number": "W2378156"}']


def test_a_second_slash_does_not_become_the_first(chat: Chat) -> None:
    chat.say("//restart")

    assert chat.heard() == ["／/restart"]


@pytest.mark.parametrize(
    "text",
    [
        "我的订单怎么还没发货？",
        "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️",
        "<script>alert(1)</script>",
        "'; DROP TABLE orders; --",
        "two\nlines",
        "{order_number} %s {0}",
        pytest.param("x" * 2_000, id="as long as it may be"),
    ],
)
def test_any_text_reaches_the_bot_as_it_was_typed(chat: Chat, text: str) -> None:
    assert chat.texts(text) == [f"You said: {text}"]
    assert chat.heard() == [text]


def test_half_an_emoji_does_no_harm(chat: Chat) -> None:
    body = b'{"sender": "visitor-1", "message": "hi \\ud83d"}'

    assert chat.post(content=body).json()[0]["text"] == "You said: hi ?"


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\ufeff", "\u3000\u200b", "\x00"])
def test_an_empty_message_is_asked_again_and_never_reaches_the_bot(chat: Chat, text: str) -> None:
    assert chat.texts(text) == [REPLIES["utter_message_empty"][1]]
    assert chat.heard() == []


def test_ten_kilobytes_are_too_long(chat: Chat) -> None:
    assert chat.texts("我要退货" * 2_560) == ["请控制在2000字以内。"]
    assert chat.texts("a" * 10_240) == ["Please keep it under 2000 characters."]
    assert chat.heard() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "JSON"),
        (b"hello", "JSON"),
        (b"\xff\xfe\xfd", "JSON"),
        pytest.param(b"[" * 60_000, "JSON", id="sixty thousand brackets"),
        (b"[]", "JSON object"),
        (b'"text"', "JSON object"),
        (b"null", "JSON object"),
        (b"{}", "message"),
        (b'{"sender": "a"}', "message"),
        (b'{"sender": "a", "message": null}', "message"),
        (b'{"sender": "a", "message": ["hi"]}', "message"),
        (b'{"sender": "a", "message": "hi", "key": 5}', "key"),
        (b'{"sender": "a", "message": "hi", "key": "a b"}', "key"),
        pytest.param(b'{"message": "hi", "key": "' + b"a" * 65 + b'"}', "key", id="65 letters"),
    ],
)
def test_what_is_no_message_is_refused_with_a_sentence(chat: Chat, body: bytes, sentence: str) -> None:
    response = chat.post(content=body)

    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert chat.heard() == []


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
def test_a_large_body_is_refused(chat: Chat, size: int) -> None:
    response = chat.post(content=b" " * size)

    assert response.status_code == 413
    assert "65536 bytes" in response.json()["error"]
    assert chat.texts("still there?") == ["You said: still there?"]


def test_a_large_body_in_chunks_is_refused(chat: Chat) -> None:
    response = chat.post(content=(b" " * 1_000 for _ in range(100)))

    assert response.status_code == 413


def test_a_body_just_small_enough_is_read(chat: Chat) -> None:
    body = json.dumps({"sender": "visitor-1", "message": "hi"}).encode()

    assert chat.post(content=body.ljust(64 * 1024)).status_code == 200


@pytest.mark.parametrize("text", ["mute", "crash"])
def test_a_bot_that_stays_silent_or_breaks_is_answered_for(chat: Chat, text: str) -> None:
    assert chat.texts(text) == [UNAVAILABLE[1]]
    assert chat.texts("hello") == ["You said: hello"]


def test_what_the_bot_said_before_it_broke_is_not_kept_back(chat: Chat) -> None:
    assert chat.texts("half") == ["You said: half"]


def test_a_reply_is_recorded_once_and_sent_while_the_bot_saves_its_turn(chat: Chat) -> None:
    order: list[str] = []
    is_sent = threading.Event()

    async def saving(_message: UserMessage) -> None:
        await asyncio.to_thread(is_sent.wait, 10)
        order.append("saved")

    chat.bot.while_saving = saving
    assert chat.texts("hello") == ["You said: hello"]
    order.append("sent")
    said = asyncio.run(chat.channel._record.since("visitor-1", 0))
    assert [one.text for one in said] == ["hello", "You said: hello"]
    with ThreadPoolExecutor(1) as customer:
        following = customer.submit(chat.texts, "bye")
        time.sleep(0.2)
        assert chat.heard() == ["hello"]  # the next message waits until the turn is saved
        is_sent.set()
        assert following.result() == ["You said: bye"]
    assert order[:2] == ["sent", "saved"]


def test_a_reply_stays_where_the_turn_cannot_be_saved(chat: Chat) -> None:
    async def saving(_message: UserMessage) -> None:
        raise RuntimeError("the database of conversations is full")

    chat.bot.while_saving = saving
    assert chat.texts("hello") == ["You said: hello"]
    chat.bot.while_saving = None
    assert chat.texts("bye") == ["You said: bye"]
    said = asyncio.run(chat.channel._record.since("visitor-1", 0))
    assert [one.text for one in said] == ["hello", "You said: hello", "bye", "You said: bye"]


def test_a_turn_whose_answer_is_sent_is_saved_before_the_server_stops(shop: Any) -> None:
    saved = threading.Event()

    async def saving(_message: UserMessage) -> None:
        await asyncio.sleep(0.5)
        saved.set()

    with serving(WebChannel(TRUSTING)) as chat:
        chat.bot.while_saving = saving
        assert chat.texts("hello") == ["You said: hello"]
        assert not saved.is_set()
    assert saved.is_set()


def test_a_slow_answer_is_apologised_for_and_the_turn_is_finished(shop: Any) -> None:
    with serving(WebChannel(replace(TRUSTING, answer_within_seconds=0.1))) as chat:
        assert chat.texts("wait for it") == [UNAVAILABLE[1]]
        time.sleep(0.6)
        assert chat.texts("hello") == ["You said: hello"]


def test_messages_of_one_conversation_are_answered_one_after_the_other(chat: Chat) -> None:
    with ThreadPoolExecutor(2) as customer:
        first = customer.submit(chat.texts, "wait, what?")
        time.sleep(0.1)
        second = customer.submit(chat.texts, "hello")

        assert first.result() == ["You said: wait, what?"]
        assert second.result() == ["You said: hello"]
    assert chat.heard() == ["wait, what?", "hello"]


def test_an_empty_message_is_answered_in_the_language_of_the_conversation_or_of_the_browser(chat: Chat) -> None:
    chat.client.headers["accept-language"] = "zh-CN,zh;q=0.9,en;q=0.8"

    assert chat.texts("") == [REPLIES["utter_message_empty"][0]]
    assert chat.texts("🙂" * 2_001) == ["请控制在2000字以内。"]


def test_no_customers_text_is_logged_above_debug(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for text in ("crash", "mute", "/restart 13812345678", "hello 13812345678"):
            chat.say(text)

    assert "RuntimeError" in caplog.text
    assert "13812345678" not in caplog.text
    assert "something broke" not in caplog.text.replace('"something broke"', "")  # but for the line of code itself


def test_it_is_ready_when_the_bot_is() -> None:
    with serving(WebChannel(TRUSTING)) as chat:
        assert chat.client.get("/ready").json() == {"status": "ok"}
        chat.bot.agent.processor = None
        assert chat.client.get("/ready").status_code == 503


def test_without_a_bot_the_customer_is_told_so(shop: Any) -> None:
    with serving(WebChannel(TRUSTING), with_bot=False) as chat:
        response = chat.post(json={"sender": "visitor-1", "message": "hi"})

        assert response.status_code == 503
        assert "try again" in response.json()["error"]
        assert chat.client.get("/ready").status_code == 503


def test_a_domain_without_the_sentence_is_no_reason_for_silence(chat: Chat) -> None:
    chat.bot.agent.domain.responses.clear()

    assert chat.post(json={"sender": "visitor-1", "message": "mute"}).status_code == 503


def test_the_settings_of_credentials_yml_are_kept_to() -> None:
    assert WebChannel.from_credentials(None).settings == Settings()
    assert WebChannel.from_credentials({"max_message_characters": 9}).settings == Settings(max_message_characters=9)
    with serving(WebChannel(replace(TRUSTING, max_message_characters=5, max_body_bytes=100))) as chat:
        assert chat.texts("123456") == ["Please keep it under 5 characters."]
        assert chat.post(content=b" " * 101).status_code == 413


@pytest.mark.parametrize(
    "credentials",
    [
        {"max_mesage": 5},
        {"max_body_bytes": 0},
        {"max_body_bytes": "64 kB"},
        {"trusts_sender": "yes"},
        {"origins": "https://shop.example"},
        {"proxies": -1},
        {"secret_file": 5},
        {"identity": "a key"},
        {"identity": {"audience": "haoke", "issuer": "shop"}},
        {"identity": {"key": "short", "audience": "haoke", "issuer": "shop"}},
        {"identity": {"key": "k" * 32, "audience": "haoke"}},
        {"identity": {"key": "k" * 32, "audience": "haoke", "issuer": "shop", "algorithm": "none"}},
        {"identity": {"key_file": "nowhere.pem", "audience": "haoke", "issuer": "shop"}},
    ],
)
def test_a_misspelt_or_senseless_setting_is_refused_at_the_start(credentials: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigException, match=r"credentials\.yml"):
        WebChannel.from_credentials(credentials)
