"""One message of a customer, from its arrival to what is sent back.

Who is speaking, the bot or a person, is read before the message reaches the bot, and again when its reply is made.
Whatever fails on the way, the customer hears a sentence.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.trackers import DialogueStateTracker

from channels.handover import Desk, order_in, transcript_of
from channels.incoming import Incoming
from channels.voice import Messages, NothingToSay, WebOutput, language_of, say
from desk.hours import service_hours
from desk.queue import Line, Sender

logger = logging.getLogger(__name__)

Handle = Callable[[UserMessage], Awaitable[Any]]
Result = TypeVar("Result")


class Turn:
    def __init__(self, incoming: Incoming, agent: Agent | None, desk: Desk, *, accepted_language: str = "") -> None:
        self._sender = incoming.sender
        self._text = incoming.text
        self._agent = agent
        self._desk = desk
        self._accepted_language = accepted_language

    async def answer(self, handle: Handle) -> Messages:
        """What to send back; nothing where a person speaks. Raises NothingToSay where there is no bot."""
        if await self._tried("reading who is speaking", asyncio.to_thread(self._desk.has, self._sender)):
            is_kept = await self._kept_for_a_person() if self._text else True
            if is_kept is None:
                return await self.say("utter_service_unavailable")
            if is_kept:
                return []
        if not self._text:
            return await self.say("utter_message_empty")
        return await self._ask_bot(handle)

    async def say(self, reply: str, **facts: Any) -> Messages:
        """A sentence of the channel itself, in the customer's language. Raises NothingToSay."""
        if self._agent is None:
            raise NothingToSay("no model is loaded")
        language = language_of(self._text, await self._tracker(), self._accepted_language)
        return await say(self._agent, reply, language, self._sender, **facts)

    async def _ask_bot(self, handle: Handle) -> Messages:
        if self._agent is None:
            raise NothingToSay("no model is loaded")
        output = WebOutput()
        message = UserMessage(self._text, output, self._sender, input_channel=output.name())
        await self._tried("answering", handle(message))
        taken = await self._tried(
            "reading again who is speaking", asyncio.to_thread(self._desk.was_taken, self._sender)
        )
        if taken and await self._kept_for_a_person():
            return []
        return output.messages or await self._make_up_for_silence(message)

    async def _make_up_for_silence(self, message: UserMessage) -> Messages:
        """The bot said nothing, so something failed: who asked for a person gets one, the others hear the truth."""
        tracker = await self._tracker()
        if await self._intent(message, tracker) == "talk_to_human" and await self._opened_handover(message, tracker):
            hours = service_hours()
            reply = "utter_handover_opened" if hours.is_open else "utter_handover_opened_after_hours"
            return await self.say(reply, opens=hours.opens, closes=hours.closes)
        return await self.say("utter_service_unavailable")

    async def _opened_handover(self, message: UserMessage, tracker: DialogueStateTracker | None) -> bool | None:
        transcript = transcript_of(tracker)
        if not _remembers(tracker, message):
            transcript.append(Line(Sender.CUSTOMER, self._text))
        facts = {
            "language": language_of(self._text, tracker, self._accepted_language),
            "wish": self._text,
            "order": order_in(tracker),
            "transcript": transcript,
        }
        return await self._tried("opening a handover", _done(asyncio.to_thread(self._desk.open, self._sender, **facts)))

    async def _kept_for_a_person(self) -> bool | None:
        """Whether the message waits for the agent: False if it is the bot's turn again, None if it is not kept."""
        keeping = asyncio.to_thread(self._desk.pass_on, self._sender, self._text)
        return await self._tried("keeping a message for a person", keeping)

    async def _tracker(self) -> DialogueStateTracker | None:
        if self._agent is None:
            return None
        return await self._tried("reading the conversation", self._agent.tracker_store.retrieve(self._sender))

    async def _intent(self, message: UserMessage, tracker: DialogueStateTracker | None) -> str | None:
        """What the bot takes this message for; asked again where the turn was too broken to be remembered."""
        if tracker is not None and _remembers(tracker, message):
            return tracker.latest_message.intent.get("name")
        if self._agent is None:
            return None
        parsed = await self._tried("understanding", self._agent.parse_message(message.text))
        return parsed["intent"].get("name") if parsed else None

    async def _tried(self, doing: str, work: Awaitable[Result]) -> Result | None:
        """What came of it, or None. Nothing may pass here, whatever fails: the customer is still owed a sentence."""
        try:
            return await work
        except Exception as error:
            logger.error("Conversation %s: %s failed. %s", self._sender, doing, _cause(error))
            logger.debug("The whole failure:", exc_info=error)
            return None


def _remembers(tracker: DialogueStateTracker | None, message: UserMessage) -> bool:
    """Whether the turn was saved: one that fails badly leaves the conversation as it was before."""
    latest = tracker.latest_message if tracker else None
    return latest is not None and latest.message_id == message.message_id


async def _done(work: Awaitable[Any]) -> bool:
    await work
    return True


def _cause(error: Exception) -> str:
    """What happened and where, without values: a database's error quotes what the customer wrote."""
    place = "".join(traceback.format_tb(error.__traceback__)[-3:])
    reason = getattr(error, "orig", None) or "its message is logged at debug"
    return f"{type(error).__name__} ({reason})\n{place}"
