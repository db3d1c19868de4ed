"""The channel's own sentences: they stand in the domain like every other reply, in the customer's language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.shared.core.events import SlotSet
from rasa.shared.core.trackers import DialogueStateTracker

from channels.incoming import has_chinese, has_letters
from shop.policy import POLICY

LANGUAGES = ("zh", "en")

Messages = list[dict[str, Any]]


class WebOutput(CollectingOutputChannel):
    """Collects the bot's replies in Rasa's usual list; responses marked `channel: rest` are for it.

    `when_said` hears of them as soon as the bot has said all, where the bot tells (`serving`): Rasa's own does not.
    """

    def __init__(self, when_said: Callable[[Messages], Awaitable[None]] | None = None) -> None:
        super().__init__()
        self._when_said = when_said

    async def all_is_said(self) -> None:
        if self._when_said is not None:
            await self._when_said(self.messages)

    @classmethod
    def name(cls) -> str:
        return "rest"

    async def send_custom_json(self, recipient_id: str, json_message: dict[str, Any], **_more: Any) -> None:
        """Cards belong to what was said last: they go into one message with it, before its buttons."""
        if self.messages and "custom" not in self.messages[-1]:
            self.messages[-1]["custom"] = json_message
        else:
            await self._persist_message(self._message(recipient_id, custom=json_message))


class NothingToSay(Exception):
    """The bot has no such reply: no model is loaded, or its domain lacks it."""


def language_of(text: str, tracker: DialogueStateTracker | None, accepted: str) -> str:
    """The customer's language: what they write, else what the conversation is in, else what their browser asks for."""
    if has_chinese(text):
        return "zh"
    held = tracker.current_slot_values().get("language") if tracker else None
    if held in LANGUAGES:
        return str(held)
    if has_letters(text):
        return "en"
    return "zh" if accepted.lower().startswith("zh") else "en"


async def say(agent: Agent, reply: str, language: str, sender: str, **facts: Any) -> Messages:
    """One reply of the domain as Rasa's list of messages. Raises NothingToSay."""
    slots = agent.domain.slots if agent.domain else []
    tracker = DialogueStateTracker.from_events(sender, [SlotSet("language", language)], slots)
    output = WebOutput()
    shop = {"service_phone": POLICY.service_phone, "service_email": POLICY.service_email}
    draft = await agent.nlg.generate(reply, tracker, output.name(), **shop, **facts)
    if draft:
        await output.send_response(sender, draft)
    if not output.messages:
        raise NothingToSay(reply)
    return output.messages
