"""What is said in a conversation, in order and once: the one record that customers, agents and the bot read and write.

Whoever has spoken last is told by a number that counts up without gaps. A reader asks for what came after the number it
has; so nothing is lost or told twice, however often it comes back and whichever process it asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from desk.pictures import Picture
from shop import account, clock, contacts, trouble
from shop.database import begin_change
from shop.models import Conversation, Handover, HandoverState, Message, Photo, Sender

REASSURED_EVERY = timedelta(minutes=2)  # who waits and writes again hears that they still have their place
TYPING_LASTS = timedelta(seconds=6)
MOST_AT_ONCE = 200

_TYPED_AT = {
    Sender.CUSTOMER: "customer_typed_at",
    Sender.AGENT: "staff_typed_at",
    Sender.BOT: "staff_typed_at",  # it speaks for them, too
}
_conversations, _messages, _handovers = Conversation.__table__, Message.__table__, Handover.__table__
# Asked with every message, so they are built once, and of the tables: to build one takes longer than to ask it, and so
# does to make objects of a few columns.
_OF_CONVERSATION = _conversations.c.id == bindparam("conversation")
_LAST_NUMBER = select(_conversations.c.last_number).where(_OF_CONVERSATION).with_for_update()
_ADD = _messages.insert()
_COUNT = update(_conversations).where(_OF_CONVERSATION).values(last_number=bindparam("last"))
_COUNT_OF = {sender: _COUNT.values({_TYPED_AT[sender]: None}) for sender in Sender}
_ANSWER = (
    update(_messages)
    .where(_messages.c.conversation_id == bindparam("conversation"), _messages.c.number == bindparam("to"))
    .where(_messages.c.is_answered.is_(False))
    .values(is_answered=True)
)
_MESSAGE = select(Message).where(
    Message.conversation_id == bindparam("conversation"), Message.number == bindparam("number")
)
_OPEN_HANDOVER = (
    select(_handovers.c.id)
    .where(_handovers.c.conversation == bindparam("conversation"), _handovers.c.state != HandoverState.CLOSED)
    .order_by(_handovers.c.id)
    .limit(1)
)


@dataclass(frozen=True)
class Line:
    """One thing to be said, now if it has no moment; `extras` are buttons, pictures and cards as Rasa says them."""

    sender: Sender
    text: str
    at: datetime | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, sender: str, text: str, timestamp: float | None = None) -> Line:
        """A line of a conversation as Rasa keeps it: `sender` is customer, bot or agent, its time in seconds."""
        at = None if timestamp is None else datetime.fromtimestamp(timestamp, timezone.utc)
        return cls(Sender(sender), text, at)


@dataclass(frozen=True)
class Said:
    """One thing that was said, and its number."""

    number: int
    sender: Sender
    text: str
    at: datetime
    extras: Mapping[str, Any] = field(default_factory=dict)
    agent: str | None = None
    key: str | None = None  # the sender's own name for it


class ChoiceClosed(Exception):
    """There is no such button, or one of its message's was taken already."""


@dataclass(frozen=True)
class Choice:
    """A button: the number of the message it belongs to, and its place there, from 0."""

    number: int
    index: int


@dataclass(frozen=True)
class Heard:
    """A customer's message as it was recorded: its number, what the bot is to read, and who answers.

    `replies` is what the bot said to it, where it came before and was answered then; None if an answer is owed.
    """

    number: int
    payload: str
    is_new: bool
    is_with_person: bool
    replies: tuple[Said, ...] | None
    callback_email: str | None = None  # where they have just asked to be answered
    waits_behind: int | None = None  # how many are before them, where they should be told again


@dataclass(frozen=True)
class Presence:
    """How far a conversation has come, and who is there. Two that differ mean that there is something to tell."""

    last_number: int
    customer_has_read: int
    staff_has_read: int
    customer_is_typing: bool
    staff_is_typing: bool


def hear(
    session: Session,
    conversation: str,
    text: str,
    *,
    key: str | None = None,
    choice: Choice | None = None,
    photo: Picture | None = None,
) -> Heard:
    """Record what a customer writes or, in place of a text, which button they took or which photo they sent.

    A choice is made once.

    The same `key` again is the same message, whatever else it says. Raises ChoiceClosed.
    """
    begin_change(session)
    last = _locked(session, conversation)
    message = _by_key(session, conversation, key) if key else None
    payload = text
    if choice is not None:
        text, payload = _button(session, conversation, choice, take=message is None)
    handover = open_handover_in(session, conversation)
    is_with_person = handover is not None
    if message is not None:
        number, is_answered = message.number, message.is_answered
        session.commit()
        replies = _replies(session, conversation, number) if is_answered else None
        return Heard(number, payload, False, is_with_person, replies)
    callback = _callback(handover, text)
    behind = _to_be_told_again(session, handover) if callback is None else None
    if handover is not None:
        account.renew_with_agent(session, conversation, handover.opened_at)
    # an agent owes the answer, and no request waits for it
    is_left_to_agent = is_with_person and callback is None and behind is None
    line = Line(Sender.CUSTOMER, text, extras={"photo": photo.name} if photo is not None else {})
    (said,) = _append(session, conversation, last, [line], key=key, is_answered=is_left_to_agent)
    if photo is not None:
        case = trouble.case_for_photos(session, conversation)
        kept = Photo(name=photo.name, kind=photo.kind, conversation_id=conversation, ticket_id=case)
        kept.at = said.at
        session.add(kept)
    session.commit()
    return Heard(said.number, payload, True, is_with_person, () if is_left_to_agent else None, callback, behind)


