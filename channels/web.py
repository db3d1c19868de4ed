"""The web channel: Rasa's REST channel, fit to face customers, with the chat page beside it.

Mounted at /webhooks/rest, like Rasa's own, and speaks its format: `POST webhook` with `{"sender", "message"}` answers
the list of the bot's messages. Other than Rasa's own it takes what is typed for text and never for a command, refuses
what is no message, keeps silent while a person has the conversation, and never leaves a customer without an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.core.channels.rest import RestInput
from rasa.shared.exceptions import InvalidConfigException
from sanic import Blueprint, Sanic, response
from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from channels.handover import Desk
from channels.incoming import Incoming, Rejected, read_message
from channels.turn import Handle, Turn
from channels.voice import Messages, NothingToSay

logger = logging.getLogger(__name__)

WIDGET = Path(__file__).parent / "widget"
PAGES = {"chat": "text/html", "chat.css": "text/css", "chat.js": "text/javascript"}
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
ANSWER_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
DRAINED_BODIES = 16  # how many times the largest body is still read, so that the client hears why it is refused


@dataclass(frozen=True)
class Settings:
    """What credentials.yml may set under `channels.web.WebChannel`."""

    max_message_characters: int = 2_000  # a longer message is answered with the limit
    max_body_bytes: int = 64 * 1024  # a larger request is refused with 413
    answer_within_seconds: float = 50  # below Sanic's own 60, so that the customer hears a sentence

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise InvalidConfigException(f"credentials.yml: {setting.name} has to be a number above zero.")


class WebChannel(RestInput):
    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._desk = Desk()
        self._running: set[asyncio.Task[Messages]] = set()
        self._in_turn: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def name(cls) -> str:
        return "rest"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> WebChannel:
        """The channel as credentials.yml sets it; refuses a setting it doesn't know, lest a limit be misspelt."""
        known = {setting.name for setting in fields(Settings)}
        unknown = sorted(set(credentials or {}) - known)
        if unknown:
            raise InvalidConfigException(f"credentials.yml: {cls.__name__} has no setting {', '.join(unknown)}.")
        return cls(Settings(**(credentials or {})))

    def blueprint(self, on_new_message: Handle) -> Blueprint:
        web = Blueprint("haoke_web")

        @web.get("/")
        async def health(_request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @web.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            if _ready_agent(request.app) is None:
                return response.json({"status": "loading"}, status=503)
            return response.json({"status": "ok"})

        @web.post("/webhook", stream=True)
        async def receive(request: Request) -> HTTPResponse:
            try:
                incoming = read_message(await self._body(request))
                answer: object = await self._answer(request, incoming, on_new_message)
                status = 200
            except Rejected as rejected:
                answer, status = {"error": rejected.sentence}, rejected.status
            except NothingToSay as nothing:
                logger.error("The bot has no words: %s", nothing)
                answer, status = {"error": "The bot cannot answer now. Please try again in a minute."}, 503
            return response.json(answer, status=status, headers=dict(ANSWER_HEADERS))

        for name, kind in PAGES.items():
            web.add_route(_page(name, kind), f"/{name}", name=name.replace(".", "_"))
        return web

    async def _body(self, request: Request) -> bytes:
        largest = self.settings.max_body_bytes
        too_large = Rejected(413, f"The body is larger than {largest} bytes.")
        request.stream.request_max_size = DRAINED_BODIES * largest
        try:
            await request.receive_body()
        except PayloadTooLarge:
            raise too_large from None
        except SanicException:
            raise Rejected(400, "The body could not be read.") from None
        if len(request.body) > largest:
            raise too_large
        return bytes(request.body)

    async def _answer(self, request: Request, incoming: Incoming, handle: Handle) -> Messages:
        """The bot's messages for a customer's, or a sentence about what went wrong; silence where a person speaks.

        A turn goes on where the customer hangs up or the time is over: what has begun is finished and remembered.
        """
        accepted = request.headers.get("accept-language", "")
        turn = Turn(incoming, _ready_agent(request.app), self._desk, accepted_language=accepted)
        if len(incoming.text) > self.settings.max_message_characters:
            return await turn.say("utter_message_too_long", max_characters=self.settings.max_message_characters)
        running = asyncio.ensure_future(self._in_order(incoming.sender, turn.answer(handle)))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            return await asyncio.wait_for(asyncio.shield(running), self.settings.answer_within_seconds)
        except asyncio.TimeoutError:
            logger.warning("No answer in time in conversation %s.", incoming.sender)
            return await turn.say("utter_service_unavailable")

    async def _in_order(self, sender: str, answer: Coroutine[Any, Any, Messages]) -> Messages:
        """One message of a conversation at a time, in the order they came in."""
        lock = self._in_turn.setdefault(sender, asyncio.Lock())
        async with lock:
            return await answer


def _ready_agent(app: Sanic) -> Agent | None:
    """The bot, once it can answer: Rasa serves requests also before its model is loaded, or when it has none."""
    agent = getattr(app.ctx, "agent", None)
    return agent if agent is not None and agent.is_ready() else None


def _page(name: str, kind: str) -> Callable[[Request], Awaitable[HTTPResponse]]:
    path = WIDGET / ("chat.html" if name == "chat" else name)

    async def page(_request: Request) -> HTTPResponse:
        return await response.file(path, mime_type=f"{kind}; charset=utf-8", headers=dict(PAGE_HEADERS))

    return page
