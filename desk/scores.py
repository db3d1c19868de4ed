"""A customer's score of the agent they spoke to: asked for once, when the agent has finished, and kept apart."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Line
from desk.words import Words
from shop import feedback
from shop.models import Handover, Message, Sender

SCORES = (5, 4, 3, 2, 1)


def ask(session: Session, handover: Handover) -> None:
    """Ask for it, within the caller's change."""
    words = Words(handover.language)
    buttons = [
        {
            "title": words.say("to_customer", "score_button", score=score),
            "payload": words.say("to_customer", "score_said", score=score),
        }
        for score in SCORES
    ]
    question = Line(Sender.BOT, words.say("to_customer", "score", agent=handover.agent), extras={"buttons": buttons})
    handover.score_asked_in = conversations.append(session, handover.conversation, question).number


def asked_of(session: Session, conversation: str) -> int | None:
    """The handover whose agent the customer's latest message scores: a button of its question was taken, or nothing
    was said to the customer between the question and their message. None if a score is the bot's."""
    chosen = select(Handover).where(Handover.conversation == conversation, Handover.score_asked_in.is_not(None))
    asked = [
        (handover, _message(session, handover))
        for handover in session.execute(chosen.order_by(Handover.id.desc())).scalars()
        if not feedback.has_rated(session, conversation, handover=handover.id)
    ]
    for handover, question in asked:
        if question.chosen is not None:
            return int(handover.id)
    last = _last_of_the_shop(session, conversation)
    return next((int(handover.id) for handover, question in asked if question.number == last), None)


def _message(session: Session, handover: Handover) -> Message:
    chosen = select(Message).where(Message.conversation_id == handover.conversation)
    found: Message = session.execute(chosen.where(Message.number == handover.score_asked_in)).scalars().one()
    return found


def _last_of_the_shop(session: Session, conversation: str) -> int | None:
    chosen = select(func.max(Message.number)).where(Message.conversation_id == conversation)
    found: int | None = session.execute(chosen.where(Message.sender != Sender.CUSTOMER)).scalar()
    return found
