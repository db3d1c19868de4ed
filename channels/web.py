"""The web channel: Rasa's REST channel, fit to face the internet, with the chat widget beside it.

Mounted at /webhooks/rest, like Rasa's own, and speaks its format: `POST webhook` with `{"message"}` answers the list of
the bot's messages. Other than Rasa's own it knows by a signed token whose conversation it is, takes what is typed for
text and never for a command, pushes what agents write, and never leaves a customer without an answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any
from weakref import WeakValueDictionary

from rasa.core.agent import Agent
from rasa.core.channels.rest import RestInput
from sanic import Blueprint, Sanic, response
from sanic.exceptions import PayloadTooLarge, SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from channels import pages
from channels.door import Door, Guest, MeasuredRequest
from channels.incoming import NAME_IN_WORDS, Incoming, Rejected, is_name, read_message, read_object
from channels.limits import Limits
from channels.record import Record
from channels.settings import Settings
from channels.tokens import NotOurs
from channels.turn import Answer, Handle, Turn
from channels.voice import Messages, NothingToSay
from channels.wire import as_event, as_item, as_rasa, without_commands
from desk import pictures
from desk.conversations import Choice, Said
from desk.sessions import Sessions
from desk.streams import Quiet, Streams

logger = logging.getLogger(__name__)

ANSWER_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
DRAINED_BYTES = 1024 * 1024  # of a body too large are still read, so that the client hears why it is refused
LONGEST_POLL_SECONDS = 25.0
SECONDS_TO_FINISH = 10.0  # that turns may take which go on when the server is to stop
NO_WORDS = "The bot cannot answer now. Please try again in a minute."
NUMBER_HEADER = "Haoke-Number"
TOO_LARGE = "The body is larger than {largest} bytes."
SHARED = ("/ready", "/session", "/webhook", "/events", "/photos", "/photos/<name>", "/read", "/typing")

Endpoint = Callable[..., Awaitable[Any]]


class WebChannel(RestInput):
    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        sessions = Sessions()
        self._record = Record(sessions)
        self._limits = Limits(self.settings)
        self._door = Door(self.settings, self._record, self._limits)
        self._streams = Streams(sessions)
        self._drawing = asyncio.Semaphore(1)  # a photo takes much memory while it is drawn anew
        self._running: set[asyncio.Task[Answer]] = set()
        self._in_turn: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    def name(cls) -> str:
        return "rest"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> WebChannel:
        """The channel as credentials.yml sets it. Raises InvalidConfigException."""
        return cls(Settings.of(credentials))

    def blueprint(self, on_new_message: Handle) -> Blueprint:
        web = Blueprint("haoke_web")
        asked = self._answered

        @web.get("/")
        async def health(_request: Request) -> HTTPResponse:
            return response.json({"status": "ok"})

        @web.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            is_ready = _ready_agent(request.app) is not None
            status = {"status": "ok" if is_ready else "loading"}
            return response.json(status, status=200 if is_ready else 503)

        @web.post("/session", stream=True)
        @asked
        async def session(request: Request) -> HTTPResponse:
            body = await self._body(request)
            claims = read_object(body) if body.strip() else {}
            guest = await self._door.open(request, claims.get("identity"), is_fresh=claims.get("fresh") is True)
            token = self._door.tokens.for_session(guest.conversation)
            opened = {
                "conversation": guest.conversation,
                "token": token,
                "expires_in": self._door.tokens.session_seconds,
                "is_new": guest.is_new,
            }
            return self._welcomed(guest, response.json(opened))

        @web.post("/webhook", stream=True)
        @asked
        async def webhook(request: Request) -> HTTPResponse:
            incoming = read_message(await self._body(request))
            guest = await self._door.guest(request, sender=incoming.sender, may_open=True)
            await self._limits.message(guest.conversation, guest.address)
            answer = await self._answer(request, guest, incoming, on_new_message)
            return self._welcomed(guest, self._as_list(guest, answer))

        @web.get("/events")
        @asked
        async def events(request: Request) -> HTTPResponse | None:
            guest = await self._door.guest(request, sender=request.args.get("sender"))
            await self._limits.signal(guest.conversation)
            after = _number(request.headers.get("last-event-id") or request.args.get("after"))
            with self._limits.stream(guest.conversation, guest.address):
                if "text/event-stream" in request.headers.get("accept", ""):
                    return await self._stream(request, guest, after)
                return response.json(await self._poll(guest, after, request.args.get("wait")))

        @web.post("/photos", stream=True)
        @asked
        async def take_photo(request: Request) -> HTTPResponse:
            guest = await self._door.guest(request)
            await self._limits.photo(guest.conversation, guest.address)
            data = await self._body(request, largest=pictures.MOST_BYTES)
            key = request.args.get("key")
            if key is not None and not is_name(key):
                raise Rejected(400, f"`key` has to be {NAME_IN_WORDS}")
            return self._as_list(guest, await self._answer_to_photo(request, guest, data, key))

        @web.get("/photos/<name:str>")
        @asked
        async def photo(request: Request, name: str) -> HTTPResponse:
            guest = await self._door.guest(request)
            await self._limits.signal(guest.conversation)
            found = pictures.find(name)
            if found is None or not await self._record.has_photo(guest.conversation, name):
                raise Rejected(404, "There is no such photo in this conversation.")
            path, kind = found
            return await response.file(path, mime_type=kind, headers={"Content-Disposition": "inline"})

        @web.post("/read", stream=True)
        @asked
        async def read(request: Request) -> HTTPResponse:
            guest = await self._door.guest(request)
            await self._limits.signal(guest.conversation)
            number = read_object(await self._body(request)).get("number")
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise Rejected(400, "`number` has to be the number of a message.")
            await self._record.has_read(guest.conversation, number)
            return response.empty()

        @web.post("/typing", stream=True)
        @asked
        async def typing(request: Request) -> HTTPResponse:
            guest = await self._door.guest(request)
            await self._limits.signal(guest.conversation)
            await self._body(request)
            await self._record.is_typing(guest.conversation)
            return response.empty()

        async def preflight(_request: Request, **_path: str) -> HTTPResponse:
            return response.empty()

        for number, path in enumerate(SHARED):
            web.add_route(preflight, path, methods=["OPTIONS"], name=f"preflight_{number}")

        @web.middleware("response")
        async def share(request: Request, answer: HTTPResponse) -> None:
            answer.headers.update(self._door.headers_for(request))

        @web.listener("before_server_start")
        async def prepare(app: Sanic, _loop: Any) -> None:
            app.config.PROXIES_COUNT = self.settings.proxies or None
            app.request_class = MeasuredRequest

        @web.listener("before_server_stop")
        async def let_go(_app: Sanic, _loop: Any) -> None:
            self._streams.end()
            if self._running:
                await asyncio.wait(self._running, timeout=SECONDS_TO_FINISH)

        pages.add(web, self.settings.origins)
        return web

    def _answered(self, endpoint: Endpoint) -> Endpoint:
        """Refusals become answers, and no answer is kept on its way."""

        @wraps(endpoint)
        async def answered(request: Request, *arguments: Any, **named: Any) -> Any:
            request.stream.request_max_size = pictures.MOST_BYTES + DRAINED_BYTES  # of what is refused unread, too
            try:
                answer = await endpoint(request, *arguments, **named)
            except NothingToSay as nothing:
                logger.error("The bot has no words: %s", nothing)
                answer = response.json({"error": NO_WORDS}, 503)
            except Rejected as rejected:
                answer = response.json({"error": rejected.sentence}, rejected.status, headers=dict(rejected.headers))
            if isinstance(answer, HTTPResponse) and answer.body is not None:
                answer.headers.update(ANSWER_HEADERS)
            return answer

        return answered

    async def _body(self, request: Request, *, largest: int | None = None) -> bytes:
        """The request's body. One too large is refused unread, where it says so; what is a bit over is thrown away."""
        largest = largest or self.settings.max_body_bytes
        request.stream.request_max_size = largest + DRAINED_BYTES
        body = bytearray()
        try:
            async for part in request.stream:
                body += part[: largest + 1 - len(body)]
        except PayloadTooLarge:
            raise Rejected(413, TOO_LARGE.format(largest=largest)) from None
        except SanicException:
            raise Rejected(400, "The body could not be read.") from None
        if len(body) > largest:
            raise Rejected(413, TOO_LARGE.format(largest=largest))
        return bytes(body)

    async def _answer(self, request: Request, guest: Guest, incoming: Incoming, handle: Handle) -> Answer:
        """The bot's messages for a customer's, or a sentence about what went wrong; silence where a person speaks."""
        choice = self._choice(guest, incoming)
        turn = self._turn(request, guest, incoming.text, key=incoming.key, choice=choice)
        if incoming.is_choice and choice is None:
            return Answer(unrecorded=await turn.say("utter_choice_closed"))
        if len(incoming.text) > self.settings.max_message_characters:
            limit = self.settings.max_message_characters
            return Answer(unrecorded=await turn.say("utter_message_too_long", max_characters=limit))
        return await self._finished(guest, turn, self._in_order(guest.conversation, turn.answer(handle)))

    async def _answer_to_photo(self, request: Request, guest: Guest, data: bytes, key: str | None) -> Answer:
        turn = self._turn(request, guest, key=key)
        return await self._finished(guest, turn, self._kept_photo(guest, turn, data))

    async def _kept_photo(self, guest: Guest, turn: Turn, data: bytes) -> Answer:
        try:
            async with self._drawing:
                picture = await asyncio.to_thread(pictures.store, data)
        except pictures.NotAPicture:
            raise Rejected(415, "Only JPEG, PNG or WebP photos can be sent.") from None
        except pictures.TooLarge:
            raise Rejected(413, "The photo is too large.") from None
        return await self._in_order(guest.conversation, turn.answer_to_photo(picture))

    async def _finished(self, guest: Guest, turn: Turn, answer: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, or a sentence where it takes too long.

        A turn goes on where it has said all, where the customer hangs up or the time is over: what has begun is
        finished and remembered.
        """
        running = asyncio.ensure_future(answer)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        within = self.settings.answer_within_seconds
        done, _ = await asyncio.wait({running, turn.said}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if done:
            return turn.said.result() if turn.said.done() else running.result()
        logger.warning("No answer in time in conversation %s.", guest.conversation)
        return Answer(unrecorded=await turn.say("utter_service_unavailable"))

    def _turn(
        self, request: Request, guest: Guest, text: str = "", *, key: str | None, choice: Choice | None = None
    ) -> Turn:
        agent, accepted = _ready_agent(request.app), request.headers.get("accept-language", "")
        return Turn(guest.conversation, text, agent, self._record, key=key, choice=choice, accepted_language=accepted)

    def _choice(self, guest: Guest, incoming: Incoming) -> Choice | None:
        """The button that was taken, if it is one of this conversation's."""
        try:
            return self._door.tokens.choice(incoming.typed, guest.conversation) if incoming.is_choice else None
        except NotOurs:
            return None

    async def _in_order(self, conversation: str, answer: Coroutine[Any, Any, Answer]) -> Answer:
        """One message of a conversation at a time, in the order they came in; who listens hears of it at once."""
        lock = self._in_turn.setdefault(conversation, asyncio.Lock())
        try:
            async with lock:
                return await answer
        finally:
            self._streams.wake(conversation)

    def _as_list(self, guest: Guest, answer: Answer) -> HTTPResponse:
        """Rasa's list. The header tells whoever listens to the events, too, that the answer comes there as well."""
        if answer.unrecorded is not None:
            return response.json(without_commands(answer.unrecorded))
        messages: Messages = [as_rasa(said, guest.conversation, self._door.tokens) for said in answer.recorded]
        last = answer.recorded[-1].number if answer.recorded else 0
        return response.json(messages, headers={NUMBER_HEADER: str(last)})

    def _welcomed(self, guest: Guest, answer: HTTPResponse) -> HTTPResponse:
        self._door.welcome(guest, answer)
        return answer

    async def _stream(self, request: Request, guest: Guest, after: int) -> None:
        """Server-Sent Events: each message once, under its number, by which the client goes on when it comes back."""
        headers = {**ANSWER_HEADERS, "X-Accel-Buffering": "no"}
        stream = await request.respond(content_type="text/event-stream; charset=utf-8", headers=headers)
        await stream.send("retry: 1000\n\n")
        following = self._streams.follow(guest.conversation, after, quiet_after=self.settings.heartbeat_seconds)
        async for news in following:
            await stream.send(as_event(news, guest.conversation, self._door.tokens))
        await stream.eof()

    async def _poll(self, guest: Guest, after: int, wait: str | None) -> dict[str, Any]:
        """What was said after a number; where there is nothing yet, the answer waits for it a while."""
        patience = min(float(_number(wait)), LONGEST_POLL_SECONDS)
        if patience:
            await self._wait_for_news(guest, after, patience)
        said = await self._record.since(guest.conversation, after)
        items = [as_item(one, guest.conversation, self._door.tokens) for one in said]
        return {"messages": items, "last": items[-1]["number"] if items else after}

    async def _wait_for_news(self, guest: Guest, after: int, patience: float) -> None:
        following = self._streams.follow(guest.conversation, after, quiet_after=patience)
        try:
            async for news in following:
                if isinstance(news, (Said, Quiet)):
                    return
        finally:
            await following.aclose()


def _ready_agent(app: Sanic) -> Agent | None:
    """The bot, once it can answer: Rasa serves requests also before its model is loaded, or when it has none."""
    agent = getattr(app.ctx, "agent", None)
    return agent if agent is not None and agent.is_ready() else None


def _number(given: str | None) -> int:
    """A number as a client writes it; 0 for anything else."""
    return int(given) if given and given.isascii() and given.isdecimal() and len(given) < 10 else 0
