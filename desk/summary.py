"""What an agent is told before they read a word of the transcript, in their own language."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from desk.orders import shopper_for
from desk.packets import Packet
from desk.showing import Facts
from desk.words import Words
from shop import orders
from shop.errors import OrderNotFound
from shop.models import CloseReason, Mood


def summary(session: Session, packet: Packet, words: Words) -> list[str]:
    """Some sentences: who they are and how sure that is, what they want, the order, what the bot did or refused."""
    return list(_sentences(session, packet, words))


def _sentences(session: Session, packet: Packet, words: Words) -> Iterator[str]:
    yield _who(packet, words)
    yield words.say("summary", "topic", topic=words.topic(packet.topic))
    if packet.language != words.language:
        yield words.say("summary", "writes_in")
    if packet.mood is not Mood.CALM:
        yield words.say("summary", "mood", mood=words.label(packet.mood))
    if packet.order_number:
        yield _order(session, packet, packet.order_number, words)
    if deeds := deeds_of(packet, words):
        yield words.say("summary", "done", deeds=words.enumeration(deeds))
    if refusals := refusals_of(packet, words):
        yield words.say("summary", "refused", refusals=words.enumeration(refusals))
    if packet.photos:
        yield words.say("summary", "photos", count=packet.photos)
    if packet.earlier:
        last = packet.earlier[-1]
        reason = words.label(last.reason or CloseReason.HANDED_BACK)
        yield words.say("summary", "earlier", count=len(packet.earlier), agent=last.agent or "–", reason=reason)
    if packet.callback_email:
        yield words.say("summary", "callback", email=packet.callback_email)


def facts(session: Session, packet: Packet, words: Words) -> Facts:
    """The same to look at: label and text."""
    known = packet.account
    found = [
        ("name", packet.name),
        ("email", known.email if known else None),
        ("phone", known.phone if known else None),
        ("membership", words.label(known.membership) if known else None),
        ("verified", _verified(session, packet, words)),
        ("language", words.say("language", packet.language)),
        ("opened", words.moment(packet.opened_at)),
        ("callback_email", packet.callback_email),
        ("wish", packet.wish),
    ]
    return [{"label": words.say("fact", name), "text": text} for name, text in found if text]


def deeds_of(packet: Packet, words: Words) -> list[str]:
    """What the bot has done in this conversation, once each."""
    return _labels(packet, words, "deed", "utter_")


def refusals_of(packet: Packet, words: Words) -> list[str]:
    """What the bot had to refuse, once each."""
    return _labels(packet, words, "refusal", "utter_refuse_")


def _labels(packet: Packet, words: Words, section: str, prefix: str) -> list[str]:
    names = [name.removeprefix(prefix) for name in packet.tried if name.startswith(prefix)]
    return [words.say(section, name) for name in dict.fromkeys(names) if words.has(section, name)]


def _who(packet: Packet, words: Words) -> str:
    if packet.name is None:
        return words.say("summary", "who_unknown")
    if packet.has_lapsed:
        return words.say("summary", "who_lapsed", name=packet.name)
    if packet.account is None:
        return words.say("summary", "who_of_order", name=packet.name)
    return words.say("summary", "who_verified", name=packet.name, membership=words.label(packet.account.membership))


def _order(session: Session, packet: Packet, number: str, words: Words) -> str:
    if packet.order_state is None:
        return words.say("summary", "order_unknown", number=number)
    try:
        order = orders.view_order(session, shopper_for(session, packet), number)
    except OrderNotFound:
        return words.say("summary", "order_unproven", number=number)
    items = words.enumeration([words.item(line) for line in order.lines])
    state, total = words.label(order.state), words.money(order.total_cents)
    return words.say("summary", "order", number=number, items=items, state=state, total=total)


def _verified(session: Session, packet: Packet, words: Words) -> str:
    shopper = shopper_for(session, packet)
    if shopper.customer_id is not None:
        return words.say("fact", "account")
    if not shopper.order_ids:
        return words.say("fact", "lapsed" if packet.has_lapsed else "not_verified")
    numbers = [order.number for order in orders.list_orders(session, shopper)]
    return words.say("fact", "order_only", numbers=words.enumeration(numbers))
