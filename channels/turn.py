"""One message of a customer, from its arrival to what is sent back.

It is recorded before the bot hears it, and the bot's reply before it is sent. In the same transactions is read who is
speaking, the bot or a person: so they never answer the same message. What is recorded is sent; then the bot saves its
turn, and the next message waits for that. Whatever fails on the way, the customer hears a sentence.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.trackers import DialogueStateTracker

from channels.incoming import Rejected
from channels.record import Record, as_line, order_in, transcript_of
from channels.voice import Messages, NothingToSay, WebOutput, language_of, say
from desk import pictures
from desk.conversations import Choice, ChoiceClosed, Heard, Line, Said
from desk.hours import service_hours
from desk.pictures import Picture
from shop.models import Sender

logger = logging.getLogger(__name__)

Handle = Callable[[UserMessage], Awaitable[Any]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """What to send back: as it stands in the record, or, where it could not be kept there, as it was made."""

    recorded: tuple[Said, ...] = ()
    unrecorded: Messages | None = None


class Turn:
    def __init__(
        self,
        conversation: str,
        text: str,
        agent: Agent | None,
        record: Record,
        *,
        key: str | None = None,
        choice: Choice | None = None,
        accepted_language: str = "",
    ) -> None:
        self._conversation = conversation
        self._text = text
        self._agent = agent
        self._record = record
        self._key = key
        self._choice = choice
        self._accepted_language = accepted_language
        self._heard: Heard | None = None
        self.said: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()  # while the bot saves its turn

    async def answer(self, handle: Handle) -> Answer:
        """The whole turn; `said` may have its answer sooner. Nothing is sent where a person speaks.

        Raises NothingToSay where there is no bot.
        """
        if not self._text:
            return await self._answer_to_nothing()
        message = self._message(self._text)
        if self._choice is None:
            self._begin(message)
        try:
            heard = self._heard = await self._tried("recording a message", self._hear())
        except ChoiceClosed:
            return Answer(unrecorded=await self.say("utter_choice_closed"))
        if heard is None and await self._is_with_person():
            return Answer(unrecorded=await self.say("utter_service_unavailable"))
        if heard is not None and heard.replies is not None:
            return Answer(heard.replies)
        if heard is not None and heard.is_with_person:
            return await self._noted(heard)
        if heard is not None and heard.payload != self._text:
            message = self._message(heard.payload)
        messages = await self._ask_bot(handle, message)
        if self.said.done():
            return self.said.result()
        return Answer(unrecorded=messages) if heard is None else await self._recorded(heard, messages)

    async def _when_said(self, messages: Messages) -> None:
        if self._heard is not None and messages:
            self.said.set_result(await self._recorded(self._heard, messages))

    async def _recorded(self, heard: Heard, messages: Messages) -> Answer:
        kept = await self._tried("recording a reply", self._reply(heard, messages))
        return Answer(unrecorded=messages) if kept is None else Answer(kept)

    def _reply(self, heard: Heard, messages: Messages) -> Coroutine[Any, Any, tuple[Said, ...]]:
        return self._record.reply(self._conversation, heard.number, [as_line(one) for one in messages])

    async def _noted(self, heard: Heard) -> Answer:
        """Who waits for a person and leaves an address hears that it was noted, and after a while that they still
        have their place; an agent answers all else."""
        if heard.callback_email is not None:
            said = await self.say("utter_callback_noted", email=heard.callback_email)
        elif heard.waits_behind is not None:
            said = await self._say_that_they_wait(heard.waits_behind)
        else:
            return Answer()
        return await self._recorded(heard, said)

    async def _say_that_they_wait(self, behind: int) -> Messages:
        hours = service_hours()
        if not hours.is_open:
            return await self.say("utter_still_waiting_after_hours", opens=hours.opens, closes=hours.closes)
        return await self.say("utter_still_waiting" if behind else "utter_still_waiting_first", ahead=str(behind))

    async def answer_to_photo(self, photo: Picture) -> Answer:
        """A photo is kept for whoever looks into the case; the bot asks nothing new, so an open question stays open.

        Raises Rejected where it cannot be recorded: it may be sent again.
        """
        hearing = self._record.hear(self._conversation, "", self._key, photo=photo)
        heard = await self._tried("recording a photo", hearing)
        if heard is None:
            pictures.remove(photo)
            raise Rejected(503, "The photo could not be kept. Please send it again in a moment.")
        if not heard.is_new:
            pictures.remove(photo)  # it is here already, under another name
        if heard.replies is not None:
            return Answer(heard.replies)
        lines = [as_line(message) for message in await self.say("utter_photo_received")]
        return Answer(await self._record.reply(self._conversation, heard.number, lines))

    async def say(self, reply: str, **facts: Any) -> Messages:
        """A sentence of the channel itself, in the customer's language. Raises NothingToSay."""
        if self._agent is None:
            raise NothingToSay("no model is loaded")
        language = language_of(self._text, await self._tracker(), self._accepted_language)
        return await say(self._agent, reply, language, self._conversation, **facts)

    async def _hear(self) -> Heard:
        return await self._record.hear(self._conversation, self._text, self._key, choice=self._choice)

    async def _answer_to_nothing(self) -> Answer:
        if await self._is_with_person():
            return Answer()
        return Answer(unrecorded=await self.say("utter_message_empty"))

    async def _is_with_person(self) -> bool | None:
        return await self._tried("reading who is speaking", self._record.is_with_person(self._conversation))

    def _message(self, text: str) -> UserMessage:
        return UserMessage(text, WebOutput(self._when_said), self._conversation, input_channel=WebOutput.name())

    def _begin(self, message: UserMessage) -> None:
        """Let the bot read the message while it is being recorded, where it can (`serving`); Rasa's own cannot."""
        begin = getattr(self._agent.processor, "begin", None) if self._agent else None
        if begin is not None:
            begin(message)

    async def _ask_bot(self, handle: Handle, message: UserMessage) -> Messages:
        if self._agent is None:
            raise NothingToSay("no model is loaded")
        await self._tried("answering", handle(message))
        output = message.output_channel
        assert isinstance(output, WebOutput)
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
        opening = self._record.open_handover(
            self._conversation,
            language=language_of(self._text, tracker, self._accepted_language),
            wish=self._text,
            order=order_in(tracker),
            transcript=transcript,
        )
        return await self._tried("opening a handover", opening)

    async def _tracker(self) -> DialogueStateTracker | None:
        if self._agent is None:
            return None
        return await self._tried("reading the conversation", self._agent.tracker_store.retrieve(self._conversation))

    async def _intent(self, message: UserMessage, tracker: DialogueStateTracker | None) -> str | None:
        """What the bot takes this message for; asked again where the turn was too broken to be remembered."""
        if tracker is not None and _remembers(tracker, message):
            return tracker.latest_message.intent.get("name")
        if self._agent is None:
            return None
        parsed = await self._tried("understanding", self._agent.parse_message(message.text))
        return parsed["intent"].get("name") if parsed else None

    async def _tried(self, doing: str, work: Awaitable[Result]) -> Result | None:
        """What came of it, or None. No failure may pass here: the customer is still owed a sentence."""
        try:
            return await work
        except ChoiceClosed:
            raise
        except Exception as error:
            logger.error("Conversation %s: %s failed. %s", self._conversation, doing, _cause(error))
            logger.debug("The whole failure:", exc_info=error)
            return None


def _remembers(tracker: DialogueStateTracker | None, message: UserMessage) -> bool:
    """Whether the turn was saved: one that fails badly leaves the conversation as it was before."""
    latest = tracker.latest_message if tracker else None
    return latest is not None and latest.message_id == message.message_id


def _cause(error: Exception) -> str:
    """What happened and where, without values: a database's error quotes what the customer wrote."""
    place = "".join(traceback.format_tb(error.__traceback__)[-3:])
    reason = getattr(error, "orig", None) or "its message is logged at debug"
    return f"{type(error).__name__} ({reason})\n{place}"
