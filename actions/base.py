"""The one base of every action: a session of the shop; refusals become replies, failures an honest sentence."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from actions import answers
from actions.turn import Turn
from shop import database
from shop.errors import ShopError
from shop.policy import POLICY

logger = logging.getLogger(__name__)

Events = list[dict[str, Any]]
_open: ContextVar[Session | None] = ContextVar("open session", default=None)


@lru_cache(maxsize=4)
def _sessions(url: str) -> sessionmaker:
    return database.session_factory(database.connect(url))


@contextmanager
def open_session() -> Iterator[Session]:
    """A session of the shop's database; what is not committed when it ends is rolled back.

    Within another it is the same one: actions that answer one message together read the shop once.
    """
    outer = _open.get()
    if outer is not None:
        try:
            yield outer
        except BaseException:
            outer.rollback()
            raise
        return
    with _sessions(database.url())() as session:
        opened = _open.set(session)
        try:
            yield session
        finally:
            _open.reset(opened)


class ShopAction(Action, ABC):
    """An action over the shop. Subclasses say what they do in `serve`; what goes wrong is answered here, once."""

    changes_nothing: ClassVar[bool] = False  # may be answered before Rasa asks for it (`ahead.py`)
    comes_back: ClassVar[bool] = False  # the rules let action_resume follow it

    @abstractmethod
    def serve(self, turn: Turn) -> Events:
        """Answer the turn and return the events that follow from it."""

    def refused(self, turn: Turn, refusal: ShopError) -> Events:
        """What happens after a refusal. It is said; nothing else changes."""
        turn.refuse(refusal)
        return []

    def failed(self) -> Events:
        """What happens when the shop could not be reached or something unexpected broke: nothing."""
        return []

    def started_over(self, turn: Turn) -> Events:
        """What happens when they wish to begin again, which is answered for every action: outside a flow, nothing."""
        return []

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        try:
            with open_session() as session:
                turn = Turn(tracker, dispatcher, session)
                try:
                    if answers.starts_over(turn.text) and not turn.is_answered:
                        turn.say("utter_started_over")
                        return self.started_over(turn)
                    return self.serve(turn)
                except ShopError as refusal:
                    session.rollback()
                    return self.refused(turn, refusal)
        except DBAPIError as error:
            logger.error("The shop's database did not answer in %s: %s", self.name(), type(error.orig).__name__)
        except Exception:
            logger.exception("Unexpected failure in %s", self.name())
        dispatcher.messages.clear()
        dispatcher.utter_message(response="utter_service_unavailable", service_phone=POLICY.service_phone)
        return self.failed()
