"""Who is at the door of the desk: an agent's browser, by its cookie; a change also by its page's own mark.

The cookie goes out on requests of the desk's own pages only (SameSite=Strict). Whoever changes something shows,
besides, a mark that only those pages can read, and comes from nowhere else by its Origin.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from sanic import response
from sanic.exceptions import InvalidUsage
from sanic.request import Request
from sanic.response import HTTPResponse
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from desk import agents
from desk.acts import FieldMissing
from desk.agents import AgentView, NotSignedIn
from desk.errors import DeskError, NoSuchHandover
from desk.places import place_of
from desk.sessions import Sessions
from desk.words import LANGUAGES, Words
from shop.errors import ShopError

logger = logging.getLogger(__name__)

COOKIE, MARK = "haoke_desk", "x-haoke-csrf"
MARK_OF_SIGN_IN = "sign-in"
SIGN_INS_A_MINUTE_PER_ADDRESS = 20
LARGEST_NUMBER = 2**31 - 1  # that a database holds
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

Result = TypeVar("Result")


class Refused(Exception):
    """Not done; `name` is of a sentence in the section `refusal` of the desk's words."""

    def __init__(self, status: int, name: str, **facts: Any) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.facts = facts


@dataclass(frozen=True)
class Visit:
    """One request of an agent who is signed in."""

    request: Request
    agent: AgentView
    token: str
    sessions: Sessions

    @property
    def words(self) -> Words:
        return Words(self.agent.language)

    async def do(self, work: Callable[[Session], Result]) -> Result:
        return await self.sessions.do(work)

    def field(self, name: str, *, default: str | None = None) -> str:
        """A text of the body. Raises Refused."""
        value = body_of(self.request).get(name, default)
        if not isinstance(value, str):
            raise Refused(400, "bad_request")
        return value

    def key(self) -> str:
        """The page's own name for what it asks, so that it is done once. Raises Refused."""
        key = self.field("key")
        if not 8 <= len(key) <= 40:
            raise Refused(400, "bad_request")
        return key

    def number(self, name: str) -> int:
        """A number of the body. Raises Refused."""
        value = body_of(self.request).get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
            raise Refused(400, "bad_request")
        return value


Handler = Callable[..., Coroutine[Any, Any, Any]]


class Guard:
    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._tries = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(SIGN_INS_A_MINUTE_PER_ADDRESS)

    def signed_in(self, handler: Handler) -> Handler:
        """A handler that gets a Visit in place of the request; refusals become answers."""

        async def visited(request: Request, **path: Any) -> Any:
            visit = await self._visit(request)
            if path.get("id", 0) > LARGEST_NUMBER:
                raise NoSuchHandover(path["id"])
            if request.method == "POST":
                _require_mark(request, mark_of(visit.token))
            return await handler(visit, **path)

        return self.answered(wraps(handler)(visited))

    def lead(self, handler: Handler) -> Handler:
        """The same for leads alone."""

        async def checked(visit: Visit, **path: Any) -> Any:
            if not visit.agent.is_lead:
                raise Refused(403, "not_allowed")
            return await handler(visit, **path)

        return self.signed_in(wraps(handler)(checked))

    def answered(self, handler: Handler) -> Handler:
        @wraps(handler)
        async def answer(request: Request, **path: Any) -> Any:
            try:
                given = await handler(request, **path)
            except Exception as error:
                given = _refusal(error, Words(await self._language(request)))
            if isinstance(given, HTTPResponse) and given.body is not None:
                for name, value in HEADERS.items():
                    given.headers.setdefault(name, value)
            return given

        return answer

    async def count_sign_in(self, request: Request) -> None:
        """Raises Refused: sign-in is asked for before anybody is known."""
        _require_mark(request, MARK_OF_SIGN_IN)
        place = place_of(str(request.remote_addr or request.ip))
        if not await self._tries.hit(self._limit, place):
            reset, _ = await self._tries.get_window_stats(self._limit, place)
            raise Refused(429, "too_fast", seconds=max(1, math.ceil(reset - time.time())))

    async def _visit(self, request: Request) -> Visit:
        token = request.cookies.get(COOKIE) or ""
        try:
            agent = await self.sessions.do(lambda session: agents.signed_in(session, token))
        except NotSignedIn:
            raise Refused(401, "session_over") from None
        return Visit(request, agent, token, self.sessions)

    async def _language(self, request: Request) -> str:
        """The agent's; of somebody unknown, what their page says or their browser asks for."""
        token = request.cookies.get(COOKIE) or ""
        try:
            return (await self.sessions.do(lambda session: agents.signed_in(session, token))).language
        except (NotSignedIn, SQLAlchemyError):
            pass
        try:
            asked = body_of(request).get("language")
        except Refused:
            asked = None
        if asked in LANGUAGES:
            return str(asked)
        return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def mark_of(token: str) -> str:
    """What the pages of this browser show with every change."""
    return hashlib.sha256(f"mark of {token}".encode()).hexdigest()


def body_of(request: Request) -> dict[str, Any]:
    """Raises Refused where it is no JSON object."""
    if not request.body:
        return {}
    try:
        body = request.json
    except InvalidUsage:
        raise Refused(400, "bad_request") from None
    if not isinstance(body, dict) or not _can_be_kept(body):
        raise Refused(400, "bad_request")
    return body


def _can_be_kept(body: dict[str, Any]) -> bool:
    """No half characters and no NUL, which no database takes."""
    try:
        written = json.dumps(body, ensure_ascii=False)
        written.encode()
    except (UnicodeEncodeError, ValueError, RecursionError):
        return False
    return "\\u0000" not in written


def require_length(request: Request) -> None:
    """Raises InvalidUsage where a body's length is no number: Sanic would read one of -1 bytes for ever."""
    length = request.headers.get("content-length", "0").strip()
    if not (length.isascii() and length.isdecimal()):
        raise InvalidUsage("Content-Length has to be a number.")


def _require_mark(request: Request, mark: str) -> None:
    origin = request.headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    is_json = (request.content_type or "").startswith("application/json")
    if not (
        is_ours
        and is_json
        and secrets.compare_digest(request.headers.get(MARK, "").encode(errors="replace"), mark.encode())
    ):
        raise Refused(403, "not_from_here")


def _refusal(error: Exception, words: Words) -> HTTPResponse:
    headers = {}
    if isinstance(error, Refused):
        status, sentence = error.status, words.say("refusal", error.name, **error.facts)
        if error.status == 429:
            headers["Retry-After"] = str(error.facts["seconds"])
    elif isinstance(error, FieldMissing):
        status, sentence = 409, words.say("refusal", "field_missing", field=words.say("field", error.field))
    elif isinstance(error, NotSignedIn):
        status, sentence = 403, words.refusal(error)
    elif isinstance(error, (DeskError, ShopError)):
        status, sentence = 409, words.refusal(error)
    elif isinstance(error, SQLAlchemyError):
        logger.error("The shop's database did not answer: %s", type(getattr(error, "orig", None) or error).__name__)
        status, sentence = 503, words.say("refusal", "unavailable")
    else:
        raise error
    return response.json({"error": sentence}, status, headers=headers)
