"""A shorter list of events replays to the same state, and shows policies and actions the same last turns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, ReminderScheduled, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from serving.abridging import abridged
from tests.serving.dialogues import (
    DOMAIN,
    FORM,
    TAKEN_BACK,
    TURNS,
    answers,
    events_of,
    fills_form,
    leaves_form,
    opens_form,
    starts,
    state_of,
    view_of,
)

TURNS_KEPT = 8  # six states of a policy are at most six turns
kinds = st.lists(st.sampled_from(sorted(TURNS)), max_size=40)


def tracker_of(events: list[Event]) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("wang", events, DOMAIN.slots)


def played(kinds: list[str]) -> DialogueStateTracker:
    tracker = tracker_of([])
    for number, kind in enumerate(kinds):
        for event in events_of(kind, number, tracker):
            tracker.update(event)
    return tracker


def heard_in(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, UserUttered)]


@settings(max_examples=150, deadline=None)
@given(kinds)
def test_any_dialogue_stands_where_it_stood(kinds: list[str]) -> None:
    whole = played(kinds)
    shorter = tracker_of(list(abridged(list(whole.events), TURNS_KEPT)))
    assert state_of(shorter) == state_of(whole)
    assert view_of(shorter) == view_of(whole)
    assert [event.type_name for event in shorter.events][-8:] == [event.type_name for event in whole.events][-8:]
    assert heard_in(shorter.events)[-TURNS_KEPT:] == heard_in(whole.events)[-TURNS_KEPT:]


@settings(max_examples=100, deadline=None)
@given(kinds, st.integers(0, 400))
def test_to_abridge_by_and_by_is_to_abridge_at_once(kinds: list[str], place: int) -> None:
    events = list(played(kinds).events)
    first = list(abridged(events[:place], TURNS_KEPT))
    assert list(abridged([*first, *events[place:]], TURNS_KEPT)) == list(abridged(events, TURNS_KEPT))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(sorted({**TURNS, **TAKEN_BACK})), max_size=30))
def test_where_something_was_taken_back_nothing_is_left_out(kinds: list[str]) -> None:
    events = list(played([*kinds, "take back"]).events)
    assert abridged(events, 1) is events


@pytest.mark.parametrize("turns", [20, 300])
def test_a_long_dialogue_is_no_longer_than_a_short_one(turns: int) -> None:
    kinds = ["slot", "open", "fill", "interrupt", "end"]
    events = list(played([kinds[number % 5] for number in range(turns)]).events)
    assert len(abridged(events, 10)) == len(abridged(list(played(kinds * 4).events), 10)) < 75


def test_a_short_dialogue_is_left_whole() -> None:
    events = [*starts(), *answers("one"), *answers("two")]
    assert abridged(events, 2) is events
    assert abridged([], 2) == []


def test_a_cut_is_where_the_bot_listens() -> None:
    events = [*starts(), *(event for number in range(9) for event in answers(str(number)))]
    shorter = abridged(events, 3)
    listening = next(place for place, event in enumerate(shorter) if isinstance(event, ActionExecuted))
    assert shorter[listening].action_name == "action_listen"
    assert heard_in(shorter[listening:]) == ["6", "7", "8"] == heard_in(shorter)


def test_of_a_slot_the_last_value_stays_where_it_stood() -> None:
    older = [*starts(), *answers("a", SlotSet("reason", "too big")), *answers("b", SlotSet("reason", "too small"))]
    shorter = abridged([*older, *answers("c", SlotSet("order_number", "W1")), *answers("d")], 1)
    assert [event.value for event in shorter if isinstance(event, SlotSet)] == ["too small", "W1"]


def test_an_open_form_keeps_the_turn_that_opened_it_and_a_closed_one_its_end() -> None:
    chat = [event for number in range(5) for event in fills_form(f"W{number}")]
    assert heard_in(abridged([*starts(), *opens_form("return it"), *chat], 2)) == ["return it", "W3", "W4"]
    chat = [event for number in range(5) for event in answers(str(number))]
    shorter = abridged([*starts(), *opens_form("return it"), ActiveLoop(None), *chat], 2)
    assert heard_in(shorter) == ["3", "4"]
    assert [event.name for event in shorter if isinstance(event, ActiveLoop)] == [None]
    assert FORM not in [event.action_name for event in shorter if isinstance(event, ActionExecuted)]


def test_what_it_does_not_know_is_kept() -> None:
    reminder = ReminderScheduled("inform", None)
    chat = [event for number in range(5) for event in answers(str(number))]
    assert reminder in abridged([*starts(), reminder, *chat], 2)


def test_a_form_that_has_stepped_back_stays_so() -> None:
    chat = [event for number in range(5) for event in answers(str(number))]
    whole = tracker_of([*starts(), *opens_form("return it"), *leaves_form("a question"), *chat])
    shorter = tracker_of(list(abridged(list(whole.events), 2)))
    assert shorter.is_active_loop_rejected
    assert state_of(shorter) == state_of(whole)
