"""What a customer and the shop say to one another, whoever answers: the bot or an agent."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Text, UniqueConstraint

from shop.models.base import Base, Moment, choice


class Sender(str, enum.Enum):
    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"


class Conversation(Base):
    """One customer's window, and how far each side has come in it."""

    __tablename__ = "conversations"

    id: str = Column(String(64), primary_key=True)  # the visitor, to whom proofs and handovers belong
    opened_at: datetime = Column(Moment, nullable=False)
    last_number: int = Column(Integer, nullable=False, default=0)
    customer_has_read: int = Column(Integer, nullable=False, default=0)  # up to this number
    staff_has_read: int = Column(Integer, nullable=False, default=0)
    customer_typed_at: datetime | None = Column(Moment)
    staff_typed_at: datetime | None = Column(Moment)


class Message(Base):
    """One thing said. Numbers count up from 1 in each conversation, without a gap: who has the last has them all."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "number", name="uq_messages_number"),
        UniqueConstraint("conversation_id", "key", name="uq_messages_key"),
    )

    id: int = Column(Integer, primary_key=True)
    conversation_id: str = Column(ForeignKey("conversations.id"), nullable=False)
    number: int = Column(Integer, nullable=False)
    at: datetime = Column(Moment, nullable=False)
    sender: Sender = Column(choice(Sender), nullable=False)
    agent: str | None = Column(String(80))  # who wrote it, where it was an agent
    text: str = Column(Text, nullable=False)
    extras: dict[str, Any] = Column(
        JSON, nullable=False, default=dict
    )  # buttons, pictures and cards, as Rasa says them
    key: str | None = Column(String(64))  # the sender's own name for it, so that a repeated message is one message
    reply_to: int | None = Column(Integer)  # the number of the customer's message that a bot's message answers
    is_answered: bool = Column(Boolean, nullable=False, default=False)  # of a customer's: nothing more is owed for it
    chosen: int | None = Column(Integer)  # which of its buttons was taken: a choice is made once


class Photo(Base):
    """A picture that a customer has sent. The file lies under its name in the desk's folder of pictures."""

    __tablename__ = "photos"

    name: str = Column(String(40), primary_key=True)
    conversation_id: str = Column(ForeignKey("conversations.id"), nullable=False, index=True)
    at: datetime = Column(Moment, nullable=False)
    kind: str = Column(String(20), nullable=False)  # its media type
    ticket_id: int | None = Column(ForeignKey("tickets.id"), index=True)  # the case it belongs to, once there is one
