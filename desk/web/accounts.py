"""Signing in and out, and who else is here."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import agents, presence
from desk.web import wire
from desk.web.guard import COOKIE, Guard, Refused, Visit, body_of
from desk.words import LANGUAGES
from shop.models import Agent


def add(web: Blueprint, guard: Guard, *, secure_cookie: bool) -> None:
    @web.post("/api/sign-in")
    @guard.answered
    async def sign_in(request: Request) -> HTTPResponse:
        await guard.count_sign_in(request)
        name, password = body_of(request).get("name"), body_of(request).get("password")
        if not (isinstance(name, str) and isinstance(password, str)):
            raise Refused(400, "bad_request")
        agent, token = await guard.sessions.do(lambda session: agents.sign_in(session, name, password))
        answer = response.json(wire.me(agent, token))
        answer.cookies[COOKIE] = token
        answer.cookies[COOKIE].update(_cookie(secure_cookie))
        return answer

    @web.get("/api/me")
    @guard.signed_in
    async def me(visit: Visit) -> HTTPResponse:
        return response.json(wire.me(visit.agent, visit.token))

    @web.post("/api/sign-out")
    @guard.signed_in
    async def sign_out(visit: Visit) -> HTTPResponse:
        await visit.do(lambda session: agents.sign_out(session, visit.token))
        answer = response.empty()
        answer.cookies[COOKIE] = ""
        answer.cookies[COOKIE].update({**_cookie(secure_cookie), "max-age": 0})
        return answer

    @web.post("/api/language")
    @guard.signed_in
    async def language(visit: Visit) -> HTTPResponse:
        chosen = visit.field("language")
        if chosen not in LANGUAGES:
            raise Refused(400, "bad_request")
        agent = await visit.do(lambda session: agents.set_language(session, visit.agent.name, chosen))
        return response.json(wire.me(agent, visit.token))

    @web.post("/api/here")
    @guard.signed_in
    async def here(visit: Visit) -> HTTPResponse:
        await visit.do(lambda session: agents.was_seen(session, visit.token))
        return response.empty()

    @web.get("/api/colleagues")
    @guard.signed_in
    async def colleagues(visit: Visit) -> HTTPResponse:
        return response.json(await visit.do(lambda session: _colleagues(session, visit.agent.name)))


def _colleagues(session: Session, of: str) -> list[dict[str, Any]]:
    others = session.execute(select(Agent).where(Agent.is_active, Agent.name != of).order_by(Agent.name)).scalars()
    return [{"name": one.name, "is_here": presence.is_here(one)} for one in others]


def _cookie(is_secure: bool) -> dict[str, Any]:
    return {"httponly": True, "samesite": "Strict", "path": "/desk", **({"secure": True} if is_secure else {})}