def reply(session: Session, conversation: str, to: int, lines: Sequence[Line]) -> tuple[Said, ...]:
    """Record the bot's answer to a customer's message, unless a person has begun to speak or it is answered already.

    What is returned may be sent: the answer, as it now stands in the record.
    """
    begin_change(session)
    last = _locked(session, conversation)
    answered: Any = session.execute(_ANSWER, {"conversation": conversation, "to": to})
    if answered.rowcount == 0 and _by_number(session, conversation, to) is not None:
        session.rollback()
        return _replies(session, conversation, to)
    handover = open_handover_in(session, conversation)
    is_with_agent = handover is not None and handover.state is HandoverState.TAKEN
    replies = () if is_with_agent else _append(session, conversation, last, lines, reply_to=to)
    session.commit()
    return replies


def record(session: Session, conversation: str, lines: Iterable[Line]) -> None:
    """Keep a conversation that was held elsewhere, where nothing is known of it yet. The caller commits."""
    if _locked(session, conversation) == 0:
        _append(session, conversation, 0, lines, is_answered=True)


def since(session: Session, conversation: str, after: int = 0, *, limit: int = MOST_AT_ONCE) -> tuple[Said, ...]:
    """What was said after a number, in order; at most `limit` of it, so ask again from the last."""
    chosen = select(Message).where(Message.conversation_id == conversation, Message.number > after)
    return tuple(map(_said, session.execute(chosen.order_by(Message.number).limit(limit)).scalars()))


def presence(session: Session, conversations: Sequence[str]) -> dict[str, Presence]:
    """How far each of these has come; those of which nothing is known are left out."""
    chosen = select(Conversation).where(Conversation.id.in_(conversations))
    return {row.id: _presence(row) for row in session.execute(chosen).scalars()}


def has_photo(session: Session, conversation: str, name: str) -> bool:
    """Whether a photo was sent in this conversation: nobody else's is shown in it."""
    photo = session.get(Photo, name)
    return photo is not None and photo.conversation_id == conversation


def has_read(session: Session, conversation: str, reader: Sender, number: int) -> None:
    """A side has seen everything up to a number. A mark never goes back, nor past what was said."""
    begin_change(session)
    row = _locked_row(session, conversation)
    column = "customer_has_read" if reader is Sender.CUSTOMER else "staff_has_read"
    setattr(row, column, max(getattr(row, column), min(number, row.last_number)))
    session.commit()


def is_typing(session: Session, conversation: str, writer: Sender) -> None:
    """A side is writing. It lapses by itself after some seconds."""
    begin_change(session)
    setattr(_locked_row(session, conversation), _TYPED_AT[writer], clock.now())
    session.commit()


def append(session: Session, conversation: str, line: Line, *, agent: str | None = None) -> Said:
    """Add a line within the caller's change; the caller commits."""
    return append_once(session, conversation, line, agent=agent)[0]


def append_once(
    session: Session, conversation: str, line: Line, *, agent: str | None = None, key: str | None = None
) -> tuple[Said, bool]:
    """Add a line within the caller's change, unless one of this key is there already; and whether it is new."""
    last = _locked(session, conversation)
    message = _by_key(session, conversation, key) if key else None
    if message is not None:
        return _said(message), False
    (said,) = _append(session, conversation, last, [line], agent=agent, key=key)
    return said, True


def lock(session: Session, conversation: str) -> None:
    """Nobody else changes the conversation until the caller's change is committed."""
    _locked(session, conversation)


def _locked(session: Session, conversation: str) -> int:
    """The conversation's last number. Its row is the caller's until the transaction ends: so numbers have no gaps."""
    last = _last_number(session, conversation)
    if last is None:  # of two first messages at once, the second waits here for the first, and takes its row
        opening = insert(Conversation).values(id=conversation, opened_at=clock.now())  # SQLite words it alike
        is_mysql = session.get_bind().dialect.name in ("mysql", "mariadb")
        session.execute(opening.prefix_with("IGNORE") if is_mysql else opening.on_conflict_do_nothing())
        last = _last_number(session, conversation)
        assert last is not None
    return last


