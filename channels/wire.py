"""How what was said looks on the wire: in Rasa's list, in an event stream and in a poll's answer."""

from __future__ import annotations

import json
from typing import Any

from channels.incoming import COMMAND_SIGN
from channels.tokens import Tokens
from channels.voice import Messages
from desk.conversations import Choice, Presence, Said
from desk.streams import News, Quiet
from shop.models import Sender

HEARTBEAT = ": still here\n\n"


def as_rasa(said: Said, conversation: str, tokens: Tokens) -> dict[str, Any]:
    """An entry of Rasa's list."""
    text = {"text": said.text} if said.text else {}
    return {"recipient_id": conversation, **text, **_extras(said, conversation, tokens)}


def as_item(said: Said, conversation: str, tokens: Tokens) -> dict[str, Any]:
    """What an event says: who said what and when. Of an agent, the name."""
    named = {"agent": said.agent, "key": said.key}
    extras = _extras(said, conversation, tokens) if said.sender is not Sender.CUSTOMER else dict(said.extras)
    return {
        "number": said.number,
        "sender": said.sender.value,
        "text": said.text,
        "at": said.at.isoformat(),
        **{name: value for name, value in named.items() if value is not None},
        **extras,
    }


def as_event(news: News, conversation: str, tokens: Tokens) -> str:
    """One Server-Sent Event; what was said carries its number as the event's id."""
    if isinstance(news, Quiet):
        return HEARTBEAT
    if isinstance(news, Presence):
        return f"event: presence\ndata: {_presence(news)}\n\n"
    item = json.dumps(as_item(news, conversation, tokens), ensure_ascii=False)
    return f"id: {news.number}\nevent: message\ndata: {item}\n\n"


def without_commands(messages: Messages) -> Messages:
    """A list that is in no record, so no button of it could be held to be taken once: those that command go."""
    return [_without_commands(message) for message in messages]


def _without_commands(message: dict[str, Any]) -> dict[str, Any]:
    if "buttons" not in message:
        return message
    said = [button for button in message["buttons"] if not str(button.get("payload", "")).startswith(COMMAND_SIGN)]
    return {**message, "buttons": said}


def _extras(said: Said, conversation: str, tokens: Tokens) -> dict[str, Any]:
    """What goes with the text. A button's payload is signed: what it stands for stays here."""
    extras = dict(said.extras)
    if buttons := extras.get("buttons"):
        extras["buttons"] = [
            {"title": button["title"], "payload": tokens.for_choice(conversation, Choice(said.number, index))}
            for index, button in enumerate(buttons)
        ]
    return extras


def _presence(presence: Presence) -> str:
    return json.dumps({"staff_is_typing": presence.staff_is_typing, "staff_has_read": presence.staff_has_read})
