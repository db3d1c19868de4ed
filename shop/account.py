"""Who a visitor is: what they have proven to be theirs, and the profile that a proven customer may change.

An order number alone proves nothing. Whoever guesses is stopped twice: after a few misses of one visitor, and after
more aimed at one order or e-mail, whoever they come from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

from sqlalchemy import bindparam, desc, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from shop import clock
from shop.contacts import (
    are_last_four,
    checked_address,
    checked_email,
    checked_phone,
    checked_postal_code,
    is_same_email,
    is_same_phone,
    is_same_postal_code,
    plain_email,
    storable,
)
from shop.database import begin_change, once_a_transaction
from shop.errors import IdentityNotProven, InvalidContact, OrderNotFound, TooManyAttempts
from shop.ledger import audit_entry, hold_to, once
from shop.models import AccessGrant, Address, Customer, Membership, Order, ProofMiss
from shop.policy import POLICY

ProfileField = Literal["email", "phone", "address"]

WRITTEN_ORDER_NUMBER = re.compile(r"(?<![A-Z0-9])W[ -]?([0-9]{7})(?![A-Z0-9@])")
BARE_ORDER_NUMBER = re.compile(r"(?<![A-Z0-9+])(?<![0-9][-.])(?<!\b[RT][ -])([0-9]{7,8})(?![A-Z0-9@])(?!\.[0-9])")

# Asked with nearly every message, so they are built once: to build one takes longer than to ask it.
_ORDER = select(Order).where(Order.number == bindparam("number"))  # an option would slow down all that it leads to
_GRANT, _BUYER = AccessGrant.__table__, Customer.__table__
_GRANTS = (
    select(_GRANT, Order.__table__.c.recipient, _BUYER.c.name, _BUYER.c.language)
    .select_from(_GRANT)
    .outerjoin(Order.__table__)
    .outerjoin(_BUYER, _BUYER.c.id == func.coalesce(_GRANT.c.customer_id, Order.__table__.c.customer_id))
    .where(_GRANT.c.visitor == bindparam("visitor"), _GRANT.c.granted_at > bindparam("oldest"))
    .order_by(_GRANT.c.granted_at, _GRANT.c.id)
)
_SAME_AGAIN = (
    update(_GRANT)
    .where(_GRANT.c.visitor == bindparam("its_visitor"))
    .where(_GRANT.c.order_id.is_not_distinct_from(bindparam("its_order_id")))
    .where(_GRANT.c.customer_id.is_not_distinct_from(bindparam("its_customer_id")))
    .values(granted_at=bindparam("its_granted_at"))
)
_NOBODYS = SimpleNamespace(  # what no proof fits, to compare one with where what is claimed is not there
    account="nobody@haoke.invalid", email="nobody@haoke.invalid", phone="10000000000", postal_code="000000"
)
_CLAIMED = (
    select(Order.id, Order.customer_id, Order.email, Order.phone, Order.postal_code, Customer.email.label("account"))
    .join(Customer, Customer.id == Order.customer_id)
    .where(Order.number == bindparam("number"))
)
_MISSES_ON_IT = select(func.count()).where(
    ProofMiss.aimed_at == bindparam("aimed_at"), ProofMiss.at > bindparam("since")
)
_MISSES_OF_THEIRS = (
    select(ProofMiss.at)
    .where(ProofMiss.visitor == bindparam("visitor"))
    .order_by(desc(ProofMiss.at))
    .limit(POLICY.proof_attempts)
)


@dataclass(frozen=True)
class Shopper:
    """A visitor and what they have proven: a whole account, or single orders."""

    visitor: str
    customer_id: int | None
    order_ids: frozenset[int]
    name: str | None
    language: str | None
    agent: str | None = None  # of the staff, who acts for them

    @property
    def actor(self) -> str:
        """Who acts, for the audit trail."""
        return self.agent or self.visitor

    @property
    def is_known(self) -> bool:
        return self.customer_id is not None or bool(self.order_ids)


@dataclass(frozen=True)
class ProfileView:
    name: str
    email: str
    phone: str
    address: str | None
    postal_code: str | None
    membership: Membership
    points: int


@dataclass(frozen=True)
class ProfileChange:
    """One field of the profile; with an address, its postal code too where one was given."""

    field: str
    old: str | None
    new: str
    old_postal_code: str | None = None
    new_postal_code: str | None = None


def normalise_order_number(text: str) -> str | None:
    """The order number in a text, as the shop writes it: W and seven digits, or eight digits of the old system.

    Seven bare digits get their W. Longer runs of digits, phones and e-mail addresses hold no order number.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    if written := WRITTEN_ORDER_NUMBER.search(plain):
        return f"W{written.group(1)}"
    bare = BARE_ORDER_NUMBER.search(plain)
    if bare is None:
        return None
    digits = bare.group(1)
    return digits if len(digits) == 8 else f"W{digits}"


