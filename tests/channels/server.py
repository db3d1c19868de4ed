"""A web channel served for real on a free port, with a stand-in for the trained bot behind it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.run import configure_app
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, SlotSet, UserUttered

from channels.web import WebChannel
from tests.servers import served

DOMAIN = """
version: "3.1"
slots:
  language: {type: categorical, values: [zh, en], mappings: [{type: custom}]}
  order_number: {type: text, mappings: [{type: custom}]}
responses:
"""
REPLIES = {
    "utter_message_empty": ("请输入您的问题。", "Please write what you need."),
    "utter_choice_closed": ("这个选项已经用过了。", "That choice has been used."),
    "utter_photo_received": ("照片收到了。", "Got your photo."),
    "utter_message_too_long": ("请控制在{max_characters}字以内。", "Please keep it under {max_characters} characters."),
    "utter_service_unavailable": ("系统出错，请拨打{service_phone}。", "We cannot do that now, call {service_phone}."),
    "utter_callback_noted": ("会回复到{email}。", "We'll answer at {email}."),
    "utter_still_waiting": ("前面还有{ahead}位。", "Before you: {ahead}."),
    "utter_still_waiting_first": ("下一位就是您。", "You're next."),
    "utter_still_waiting_after_hours": ("同事{opens}-{closes}在。", "Our team is here {opens} to {closes}."),
    "utter_handover_opened": ("已为您转接人工客服。", "A person will answer you here."),
    "utter_handover_opened_after_hours": ("我们{opens}-{closes}在。", "We are here {opens} to {closes}."),
}


def domain() -> Domain:
    lines = [DOMAIN]
    for name, texts in REPLIES.items():
        lines.append(f"  {name}:\n")
        for language, text in zip(("zh", "en"), texts, strict=True):
            lines.append(f'  - text: "{text}"\n')
            if language == "zh":
                lines.append("    condition: [{type: slot, name: language, value: zh}]\n")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # Rasa says at each domain with a slot what changed in its version 3
        return Domain.from_yaml("".join(lines))


class StandInBot:
    """In the place of Rasa's message processor: echoes, and fails in the ways a real one does, on request."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.heard: list[UserMessage] = []
        self.meanwhile: Any = None  # called while the bot is thinking
        self.is_forgetful = False  # a turn that fails before it is saved
        self.while_saving: Any = None  # awaited with the message when all is said and the turn is being saved

    async def handle_message(self, message: UserMessage) -> None:
        self.heard.append(message)
        if message.text == "crash":
            raise RuntimeError("something broke")
        if message.text.startswith("wait"):
            await asyncio.sleep(0.4)
        if self.meanwhile:
            self.meanwhile()
        tracker = await self.agent.tracker_store.get_or_create_tracker(message.sender_id)
        tracker.update(UserUttered(message.text, self.intent(message.text), message_id=message.message_id))
        if message.text.startswith("#W"):
            tracker.update(SlotSet("order_number", message.text))
        if message.text not in ("mute", "转人工", "a person please"):
            answer = f"You said: {message.text}"
            if message.text == "offer":
                buttons = [{"title": "Yes", "payload": "/affirm"}, {"title": "No", "payload": "no thanks"}]
                await message.output_channel.send_text_with_buttons(message.sender_id, answer, buttons)
            else:
                await message.output_channel.send_text_message(message.sender_id, answer)
            tracker.update(BotUttered(answer))
        if message.text == "half":
            raise RuntimeError("something broke after the reply")
        if self.while_saving:
            await message.output_channel.all_is_said()
            await self.while_saving(message)
        if not self.is_forgetful:
            await self.agent.tracker_store.save(tracker)

    async def parse_message(self, message: UserMessage) -> dict[str, Any]:
        return {"intent": self.intent(message.text)}

    def intent(self, text: str) -> dict[str, Any]:
        return {"name": "talk_to_human" if text in ("转人工", "a person please") else "inform", "confidence": 1.0}


class Chat:
    """A customer's side of the wire."""

    def __init__(self, address: str, bot: StandInBot, channel: WebChannel) -> None:
        self.bot = bot
        self.channel = channel
        self.url = f"{address}/webhooks/rest"
        self.client = self.new_client()

    def new_client(self, **more: Any) -> httpx.Client:
        """Another browser: it has cookies of its own."""
        return httpx.Client(base_url=self.url, timeout=20, trust_env=False, **more)

    def post(self, **request: Any) -> httpx.Response:
        return self.client.post("/webhook", **request)

    def say(self, message: Any, sender: str = "visitor-1", **more: Any) -> list[dict[str, Any]]:
        response = self.post(json={"sender": sender, "message": message, **more})
        assert response.status_code == 200, response.text
        return list(response.json())

    def texts(self, message: Any, sender: str = "visitor-1") -> list[str]:
        return [said["text"] for said in self.say(message, sender)]

    def heard(self) -> list[str | None]:
        return [message.text for message in self.bot.heard]


@contextmanager
def serving(channel: WebChannel, *, with_bot: bool = True) -> Iterator[Chat]:
    """The channel on Rasa's own server, as `rasa run` sets it up, until the end of the block."""
    app = configure_app([channel], enable_api=False)
    agent = Agent(domain=domain())
    bot = StandInBot(agent)
    agent.processor = bot  # type: ignore[assignment]
    if with_bot:
        app.ctx.agent = agent
    with served(app) as address:
        chat = Chat(address, bot, channel)
        try:
            yield chat
        finally:
            chat.client.close()
