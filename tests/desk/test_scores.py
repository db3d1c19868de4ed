"""A score of the agent is asked for once, and told from one of the bot."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from desk import conversations, queue, scores, work
from desk.conversations import Choice, Line
from shop import feedback
from shop.models import CloseReason, Sender

HERE = "visitor-1"


def finished(session: Session, reason: CloseReason = CloseReason.SOLVED) -> int:
    conversations.hear(session, HERE, "a person")
    id = queue.open_handover(session, HERE, language="en", topic="talk_to_human", wish="a person").id
    work.take(session, id, "Lin")
    work.write(session, id, agent="Lin", text="Let me see.")
    work.close(session, id, agent="Lin", reason=reason)
    return id


def question(session: Session) -> int:
    last = conversations.since(session, HERE)[-1]
    assert last.text == "How was Lin's help, from 1 to 5? 5 is best."
    assert [button["title"] for button in last.extras["buttons"]] == ["5", "4", "3", "2", "1"]
    return last.number


def test_a_score_right_after_the_question_is_the_agents(session: Session) -> None:
    id = finished(session)
    question(session)
    conversations.hear(session, HERE, "4")

    assert scores.asked_of(session, HERE) == id


def test_a_button_of_the_question_is_the_agents_whenever_it_is_taken(session: Session) -> None:
    id = finished(session)
    number = question(session)
    heard = conversations.hear(session, HERE, "where is my parcel")
    conversations.reply(session, HERE, heard.number, [Line(Sender.BOT, "On its way. How was it, 1 to 5?")])
    conversations.hear(session, HERE, "5")
    assert scores.asked_of(session, HERE) is None  # of the bot
    heard = conversations.hear(session, HERE, "", choice=Choice(number, 0))

    assert heard.payload == "5 out of 5"
    assert scores.asked_of(session, HERE) == id


def test_nobody_scores_an_agent_twice(session: Session) -> None:
    id = finished(session)
    conversations.hear(session, HERE, "4")
    feedback.record_rating(session, HERE, 4, handover=id)

    assert scores.asked_of(session, HERE) is None
    assert feedback.has_rated(session, HERE, handover=id) and not feedback.has_rated(session, HERE)


@pytest.mark.parametrize("reason", [CloseReason.ABUSE, CloseReason.NO_ANSWER, CloseReason.WRITTEN_TO])
def test_who_had_no_talk_is_not_asked(session: Session, reason: CloseReason) -> None:
    finished(session, reason)

    assert scores.asked_of(session, HERE) is None
    assert not [said for said in conversations.since(session, HERE) if said.extras.get("buttons")]


def test_who_was_never_taken_is_not_asked(session: Session) -> None:
    id = queue.open_handover(session, HERE, language="en", topic="talk_to_human", wish="a person").id
    work.hand_back(session, id, agent="Lin")

    assert [said.text for said in conversations.since(session, HERE)] == ["I'm back with you, the bot. Just ask."]


def test_who_was_taken_without_a_word_is_not_asked(session: Session) -> None:
    id = queue.open_handover(session, HERE, language="en", topic="talk_to_human", wish="a person").id
    work.take(session, id, "Lin")
    work.hand_back(session, id, agent="Lin")

    assert scores.asked_of(session, HERE) is None


def test_a_score_goes_to_the_agent_whose_question_was_answered(session: Session) -> None:
    first = finished(session)
    number = question(session)
    second = finished(session)
    assert scores.asked_of(session, HERE) == second
    conversations.hear(session, HERE, "", choice=Choice(number, 4))

    assert scores.asked_of(session, HERE) == first
