"""Every change of the shop happens once: one transaction holds the change, its receipt and its line in the audit trail.

The receipt is claimed before anything is done. Where two try the same key at once, SQLite lets the second wait for its
turn and another database refuses the second claim; either way the second reads what the first one did.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shop import clock
from shop.database import begin_change
from shop.errors import QuoteChanged
from shop.models import AuditEntry, Receipt
from shop.records import View, as_record, from_record, quote_of

LONGEST_KEY = 80


def once(
    session: Session,
    key: str,
    action: str,
    actor: str,
    subject: str,
    details: Mapping[str, Any],
    do: Callable[[], View],
    kind: type[View],
) -> View:
    """Do it, write receipt and audit entry, commit; under a key seen before, return what was done then.

    `do` works in the transaction that is committed, so whatever it checks is still true when it is written. It must
    not commit. Whatever it raises undoes everything, the key included. Raises ValueError for a key that is empty, too
    long or was used for another action: keys are made by the caller, never by a customer.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise ValueError("a key has 1 to 80 characters")
    begin_change(session)
    try:
        seen = session.get(Receipt, key)
        if seen is not None:
            return _remembered(kind, seen, action)
        receipt = _claim(session, key, action)
        if receipt is None:
            return _remembered(kind, session.execute(select(Receipt).filter_by(key=key)).scalar_one(), action)
        view = do()
        receipt.result = as_record(view)
        session.add(audit_entry(actor, action, subject, {**details, "result": receipt.result}))
        session.commit()
        return view
    finally:
        session.rollback()  # lets go of the lock; after a commit there is nothing left to undo


def is_first(session: Session, key: str, action: str) -> bool:
    """Claim a key within the caller's change; False, and nothing to commit, where that was done before."""
    return session.get(Receipt, key) is None and _claim(session, key, action) is not None


def recalled(session: Session, key: str, kind: type[View]) -> View | None:
    """What was done under a key, or None: for a caller who asks again, when the shop may have moved on meanwhile."""
    receipt = session.get(Receipt, key)
    return None if receipt is None else from_record(kind, receipt.result)


def hold_to(quote: str | None, preview: Any) -> None:
    """Raises QuoteChanged where the customer agreed to something else than what would happen now."""
    if quote is not None and not secrets.compare_digest(quote.encode(errors="replace"), quote_of(preview).encode()):
        raise QuoteChanged


def fresh_number(session: Session, column: Any, prefix: str, digits: int = 7) -> str:
    """A number nobody has and nobody can guess from another's."""
    while True:
        number = f"{prefix}{secrets.randbelow(9 * 10 ** (digits - 1)) + 10 ** (digits - 1)}"
        if session.execute(select(column).where(column == number)).first() is None:
            return number


def _claim(session: Session, key: str, action: str) -> Receipt | None:
    """A new receipt; None, and all undone, where somebody else has just claimed the key."""
    receipt = Receipt(key=key, action=action, result={}, at=clock.now())
    try:
        session.add(receipt)
        session.flush()
    except IntegrityError:
        session.rollback()
        return None
    return receipt


def _remembered(kind: type[View], receipt: Receipt, action: str) -> View:
    if receipt.action != action:
        raise ValueError(f"the key of {receipt.action} was used for {action}")
    return from_record(kind, receipt.result)


def audit_entry(actor: str, action: str, subject: str, details: Mapping[str, Any] | None = None) -> AuditEntry:
    """A line of the audit trail, now: who did what to what."""
    return AuditEntry(at=clock.now(), actor=actor, action=action, subject=subject, details=as_record(details or {}))