def recognise(session: Session, visitor: str) -> Shopper:
    """What this visitor has proven lately. Half-spent grants are renewed: they lapse by silence."""
    grants = _live_grants(session, visitor)
    half_used = clock.now() - timedelta(minutes=POLICY.proof_lasts_minutes) / 2
    if any(grant.granted_at < half_used for grant in grants):
        begin_change(session)
        grants = _live_grants(session, visitor)
        _renew(session, grants)
        session.commit()
    return _shopper(visitor, grants)


def proven_to_agent(session: Session, visitor: str, since: datetime, *, agent: str) -> Shopper:
    """A visitor whom a person has been serving since a moment: with what was proven then or has been since.

    It lapses too, if later than with the bot: what the customer writes renews it (`renew_with_agent`), not the agent.
    """
    return replace(_shopper(visitor, _grants(session, visitor, oldest_with_agent(since))), agent=agent)


def renew_with_agent(session: Session, visitor: str, since: datetime) -> None:
    """The visitor has written to the person who has been serving them since a moment. The caller commits."""
    _renew(session, _grants(session, visitor, oldest_with_agent(since)))


def oldest_with_agent(since: datetime) -> datetime:
    """What was proven before this is void for whoever has been served by a person since a moment."""
    with_the_bot = since - timedelta(minutes=POLICY.proof_lasts_minutes)
    return max(with_the_bot, clock.now() - timedelta(minutes=POLICY.proof_lasts_with_agent_minutes))


def look_up(session: Session, number: str, *, agent: str, conversation: str) -> Shopper:
    """The customer whose order this is, as staff may see them whoever asks; the audit trail remembers who has looked,
    and in which conversation.

    Raises OrderNotFound.
    """
    canonical = normalise_order_number(number) or storable(number, 12)
    begin_change(session)
    order = session.execute(select(Order).where(Order.number == canonical)).scalar_one_or_none()
    if order is None:
        session.rollback()
        raise OrderNotFound(canonical)
    session.add(audit_entry(agent, "look_up_order", canonical, {"conversation": conversation}))
    session.commit()
    return Shopper("", order.customer_id, frozenset(), order.customer.name, order.customer.language, agent)


def prove_order(session: Session, visitor: str, number: str, proof: str, *, agent: str | None = None) -> Shopper:
    """Let the visitor in to an order they can prove: its e-mail, phone, the phone's last four digits or postal code.

    The e-mail of the account proves the account. A wrong proof and an order that does not exist are one answer, after
    the same queries. Raises OrderNotFound (and counts the miss) and TooManyAttempts.

    An agent whom the visitor has told their proof has attempts of their own: who failed with the bot is not locked out
    at the desk.
    """
    number = normalise_order_number(number) or storable(number, 12)
    who = visitor if agent is None else f"{agent} for {visitor}"[:120]
    aimed_at = number if agent is None else f"{number} by staff"
    begin_change(session)
    try:
        _refuse_guessing(session, who, aimed_at=aimed_at)
        order = session.execute(_CLAIMED, {"number": number}).one_or_none()
        on_file = order or _NOBODYS
        is_their_email = is_same_email(proof, on_file.account)
        is_proven = is_their_email | _is_on_order(proof, on_file)
        if order is None or not is_proven:
            _count_miss(session, who, aimed_at=aimed_at)
            raise OrderNotFound(number)
        _grant(session, visitor, order_id=order.id)
        if is_their_email:
            _grant(session, visitor, customer_id=order.customer_id)
        shopper = _shopper(visitor, _live_grants(session, visitor))
        session.commit()
        return shopper
    finally:
        session.rollback()


def prove_identity(session: Session, visitor: str, email: str, phone: str) -> Shopper:
    """Let the visitor in to the account that has this e-mail and this phone (or its last four digits).

    Raises IdentityNotProven (and counts the miss) and TooManyAttempts.
    """
    claimed = storable(plain_email(email), 120)
    begin_change(session)
    try:
        _refuse_guessing(session, visitor, aimed_at=claimed)
        customer = _customer_of(session, claimed)
        on_file = (customer or _NOBODYS).phone
        is_proven = is_same_phone(phone, on_file) | are_last_four(phone, on_file)
        if customer is None or not is_proven:
            _count_miss(session, visitor, aimed_at=claimed)
            raise IdentityNotProven
        _grant(session, visitor, customer_id=customer.id)
        shopper = _shopper(visitor, _live_grants(session, visitor))
        session.commit()
        return shopper
    finally:
        session.rollback()


