"""Feedback: a score at the end, kept."""

from __future__ import annotations

import re

from actions import answers
from actions.base import Events, ShopAction
from actions.flow import close_form
from actions.turn import Turn
from desk import scores
from shop import feedback

STARS = {"满分": 5, "五星": 5, "四星": 4, "三星": 3, "两星": 2, "二星": 2, "一星": 1, "full marks": 5}
POINTS = re.compile(r"(?<![点百十])[一二两三四五](?=分(?![之钟]))")
BARE_SCORE = re.compile(
    r"(给|打)?\s*([1-5]|[一二三四五])\s*(分|星|颗星|points?|stars?|/\s*5|out of (5|five))?\s*[。.!！~]*"
)
NO_SCORE = re.compile(r"半|\bhalf\b|(/|out of)\s*10")  # halves, and scores of another scale


class RecordRating(ShopAction):
    def name(self) -> str:
        return "action_record_rating"

    def serve(self, turn: Turn) -> Events:
        score = score_in(turn.value("rating") or turn.text)
        if score is None:
            turn.say("utter_refuse_invalid_rating")
            return []
        of_agent = scores.asked_of(turn.session, turn.visitor)
        feedback.record_rating(turn.session, turn.visitor, score, handover=of_agent)
        turn.say("utter_rating_good" if score >= 4 else "utter_rating_bad")
        return []


def score_in(said: str) -> int | None:
    """The number that a score says; whether there is such a score, the shop decides."""
    if NO_SCORE.search(said.lower()):
        return None
    word = next((stars for name, stars in STARS.items() if name in said.lower()), None)
    if word is None and (points := POINTS.search(said)):
        word = answers.chinese_number(points.group())
    return word if word is not None else answers.number(said)


def scores_an_agent(turn: Turn) -> bool:
    """Whether a bare number is their answer to the question how the agent was."""
    return (
        BARE_SCORE.fullmatch(turn.text.strip().lower()) is not None
        and scores.asked_of(turn.session, turn.visitor) is not None
    )


class SayGoodbye(ShopAction):
    """Says goodbye, asks for a score if none was given yet, and leaves nothing open."""

    def name(self) -> str:
        return "action_say_goodbye"

    def serve(self, turn: Turn) -> Events:
        turn.say("utter_goodbye" if feedback.has_rated(turn.session, turn.visitor) else "utter_goodbye_and_ask_rating")
        return close_form(turn)
