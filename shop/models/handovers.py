"""Handovers: a conversation that waits for a person or has one, what agents note beside it, and what they say often."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Text
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment, choice


class HandoverState(str, enum.Enum):
    WAITING = "waiting"
    TAKEN = "taken"
    CLOSED = "closed"  # the bot speaks again


class Mood(str, enum.Enum):
    CALM = "calm"
    UPSET = "upset"
    ANGRY = "angry"


class CloseReason(str, enum.Enum):
    HANDED_BACK = "handed_back"  # the bot goes on with it
    SOLVED = "solved"
    WRITTEN_TO = "written_to"  # answered by e-mail
    NO_ANSWER = "no_answer"  # the customer has gone
    ABUSE = "abuse"


class Handover(Base):
    __tablename__ = "handovers"

    id: int = Column(Integer, primary_key=True)
    conversation: str = Column(ForeignKey("conversations.id"), nullable=False, index=True)
    state: HandoverState = Column(choice(HandoverState), nullable=False, index=True)
    opened_at: datetime = Column(Moment, nullable=False)
    taken_at: datetime | None = Column(Moment)  # the first time: until then the customer waited
    active_at: datetime | None = Column(Moment)  # when the agent who has it last did something in it
    closed_at: datetime | None = Column(Moment)
    language: str = Column(String(2), nullable=False)
    customer_id: int | None = Column(ForeignKey("customers.id"))
    is_verified: bool = Column(Boolean, nullable=False, default=False)
    order_number: str | None = Column(String(12))
    topic: str = Column(String(40), nullable=False)  # a flow's name, or complaint, or person
    mood: Mood = Column(choice(Mood), nullable=False, default=Mood.CALM)
    wish: str = Column(Text, nullable=False)  # what they want, in their words
    tried: list[str] = Column(JSON, nullable=False, default=list)
    agent: str | None = Column(String(80))
    reason: CloseReason | None = Column(choice(CloseReason))
    note: str | None = Column(Text)  # of whoever closed it, for whoever comes next
    callback_email: str | None = Column(String(120))  # where they want to be answered, if they don't wait
    score_asked_in: int | None = Column(Integer)  # the number of the message that asks for a score of the agent

    notes: list[HandoverNote] = relationship("HandoverNote", order_by="HandoverNote.id")


class HandoverNote(Base):
    """What agents tell one another; no customer ever reads it."""

    __tablename__ = "handover_notes"

    id: int = Column(Integer, primary_key=True)
    handover_id: int = Column(ForeignKey("handovers.id"), nullable=False, index=True)
    at: datetime = Column(Moment, nullable=False)
    agent: str = Column(String(80), nullable=False)
    text: str = Column(Text, nullable=False)


class SavedReply(Base):
    """What agents say often, in both languages."""

    __tablename__ = "saved_replies"

    id: int = Column(Integer, primary_key=True)
    title: str = Column(String(60), nullable=False)
    text_zh: str = Column(Text, nullable=False)
    text_en: str = Column(Text, nullable=False)
