"""Service records: who may see what, what was done once, handovers, ratings, the audit trail."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, ForeignKey, Integer, String, Text

from shop.models.base import Base, Moment, choice


class HandoverState(str, enum.Enum):
    WAITING = "waiting"
    TAKEN = "taken"
    CLOSED = "closed"  # the bot speaks again


class AccessGrant(Base):
    """What a visitor has proven: one order to be theirs, or (customer_id set) the whole account."""

    __tablename__ = "access_grants"

    id: int = Column(Integer, primary_key=True)
    visitor: str = Column(String(120), nullable=False, index=True)
    order_id: int | None = Column(ForeignKey("orders.id"))
    customer_id: int | None = Column(ForeignKey("customers.id"))
    granted_at: datetime = Column(Moment, nullable=False)


class ProofMiss(Base):
    """A failed proof, counted against the visitor and against what was aimed at."""

    __tablename__ = "proof_misses"

    id: int = Column(Integer, primary_key=True)
    visitor: str = Column(String(120), nullable=False, index=True)
    aimed_at: str = Column(String(120), nullable=False, index=True)  # order number or e-mail, as claimed
    at: datetime = Column(Moment, nullable=False)


class Receipt(Base):
    """One change of the shop, done once: its idempotency key and what it returned."""

    __tablename__ = "receipts"

    key: str = Column(String(80), primary_key=True)
    action: str = Column(String(40), nullable=False)
    result: dict[str, Any] = Column(JSON, nullable=False)
    at: datetime = Column(Moment, nullable=False)


class AuditEntry(Base):
    __tablename__ = "audit_trail"

    id: int = Column(Integer, primary_key=True)
    at: datetime = Column(Moment, nullable=False)
    actor: str = Column(String(120), nullable=False)  # a visitor, or a member of staff
    action: str = Column(String(40), nullable=False)
    subject: str = Column(String(40), nullable=False, index=True)  # an order, return or ticket number, or customer id
    details: dict[str, Any] = Column(JSON, nullable=False, default=dict)


class Handover(Base):
    __tablename__ = "handovers"

    id: int = Column(Integer, primary_key=True)
    conversation: str = Column(ForeignKey("conversations.id"), nullable=False, index=True)
    state: HandoverState = Column(choice(HandoverState), nullable=False, index=True)
    opened_at: datetime = Column(Moment, nullable=False)
    closed_at: datetime | None = Column(Moment)
    language: str = Column(String(2), nullable=False)
    customer_id: int | None = Column(ForeignKey("customers.id"))
    is_verified: bool = Column(Boolean, nullable=False, default=False)
    order_number: str | None = Column(String(12))
    topic: str = Column(String(40), nullable=False)  # a flow's name, or complaint, or person
    wish: str = Column(Text, nullable=False)  # what they want, in their words
    tried: list[str] = Column(JSON, nullable=False, default=list)
    agent: str | None = Column(String(80))
    note: str | None = Column(Text)
    callback_email: str | None = Column(String(120))  # where they want to be answered, if they don't wait


class Rating(Base):
    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("score BETWEEN 1 AND 5", name="score_is_one_to_five"),)

    id: int = Column(Integer, primary_key=True)
    conversation: str = Column(String(120), nullable=False, index=True)
    score: int = Column(Integer, nullable=False)  # 1 to 5
    at: datetime = Column(Moment, nullable=False)