def vouch(session: Session, visitor: str, customer_id: int) -> bool:
    """Let the visitor in to an account, on the word of the shop's own site.

    False, and nothing changed, where there is no such customer or the visitor is known as another.
    """
    begin_change(session)
    # lapsed proofs count: what was said under them stays another customer's
    query = select(AccessGrant.customer_id).where(AccessGrant.visitor == visitor, AccessGrant.customer_id.is_not(None))
    others = set(session.execute(query).scalars()) - {customer_id}
    if session.get(Customer, customer_id) is None or others:
        session.rollback()
        return False
    _grant(session, visitor, customer_id=customer_id)
    session.commit()
    return True


def attempts_left(session: Session, visitor: str) -> int:
    """How many wrong proofs this visitor may still give before a person takes over."""
    return max(0, POLICY.proof_attempts - _misses_in_a_row(session, visitor))


def owned_order(session: Session, shopper: Shopper, number: str, *, to_change: bool = False) -> Order:
    """The order, if it is proven to be theirs: the one place where ownership is checked.

    `to_change` locks its row until the transaction ends. Raises OrderNotFound.
    """
    canonical = normalise_order_number(number) or storable(number, 12)
    if not shopper.is_known:
        raise OrderNotFound(canonical)  # whether it is there or not
    order = _order_to_change(session, canonical) if to_change else _order(session, canonical)
    if order is None or not _may_see(shopper, order):
        raise OrderNotFound(canonical)
    return order


def known_customer(session: Session, shopper: Shopper, *, to_change: bool = False) -> Customer:
    """The account proven to be theirs. Raises IdentityNotProven, also where only an order is proven."""
    query = select(Customer).where(Customer.id == shopper.customer_id)
    found = session.execute(query.with_for_update() if to_change else query)
    customer: Customer | None = found.scalar_one_or_none()
    if customer is None:
        raise IdentityNotProven
    return customer


def profile(session: Session, shopper: Shopper) -> ProfileView:
    """What the shop has on file. Raises IdentityNotProven unless the account is proven."""
    customer = known_customer(session, shopper)
    address = _default_address(customer)
    return ProfileView(
        customer.name,
        customer.email,
        customer.phone,
        address.line if address else None,
        address.postal_code if address else None,
        customer.membership,
        customer.points,
    )


def preview_profile_change(
    session: Session, shopper: Shopper, field: ProfileField, value: str, postal_code: str | None = None
) -> ProfileChange:
    """What would be on file, and what is. Raises IdentityNotProven, InvalidContact (also: taken) and InvalidAddress."""
    customer = known_customer(session, shopper)
    if field == "email":
        return ProfileChange(field, customer.email, _free_email(session, customer, value))
    if field == "phone":
        return ProfileChange(field, customer.phone, checked_phone(value))
    if field != "address":
        raise ValueError(f"a profile has no {field}")
    line, address = checked_address(value), _default_address(customer)
    old_code = address.postal_code if address else None
    new_code = old_code if postal_code is None else checked_postal_code(postal_code)
    return ProfileChange(field, address.line if address else None, line, old_code, new_code)


def change_profile(
    session: Session,
    shopper: Shopper,
    field: ProfileField,
    value: str,
    postal_code: str | None = None,
    *,
    key: str,
    quote: str | None = None,
) -> ProfileChange:
    """Put it on file. Raises what the preview raises, and QuoteChanged."""

    def do() -> ProfileChange:
        customer = known_customer(session, shopper, to_change=True)
        change = preview_profile_change(session, shopper, field, value, postal_code)
        hold_to(quote, change)
        if field == "address":
            _move(session, customer, change)
        else:
            setattr(customer, field, change.new)
        return change

    subject = str(shopper.customer_id)
    return once(session, key, "change_profile", shopper.actor, subject, {}, do, ProfileChange)


@once_a_transaction
def _order(session: Session, number: str) -> Order | None:
    found: Order | None = session.execute(_ORDER, {"number": number}).scalar_one_or_none()
    return found


