"""Who comes in: opens conversations, tells by its token whose request it is, and shows strangers out.

A token comes in the `Authorization` header, as the widget sends it, or in a cookie, for REST clients that keep cookies.
A browser sends cookies by itself, so a cookie counts only for pages of this server's own and of the sites in `origins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sanic.compat import Header
from sanic.exceptions import InvalidUsage
from sanic.request import Request
from sanic.response import HTTPResponse

from channels.identity import NotVouchedFor
from channels.incoming import Rejected
from channels.limits import Limits
from channels.record import Record
from channels.settings import Settings
from channels.tokens import NotOurs, Tokens, new_conversation, secret
from desk.places import place_of

COOKIE = "haoke_session"
BEARER = "Bearer"
CLOSED = "This conversation is closed. Open a new one with POST session."
NOT_VOUCHED_FOR = "The shop's word for this customer is not accepted."
ALLOWED_HEADERS = "Authorization, Content-Type, Last-Event-ID"
SHOWN_HEADERS = "Haoke-Number, Retry-After"
DAY = 86_400


@dataclass(frozen=True)
class Guest:
    """Whose request it is, where it comes from (as limits count it), and whether their conversation is just opened."""

    conversation: str
    address: str
    is_new: bool = False


class MeasuredRequest(Request):
    """Raises InvalidUsage where a body's length is no number: Sanic would read one of -1 bytes for ever, and answer
    nobody else meanwhile. A signal of Sanic's could see to it, too; but where one is heard, all are sent.
    """

    __slots__ = ()

    def __init__(self, url_bytes: bytes, headers: Header, *others: Any, **named: Any) -> None:
        length = headers.get("content-length", "0").strip()
        if not (length.isascii() and length.isdecimal()):
            raise InvalidUsage("Content-Length has to be a number.")
        super().__init__(url_bytes, headers, *others, **named)


class Door:
    def __init__(self, settings: Settings, record: Record, limits: Limits) -> None:
        self._settings = settings
        self._record = record
        self._limits = limits
        self._made_tokens: Tokens | None = None

    @property
    def tokens(self) -> Tokens:
        if self._made_tokens is None:
            key = secret(Path(self._settings.secret_file))
            self._made_tokens = Tokens(key, session_seconds=self._settings.session_hours * 3600)
        return self._made_tokens

    async def open(self, request: Request, identity: object, *, is_fresh: bool = False) -> Guest:
        """The guest's conversation, or a new one; for a customer, on the word of the shop's site. Raises Rejected.

        `is_fresh`: they want a new one, whatever they had.
        """
        self.refuse_strange_pages(request)
        customer = self._vouched_for(identity)
        known = None if is_fresh else self._known(request)
        if known and (customer is None or await self._record.vouch(known, customer)):
            return Guest(known, address_of(request))
        guest = await self._new(request)
        if customer is not None and not await self._record.vouch(guest.conversation, customer):
            raise Rejected(403, NOT_VOUCHED_FOR)
        return guest

    async def guest(self, request: Request, *, sender: str | None = None, may_open: bool = False) -> Guest:
        """Whose request it is. Raises Rejected where nobody's, unless a conversation may be opened for it."""
        self.refuse_strange_pages(request)
        known = self._known(request)
        if known is None and self._settings.trusts_sender and sender:
            known = sender
        if known is not None:
            return Guest(known, address_of(request))
        if may_open and not request.headers.get("authorization", "").startswith(BEARER):
            return await self._new(request)
        raise Rejected(401, CLOSED)

    def refuse_strange_pages(self, request: Request) -> None:
        """Raises Rejected where a page of a site that is not ours asks."""
        origin = request.headers.get("origin")
        if origin and not self._may_ask(origin, request):
            raise Rejected(403, "This site may not talk to the bot: `origins` in credentials.yml does not name it.")

    def welcome(self, guest: Guest, response: HTTPResponse) -> None:
        """Gives the token as a cookie that no script reads and no other site's page sends."""
        response.cookies[COOKIE] = self.tokens.for_session(guest.conversation)
        response.cookies[COOKIE].update(
            {"httponly": True, "samesite": "Lax", "path": "/webhooks/rest", "max-age": self.tokens.session_seconds}
        )
        if self._settings.secure_cookie:
            response.cookies[COOKIE]["secure"] = True

    def headers_for(self, request: Request) -> Mapping[str, str]:
        """What lets the pages of the sites in `origins` read an answer (CORS). Cookies stay out of it."""
        origin = request.headers.get("origin", "")
        if origin not in self._settings.origins:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Expose-Headers": SHOWN_HEADERS,
            "Access-Control-Max-Age": str(DAY),
        }

    async def _new(self, request: Request) -> Guest:
        address = address_of(request)
        await self._limits.session(address)
        return Guest(new_conversation(), address, is_new=True)

    def _known(self, request: Request) -> str | None:
        """The conversation of the request's token; a header that is no good is refused, a cookie is forgotten."""
        header = request.headers.get("authorization", "")
        try:
            if header.startswith(BEARER):
                return self.tokens.conversation(header.removeprefix(BEARER).strip())
            cookie = request.cookies.get(COOKIE)
            return self.tokens.conversation(cookie) if cookie else None
        except NotOurs:
            return None

    def _vouched_for(self, identity: object) -> int | None:
        if identity is None:
            return None
        if self._settings.identity is None or not isinstance(identity, str):
            raise Rejected(403, NOT_VOUCHED_FOR)
        try:
            return self._settings.identity.customer(identity)
        except NotVouchedFor:
            raise Rejected(403, NOT_VOUCHED_FOR) from None

    def _may_ask(self, origin: str, request: Request) -> bool:
        return origin in self._settings.origins or urlsplit(origin).netloc == request.headers.get("host", "")


def address_of(request: Request) -> str:
    """Where it comes from: as the proxies say that `proxies` counts, else as the connection says."""
    return place_of(str(request.remote_addr or request.ip))
