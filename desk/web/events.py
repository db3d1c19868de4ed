"""What an open desk is told as it happens: the queue, and what is said in the conversation that is open in it."""

from __future__ import annotations

import json
import time
from typing import Any

from sanic import Blueprint
from sqlalchemy.orm import Session

from desk import agents
from desk.agents import AgentView, NotSignedIn
from desk.conversations import Presence, Said
from desk.errors import DeskError
from desk.streams import Quiet, Streams
from desk.web import wire
from desk.web.feed import Feed, Queue, merged
from desk.web.guard import HEADERS, Guard, Refused, Visit
from desk.web.handovers import visible
from shop.models import HandoverState

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = ": still here\n\n"


def add(web: Blueprint, guard: Guard, feed: Feed, streams: Streams) -> None:
    @web.get("/api/events")
    @guard.signed_in
    async def events(visit: Visit) -> None:
        id = _number(visit, "handover")
        after = _number(visit, "after") or 0
        watch = await visit.do(lambda session: _conversation(session, id, visit.agent)) if id is not None else None
        sources: list[Any] = [feed.follow(quiet_after=HEARTBEAT_SECONDS)]
        if watch is not None:
            sources.append(streams.follow(watch, after, quiet_after=HEARTBEAT_SECONDS))
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        stream = await visit.request.respond(content_type="text/event-stream; charset=utf-8", headers=headers)
        await stream.send("retry: 1000\n\n")
        before: Queue | None = None
        checked_at = time.monotonic()
        async for news in merged(*sources):
            if time.monotonic() - checked_at >= HEARTBEAT_SECONDS:
                checked_at = time.monotonic()
                if not await visit.do(lambda session: _is_signed_in(session, visit.token)):
                    await stream.send(_event("signed-out", {}))
                    break
            if isinstance(news, Queue):
                await stream.send(_event("queue", {"rows": wire.rows(news.rows, visit.agent)}))
                if id is not None and before is not None and before.prints.get(id) != news.prints.get(id):
                    await stream.send(_event("changed", {}))
                before = news
            elif isinstance(news, Quiet):
                await stream.send(HEARTBEAT)
            elif await visit.do(lambda session: _may_still_hear(session, id, visit.agent)):
                await stream.send(_said(news))
            else:
                await stream.send(_event("changed", {}))  # it is a colleague's now, or closed
                break
        await stream.eof()


def _conversation(session: Session, id: int | None, agent: AgentView) -> str | None:
    """The conversation whose news the agent may hear; None of one that is closed. Raises NoSuchHandover, NotYours."""
    given = visible(session, id or 0, agent)
    return None if given.state is HandoverState.CLOSED else given.conversation


def _may_still_hear(session: Session, id: int | None, agent: AgentView) -> bool:
    try:
        return _conversation(session, id, agent) is not None
    except DeskError:
        return False


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
