"""How the day goes, for a lead: who waits, how long they waited, and how agents and bot are scored, apart."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desk.words import Words
from shop import clock
from shop.models import Handover, HandoverState, Rating


def today(session: Session, words: Words) -> list[dict[str, str]]:
    """Labels and texts."""
    midnight = datetime.combine(clock.today(), time(), clock.SHOP_TIME)
    found = {
        "waiting": str(_count(session, Handover.state == HandoverState.WAITING)),
        "with_agents": str(_count(session, Handover.state == HandoverState.TAKEN)),
        "opened": str(_count(session, Handover.opened_at >= midnight)),
        "closed": str(_count(session, Handover.closed_at >= midnight)),
        "mean_wait": words.say("figure", "minutes", count=_mean_wait(session, midnight)),
        "agents_score": _scores(session, words, midnight, Rating.handover_id.is_not(None)),
        "bots_score": _scores(session, words, midnight, Rating.handover_id.is_(None)),
    }
    return [{"label": words.say("figure", name), "text": text} for name, text in found.items()]


def _count(session: Session, condition: object) -> int:
    return int(session.execute(select(func.count()).select_from(Handover).where(condition)).scalar_one())


def _mean_wait(session: Session, since: datetime) -> int:
    """Minutes until somebody took those who were handed over since then."""
    chosen = select(Handover.opened_at, Handover.taken_at).where(
        Handover.opened_at >= since, Handover.taken_at.is_not(None)
    )
    waits = [(taken - opened).total_seconds() / 60 for opened, taken in session.execute(chosen)]
    return round(sum(waits) / len(waits)) if waits else 0


def _scores(session: Session, words: Words, since: datetime, condition: object) -> str:
    chosen = select(func.count(), func.avg(Rating.score)).where(Rating.at >= since, condition)
    count, mean = session.execute(chosen).one()
    return words.say("figure", "score", mean=f"{mean:.1f}", count=count) if count else words.say("figure", "no_score")
