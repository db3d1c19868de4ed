"""Customers: who they are, where they live, how they pay."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Integer, String
from sqlalchemy.orm import relationship

from shop.models.base import Base, Moment, choice


class Membership(str, enum.Enum):
    BASIC = "basic"
    SILVER = "silver"
    GOLD = "gold"


class PaymentKind(str, enum.Enum):
    VISA = "visa"
    MASTERCARD = "mastercard"
    UNIONPAY = "unionpay"
    ALIPAY = "alipay"
    WECHAT_PAY = "wechat_pay"
    PAYPAL = "paypal"
    GIFT_CARD = "gift_card"


class Customer(Base):
    __tablename__ = "customers"

    id: int = Column(Integer, primary_key=True)
    name: str = Column(String(80), nullable=False)
    email: str = Column(String(120), nullable=False, unique=True)
    phone: str = Column(String(32), nullable=False, index=True)
    language: str = Column(String(2), nullable=False)  # zh or en
    membership: Membership = Column(choice(Membership), nullable=False, default=Membership.BASIC)
    points: int = Column(Integer, nullable=False, default=0)
    joined_at: datetime = Column(Moment, nullable=False)

    addresses: list[Address] = relationship("Address", back_populates="customer", order_by="Address.id")
    payment_methods: list[PaymentMethod] = relationship(
        "PaymentMethod", back_populates="customer", order_by="PaymentMethod.id"
    )


class Address(Base):
    __tablename__ = "addresses"

    id: int = Column(Integer, primary_key=True)
    customer_id: int = Column(ForeignKey("customers.id"), nullable=False, index=True)
    line: str = Column(String(200), nullable=False)  # street and building, district and city, as written
    postal_code: str = Column(String(12), nullable=False)
    is_default: bool = Column(Boolean, nullable=False, default=False)

    customer: Customer = relationship("Customer", back_populates="addresses")


class PaymentMethod(Base):
    __tablename__ = "payment_methods"
    __table_args__ = (CheckConstraint("balance_cents >= 0", name="balance_is_not_negative"),)

    id: int = Column(Integer, primary_key=True)
    customer_id: int = Column(ForeignKey("customers.id"), nullable=False, index=True)
    kind: PaymentKind = Column(choice(PaymentKind), nullable=False)
    last_four: str = Column(String(4), nullable=False, default="")  # empty for wallets
    balance_cents: int | None = Column(Integer)  # gift cards only

    customer: Customer = relationship("Customer", back_populates="payment_methods")
