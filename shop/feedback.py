"""What customers say about the service: a score of the bot for each conversation, and one of each agent they spoke to.

The newest score counts.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock
from shop.database import begin_change
from shop.errors import InvalidRating
from shop.models import Rating

LOWEST, HIGHEST = 1, 5


def record_rating(session: Session, conversation: str, score: int, *, handover: int | None = None) -> int:
    """Keep the score, in place of an earlier one of the same: of the bot, or of the agent who had that handover.

    Raises InvalidRating.
    """
    if type(score) is not int or not LOWEST <= score <= HIGHEST:
        raise InvalidRating(LOWEST, HIGHEST)
    begin_change(session)
    try:
        rating = _rating_of(session, conversation, handover)
        if rating is None:
            rating = Rating(conversation=conversation, handover_id=handover)
            session.add(rating)
        rating.score, rating.at = score, clock.now()
        session.commit()
        return score
    finally:
        session.rollback()


def has_rated(session: Session, conversation: str, *, handover: int | None = None) -> bool:
    """Whether a score of the bot, or of that handover's agent, is kept: nobody is asked twice."""
    return _rating_of(session, conversation, handover) is not None


def _rating_of(session: Session, conversation: str, handover: int | None) -> Rating | None:
    query = select(Rating).where(Rating.conversation == conversation, Rating.handover_id == handover)
    rating: Rating | None = session.execute(query).scalars().first()
    return rating
