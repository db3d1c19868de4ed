"""The sample's customers: three whom everybody knows by name, and the crowd."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from shop import clock
from shop.models import Address, Customer, Membership, PaymentKind, PaymentMethod
from shop.sample.files import cents, read
from shop.sample.places import an_address

CARDS = [PaymentKind.VISA, PaymentKind.MASTERCARD, PaymentKind.UNIONPAY]
WALLETS = {"zh": [PaymentKind.ALIPAY, PaymentKind.WECHAT_PAY], "en": [PaymentKind.PAYPAL, PaymentKind.ALIPAY]}


def known() -> list[Customer]:
    """The customers of the README, the tests and a demo."""
    return [_known(entry) for entry in read("people.yml")["known"]]


def crowd(rng: Random, size: int) -> list[Customer]:
    """As many others as asked for, no two with one e-mail address or phone number."""
    book = read("people.yml")
    names: dict[str, tuple[str, str]] = {}  # e-mail -> name, language
    while len(names) < size:
        email, name, language = _chinese(rng, book) if rng.random() < 0.82 else _english(rng, book)
        names.setdefault(email, (name, language))
    phones = rng.sample(range(10_000_000, 99_999_999), size)
    return [
        _stranger(rng, email, name, language, f"1{rng.choice('3578')}{rng.randint(0, 9)}{phone:08}")
        for (email, (name, language)), phone in zip(names.items(), phones, strict=True)
    ]


def _known(entry: dict[str, Any]) -> Customer:
    return Customer(
        name=entry["name"],
        email=entry["email"],
        phone=entry["phone"],
        language=entry["language"],
        membership=Membership(entry["membership"]),
        points=entry["points"],
        joined_at=_days_ago(500),
        addresses=[
            Address(line=line, postal_code=postal_code, is_default=position == 0)
            for position, (line, postal_code) in enumerate(entry["addresses"])
        ],
        payment_methods=[_method(*method) for method in entry["payment_methods"]],
    )


def _method(kind: str, last_four: str = "", balance_yuan: float | None = None) -> PaymentMethod:
    balance = None if balance_yuan is None else cents(balance_yuan)
    return PaymentMethod(kind=PaymentKind(kind), last_four=last_four, balance_cents=balance)


def _chinese(rng: Random, book: dict[str, Any]) -> tuple[str, str, str]:
    surname, given = rng.choice(list(book["surnames"])), rng.choice(list(book["given_names"]))
    return f"{book['surnames'][surname]}.{book['given_names'][given]}@example.com", surname + given, "zh"


def _english(rng: Random, book: dict[str, Any]) -> tuple[str, str, str]:
    first, last = rng.choice(book["english_names"]["first"]), rng.choice(book["english_names"]["last"])
    return f"{first}.{last}@example.com".lower().replace("'", ""), f"{first} {last}", "en"


def _stranger(rng: Random, email: str, name: str, language: str, phone: str) -> Customer:
    line, postal_code = an_address(rng, language)
    return Customer(
        name=name,
        email=email,
        phone=phone,
        language=language,
        membership=rng.choices(list(Membership), weights=[70, 20, 10])[0],
        points=rng.randint(0, 4000),
        joined_at=_days_ago(rng.randint(401, 1100)),
        addresses=[Address(line=line, postal_code=postal_code, is_default=True)],
        payment_methods=_methods(rng, language),
    )


def _methods(rng: Random, language: str) -> list[PaymentMethod]:
    methods = [PaymentMethod(kind=rng.choice(WALLETS[language]))]
    if rng.random() < 0.6:
        methods.append(PaymentMethod(kind=rng.choice(CARDS), last_four=f"{rng.randint(0, 9999):04}"))
    if rng.random() < 0.15:
        balance = rng.choice([5_000, 10_000, 20_000, 50_000])
        methods.append(
            PaymentMethod(kind=PaymentKind.GIFT_CARD, last_four=f"{rng.randint(0, 9999):04}", balance_cents=balance)
        )
    return methods


def _days_ago(days: int) -> datetime:
    return clock.now() - timedelta(days=days)
