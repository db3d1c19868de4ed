"""Orders: their lines, payments, shipments with their trail, invoices and refunds."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment, choice
from shop.models.catalogue import Variant
from shop.models.customers import Customer, PaymentKind

if TYPE_CHECKING:
    from shop.models.aftersales import Return, Ticket


class OrderState(str, enum.Enum):
    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"  # paid, being picked and packed
    ON_HOLD = "on_hold"  # paid, waiting for something: see hold_reason
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class HoldReason(str, enum.Enum):
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    ADDRESS_CHECK = "address_check"
    PAYMENT_CHECK = "payment_check"


class ShipmentState(str, enum.Enum):
    """Where a parcel is; also the kinds of event in its trail."""

    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    LOST = "lost"


class PaymentState(str, enum.Enum):
    PENDING = "pending"
    FAILED = "failed"
    PAID = "paid"
    REFUNDED = "refunded"


class RefundState(str, enum.Enum):
    PENDING = "pending"
    PAID = "paid"


class Order(Base):
    __tablename__ = "orders"

    id: int = Column(Integer, primary_key=True)
    number: str = Column(String(12), nullable=False, unique=True)  # W and seven digits; eight digits in the old system
    customer_id: int = Column(ForeignKey("customers.id"), nullable=False, index=True)
    state: OrderState = Column(choice(OrderState), nullable=False, index=True)
    hold_reason: HoldReason | None = Column(choice(HoldReason))
    placed_at: datetime = Column(Moment, nullable=False)
    due_on: date | None = Column(Date)  # when it should arrive, as last known
    cancelled_at: datetime | None = Column(Moment)
    recipient: str = Column(String(80), nullable=False)
    phone: str = Column(String(32), nullable=False)
    email: str = Column(String(120), nullable=False)
    address: str = Column(String(200), nullable=False)
    postal_code: str = Column(String(12), nullable=False)
    shipping_cents: int = Column(Integer, nullable=False, default=0)
    discount_cents: int = Column(Integer, nullable=False, default=0)
    total_cents: int = Column(Integer, nullable=False)  # lines + shipping - discount

    customer: Customer = relationship("Customer")
    lines: list[OrderLine] = relationship("OrderLine", back_populates="order", order_by="OrderLine.id")
    payments: list[Payment] = relationship("Payment", back_populates="order", order_by="Payment.id")
    shipment: Shipment | None = relationship("Shipment", back_populates="order", uselist=False)
    refunds: list[Refund] = relationship("Refund", back_populates="order", order_by="Refund.id")
    invoice: Invoice | None = relationship("Invoice", back_populates="order", uselist=False)
    returns: list[Return] = relationship("Return", back_populates="order", order_by="[Return.opened_at, Return.id]")
    tickets: list[Ticket] = relationship("Ticket", back_populates="order", order_by="Ticket.id")


class OrderLine(Base):
    __tablename__ = "order_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_is_positive"),)

    id: int = Column(Integer, primary_key=True)
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, index=True)
    variant_id: int = Column(ForeignKey("variants.id"), nullable=False)
    quantity: int = Column(Integer, nullable=False)
    unit_price_cents: int = Column(Integer, nullable=False)

    order: Order = relationship("Order", back_populates="lines")
    variant: Variant = relationship("Variant", lazy="joined", innerjoin=True)


class Payment(Base):
    """What was paid for an order, with which method. A changed payment method adds a row: nothing is overwritten."""

    __tablename__ = "payments"

    id: int = Column(Integer, primary_key=True)
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, index=True)
    kind: PaymentKind = Column(choice(PaymentKind), nullable=False)
    last_four: str = Column(String(4), nullable=False, default="")
    amount_cents: int = Column(Integer, nullable=False)
    state: PaymentState = Column(choice(PaymentState), nullable=False)
    at: datetime = Column(Moment, nullable=False)

    order: Order = relationship("Order", back_populates="payments")


class Shipment(Base):
    __tablename__ = "shipments"

    id: int = Column(Integer, primary_key=True)
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, unique=True)
    carrier: str = Column(String(20), nullable=False)  # sf, jd, ems, yto, dhl
    tracking_number: str = Column(String(20), nullable=False, unique=True)
    state: ShipmentState = Column(choice(ShipmentState), nullable=False)
    shipped_at: datetime = Column(Moment, nullable=False)
    delivered_at: datetime | None = Column(Moment)

    order: Order = relationship("Order", back_populates="shipment")
    events: list[ShipmentEvent] = relationship("ShipmentEvent", order_by="ShipmentEvent.at")


class ShipmentEvent(Base):
    __tablename__ = "shipment_events"

    id: int = Column(Integer, primary_key=True)
    shipment_id: int = Column(ForeignKey("shipments.id"), nullable=False, index=True)
    at: datetime = Column(Moment, nullable=False)
    state: ShipmentState = Column(choice(ShipmentState), nullable=False)
    place_zh: str = Column(String(60), nullable=False)
    place_en: str = Column(String(60), nullable=False)


class Refund(Base):
    __tablename__ = "refunds"

    id: int = Column(Integer, primary_key=True)
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, index=True)
    return_id: int | None = Column(ForeignKey("returns.id"), index=True)
    kind: PaymentKind = Column(choice(PaymentKind), nullable=False)  # where the money goes
    last_four: str = Column(String(4), nullable=False, default="")
    amount_cents: int = Column(Integer, nullable=False)
    state: RefundState = Column(choice(RefundState), nullable=False)
    opened_at: datetime = Column(Moment, nullable=False)
    expected_on: date = Column(Date, nullable=False)
    paid_at: datetime | None = Column(Moment)

    order: Order = relationship("Order", back_populates="refunds")


class Invoice(Base):
    __tablename__ = "invoices"

    id: int = Column(Integer, primary_key=True)
    number: str = Column(String(20), nullable=False, unique=True)
    order_id: int = Column(ForeignKey("orders.id"), nullable=False, unique=True)
    title: str = Column(String(120), nullable=False)
    amount_cents: int = Column(Integer, nullable=False)
    issued_at: datetime = Column(Moment, nullable=False)

    order: Order = relationship("Order", back_populates="invoice")
