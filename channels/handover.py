"""The channel's side of the handover: who is speaking is read from the shop's database, never from the bot's memory.

Every call may wait for a locked database, so the channel makes them in a thread, beside the event loop.
"""

from __future__ import annotations

from rasa.shared.core.events import BotUttered, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.orm import Session

from desk import queue
from desk.queue import Line, Sender
from shop import account, database

TRANSCRIPT_LINES = 60


class Desk:
    """The queue as the channel needs it. Every method raises where the database cannot be reached."""

    def __init__(self) -> None:
        self._sessions: type[Session] | None = None

    def has(self, conversation: str) -> bool:
        """Whether a person has the conversation, or it waits for one: the bot is silent then."""
        with self._session() as session:
            return queue.is_open(session, conversation)

    def was_taken(self, conversation: str) -> bool:
        """Whether an agent is speaking by now."""
        with self._session() as session:
            handover = queue.open_in(session, conversation)
            return handover is not None and handover.agent is not None

    def pass_on(self, conversation: str, text: str) -> bool:
        """Keep a customer's message for the agent; False if the conversation was handed back in the meantime."""
        with self._session() as session:
            try:
                queue.add_message(session, conversation, Sender.CUSTOMER, text)
            except queue.NothingOpen:
                return False
            return True

    def open(self, conversation: str, *, language: str, wish: str, order: str | None, transcript: list[Line]) -> None:
        """Put the conversation into the queue where the bot could not."""
        with self._session() as session:
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

    def _session(self) -> Session:
        if self._sessions is None:
            self._sessions = database.session_factory(database.connect())
        return self._sessions()


def transcript_of(tracker: DialogueStateTracker | None) -> list[Line]:
    """What was said in the conversation, its last lines."""
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
