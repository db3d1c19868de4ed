"""What an open desk hears as it happens."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from desk import conversations, queue
from desk.conversations import Line
from shop.models import Sender, SignIn
from tests.desk.web.conftest import Desk, Listener, waiting, writes

KEY = "a-key-of-the-page"


def test_the_queue_comes_at_once_and_whenever_it_changes(shop: Session, lin: Desk, mei: Desk) -> None:
    first = waiting(shop).id
    listener = Listener(mei)
    listener.wait("queue", lambda data: [one["id"] for one in data["rows"]] == [first])
    second = waiting(shop, "visitor-2", language="en").id
    both = listener.wait("queue", lambda data: len(data["rows"]) == 2)["rows"]
    assert [(one["id"], one["place"]) for one in both] == [(first, 1), (second, 2)]
    lin.done(f"handovers/{first}/take")
    taken = listener.wait("queue", lambda data: data["rows"][0]["agent"] == "林")["rows"]
    assert [(one["state"], one["place"]) for one in taken] == [("taken", None), ("waiting", 1)]
    lin.done(f"handovers/{first}/hand-back")
    listener.wait("queue", lambda data: [one["id"] for one in data["rows"]] == [second])


def test_the_open_conversation_is_told_from_where_the_page_left_off(shop: Session, lin: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    listener = Listener(lin, handover=id, after=1)
    listener.wait("message", lambda data: data["number"] == 2 and data["sender"] == "bot")
    writes(shop, "visitor-1", "在吗")
    line = listener.wait("message", lambda data: data["sender"] == "customer")
    assert (line["number"], line["text"]) == (3, "在吗")
    listener.wait("queue", lambda data: data["rows"][0]["unread"] == 2)
    conversations.is_typing(shop, "visitor-1", Sender.CUSTOMER)
    listener.wait("presence", lambda data: data["customer_is_typing"])
    conversations.has_read(shop, "visitor-1", Sender.CUSTOMER, 2)
    listener.wait("presence", lambda data: data["customer_has_read"] == 2)
    numbers = [one["number"] for one in listener.of("message")]
    assert numbers == [2, 3]


def test_a_packet_that_has_changed_is_said_to_have(shop: Session, lin: Desk, wang: Desk) -> None:
    id = waiting(shop).id
    listener = Listener(lin, handover=id)
    listener.wait("queue")
    writes(shop, "visitor-1", "只是一句话")
    listener.wait("message", lambda data: data["text"] == "只是一句话")
    assert listener.of("changed") == []
    lin.done(f"handovers/{id}/notes", text="VIP", key=KEY)
    listener.wait("changed")
    queue.open_handover(shop, "visitor-1", language="zh", topic="x", wish="还有发票")
    listener.wait("queue", lambda data: "发票" in data["rows"][0]["wish"])


def test_who_is_signed_out_elsewhere_is_told(shop: Session, lin: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.web.events.HEARTBEAT_SECONDS", 0.1)
    listener = Listener(lin)
    shop.execute(delete(SignIn))
    shop.commit()
    listener.wait("signed-out")


def test_a_colleagues_conversation_is_not_told_to_others(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    lin.done(f"handovers/{id}/take")
    answer = mei.get(f"events?handover={id}")

    assert answer.status_code == 409


@pytest.mark.parametrize("asked", ["handover=x", "handover=-1", "handover=1&after=1e9", "handover=9999999999999"])
def test_strange_questions_are_refused(lin: Desk, asked: str) -> None:
    assert lin.get(f"events?{asked}").status_code == 400


def test_an_open_desk_goes_on_when_the_database_is_back(
    shop: Session, lin: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.web.feed.LOOK_AGAIN_AFTER_FAILURE", 0.05)
    real, is_broken = queue.unfinished, True

    def at_times(session: Session) -> object:
        if is_broken:
            raise OSError("gone")
        return real(session)

    monkeypatch.setattr("desk.queue.unfinished", at_times)
    listener = Listener(lin)
    id = waiting(shop).id
    is_broken = False
    listener.wait("queue", lambda data: [one["id"] for one in data["rows"]] == [id])
    conversations.append(shop, "visitor-1", Line(Sender.BOT, "x"))
    shop.commit()


def test_whoever_takes_it_is_told_alone_from_then_on(shop: Session, lin: Desk, mei: Desk) -> None:
    id = waiting(shop).id
    listener = Listener(mei, handover=id, after=1)
    listener.wait("queue")
    lin.done(f"handovers/{id}/take")
    writes(shop, "visitor-1", "我的手机号是13812345678")
    listener.wait("changed")
    time.sleep(1)

    assert not [one for one in listener.of("message") if "13812345678" in one["text"]]


def test_of_a_colleagues_conversation_agents_hear_only_whose_it_is(
    shop: Session, lin: Desk, mei: Desk, wang: Desk
) -> None:
    id = waiting(shop, order_number="W2378156").id
    lin.done(f"handovers/{id}/take")
    rows = [Listener(desk).wait("queue")["rows"][0] for desk in (mei, wang)]

    assert [(row["agent"], row["wish"], row["order_number"]) for row in rows] == [
        ("林", "", None),
        ("林", "我要退台灯", "W2378156"),
    ]
