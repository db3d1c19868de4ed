"""After the sale: returns and exchanges with their trail, and tickets."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment, choice
from shop.models.catalogue import Variant
from shop.models.orders import Order, OrderLine, Refund


class ReturnKind(str, enum.Enum):
    RETURN = "return"
    EXCHANGE = "exchange"


class ReturnState(str, enum.Enum):
    OPEN = "open"  # waiting for the parcel to be sent back
    SENT_BACK = "sent_back"
    RECEIVED = "received"  # being inspected
    COMPLETED = "completed"  # refunded, or the replacement is on its way
    REJECTED = "rejected"
    EXPIRED = "expired"


class ReturnReason(str, enum.Enum):
    CHANGED_MIND = "changed_mind"
    WRONG_SIZE = "wrong_size"
    NOT_AS_DESCRIBED = "not_as_described"
    DAMAGED = "damaged"
    FAULTY = "faulty"
    WRONG_ITEM = "wrong_item"
    ARRIVED_LATE = "arrived_late"
    OTHER = "other"


class RefundTarget(str, enum.Enum):
    ORIGINAL = "original"  # the way it was paid
    GIFT_CARD = "gift_card"


class TicketKind(str, enum.Enum):
    LOST = "lost"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    MISSING_ITEM = "missing_item"
    FAULT = "fault"
    WARRANTY = "warranty"


class Remedy(str, enum.Enum):
    RESEND = "resend"
    REFUND = "refund"
    REPAIR = "repair"
    REPLACE = "replace"
    ADVICE = "advice"  # a specialist answers by e-mail


class TicketState(str, enum.Enum):
    OPEN = "open"
    RESOLVED = "resolved"


class Return(Base):
    __tablename__ = "returns"

    id: int = Column(Integer, primary_key=True)
    number: str = Column(String(12), nullable=False, unique=True)  # R and seven digits
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, index=True)
    kind: ReturnKind = Column(choice(ReturnKind), nullable=False)
    state: ReturnState = Column(choice(ReturnState), nullable=False)
    reason: ReturnReason = Column(choice(ReturnReason), nullable=False)
    refund_to: RefundTarget | None = Column(choice(RefundTarget))
    fee_cents: int = Column(Integer, nullable=False, default=0)  # return shipping, taken off the refund
    refund_cents: int = Column(Integer, nullable=False, default=0)  # 0 for an even exchange
    opened_at: datetime = Column(Moment, nullable=False)
    send_back_by: date = Column(Date, nullable=False)

    order: Order = relationship("Order", back_populates="returns")
    lines: list[ReturnLine] = relationship("ReturnLine", order_by="ReturnLine.id")
    events: list[ReturnEvent] = relationship("ReturnEvent", order_by="ReturnEvent.at")
    refund: Refund | None = relationship("Refund", uselist=False)


class ReturnLine(Base):
    __tablename__ = "return_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_is_positive"),)

    id: int = Column(Integer, primary_key=True)
    return_id: int = Column(ForeignKey("returns.id"), nullable=False, index=True)
    order_line_id: int = Column(ForeignKey("order_lines.id"), nullable=False, index=True)
    quantity: int = Column(Integer, nullable=False)
    replacement_id: int | None = Column(ForeignKey("variants.id"))  # exchanges only

    order_line: OrderLine = relationship("OrderLine")
    replacement: Variant | None = relationship("Variant")


class ReturnEvent(Base):
    __tablename__ = "return_events"

    id: int = Column(Integer, primary_key=True)
    return_id: int = Column(ForeignKey("returns.id"), nullable=False, index=True)
    at: datetime = Column(Moment, nullable=False)
    state: ReturnState = Column(choice(ReturnState), nullable=False)


class Ticket(Base):
    __tablename__ = "tickets"

    id: int = Column(Integer, primary_key=True)
    number: str = Column(String(12), nullable=False, unique=True)  # T and seven digits
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, index=True)
    order_line_id: int | None = Column(ForeignKey("order_lines.id"))
    kind: TicketKind = Column(choice(TicketKind), nullable=False)
    remedy: Remedy = Column(choice(Remedy), nullable=False)
    state: TicketState = Column(choice(TicketState), nullable=False)
    description: str = Column(String(1000), nullable=False, default="")
    opened_at: datetime = Column(Moment, nullable=False)
    answer_by: date = Column(Date, nullable=False)
    reported_by: str | None = Column(String(120), index=True)  # the visitor, where one reported it

    order: Order = relationship("Order", back_populates="tickets")
    order_line: OrderLine | None = relationship("OrderLine")
