"""The channel's side of the desk's record: what is said is kept there, and who is speaking is read there.

All raise where the database cannot be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa.shared.core.events import BotUttered, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.orm import Session

from desk import conversations, queue
from desk.conversations import Choice, Heard, Line, Said
from desk.pictures import Picture
from desk.sessions import Sessions
from shop import account
from shop.models import Sender

TRANSCRIPT_LINES = 60


class Record:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def hear(
        self,
        conversation: str,
        text: str,
        key: str | None,
        *,
        choice: Choice | None = None,
        photo: Picture | None = None,
    ) -> Heard:
        """Raises ChoiceClosed."""
        return await self._sessions.do(
            lambda s: conversations.hear(s, conversation, text, key=key, choice=choice, photo=photo)
        )

    async def has_photo(self, conversation: str, name: str) -> bool:
        return await self._sessions.do(lambda s: conversations.has_photo(s, conversation, name))

    async def reply(self, conversation: str, to: int, lines: Sequence[Line]) -> tuple[Said, ...]:
        """What may be sent of it: nothing, where a person has begun to speak."""
        return await self._sessions.do(lambda s: conversations.reply(s, conversation, to, lines))

    async def since(self, conversation: str, after: int) -> tuple[Said, ...]:
        return await self._sessions.do(lambda s: conversations.since(s, conversation, after))

    async def has_read(self, conversation: str, number: int) -> None:
        await self._sessions.do(lambda s: conversations.has_read(s, conversation, Sender.CUSTOMER, number))

    async def is_typing(self, conversation: str) -> None:
        await self._sessions.do(lambda s: conversations.is_typing(s, conversation, Sender.CUSTOMER))

    async def is_with_person(self, conversation: str) -> bool:
        """Whether a person has the conversation, or it waits for one: the bot is silent then."""
        return await self._sessions.do(lambda s: queue.is_open(s, conversation))

    async def vouch(self, conversation: str, customer: int) -> bool:
        """Let a customer in whom their shop's site vouches for; False where the conversation is somebody else's."""
        return await self._sessions.do(lambda s: account.vouch(s, conversation, customer))

    async def open_handover(
        self, conversation: str, *, language: str, wish: str, order: str | None, transcript: list[Line]
    ) -> bool:
        """Put the conversation into the queue where the bot could not."""

        def open_it(session: Session) -> bool:
            shopper = account.recognise(session, conversation)
            queue.open_handover(
                session,
                conversation,
                language=language,
                topic="talk_to_human",
                wish=wish,
                customer_id=shopper.customer_id,
                is_verified=shopper.is_known,
                order_number=order,
                transcript=transcript,
            )
            return True

        return await self._sessions.do(open_it)


def transcript_of(tracker: DialogueStateTracker | None) -> list[Line]:
    """What was said in the conversation, its last lines, as Rasa remembers it."""
    lines = [_line(event) for event in tracker.events] if tracker else []
    return [line for line in lines if line is not None][-TRANSCRIPT_LINES:]


def _line(event: Event) -> Line | None:
    if not isinstance(event, (UserUttered, BotUttered)) or not event.text:
        return None
    return Line.of("customer" if isinstance(event, UserUttered) else "bot", event.text, event.timestamp)


def order_in(tracker: DialogueStateTracker | None) -> str | None:
    """The order the conversation is about."""
    named = tracker.current_slot_values().get("order_number") if tracker else None
    return account.normalise_order_number(named) if isinstance(named, str) else None


def as_line(message: dict[str, Any]) -> Line:
    """A message of Rasa's list as the record keeps it."""
    extras = {name: value for name, value in message.items() if name not in ("recipient_id", "text")}
    return Line(Sender.BOT, message.get("text") or "", extras=extras)
