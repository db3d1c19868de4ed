"""Bot and person never talk at once, and who asks for a person gets one also where the bot has failed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from desk import queue, work
from desk.packets import HandoverView
from shop import clock
from shop.models import AccessGrant, Customer, Membership, Sender
from tests.channels.server import REPLIES, Chat

OPENED = REPLIES["utter_handover_opened"]
NOON = datetime(2026, 5, 4, 12, tzinfo=clock.SHOP_TIME)
NIGHT = datetime(2026, 5, 4, 23, tzinfo=clock.SHOP_TIME)
UNAVAILABLE = ("系统出错，请拨打400-820-0618。", "We cannot do that now, call 400-820-0618.")


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    clock.set_source(lambda: NOON)
    yield
    clock.set_source(lambda: datetime.now(timezone.utc))


def wait_for_a_person(shop: Session, sender: str = "visitor-1") -> HandoverView:
    return queue.open_handover(shop, sender, language="en", topic="person", wish="a person")


def lines_of(shop: Session, handover: HandoverView) -> list[tuple[Sender, str]]:
    shop.rollback()
    return [(line.sender, line.text) for line in queue.show(shop, handover.id).lines]


def test_while_a_handover_is_open_the_bot_is_silent_and_the_message_is_kept(chat: Chat, shop: Session) -> None:
    handover = wait_for_a_person(shop)

    assert chat.say("anyone there?") == []
    assert chat.say("/restart") == []
    assert chat.heard() == []
    assert lines_of(shop, handover) == [(Sender.CUSTOMER, "anyone there?"), (Sender.CUSTOMER, "／restart")]


def test_nobody_elses_conversation_falls_silent(chat: Chat, shop: Session) -> None:
    wait_for_a_person(shop)

    assert chat.texts("hello", sender="visitor-2") == ["You said: hello"]


def test_an_empty_message_is_not_kept_for_the_agent_and_a_too_long_one_is_not_lost_in_silence(
    chat: Chat, shop: Session
) -> None:
    handover = wait_for_a_person(shop)

    assert chat.say("  ") == []
    assert chat.texts("a" * 2_001) == ["Please keep it under 2000 characters."]
    assert lines_of(shop, handover) == []


def test_after_the_hand_back_the_bot_speaks_again(chat: Chat, shop: Session) -> None:
    handover = wait_for_a_person(shop)
    assert chat.say("hello?") == []
    work.hand_back(shop, handover.id, agent="Lin")

    assert chat.texts("hello") == ["You said: hello"]


def test_the_reply_to_the_message_that_opened_the_handover_is_sent(chat: Chat, shop: Session) -> None:
    chat.bot.meanwhile = lambda: wait_for_a_person(shop)

    assert chat.texts("please") == ["You said: please"]
    assert chat.say("and then?") == []


def test_a_reply_is_kept_back_if_an_agent_began_to_speak_while_it_was_made(chat: Chat, shop: Session) -> None:
    taken: list[HandoverView] = []

    def take() -> None:
        taken.append(work.take(shop, wait_for_a_person(shop).id, "Lin"))

    chat.bot.meanwhile = take

    assert chat.say("where is my order") == []
    assert lines_of(shop, taken[0]) == [
        (Sender.CUSTOMER, "where is my order"),
        (Sender.BOT, "Lin is with you now and can see what you wrote."),
    ]


@pytest.mark.parametrize(("text", "language"), [("转人工", "zh"), ("a person please", "en")])
@pytest.mark.parametrize("is_forgetful", [False, True])
def test_who_asks_for_a_person_gets_one_when_the_bot_cannot(
    chat: Chat, shop: Session, text: str, language: str, is_forgetful: bool
) -> None:
    chat.say("hello")
    chat.bot.is_forgetful = is_forgetful

    assert chat.texts(text) == [OPENED[0 if language == "zh" else 1]]
    handover = queue.open_in(shop, "visitor-1")
    assert handover is not None
    assert (handover.wish, handover.language, handover.is_verified) == (text, language, False)
    assert [(line.sender, line.text) for line in handover.lines] == [
        (Sender.CUSTOMER, "hello"),
        (Sender.BOT, "You said: hello"),
        (Sender.CUSTOMER, text),
        (Sender.BOT, OPENED[0 if language == "zh" else 1]),
    ]
    assert chat.say("thanks") == []


def test_the_agent_learns_what_the_customer_has_proven_and_which_order_it_is_about(chat: Chat, shop: Session) -> None:
    shop.add(AccessGrant(visitor="visitor-1", order_id=None, customer_id=_customer(shop), granted_at=clock.now()))
    shop.commit()
    chat.say("#W2378156")
    chat.say("转人工")

    handover = queue.open_in(shop, "visitor-1")
    assert handover is not None
    assert handover.is_verified
    assert (handover.name, handover.order_number) == ("陈思远", "W2378156")


def test_at_night_the_customer_hears_when_people_are_there(chat: Chat, shop: Session) -> None:
    clock.set_source(lambda: NIGHT)

    assert chat.texts("a person please") == ["We are here 09:00 to 21:00."]
    assert queue.is_open(shop, "visitor-1")


def test_a_silent_bot_hands_over_nobody_who_did_not_ask(chat: Chat, shop: Session) -> None:
    assert chat.texts("mute") == [UNAVAILABLE[1]]
    assert not queue.is_open(shop, "visitor-1")


def test_with_the_shops_database_gone_the_bot_still_speaks(
    chat_without_shop: Chat, shop_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert chat_without_shop.texts("hello 13812345678") == ["You said: hello 13812345678"]

    assert "unable to open database file" in caplog.text
    assert "13812345678" not in caplog.text
    assert not shop_file.exists()


def test_with_the_shops_database_gone_who_asks_for_a_person_is_told_whom_to_call(chat_without_shop: Chat) -> None:
    assert chat_without_shop.texts("转人工") == [UNAVAILABLE[0]]


def test_a_shop_that_comes_up_later_is_found(chat_without_shop: Chat, request: pytest.FixtureRequest) -> None:
    assert chat_without_shop.texts("hello") == ["You said: hello"]
    handover = wait_for_a_person(request.getfixturevalue("shop"))

    assert chat_without_shop.say("hello") == []
    assert handover.lines == ()


def test_a_message_that_cannot_be_kept_for_the_agent_is_not_swallowed(
    chat: Chat, shop: Session, shop_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("shop.database.BUSY_TIMEOUT_SECONDS", 0.1)
    wait_for_a_person(shop)
    shop.rollback()
    other = sqlite3.connect(shop_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with caplog.at_level(logging.ERROR):
            assert chat.texts("call me: 13812345678") == [UNAVAILABLE[1]]
    finally:
        other.rollback()
        other.close()

    assert "database is locked" in caplog.text
    assert "13812345678" not in caplog.text
    assert chat.heard() == []


def _customer(shop: Session) -> int:
    facts = {"email": "chen@example.com", "phone": "13812345678", "language": "zh", "points": 0}
    customer = Customer(name="陈思远", membership=Membership.GOLD, joined_at=NOON, **facts)
    shop.add(customer)
    shop.flush()
    return int(customer.id)


def test_an_address_that_is_left_while_waiting_is_where_they_are_answered(chat: Chat, shop: Session) -> None:
    wait_for_a_person(shop)

    assert chat.say("hello?") == []
    assert chat.texts("write to emma@example.com please") == ["We'll answer at emma@example.com."]
    assert chat.say("emma@example.com") == []  # noted already
    shop.rollback()
    handover = queue.open_in(shop, "visitor-1")
    assert handover is not None
    assert handover.callback_email == "emma@example.com"
    work.take(shop, handover.id, "Lin")
    assert chat.say("or at emma@example.org") == []  # the agent reads it


def test_who_waits_long_and_writes_again_is_told_their_place(chat: Chat, shop: Session) -> None:
    wait_for_a_person(shop, "visitor-0")
    wait_for_a_person(shop)
    clock.set_source(lambda: NOON + timedelta(minutes=3))

    assert chat.texts("hello???") == ["Before you: 1."]
    assert chat.say("???") == []  # told just now
    with chat.new_client() as other:
        first = other.post("/webhook", json={"sender": "visitor-0", "message": "喂？"}).json()
    assert [said["text"] for said in first] == ["下一位就是您。"]
    clock.set_source(lambda: NIGHT)
    assert chat.texts("hello???") == ["Our team is here 09:00 to 21:00."]
