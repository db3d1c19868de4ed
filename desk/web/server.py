"""The desk's own server: `python -m desk.web`. Customers never reach it; put it where only staff do."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from desk import absence
from desk.sessions import Sessions
from desk.streams import Streams
from desk.web import accounts, events, handovers, lead, orders, pages
from desk.web.feed import Feed
from desk.web.guard import Guard, require_length

logger = logging.getLogger(__name__)

LOOK_FOR_THE_ABSENT_EVERY = 10.0  # seconds
TIME_TO_COME_BACK = 60.0  # whoever is here says so within half a minute, also after the desk itself was away
LARGEST_BODY = 64 * 1024


@dataclass(frozen=True)
class Settings:
    secure_cookie: bool = False  # send the cookie over https only
    proxies: int = 0  # how many proxies of yours stand before the desk


def app(settings: Settings | None = None) -> Sanic:
    """The desk at /desk."""
    settings = settings or Settings()
    desk = Sanic("haoke_desk", configure_logging=False)
    desk.config.REQUEST_MAX_SIZE = LARGEST_BODY
    desk.config.PROXIES_COUNT = settings.proxies or None
    desk.config.FALLBACK_ERROR_FORMAT = "json"
    sessions = Sessions()
    guard, feed, streams = Guard(sessions), Feed(sessions), Streams(sessions)
    web = Blueprint("desk", url_prefix="/desk", strict_slashes=False)
    accounts.add(web, guard, secure_cookie=settings.secure_cookie)
    handovers.add(web, guard)
    orders.add(web, guard)
    lead.add(web, guard)
    events.add(web, guard, feed, streams)
    pages.add(web)

    @desk.signal("http.lifecycle.request")
    async def refuse_strange_length(request: Request) -> None:
        require_length(request)

    @web.get("/health")
    async def health(_request: Request) -> HTTPResponse:
        return response.json({"status": "ok"})

    @desk.get("/")
    async def home(_request: Request) -> HTTPResponse:
        return response.redirect("/desk/")

    @desk.after_server_start
    async def look_for_the_absent(running: Sanic, _loop: Any) -> None:
        running.ctx.looking = asyncio.create_task(_look_for_the_absent(sessions))

    @desk.before_server_stop
    async def let_go(running: Sanic, _loop: Any) -> None:
        running.ctx.looking.cancel()
        feed.end()
        streams.end()

    desk.blueprint(web)
    return desk


async def _look_for_the_absent(sessions: Sessions) -> None:
    await asyncio.sleep(TIME_TO_COME_BACK)
    while True:
        pause = LOOK_FOR_THE_ABSENT_EVERY
        try:
            for id in await sessions.do(absence.give_up_conversations_of_the_absent):
                logger.info("Handover %s is back in the queue: its agent is absent.", id)
        except Exception as error:  # whatever ails the database: it is looked for again
            logger.error("Absent agents cannot be looked for: %s", type(error).__name__)
            pause = TIME_TO_COME_BACK
        await asyncio.sleep(pause)
