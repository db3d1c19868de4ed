"""What leads do besides: saved replies, and how the day goes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sanic import Blueprint, response
from sanic.response import HTTPResponse
from sqlalchemy.orm import Session

from desk import figures, replies
from desk.web.guard import Guard, Visit, body_of


def add(web: Blueprint, guard: Guard) -> None:
    @web.get("/api/replies")
    @guard.lead
    async def listed(visit: Visit) -> HTTPResponse:
        return response.json(await visit.do(_everything))

    @web.post("/api/replies")
    @guard.lead
    async def save(visit: Visit) -> HTTPResponse:
        id = visit.number("id") if body_of(visit.request).get("id") is not None else None
        key = visit.key()
        texts = {name: visit.field(name) for name in ("title", "text_zh", "text_en")}

        def saved(session: Session) -> list[dict[str, Any]]:
            replies.save(session, agent=visit.agent.name, id=id, key=key, **texts)
            return _everything(session)

        return response.json(await visit.do(saved))

    @web.post("/api/replies/<id:int>/remove")
    @guard.lead
    async def remove(visit: Visit, id: int) -> HTTPResponse:
        def removed(session: Session) -> list[dict[str, Any]]:
            replies.remove(session, id, agent=visit.agent.name)
            return _everything(session)

        return response.json(await visit.do(removed))

    @web.get("/api/today")
    @guard.lead
    async def today(visit: Visit) -> HTTPResponse:
        return response.json({"facts": await visit.do(lambda session: figures.today(session, visit.words))})


def _everything(session: Session) -> list[dict[str, Any]]:
    return [asdict(one) for one in replies.everything(session)]
