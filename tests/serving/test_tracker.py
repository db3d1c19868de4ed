"""A tracker's copies stand where Rasa's own, which replay everything, stand."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker

from serving.action_calls import Form, _state
from serving.tracker import Tracker

SLOTS = [TextSlot("size", mappings=[]), TextSlot("requested_slot", mappings=[], initial_value=None)]
SAYS = UserUttered("a big one", {"name": "inform", "confidence": 0.9})
CONVERSATIONS: dict[str, list[Event]] = {
    "nothing yet": [],
    "a slot": [ActionExecuted("action_listen"), SAYS, SlotSet("size", "L")],
    "a form": [ActionExecuted("action_listen"), SAYS, ActionExecuted("form"), ActiveLoop("form"), SlotSet("size", "L")],
    "what is to follow": [ActionExecuted("action_listen"), SAYS, FollowupAction("action_next")],
    "a new beginning": [ActionExecuted("action_listen"), SAYS, SlotSet("size", "L"), Restarted(), SAYS],
}
HAPPENS: list[Callable[[], Event]] = [
    *[lambda: ActionExecuted("action_listen"), lambda: UserUttered("a", {"name": "inform"})] * 4,
    *[lambda: ActionExecuted("form"), lambda: ActionExecuted("other_form"), lambda: ActionExecuted("action_a")] * 3,
    lambda: ActiveLoop("form"),
    lambda: ActiveLoop("other_form"),
    lambda: ActiveLoop(None),
    lambda: LoopInterrupted(True),
    lambda: ActionExecutionRejected("form"),
    lambda: DefinePrevUserUtteredFeaturization(False),
    lambda: BotUttered("b"),
    lambda: SlotSet("size", "L"),
    ActionReverted,
    UserUtteranceReverted,
    SessionStarted,
    Restarted,
]
told = pytest.mark.parametrize("events", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())


def both(events: list[Event]) -> tuple[Tracker, DialogueStateTracker]:
    return tuple(kind.from_events("x", events, SLOTS) for kind in (Tracker, DialogueStateTracker))  # type: ignore


@told
def test_a_copy_is_in_the_state_of_the_original(events: list[Event]) -> None:
    ours, rasas = both(events)

    assert _state(ours.copy()) == _state(rasas.copy()) == _state(rasas)
    assert _state(ours.init_copy()) == _state(rasas.init_copy())


@told
def test_what_happens_to_a_copy_leaves_the_original_alone(events: list[Event]) -> None:
    ours, rasas = both(events)
    copied = ours.copy()
    for event in (SlotSet("size", "XL"), ActiveLoop("form"), FollowupAction("action_other"), SAYS):
        copied.update(event)
    copied.init_copy().update(SlotSet("size", "S"))

    assert copied.get_slot("size") == "XL"
    assert _state(ours) == _state(rasas)


@pytest.mark.parametrize("seed", range(30))
def test_what_counts_is_what_rasa_lets_count(seed: int) -> None:
    chance = random.Random(seed)
    ours, rasas = both([])
    for _ in range(60):
        event = chance.choice(HAPPENS)()
        ours.update(event)
        rasas.update(event)
        if chance.random() < 0.5:
            assert list(map(id, ours.applied_events())) == list(map(id, rasas.applied_events()))
        if chance.random() < 0.2:  # and what is made of a copy does not reach the original
            ours.applied_events().clear()
            copied = ours.copy()
            copied.update(UserUtteranceReverted())
            copied.applied_events()
            ours = chance.choice((ours, ours.copy()))


@pytest.mark.parametrize("most", [1, 4])
def test_a_tracker_that_forgets_events_counts_those_it_has(most: int) -> None:
    ours, rasas = (kind("x", SLOTS, max_event_history=most) for kind in (Tracker, DialogueStateTracker))
    for event in CONVERSATIONS["a form"] * 3:
        ours.update(event)
        rasas.update(event)
        assert ours.applied_events() == rasas.applied_events()


@told
def test_a_form_looks_ahead_as_rasas_does(events: list[Event]) -> None:
    ours, rasas = both(events)
    domain = Domain.empty()
    domain.slots = SLOTS
    form, more = Form("form", None), [SlotSet("size", "M")]
    of_rasa = super(Form, form)._temporary_tracker(rasas, more, domain)
    here, there = (_state(one) for one in (form._temporary_tracker(ours, more, domain), of_rasa))
    for state in (here, there):  # made a moment apart
        state["latest_event_time"] = None
        state["events"] = [{**event, "timestamp": None} for event in state["events"]]

    assert here == there


@told
def test_an_action_is_told_what_rasa_tells(events: list[Event]) -> None:
    _, rasas = both(events)
    state = rasas.current_state()

    assert {**_state(rasas), "events": None, "active_loop": None} == {**state, "events": None, "active_loop": None}
    assert (_state(rasas)["active_loop"] or {}).get("name") == state["active_loop"].get("name")


def test_another_kind_of_tracker_becomes_one() -> None:
    ours, rasas = both(CONVERSATIONS["a form"])

    assert Tracker.of(ours) is ours
    assert isinstance(Tracker.of(rasas), Tracker)
    assert _state(Tracker.of(rasas)) == _state(rasas)


@told
def test_a_form_knows_what_was_set_since_the_message(events: list[Event]) -> None:
    ours, rasas = both([*events, SAYS, SlotSet("size", "S"), SlotSet("size", "M")])
    of_rasa = super(Form, Form("form", None))._get_events_since_last_user_uttered(rasas)

    assert Form._get_events_since_last_user_uttered(ours) == of_rasa