def _locked_row(session: Session, conversation: str) -> Conversation:
    _locked(session, conversation)
    row: Conversation | None = session.get(Conversation, conversation, populate_existing=True)
    assert row is not None
    return row


def _last_number(session: Session, conversation: str) -> int | None:
    found: int | None = session.execute(_LAST_NUMBER, {"conversation": conversation}).scalar_one_or_none()
    return found


def _append(
    session: Session,
    conversation: str,
    last: int,
    lines: Iterable[Line],
    *,
    key: str | None = None,
    reply_to: int | None = None,
    agent: str | None = None,
    is_answered: bool = False,
) -> tuple[Said, ...]:
    """Add lines of one sender behind the last number. Who has written something is writing no more."""
    said = tuple(
        Said(number, line.sender, line.text, line.at or clock.now(), dict(line.extras), agent, key)
        for number, line in enumerate(lines, last + 1)
    )
    if said:
        rest = {"conversation_id": conversation, "reply_to": reply_to, "is_answered": is_answered}
        session.execute(_ADD, [{**vars(one), **rest} for one in said])
        session.execute(_COUNT_OF[said[-1].sender], {"conversation": conversation, "last": said[-1].number})
    return said


def _by_key(session: Session, conversation: str, key: str) -> Message | None:
    chosen = select(Message).where(Message.conversation_id == conversation, Message.key == key)
    found: Message | None = session.execute(chosen).scalars().first()
    return found


def _by_number(session: Session, conversation: str, number: int) -> Message | None:
    which = {"conversation": conversation, "number": number}
    found: Message | None = session.execute(_MESSAGE, which).scalar_one_or_none()
    return found


def _replies(session: Session, conversation: str, number: int) -> tuple[Said, ...]:
    chosen = select(Message).where(Message.conversation_id == conversation, Message.reply_to == number)
    return tuple(map(_said, session.execute(chosen.order_by(Message.number)).scalars()))


def _button(session: Session, conversation: str, choice: Choice, *, take: bool) -> tuple[str, str]:
    """Its title and its payload. Raises ChoiceClosed where it is to be taken and one of them was."""
    message = _by_number(session, conversation, choice.number)
    buttons = message.extras.get("buttons", []) if message is not None else []
    if message is None or not 0 <= choice.index < len(buttons) or (take and message.chosen is not None):
        session.rollback()
        raise ChoiceClosed
    if take:
        message.chosen = choice.index
    button = buttons[choice.index]
    return str(button["title"]), str(button.get("payload") or button["title"])


def _callback(handover: Handover | None, text: str) -> str | None:
    """An e-mail address, written while they wait for a person, is where they want their answer."""
    if handover is None or handover.state is not HandoverState.WAITING:
        return None
    found = contacts.EMAIL.search(text)
    if found is None or account.normalise_order_number(text):  # it proves an order, more likely
        return None
    if handover.callback_email == found.group():
        return None
    handover.callback_email = found.group()[: contacts.LONGEST_EMAIL]
    return handover.callback_email


def _to_be_told_again(session: Session, handover: Handover | None) -> int | None:
    """How many are before a customer who waits, if nobody has said anything to them for a while."""
    if handover is None or handover.state is not HandoverState.WAITING:
        return None
    latest = select(func.max(Message.at)).where(
        Message.conversation_id == handover.conversation, Message.sender != Sender.CUSTOMER
    )
    told_at: datetime = session.execute(latest).scalar() or handover.opened_at
    if clock.now() - told_at < REASSURED_EVERY:
        return None
    return ahead_of(session, handover)


def ahead_of(session: Session, handover: Handover) -> int:
    """How many have waited longer."""
    longer = select(func.count()).where(Handover.state == HandoverState.WAITING, Handover.id < handover.id)
    return int(session.execute(longer.select_from(Handover)).scalar_one())


def open_handover_in(session: Session, conversation: str) -> Handover | None:
    """The one that waits for a person or has one: while there is one, the bot is silent."""
    found: int | None = session.execute(_OPEN_HANDOVER, {"conversation": conversation}).scalar_one_or_none()
    return None if found is None else session.get(Handover, found)


def _said(message: Message) -> Said:
    return Said(message.number, message.sender, message.text, message.at, message.extras, message.agent, message.key)


def _presence(row: Conversation) -> Presence:
    lately = clock.now() - TYPING_LASTS
    return Presence(
        row.last_number,
        row.customer_has_read,
        row.staff_has_read,
        row.customer_typed_at is not None and row.customer_typed_at > lately,
        row.staff_typed_at is not None and row.staff_typed_at > lately,
    )
