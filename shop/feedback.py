"""What customers say about the service: a score for each conversation, the newest of which counts."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import clock
from shop.database import begin_change
from shop.errors import InvalidRating
from shop.models import Rating

LOWEST, HIGHEST = 1, 5


def record_rating(session: Session, conversation: str, score: int) -> int:
    """Keep the score, in place of an earlier one of the same conversation. Raises InvalidRating."""
    if type(score) is not int or not LOWEST <= score <= HIGHEST:
        raise InvalidRating(LOWEST, HIGHEST)
    begin_change(session)
    try:
        rating = _rating_of(session, conversation)
        if rating is None:
            rating = Rating(conversation=conversation)
            session.add(rating)
        rating.score, rating.at = score, clock.now()
        session.commit()
        return score
    finally:
        session.rollback()


def has_rated(session: Session, conversation: str) -> bool:
    """Whether a score of this conversation is kept: nobody is asked twice."""
    return _rating_of(session, conversation) is not None


def _rating_of(session: Session, conversation: str) -> Rating | None:
    query = select(Rating).where(Rating.conversation == conversation)
    rating: Rating | None = session.execute(query).scalars().first()
    return rating
