"""Service records: who may see what, what was done once, ratings, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment
from shop.models.customers import Customer
from shop.models.orders import Order


class AccessGrant(Base):
    """What a visitor has proven: one order to be theirs, or (customer_id set) the whole account."""

    __tablename__ = "access_grants"

    id: int = Column(Integer, primary_key=True)
    visitor: str = Column(String(120), nullable=False, index=True)
    order_id: int | None = Column(ForeignKey("orders.id"))
    customer_id: int | None = Column(ForeignKey("customers.id"))
    granted_at: datetime = Column(Moment, nullable=False)

    order: Order | None = relationship("Order")
    customer: Customer | None = relationship("Customer")


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


class Rating(Base):
    """A score of the bot's service or, where a handover is named, of the agent's who had it. The two are kept apart."""

    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("score BETWEEN 1 AND 5", name="score_is_one_to_five"),)

    id: int = Column(Integer, primary_key=True)
    conversation: str = Column(String(120), nullable=False, index=True)
    handover_id: int | None = Column(ForeignKey("handovers.id"), index=True)
    score: int = Column(Integer, nullable=False)  # 1 to 5
    at: datetime = Column(Moment, nullable=False)
