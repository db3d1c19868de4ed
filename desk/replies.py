"""What agents say often: a lead writes it once, in both languages, and everybody says it in the customer's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from desk.errors import NoSuchReply
from desk.packets import HandoverView
from desk.texts import written
from shop.database import begin_change
from shop.ledger import audit_entry, is_first
from shop.models import SavedReply

LONGEST_TITLE, LONGEST_TEXT = 60, 2_000


@dataclass(frozen=True)
class ReplyView:
    id: int
    title: str
    text_zh: str
    text_en: str


def everything(session: Session) -> tuple[ReplyView, ...]:
    """All saved replies, by title."""
    found = session.execute(select(SavedReply).order_by(SavedReply.title, SavedReply.id)).scalars()
    return tuple(ReplyView(one.id, one.title, one.text_zh, one.text_en) for one in found)


def save(
    session: Session, *, agent: str, title: str, text_zh: str, text_en: str, key: str, id: int | None = None
) -> None:
    """Add a reply, or change the one of this id; the same `key` again is the same change.

    Raises NoSuchReply, NothingWritten, TooLong.
    """
    title, text_zh, text_en = (
        written(title, LONGEST_TITLE),
        written(text_zh, LONGEST_TEXT),
        written(text_en, LONGEST_TEXT),
    )
    begin_change(session)
    if not is_first(session, f"reply-{key}", "save_reply"):
        session.rollback()
        return
    reply = SavedReply() if id is None else _existing(session, id)
    reply.title, reply.text_zh, reply.text_en = title, text_zh, text_en
    session.add(reply)
    session.flush()
    session.add(audit_entry(agent, "save_reply", f"saved reply {reply.id}"))
    session.commit()


def remove(session: Session, id: int, *, agent: str) -> None:
    """Raises NoSuchReply."""
    begin_change(session)
    session.delete(_existing(session, id))
    session.add(audit_entry(agent, "remove_reply", f"saved reply {id}"))
    session.commit()


def filled(reply: ReplyView, handover: HandoverView, agent: str) -> str:
    """A reply as it is said to this customer: {customer}, {order} and {agent} stand for who and what they are."""
    text = reply.text_zh if handover.language == "zh" else reply.text_en
    known = {
        "{customer}": handover.name or "" if handover.is_verified else "",
        "{order}": handover.order_number or "",
        "{agent}": agent,
    }
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _existing(session: Session, id: int) -> SavedReply:
    reply: SavedReply | None = session.get(SavedReply, id)
    if reply is None:
        session.rollback()
        raise NoSuchReply(id)
    return reply
