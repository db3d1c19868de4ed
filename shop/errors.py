"""Refusals: each says, with facts, why the shop will not do something. One base, caught in one place in `actions`.

They compare by identity (`eq=False`), for an exception has to be hashable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any


@dataclass(eq=False)
class ShopError(Exception):
    """A refusal. `facts` are the values its reply may quote; its reply is `utter_refuse_<snake_case_name>`."""

    @property
    def facts(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(eq=False)
class OrderNotFound(ShopError):
    """No such order, or not proven to be theirs: the two are one answer."""

    number: str


@dataclass(eq=False)
class TooManyAttempts(ShopError):
    """Too many failed proofs: a person takes over."""


@dataclass(eq=False)
class IdentityNotProven(ShopError):
    """The e-mail and phone given belong to no account together, or none were given."""


@dataclass(eq=False)
class AlreadyShipped(ShopError):
    """The order has left the warehouse (or has arrived): it can no longer be changed."""

    number: str
    is_delivered: bool


@dataclass(eq=False)
class AlreadyCancelled(ShopError):
    number: str


@dataclass(eq=False)
class NotDeliveredYet(ShopError):
    """Returns, exchanges and warranty start when the parcel has arrived."""

    number: str
    due_on: date | None
    has_shipped: bool


@dataclass(eq=False)
class ReturnWindowClosed(ShopError):
    number: str
    closed_on: date
    window_days: int


@dataclass(eq=False)
class NotReturnable(ShopError):
    """Food and hygiene goods stay with the customer (unless damaged, faulty or wrong)."""

    product_zh: str
    product_en: str


@dataclass(eq=False)
class AlreadyReturned(ShopError):
    """All of it is on its way back, or has come back, already."""

    return_number: str | None


@dataclass(eq=False)
class NoSuchItem(ShopError):
    """The order holds no such item."""

    number: str


@dataclass(eq=False)
class InvalidQuantity(ShopError):
    """Zero, or more pieces than the order holds."""

    most: int


@dataclass(eq=False)
class SameVariant(ShopError):
    """They have this very variant already."""


@dataclass(eq=False)
class NoSuchVariant(ShopError):
    """The product does not come like that."""

    product_zh: str
    product_en: str


@dataclass(eq=False)
class OutOfStock(ShopError):
    product_zh: str
    product_en: str
    restock_on: date | None


@dataclass(eq=False)
class NoSuchReturn(ShopError):
    """No return of that number, or none for that order."""


@dataclass(eq=False)
class NoSuchPaymentMethod(ShopError):
    """No such payment method on the account."""


@dataclass(eq=False)
class SamePaymentMethod(ShopError):
    """The order is paid that way already."""


@dataclass(eq=False)
class BalanceTooLow(ShopError):
    balance_cents: int
    needed_cents: int


@dataclass(eq=False)
class InvalidAddress(ShopError):
    """Too short to deliver to, or too long to print."""


@dataclass(eq=False)
class InvalidContact(ShopError):
    """Not an e-mail address or phone number that can be reached, or taken by another account."""


@dataclass(eq=False)
class NotOverdueYet(ShopError):
    """The parcel is on its way and not late enough to count as lost."""

    due_on: date
    lost_from: date


@dataclass(eq=False)
class ReportTooLate(ShopError):
    """Damage, wrong and missing items are reported within days of delivery."""

    closed_on: date
    window_days: int


@dataclass(eq=False)
class AlreadyReported(ShopError):
    """There is an open ticket on it."""

    ticket_number: str


@dataclass(eq=False)
class NoWarranty(ShopError):
    product_zh: str
    product_en: str


@dataclass(eq=False)
class WarrantyExpired(ShopError):
    product_zh: str
    product_en: str
    expired_on: date


@dataclass(eq=False)
class NotPaidYet(ShopError):
    """An invoice needs a payment."""

    number: str


@dataclass(eq=False)
class InvoiceTooLate(ShopError):
    number: str
    window_days: int


@dataclass(eq=False)
class QuoteChanged(ShopError):
    """What the customer said yes to is no longer what would happen: it is asked again."""


@dataclass(eq=False)
class InvalidRating(ShopError):
    """A score is a whole number within these limits."""

    lowest: int
    highest: int
