"""The record of what is said: in order, without gaps, once, and never by bot and person at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from desk import conversations, queue, work
from desk.conversations import Choice, ChoiceClosed, Line, Presence
from shop import clock
from shop.models import Sender
from tests.desk.conftest import MORNING

JOINED = "Lin is with you now and can see what you wrote."
HERE = "web-1"
BUTTONS = {"buttons": [{"title": "Yes", "payload": "/affirm"}, {"title": "No"}]}


def bot(text: str, **extras: object) -> Line:
    return Line(Sender.BOT, text, extras=extras)


def texts(session: Session, after: int = 0) -> list[tuple[int, str]]:
    return [(said.number, said.text) for said in conversations.since(session, HERE, after)]


def handover(session: Session) -> int:
    return queue.open_handover(session, HERE, language="en", topic="person", wish="a person").id


def test_numbers_count_up_without_gaps_and_a_reader_gets_what_it_has_not(session: Session) -> None:
    heard = conversations.hear(session, HERE, "hello")
    conversations.reply(session, HERE, heard.number, [bot("hi"), bot("how can I help?")])
    conversations.hear(session, HERE, "my parcel")

    assert texts(session) == [(1, "hello"), (2, "hi"), (3, "how can I help?"), (4, "my parcel")]
    assert texts(session, after=3) == [(4, "my parcel")]
    assert texts(session, after=4) == []
    assert conversations.since(session, "web-2") == ()


def test_a_long_conversation_is_read_piece_by_piece(session: Session) -> None:
    for number in range(5):
        conversations.hear(session, HERE, str(number))

    assert [said.number for said in conversations.since(session, HERE, 2, limit=2)] == [3, 4]


def test_the_same_key_is_the_same_message_and_gets_the_same_answer(session: Session) -> None:
    first = conversations.hear(session, HERE, "hello", key="a")
    assert first.replies is None
    assert conversations.hear(session, HERE, "hello", key="a").replies is None  # the answer is still owed
    said = conversations.reply(session, HERE, first.number, [bot("hi")])

    again = conversations.hear(session, HERE, "something else", key="a")
    assert (again.number, again.replies) == (first.number, said)
    assert conversations.reply(session, HERE, first.number, [bot("hi, hi")]) == said
    assert texts(session) == [(1, "hello"), (2, "hi")]


def test_a_key_is_its_conversations_own(session: Session) -> None:
    conversations.hear(session, HERE, "hello", key="a")
    conversations.hear(session, "web-2", "hello", key="a")

    assert len(conversations.since(session, "web-2")) == 1


def test_while_a_person_is_waited_for_the_bot_owes_nothing(session: Session) -> None:
    handover(session)
    heard = conversations.hear(session, HERE, "anyone?")

    assert (heard.is_with_person, heard.replies) == (True, ())


def test_a_reply_that_an_agent_has_overtaken_is_not_recorded(session: Session) -> None:
    heard = conversations.hear(session, HERE, "hello")
    work.take(session, handover(session), "Lin")

    assert conversations.reply(session, HERE, heard.number, [bot("hi")]) == ()
    assert texts(session) == [(1, "hello"), (2, JOINED)]


def test_the_reply_that_opens_the_handover_is_recorded(session: Session) -> None:
    heard = conversations.hear(session, HERE, "a person")
    handover(session)

    assert [said.text for said in conversations.reply(session, HERE, heard.number, [bot("One moment.")])] == [
        "One moment."
    ]


def test_a_button_is_taken_once(session: Session) -> None:
    heard = conversations.hear(session, HERE, "hello")
    conversations.reply(session, HERE, heard.number, [bot("Shall I?", **BUTTONS)])
    taken = conversations.hear(session, HERE, "choice", choice=Choice(2, 0))

    assert taken.payload == "/affirm"
    assert texts(session)[-1] == (3, "Yes")
    with pytest.raises(ChoiceClosed):
        conversations.hear(session, HERE, "choice", choice=Choice(2, 1))
    assert len(texts(session)) == 3


@pytest.mark.parametrize("choice", [Choice(1, 0), Choice(2, 2), Choice(2, -1), Choice(9, 0)])
def test_a_button_that_is_not_there_is_not_taken(session: Session, choice: Choice) -> None:
    heard = conversations.hear(session, HERE, "hello")
    conversations.reply(session, HERE, heard.number, [bot("Shall I?", **BUTTONS)])

    with pytest.raises(ChoiceClosed):
        conversations.hear(session, HERE, "choice", choice=choice)
    assert len(texts(session)) == 2


def test_a_button_without_a_payload_says_its_title(session: Session) -> None:
    heard = conversations.hear(session, HERE, "hello")
    conversations.reply(session, HERE, heard.number, [bot("Shall I?", **BUTTONS)])

    assert conversations.hear(session, HERE, "x", choice=Choice(2, 1), key="a").payload == "No"
    assert conversations.hear(session, HERE, "x", choice=Choice(2, 1), key="a").payload == "No"


def test_marks_of_reading_go_forward_and_no_further_than_what_was_said(session: Session) -> None:
    conversations.hear(session, HERE, "hello")
    conversations.hear(session, HERE, "hello?")
    for number in (1, 9, 0):
        conversations.has_read(session, HERE, Sender.AGENT, number)
    conversations.has_read(session, HERE, Sender.CUSTOMER, 1)

    assert conversations.presence(session, [HERE, "web-2"]) == {HERE: Presence(2, 1, 2, False, False)}


def test_typing_lapses_and_ends_with_what_was_typed(session: Session) -> None:
    conversations.is_typing(session, HERE, Sender.CUSTOMER)
    conversations.is_typing(session, HERE, Sender.AGENT)
    assert conversations.presence(session, [HERE])[HERE] == Presence(0, 0, 0, True, True)
    conversations.hear(session, HERE, "hello")
    assert conversations.presence(session, [HERE])[HERE] == Presence(1, 0, 0, False, True)
    clock.set_source(lambda: MORNING + timedelta(seconds=7))
    assert conversations.presence(session, [HERE])[HERE] == Presence(1, 0, 0, False, False)


def test_many_writers_at_once_leave_no_gap_and_lose_nothing(sessions: sessionmaker) -> None:
    def write(number: int) -> None:
        with sessions() as session:
            conversations.hear(session, HERE, str(number), key=f"k{number % 20}")

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(40)))

    with sessions() as session:
        said = conversations.since(session, HERE)
        assert [one.number for one in said] == list(range(1, 21))
        assert {int(one.text) % 20 for one in said} == set(range(20))


def test_of_two_first_messages_at_once_the_second_takes_the_firsts_row(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversations.hear(session, HERE, "hello")
    seen = session.get
    looks = iter([None])  # as PostgreSQL shows it, until the first is committed
    monkeypatch.setattr(session, "get", lambda *what, **how: next(looks, ...) and seen(*what, **how))

    assert conversations.hear(session, HERE, "hello?").number == 2


@pytest.mark.parametrize(
    ("text", "callback"),
    [
        ("emma@example.com", "emma@example.com"),
        ("请发到 emma@example.com，谢谢", "emma@example.com"),
        ("cancel W8264401 emma@example.com", None),  # a proof
        ("are you there?", None),
    ],
)
def test_an_address_left_while_waiting_is_for_the_answer(session: Session, text: str, callback: str | None) -> None:
    assert conversations.hear(session, HERE, text).callback_email is None
    handover(session)

    assert conversations.hear(session, HERE, text, key="a").callback_email == callback
    assert conversations.hear(session, HERE, text, key="a").callback_email is None  # it is one message


def test_who_waits_and_writes_again_after_a_while_hears_that_they_have_their_place(session: Session) -> None:
    handover(session)
    assert conversations.hear(session, HERE, "anyone?").waits_behind is None
    clock.set_source(lambda: MORNING + timedelta(minutes=3))
    heard = conversations.hear(session, HERE, "hello???")
    assert (heard.waits_behind, heard.replies) == (0, None)
    conversations.reply(session, HERE, heard.number, [bot("You're next.")])
    assert conversations.hear(session, HERE, "and?").waits_behind is None
    work.take(session, queue.open_in(session, HERE).id, "Lin")  # type: ignore[union-attr]
    clock.set_source(lambda: MORNING + timedelta(minutes=9))
    assert conversations.hear(session, HERE, "well?").waits_behind is None  # the agent answers
