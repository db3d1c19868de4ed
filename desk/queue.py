"""The handover queue: who waits for a person, what they have been through, and who may speak.

An open handover is the single truth of who is speaking: while a conversation has one, the bot is silent.
`python -m desk.queue` works it from the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from desk import conversations
from desk.conversations import Line
from desk.errors import NoSuchHandover
from desk.packets import HandoverView, Packet, line, lines, packet
from shop import clock
from shop.database import begin_change
from shop.models import Handover, HandoverState, Mood


def open_handover(
    session: Session,
    conversation: str,
    *,
    language: str,
    topic: str,
    wish: str,
    customer_id: int | None = None,
    is_verified: bool = False,
    order_number: str | None = None,
    tried: Sequence[str] = (),
    mood: Mood = Mood.CALM,
    transcript: Sequence[Line] = (),
) -> Packet:
    """Put a conversation into the queue; from now on the bot is silent in it.

    A conversation waits once: where a handover is open already, a new wish is added to it and nothing else changes. The
    transcript is for a conversation of which the desk has no record, one in `rasa shell` say.
    """
    begin_change(session)
    conversations.record(session, conversation, transcript)
    handover = conversations.open_handover_in(session, conversation)
    if handover is None:
        handover = Handover(
            conversation=conversation,
            state=HandoverState.WAITING,
            opened_at=clock.now(),
            language=language,
            topic=topic,
            mood=mood,
            wish=wish,
            customer_id=customer_id,
            is_verified=is_verified,
            order_number=order_number,
            tried=list(tried),
        )
        session.add(handover)
    else:
        handover.wish = _with_wish(handover.wish, wish)
        handover.mood = max(handover.mood, mood, key=list(Mood).index)
    session.commit()
    return packet(session, handover)


def is_open(session: Session, conversation: str) -> bool:
    """Whether the conversation waits for a person or has one: the bot is silent then."""
    return conversations.open_handover_in(session, conversation) is not None


def open_in(session: Session, conversation: str) -> Packet | None:
    """The conversation's open handover, if it has one."""
    handover = conversations.open_handover_in(session, conversation)
    return None if handover is None else packet(session, handover)


def ahead_of(session: Session, conversation: str) -> int:
    """How many wait longer than this conversation, which waits too; 0 where it does not."""
    handover = conversations.open_handover_in(session, conversation)
    if handover is None or handover.state is not HandoverState.WAITING:
        return 0
    return conversations.ahead_of(session, handover)


def show(session: Session, id: int) -> Packet:
    """One handover with all that an agent needs. Raises NoSuchHandover."""
    return packet(session, _existing(session, id))


def find(session: Session, id: int) -> HandoverView:
    """One handover as the queue shows it. Raises NoSuchHandover."""
    return line(session, _existing(session, id))


def waiting(session: Session) -> tuple[HandoverView, ...]:
    """Those whom nobody has taken yet, the longest waiting first."""
    return lines(session, Handover.state == HandoverState.WAITING)


def unfinished(session: Session) -> tuple[HandoverView, ...]:
    """Those who wait and those who are being served, the oldest first."""
    return lines(session, Handover.state != HandoverState.CLOSED)


def _existing(session: Session, id: int) -> Handover:
    handover: Handover | None = session.get(Handover, id)
    if handover is None:
        raise NoSuchHandover(id)
    return handover


def _with_wish(before: str, wish: str) -> str:
    if not wish.strip() or f"\n{wish}\n" in f"\n{before}\n":
        return before
    return f"{before}\n{wish}" if before else wish


if __name__ == "__main__":
    import sys

    from desk.command import main

    sys.exit(main())
