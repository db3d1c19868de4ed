"""What an open desk is told as it happens: the queue, and what is said in the conversation that is open in it."""

from __future__ import annotations

import json
from typing import Any

from sanic import Blueprint
from sqlalchemy.orm import Session

from desk import agents
from desk.agents import NotSignedIn
from desk.conversations import Presence, Said
from desk.streams import Quiet, Streams
from desk.web import wire
from desk.web.feed import Feed, Queue, merged
from desk.web.guard import HEADERS, Guard, Refused, Visit
from desk.web.handovers import visible

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = ": still here\n\n"


def add(web: Blueprint, guard: Guard, feed: Feed, streams: Streams) -> None:
    @web.get("/api/events")
    @guard.signed_in
    async def events(visit: Visit) -> None:
        id = _number(visit, "handover")
        after = _number(visit, "after") or 0
        sources: list[Any] = [feed.follow(quiet_after=HEARTBEAT_SECONDS)]
        if id is not None:
            given = await visit.do(lambda session: visible(session, id, visit.agent))
            sources.append(streams.follow(given.conversation, after, quiet_after=HEARTBEAT_SECONDS))
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        stream = await visit.request.respond(content_type="text/event-stream; charset=utf-8", headers=headers)
        await stream.send("retry: 1000\n\n")
        before: Queue | None = None
        async for news in merged(*sources):
            if isinstance(news, Queue):
                await stream.send(_event("queue", {"rows": wire.rows(news.rows, visit.agent)}))
                if id is not None and before is not None and before.prints.get(id) != news.prints.get(id):
                    await stream.send(_event("changed", {}))
                before = news
            elif isinstance(news, Quiet):
                if not await visit.do(lambda session: _is_signed_in(session, visit.token)):
                    await stream.send(_event("signed-out", {}))
                    break
                await stream.send(HEARTBEAT)
            else:
                await stream.send(_said(news))
        await stream.eof()


def _said(news: Said | Presence) -> str:
    if isinstance(news, Said):
        return f"id: {news.number}\n{_event('message', wire.line(news))}"
    return _event("presence", wire.presence(news))


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _is_signed_in(session: Session, token: str) -> bool:
    try:
        agents.signed_in(session, token)
    except NotSignedIn:
        return False
    return True


def _number(visit: Visit, name: str) -> int | None:
    given = visit.request.args.get(name)
    if given is None:
        return None
    if not given.isdecimal() or len(given) > 9:
        raise Refused(400, "bad_request")
    return int(given)
