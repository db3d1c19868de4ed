"""Orders: seeing them, proving whose they are, and acting on them under the shop's policy."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, response
from sanic.response import HTTPResponse
from sqlalchemy.orm import Session

from desk import acts, orders, showing
from desk.acts import Context, NoSuchAct
from desk.packets import HandoverView
from desk.web import wire
from desk.web.guard import Guard, Refused, Visit, body_of
from desk.web.handovers import visible
from desk.words import Words
from shop.orders import view_order
from shop.records import quote_of


def add(web: Blueprint, guard: Guard) -> None:
    @web.get("/api/handovers/<id:int>/orders")
    @guard.signed_in
    async def listed(visit: Visit, id: int) -> HTTPResponse:
        return response.json(await visit.do(lambda session: _listed(session, id, visit)))

    @web.get("/api/handovers/<id:int>/orders/<number:str>")
    @guard.signed_in
    async def show(visit: Visit, id: int, number: str) -> HTTPResponse:
        return response.json(await visit.do(lambda session: _shown(session, id, number, visit)))

    @web.post("/api/handovers/<id:int>/look-up")
    @guard.signed_in
    async def look_up(visit: Visit, id: int) -> HTTPResponse:
        number = visit.field("number")
        return response.json(await visit.do(lambda session: _shown(session, id, number, visit)))

    @web.post("/api/handovers/<id:int>/prove")
    @guard.signed_in
    async def prove(visit: Visit, id: int) -> HTTPResponse:
        number, proof = visit.field("number"), visit.field("proof")

        def proven(session: Session) -> dict[str, Any]:
            given = visible(session, id, visit.agent)
            orders.prove(session, given, number, proof, agent=visit.agent.name)
            return _shown(session, id, number, visit)

        return response.json(await visit.do(proven))

    @web.post("/api/handovers/<id:int>/orders/<number:str>/<act:str>/preview")
    @guard.signed_in
    async def preview(visit: Visit, id: int, number: str, act: str) -> HTTPResponse:
        values = _values(visit)

        def previewed(session: Session) -> dict[str, Any]:
            _, context = _context(session, id, number, visit)
            found = _acting(lambda: acts.preview(context, act, values))
            return {"facts": showing.view_facts(found, context.order, visit.words), "quote": quote_of(found)}

        return response.json(await visit.do(previewed))

    @web.post("/api/handovers/<id:int>/orders/<number:str>/<act:str>")
    @guard.signed_in
    async def carry_out(visit: Visit, id: int, number: str, act: str) -> HTTPResponse:
        values, quote, key = _values(visit), visit.field("quote"), visit.key()

        def done(session: Session) -> dict[str, Any]:
            given, context = _context(session, id, number, visit)
            customers = Words(given.language)
            once = f"desk-{id}-{context.order.number}-{act}-{key}"[:80]
            found = _acting(lambda: acts.do(context, act, values, quote=quote, key=once))
            return {
                "facts": showing.view_facts(found, context.order, visit.words),
                "say": showing.told(act, found, context.order, customers),
            }

        return response.json(await visit.do(done))


def _acting(act: Any) -> Any:
    try:
        return act()
    except NoSuchAct:
        raise Refused(409, "no_such_act") from None


def _values(visit: Visit) -> dict[str, Any]:
    values = body_of(visit.request).get("fields", {})
    if not isinstance(values, dict):
        raise Refused(400, "bad_request")
    return values


def _context(session: Session, id: int, number: str, visit: Visit) -> tuple[HandoverView, Context]:
    """The agent's own conversation, and what an act in it needs; only for what its customer has proven."""
    given = visible(session, id, visit.agent)
    orders.require_own(given, visit.agent.name)
    shopper = orders.shopper_for(session, given, visit.agent.name)
    return given, Context(session, shopper, view_order(session, shopper, number), visit.words)


def _listed(session: Session, id: int, visit: Visit) -> dict[str, Any]:
    given = visible(session, id, visit.agent)
    found = orders.orders_of(session, given)
    hint = wire.orders_hint(orders.shopper_for(session, given, visit.agent.name), visit.words)
    return {"orders": [wire.order_in_short(order, visit.words) for order in found], "hint": hint}


def _shown(session: Session, id: int, number: str, visit: Visit) -> dict[str, Any]:
    given = visible(session, id, visit.agent)
    order, shopper, is_proven = orders.see(session, given, number, agent=visit.agent.name)
    return wire.order(session, given, order, shopper, visit.agent, is_proven=is_proven)
