"""Buttons: what a button of a question sends is an answer to that question, whatever a classifier takes it for.

A button's payload is plain text like any message, so nothing but the step that asked makes an answer of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions import base
from actions.flow import FLOWS, Draft, Step
from actions.turn import Turn
from tests.actions.conftest import ROOT, Conversation, _yaml, all_actions

MISTAKEN = ("faq", "out_of_scope", "track_return", "repeat", "goodbye")
QUESTION = "utter_ask_"
CONFIRMATION = {"quote": "q", "key": "k", "form": "f"}


def questions() -> dict[str, list[dict[str, Any]]]:
    """The questions of the domain that come with buttons, by the slot or the occasion they name."""
    replies = _yaml(ROOT / "domain.yml")["responses"]
    asking = {name.removeprefix(QUESTION): said for name, said in replies.items() if name.startswith(QUESTION)}
    return {asked: said for asked, said in asking.items() if any(variation.get("buttons") for variation in said)}


def steps_of(asked: str) -> list[tuple[str, Step]]:
    """The steps, with their forms, that a question fills: those of its slot, or the yes to what was said back."""
    all_actions()
    steps = [(form, step) for form, flow in FLOWS.items() for step in flow.steps]
    of_slot = [(form, step) for form, step in steps if step.slot == asked]
    return of_slot or [(form, step) for form, step in steps if step.slot == "confirmed"]


def buttons() -> Iterator[tuple[str, str, str]]:
    """Every button: its question, its language and what it sends."""
    for asked, variations in questions().items():
        for variation in variations:
            language = "zh" if variation.get("condition") else "en"
            for button in variation.get("buttons", []):
                yield asked, language, button["payload"]


def a_turn(talk: Conversation, form: str, payload: str, intent: str, session: Any) -> Turn:
    talk.loop = form
    talk.writes(payload, intent)
    return Turn(talk.tracker(), CollectingDispatcher(), session)


@pytest.mark.parametrize("intent", MISTAKEN)
@pytest.mark.parametrize(("asked", "language", "payload"), list(buttons()))
def test_a_button_answers_its_question_whatever_the_classifier_says(
    emma: Conversation, asked: str, language: str, payload: str, intent: str
) -> None:
    emma.slots.update(order_number="W8264404", order_proof="W8264404", language=language, confirmation=CONFIRMATION)
    with base.open_session() as session:
        for form, step in steps_of(asked):
            turn = a_turn(emma, form, payload, intent, session)
            assert step.read(turn, Draft(turn), asked=True) is not None, (form, step.slot)
            assert step.is_plainly_answered(turn, Draft(turn)), (form, step.slot)


@pytest.mark.parametrize("asked", sorted(questions()))
def test_every_button_of_a_question_is_another_answer_and_each_language_has_the_same(
    emma: Conversation, asked: str
) -> None:
    emma.slots.update(order_number="W8264404", order_proof="W8264404", confirmation=CONFIRMATION)
    meant: dict[str, list[Any]] = {"zh": [], "en": []}
    form, step = steps_of(asked)[0]
    with base.open_session() as session:
        for _, language, payload in (button for button in buttons() if button[0] == asked):
            turn = a_turn(emma, form, payload, "inform", session)
            meant[language].append(step.read(turn, Draft(turn), asked=True))
    assert meant["zh"] == meant["en"]
    assert len(meant["en"]) == len(set(meant["en"])) > 1


def test_the_buttons_of_every_choice_are_looked_at() -> None:
    asked = set(questions())
    assert {"reason", "refund_to", "problem", "remedy", "solved", "next_step", "warranty_remedy"} <= asked
    assert "profile_field" in asked
    assert "cancel_paid_order" in asked, "what is said back is answered by buttons, too"