def _order_to_change(session: Session, number: str) -> Order | None:
    query = select(Order).where(Order.number == number).with_for_update()
    found: Order | None = session.execute(query).scalar_one_or_none()
    return found


def _may_see(shopper: Shopper, order: Order) -> bool:
    is_theirs = shopper.customer_id is not None and order.customer_id == shopper.customer_id
    return is_theirs or order.id in shopper.order_ids


def _free_email(session: Session, customer: Customer, value: str) -> str:
    email = checked_email(value)
    holder = _customer_of(session, email)
    if holder is not None and holder.id != customer.id:
        raise InvalidContact
    return email


def _customer_of(session: Session, email: str) -> Customer | None:
    query = select(Customer).where(func.lower(Customer.email) == email).order_by(Customer.id)
    found: Customer | None = session.execute(query).scalars().first()
    return found


def _default_address(customer: Customer) -> Address | None:
    addresses = sorted(customer.addresses, key=lambda address: not address.is_default)
    return addresses[0] if addresses else None


def _move(session: Session, customer: Customer, change: ProfileChange) -> None:
    address = _default_address(customer)
    if address is None:
        address = Address(customer=customer, is_default=True)
        session.add(address)
    address.line = change.new
    address.postal_code = change.new_postal_code or ""


def _is_on_order(proof: str, order: Row | SimpleNamespace) -> bool:
    """All four are compared, whichever matches: the time taken tells nothing."""
    return (
        is_same_email(proof, order.email)
        | is_same_phone(proof, order.phone)
        | are_last_four(proof, order.phone)
        | is_same_postal_code(proof, order.postal_code)
    )


def _refuse_guessing(session: Session, visitor: str, aimed_at: str) -> None:
    since = clock.now() - timedelta(days=1)
    misses_on_it = session.execute(_MISSES_ON_IT, {"aimed_at": aimed_at, "since": since}).scalar_one()
    misses_of_theirs = _misses_in_a_row(session, visitor)
    if misses_of_theirs >= POLICY.proof_attempts or misses_on_it >= POLICY.proof_attempts_per_order_a_day:
        raise TooManyAttempts


def _misses_in_a_row(session: Session, visitor: str) -> int:
    """A visitor's latest misses, back to the last silence that was long enough to forgive what came before it."""
    pause, later, count = timedelta(minutes=POLICY.proof_lasts_minutes), clock.now(), 0
    for moment in session.execute(_MISSES_OF_THEIRS, {"visitor": visitor}).scalars():
        if later - moment >= pause:
            break
        later, count = moment, count + 1
    return count


def _count_miss(session: Session, visitor: str, aimed_at: str) -> None:
    session.add(ProofMiss(visitor=visitor, aimed_at=aimed_at, at=clock.now()))
    session.commit()


def _grant(session: Session, visitor: str, order_id: int | None = None, customer_id: int | None = None) -> None:
    """A grant of the same again is renewed, so that there is one row for each thing proven."""
    proven = {"visitor": visitor, "order_id": order_id, "customer_id": customer_id, "granted_at": clock.now()}
    renewed: Any = session.execute(_SAME_AGAIN, {f"its_{name}": value for name, value in proven.items()})
    if renewed.rowcount == 0:
        session.execute(insert(_GRANT), proven)


def _renew(session: Session, grants: Sequence[Row]) -> None:
    ids = [grant.id for grant in grants]
    session.execute(update(_GRANT).where(_GRANT.c.id.in_(ids)).values(granted_at=clock.now()))


@once_a_transaction
def _live_grants(session: Session, visitor: str) -> Sequence[Row]:
    """Oldest first."""
    return _grants(session, visitor, clock.now() - timedelta(minutes=POLICY.proof_lasts_minutes))


def _grants(session: Session, visitor: str, oldest: datetime) -> Sequence[Row]:
    found: Sequence[Row] = session.execute(_GRANTS, {"visitor": visitor, "oldest": oldest}).all()
    return found


def _shopper(visitor: str, grants: Sequence[Row]) -> Shopper:
    """The account proven last counts; one visitor is one customer."""
    account = next((grant for grant in reversed(grants) if grant.customer_id is not None), None)
    orders = [grant for grant in grants if grant.order_id is not None]
    ids = frozenset(grant.order_id for grant in orders)
    if account is not None:
        return Shopper(visitor, account.customer_id, ids, account.name, account.language)
    if orders:
        return Shopper(visitor, None, ids, orders[-1].recipient, orders[-1].language)
    return Shopper(visitor, None, ids, None, None)
