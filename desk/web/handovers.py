"""Conversations: seeing, taking, writing, noting, passing on and finishing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sanic import Blueprint, response
from sanic.response import HTTPResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import conversations, pictures, queue, replies, work
from desk.agents import AgentView
from desk.errors import NotYours
from desk.packets import HandoverView, Packet
from desk.web import wire
from desk.web.guard import Guard, Refused, Visit, body_of
from shop.models import CloseReason, Handover, HandoverState, Photo, Sender


def add(web: Blueprint, guard: Guard) -> None:
    @web.get("/api/handovers/<id:int>")
    @guard.signed_in
    async def show(visit: Visit, id: int) -> HTTPResponse:
        return response.json(await visit.do(lambda session: _shown(session, id, visit)))

    @web.post("/api/handovers/<id:int>/take")
    @guard.signed_in
    async def take(visit: Visit, id: int) -> HTTPResponse:
        over = body_of(visit.request).get("over") is True
        if over and not visit.agent.is_lead:
            raise Refused(403, "not_allowed")
        return await _changed(visit, lambda session: work.take(session, id, visit.agent.name, over=over))

    @web.post("/api/handovers/<id:int>/write")
    @guard.signed_in
    async def write(visit: Visit, id: int) -> HTTPResponse:
        text, key = visit.field("text"), visit.key()
        name = visit.agent.name
        said = await visit.do(lambda session: work.write(session, id, agent=name, text=text, key=key))
        return response.json(wire.line(said))

    @web.post("/api/handovers/<id:int>/typing")
    @guard.signed_in
    async def typing(visit: Visit, id: int) -> HTTPResponse:
        await visit.do(lambda session: _is_typing(session, id, visit.agent))
        return response.empty()

    @web.post("/api/handovers/<id:int>/read")
    @guard.signed_in
    async def read(visit: Visit, id: int) -> HTTPResponse:
        number = visit.number("number")
        await visit.do(lambda session: _has_read(session, id, visit.agent, number))
        return response.empty()

    @web.post("/api/handovers/<id:int>/notes")
    @guard.signed_in
    async def note(visit: Visit, id: int) -> HTTPResponse:
        text, key = visit.field("text"), visit.key()
        name = visit.agent.name
        return await _changed(visit, lambda session: work.note(session, id, agent=name, text=text, key=key))

    @web.post("/api/handovers/<id:int>/pass")
    @guard.signed_in
    async def pass_on(visit: Visit, id: int) -> HTTPResponse:
        to, note = visit.field("to"), visit.field("note", default="")
        await visit.do(lambda session: work.pass_on(session, id, agent=visit.agent.name, to=to, note=note))
        return response.empty()

    @web.post("/api/handovers/<id:int>/hand-back")
    @guard.signed_in
    async def hand_back(visit: Visit, id: int) -> HTTPResponse:
        return await _closed(visit, id, CloseReason.HANDED_BACK)

    @web.post("/api/handovers/<id:int>/close")
    @guard.signed_in
    async def close(visit: Visit, id: int) -> HTTPResponse:
        try:
            reason = CloseReason(visit.field("reason"))
        except ValueError:
            raise Refused(400, "bad_request") from None
        return await _closed(visit, id, reason)

    @web.get("/api/reasons")
    @guard.signed_in
    async def reasons(visit: Visit) -> HTTPResponse:
        offered = [reason for reason in CloseReason if reason is not CloseReason.HANDED_BACK]
        return response.json([{"code": reason.value, "label": visit.words.label(reason)} for reason in offered])

    @web.get("/api/handovers/<id:int>/replies")
    @guard.signed_in
    async def saved_replies(visit: Visit, id: int) -> HTTPResponse:
        return response.json(await visit.do(lambda session: _filled(session, id, visit.agent)))

    @web.get("/api/photos/<name:str>")
    @guard.signed_in
    async def photo(visit: Visit, name: str) -> HTTPResponse:
        found = pictures.find(name)
        if found is None or not await visit.do(lambda session: _may_see_photo(session, name, visit.agent)):
            raise Refused(404, "no_such_photo")
        path, kind = found
        return await response.file(path, mime_type=kind, headers={"Content-Disposition": "inline"})


def visible(session: Session, id: int, agent: AgentView) -> HandoverView:
    """A conversation that waits, or that is or was the agent's; a lead sees all. Raises NoSuchHandover, NotYours."""
    given = queue.find(session, id)
    if given.state is not HandoverState.WAITING and given.agent != agent.name and not agent.is_lead:
        raise NotYours(id, str(given.agent))
    return given


async def _changed(visit: Visit, change: Callable[[Session], Packet]) -> HTTPResponse:
    return response.json(await visit.do(lambda session: _packet(session, change(session), visit)))


async def _closed(visit: Visit, id: int, reason: CloseReason) -> HTTPResponse:
    note = visit.field("note", default="").strip() or None
    await visit.do(lambda session: work.close(session, id, agent=visit.agent.name, reason=reason, note=note))
    return response.empty()


def _shown(session: Session, id: int, visit: Visit) -> dict[str, Any]:
    visible(session, id, visit.agent)
    return _packet(session, queue.show(session, id), visit)


def _packet(session: Session, given: Packet, visit: Visit) -> dict[str, Any]:
    return wire.packet(session, given, visit.agent)


def _is_typing(session: Session, id: int, agent: AgentView) -> None:
    given = visible(session, id, agent)
    if given.is_with(agent.name):
        conversations.is_typing(session, given.conversation, Sender.AGENT)


def _has_read(session: Session, id: int, agent: AgentView, number: int) -> None:
    given = visible(session, id, agent)
    if given.is_with(agent.name):
        conversations.has_read(session, given.conversation, Sender.AGENT, number)


def _filled(session: Session, id: int, agent: AgentView) -> list[dict[str, Any]]:
    given = visible(session, id, agent)
    return [
        {"id": one.id, "title": one.title, "text": replies.filled(one, given, agent.name)}
        for one in replies.everything(session)
    ]


def _may_see_photo(session: Session, name: str, agent: AgentView) -> bool:
    """Whether it stands in a conversation of which they may see a handover, at the time of that handover."""
    chosen = select(Handover.id, Handover.closed_at, Photo.at).join(
        Photo, Photo.conversation_id == Handover.conversation
    )
    for id, closed_at, sent_at in session.execute(chosen.where(Photo.name == name)):
        if (closed_at is None or sent_at <= closed_at) and _may_see(session, id, agent):
            return True
    return False


def _may_see(session: Session, id: int, agent: AgentView) -> bool:
    try:
        return bool(visible(session, id, agent))
    except NotYours:
        return False
