"""The handover queue as the bot, the channel and the agents use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from desk import command, conversations, errors, queue, work
from desk.conversations import Line, Said
from desk.packets import HandoverView
from shop import clock
from shop.models import AccessGrant, AuditEntry, Customer, Handover, HandoverState, Membership, Sender
from tests.desk.conftest import MORNING


def later(minutes: int) -> None:
    clock.set_source(lambda: MORNING + timedelta(minutes=minutes))


def opened(session: Session, conversation: str = "visitor-1", **facts: Any) -> HandoverView:
    given: dict[str, Any] = {"language": "zh", "topic": "returns", "wish": "我要退台灯"} | facts
    return queue.open_handover(session, conversation, **given)


def actions_of(session: Session) -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.subject) for entry in session.execute(select(AuditEntry)).scalars()]


def test_an_opened_handover_holds_everything_the_agent_needs(session: Session) -> None:
    said = [Line(Sender.CUSTOMER, "转人工", MORNING - timedelta(minutes=2)), Line(Sender.BOT, "好的")]
    session.add(AccessGrant(visitor="visitor-1", granted_at=MORNING))
    session.commit()
    view = opened(session, order_number="W2378158", is_verified=True, tried=["return_item"], transcript=said)

    assert queue.is_open(session, "visitor-1")
    assert view == queue.open_in(session, "visitor-1") == queue.show(session, view.id)
    assert (view.state, view.topic, view.wish, view.is_verified) == (
        HandoverState.WAITING,
        "returns",
        "我要退台灯",
        True,
    )
    assert view.tried == ("return_item",)
    assert view.lines == (
        Said(1, Sender.CUSTOMER, "转人工", MORNING - timedelta(minutes=2)),
        Said(2, Sender.BOT, "好的", MORNING),
    )


def test_another_conversation_is_not_open(session: Session) -> None:
    opened(session)

    assert not queue.is_open(session, "visitor-2")
    assert queue.open_in(session, "visitor-2") is None


def test_opening_twice_adds_the_wish_instead_of_a_second_handover(session: Session) -> None:
    first = opened(session)
    second = opened(session, wish="还有，发票呢？")
    third = opened(session, wish="还有，发票呢？")

    assert first.id == second.id == third.id
    assert third.wish == "我要退台灯\n还有，发票呢？"
    assert session.execute(select(func.count(Handover.id))).scalar() == 1


def test_opening_at_the_same_moment_from_many_sides_makes_one_handover(sessions: sessionmaker) -> None:
    def open_one(number: int) -> int:
        with sessions() as session:
            return opened(session, wish=f"wish {number}").id

    with ThreadPoolExecutor(8) as crowd:
        ids = set(crowd.map(open_one, range(16)))

    with sessions() as session:
        assert len(ids) == 1
        assert set(queue.show(session, ids.pop()).wish.split("\n")) == {f"wish {number}" for number in range(16)}


def test_what_is_said_while_it_is_open_joins_the_transcript(session: Session) -> None:
    handover = opened(session)
    later(3)
    conversations.hear(session, "visitor-1", "有人吗")

    said = Said(1, Sender.CUSTOMER, "有人吗", MORNING + timedelta(minutes=3))
    assert queue.show(session, handover.id).lines[-1] == said


def test_a_transcript_is_taken_over_only_where_nothing_is_known(session: Session) -> None:
    conversations.hear(session, "visitor-1", "转人工")
    view = opened(session, transcript=[Line(Sender.CUSTOMER, "转人工")])

    assert [line.text for line in view.lines] == ["转人工"]


def test_who_has_the_conversation_writes_to_the_customer_in_their_name(session: Session) -> None:
    handover = opened(session)
    with pytest.raises(errors.NotTaken):
        work.write(session, handover.id, agent="Lin", text="您好")
    work.take(session, handover.id, "Lin")
    said = work.write(session, handover.id, agent="Lin", text=" 您好 \n")

    assert (said.sender, said.agent, said.text) == (Sender.AGENT, "Lin", "您好")
    assert queue.show(session, handover.id).lines[-1] == said
    assert actions_of(session)[-1] == ("Lin", "write_to_customer", f"handover {handover.id}")


def test_nobody_else_writes_and_nobody_writes_nothing_or_too_late(session: Session) -> None:
    handover = opened(session)
    work.take(session, handover.id, "Lin")

    with pytest.raises(errors.AlreadyTaken):
        work.write(session, handover.id, agent="Mei", text="您好")
    with pytest.raises(errors.NothingWritten):
        work.write(session, handover.id, agent="Lin", text=" \n")
    work.hand_back(session, handover.id, agent="Lin")
    with pytest.raises(errors.AlreadyHandedBack):
        work.write(session, handover.id, agent="Lin", text="您好")
    assert not [said for said in conversations.since(session, "visitor-1") if said.sender is Sender.AGENT]


def test_the_longest_waiting_comes_first_and_a_taken_one_waits_no_more(session: Session) -> None:
    first = opened(session)
    later(5)
    second = opened(session, "visitor-2")
    third = opened(session, "visitor-3")
    work.take(session, second.id, "Lin")

    assert [view.id for view in queue.waiting(session)] == [first.id, third.id]
    assert [view.id for view in queue.unfinished(session)] == [first.id, second.id, third.id]
    assert queue.waiting(session)[0].waiting_minutes == 5


def test_only_one_of_many_agents_gets_a_conversation(sessions: sessionmaker) -> None:
    with sessions() as session:
        handover = opened(session)

    def grab(number: int) -> bool:
        with sessions() as session:
            try:
                return bool(work.take(session, handover.id, f"agent {number}"))
            except errors.AlreadyTaken:
                return False

    with ThreadPoolExecutor(8) as crowd:
        assert sum(crowd.map(grab, range(8))) == 1


def test_taking_ones_own_again_changes_nothing(session: Session) -> None:
    handover = opened(session)
    taken = work.take(session, handover.id, "Lin")

    assert work.take(session, handover.id, " Lin ") == taken
    assert actions_of(session) == [("Lin", "take_handover", f"handover {handover.id}")]


def test_handing_back_lets_the_bot_speak_and_keeps_the_note(session: Session) -> None:
    handover = opened(session)
    work.take(session, handover.id, "Lin")
    later(12)
    closed = work.hand_back(session, handover.id, agent="Lin", note="寄新灯")

    assert not queue.is_open(session, "visitor-1")
    assert (closed.state, closed.agent, closed.note) == (HandoverState.CLOSED, "Lin", "寄新灯")
    assert closed.closed_at == MORNING + timedelta(minutes=12)
    assert [action for _, action, _ in actions_of(session)] == ["take_handover", "hand_back_handover"]


def test_a_handed_back_conversation_can_wait_again(session: Session) -> None:
    first = opened(session)
    work.hand_back(session, first.id, agent="Lin")
    second = opened(session, wish="又来了")

    assert second.id != first.id
    assert second.wish == "又来了"


def test_a_colleagues_conversation_is_neither_taken_nor_handed_back(session: Session) -> None:
    handover = opened(session)
    work.take(session, handover.id, "Lin")

    with pytest.raises(errors.AlreadyTaken, match="with Lin"):
        work.take(session, handover.id, "Mei")
    with pytest.raises(errors.AlreadyTaken):
        work.hand_back(session, handover.id, agent="Mei")
    assert queue.is_open(session, "visitor-1")
    assert len(actions_of(session)) == 1


def test_a_closed_handover_stays_closed(session: Session) -> None:
    handover = opened(session)
    work.hand_back(session, handover.id, agent="Lin")

    with pytest.raises(errors.AlreadyHandedBack):
        work.hand_back(session, handover.id, agent="Lin")
    with pytest.raises(errors.AlreadyHandedBack):
        work.take(session, handover.id, "Lin")


def test_a_handover_that_never_was_and_an_agent_without_a_name_are_refused(session: Session) -> None:
    with pytest.raises(errors.NoSuchHandover):
        work.take(session, 99, "Lin")
    with pytest.raises(errors.AgentUnnamed):
        work.take(session, opened(session).id, "  ")


def test_the_command_lists_takes_shows_and_hands_back(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    session.add_all([_customer(), AccessGrant(visitor="visitor-1", customer_id=7, granted_at=MORNING)])
    session.commit()
    said = [Line(Sender.CUSTOMER, "转人工\n谢谢"), Line(Sender.BOT, "好的")]
    handover = opened(session, customer_id=7, is_verified=True, order_number="W0000001", transcript=said)
    later(7)

    assert command.main([]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == list(command.COLUMNS)
    assert row.split() == ["1", "7", "-", "zh", "returns", "yes", "W0000001", "我要退台灯"]

    assert command.main(["show", "1"]) == 0
    page = capsys.readouterr().out
    for part in ("waiting for 7 min", "陈思远, chen@example.com", "W0000001, no such order", "09:30  customer  转人工"):
        assert part in page

    assert command.main(["take", "1", "--agent", "Lin"]) == 0
    assert command.main(["write", "1", "--agent", "Lin", "您好"]) == 0
    assert capsys.readouterr().out.endswith("Lin: 您好\n")
    assert command.main(["hand-back", "1", "--agent", "Lin", "--note", "done"]) == 0
    assert "the bot speaks again" in capsys.readouterr().out
    session.rollback()  # what was read before the command is not read again until then
    assert not queue.is_open(session, handover.conversation)
    assert command.main(["list"]) == 0
    assert capsys.readouterr().out == "Nobody is waiting.\n"


def test_a_refusal_is_one_sentence_and_exit_code_one(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["show", "5"]) == 1
    assert capsys.readouterr().err == "There is no handover 5.\n"


def test_a_missing_shop_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")

    assert command.main(["list"]) == 1
    assert "python -m shop.seed" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


def test_what_a_customer_wrote_cannot_drive_the_agents_terminal(session: Session) -> None:
    handover = opened(session, wish="\x1b[2J\x07hello", transcript=[Line(Sender.CUSTOMER, "a\x1b]0;x\x07b")])

    for shown in (command.table([handover]), command.packet(handover)):
        assert not any(character in shown for character in "\x1b\x07")


def test_chinese_and_english_wishes_stay_in_their_columns(session: Session) -> None:
    opened(session, topic="退货", wish="我" * 60)
    opened(session, "visitor-2", wish="short")

    heading, chinese, english = command.table(queue.unfinished(session)).splitlines()
    assert chinese.endswith("…")
    columns = [command._width(line[: line.index(start)]) for line, start in ((heading, "WISH"), (chinese, "我"))]
    assert columns == [english.index("short")] * 2


def _customer() -> Customer:
    return Customer(
        id=7,
        name="陈思远",
        email="chen@example.com",
        phone="13812345678",
        language="zh",
        membership=Membership.GOLD,
        points=0,
        joined_at=MORNING,
    )


def test_who_waits_hears_how_many_wait_longer(session: Session) -> None:
    for number in (1, 2, 3):
        opened(session, f"visitor-{number}")
    assert [queue.ahead_of(session, f"visitor-{number}") for number in (1, 2, 3)] == [0, 1, 2]
    work.take(session, 1, "Lin")
    assert [queue.ahead_of(session, f"visitor-{number}") for number in (1, 2, 3, 4)] == [0, 0, 1, 0]
