"""How the desk's things look on the wire, worded for the agent who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timezone
from typing import Any

from sqlalchemy.orm import Session

from desk import showing, summary
from desk.acts import Context, Field, offers
from desk.agents import AgentView
from desk.conversations import Presence, Said
from desk.packets import HandoverView, Packet
from desk.web.guard import mark_of
from desk.words import Words
from shop.account import Shopper
from shop.models import HandoverState
from shop.orders import OrderView

AGENTS_KEY = "agent/"


def me(agent: AgentView, token: str) -> dict[str, Any]:
    return {"name": agent.name, "role": agent.role.value, "language": agent.language, "csrf": mark_of(token)}


def rows(handovers: Sequence[HandoverView], agent: AgentView) -> list[dict[str, Any]]:
    """The queue; those who wait are told their place in it."""
    places = {one.id: place for place, one in enumerate(filter(_waits, handovers), start=1)}
    return [_for(one, row(one, agent, places.get(one.id)), agent) for one in handovers]


def _for(handover: HandoverView, row: dict[str, Any], agent: AgentView) -> dict[str, Any]:
    """Of a colleague's conversation agents are told that it is theirs; what it says is for leads."""
    if _waits(handover) or handover.is_with(agent.name) or agent.is_lead:
        return row
    return {**row, "wish": "", "order_number": None, "callback_email": None}


def row(handover: HandoverView, agent: AgentView, place: int | None = None) -> dict[str, Any]:
    words = Words(agent.language)
    return {
        "id": handover.id,
        "state": handover.state.value,
        "place": place,
        "waits_since": handover.opened_at.astimezone(timezone.utc).isoformat(),
        "language": handover.language,
        "topic": words.topic(handover.topic),
        "mood": handover.mood.value,
        "mood_label": words.label(handover.mood),
        "agent": handover.agent,
        "is_mine": handover.is_with(agent.name),
        "customer": handover.name,
        "is_verified": handover.is_verified,
        "order_number": handover.order_number,
        "wish": handover.wish,
        "callback_email": handover.callback_email,
        "unread": handover.unread,
    }


def packet(session: Session, given: Packet, agent: AgentView) -> dict[str, Any]:
    words = Words(agent.language)
    is_mine, is_taken = given.is_with(agent.name), given.state is HandoverState.TAKEN
    return {
        **row(given, agent),
        "summary": summary.summary(session, given, words),
        "facts": summary.facts(session, given, words),
        "tried": [*summary.deeds_of(given, words), *summary.refusals_of(given, words)],
        "notes": [
            {"at": one.at.astimezone(timezone.utc).isoformat(), "agent": one.agent, "text": one.text}
            for one in given.notes
        ],
        "earlier": [
            {
                "closed_at": one.closed_at.astimezone(timezone.utc).isoformat() if one.closed_at else None,
                "agent": one.agent,
                "reason": words.label(one.reason) if one.reason else None,
                "note": one.note,
                "score": one.score,
            }
            for one in given.earlier
        ],
        "lines": [line(one) for one in given.lines],
        "last": given.lines[-1].number if given.lines else 0,
        "customer_has_read": given.customer_has_read,
        "is_closed": given.state is HandoverState.CLOSED,
        "may": {
            "take": given.state is HandoverState.WAITING,
            "take_over": is_taken and not is_mine and agent.is_lead,
            "write": is_mine,
        },
    }


def line(said: Said) -> dict[str, Any]:
    """One thing said; of a photo its name, of buttons their titles."""
    extras = said.extras
    shown: dict[str, Any] = {
        "number": said.number,
        "sender": said.sender.value,
        "text": said.text,
        "at": said.at.astimezone(timezone.utc).isoformat(),
        "agent": said.agent,
        "photo": extras.get("photo"),
        "buttons": [{"title": str(button.get("title", ""))} for button in extras.get("buttons") or []] or None,
        "custom": extras.get("custom"),
        "key": said.key.removeprefix(AGENTS_KEY) if said.key and said.key.startswith(AGENTS_KEY) else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def presence(known: Presence) -> dict[str, Any]:
    return {"customer_is_typing": known.customer_is_typing, "customer_has_read": known.customer_has_read}


def order_in_short(order: OrderView, words: Words) -> dict[str, Any]:
    return {
        "number": order.number,
        "state": words.label(order.state),
        "placed": words.moment(order.placed_at),
        "items": showing.items_in_short(order, words),
        "total": words.money(order.total_cents),
        "is_proven": True,
    }


def order(
    session: Session, handover: HandoverView, shown: OrderView, shopper: Shopper, agent: AgentView, *, is_proven: bool
) -> dict[str, Any]:
    """An order with what may be done to it; why the shop would refuse an act stands with its facts."""
    words, is_mine = Words(agent.language), handover.is_with(agent.name)
    found = offers(Context(session, shopper, shown, words)) if is_proven and is_mine else []
    warning = None if is_proven else "not_theirs"
    refused = [
        {"label": words.say("act", one.act.name), "text": words.refusal(one.refusal)}
        for one in found
        if one.refusal is not None
    ]
    return {
        "number": shown.number,
        "state": words.label(shown.state),
        "is_proven": is_proven,
        "warning": words.say("order", warning) if warning else None if is_mine else words.say("order", "not_taken"),
        "facts": [*showing.order_facts(shown, words, is_proven=is_proven), *refused],
        "items": [f"{words.item(one)} {words.money(one.unit_price_cents)}" for one in shown.lines],
        "way": showing.way(shown, words),
        "returns": showing.returns_of(session, shopper, shown, words),
        "tickets": showing.tickets_of(session, shopper, shown, words),
        "acts": [
            {
                "name": one.act.name,
                "label": words.say("act", one.act.name),
                "fields": [_field(field, words) for field in one.fields],
            }
            for one in found
            if one.refusal is None
        ],
    }


def orders_hint(shopper: Shopper, words: Words) -> str | None:
    if not shopper.is_known:
        return words.say("order", "nothing_proven")
    return words.say("order", "only_orders") if shopper.customer_id is None else None


def _field(field: Field, words: Words) -> dict[str, Any]:
    choices = [
        {"value": one.value, "label": one.label, **({"parent": one.parent} if one.parent else {})}
        for one in field.choices
    ]
    return {
        "name": field.name,
        "label": words.say("field", field.name),
        "kind": field.kind,
        "is_required": field.is_required,
        **({"choices": choices} if choices else {}),
    }


def _waits(handover: HandoverView) -> bool:
    return handover.state is HandoverState.WAITING
