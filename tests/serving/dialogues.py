"""Conversations for the stores to keep: turns as Rasa's processor plays them, on a small domain."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity

from serving.tracker_store import RememberingTrackerStore

WANG = "wang"
FORM = "return_form"
SLOTS = ("order_number", "reason", "requested_slot")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    DOMAIN = Domain.from_yaml(
        """
version: "3.1"
intents: [inform, ask, return_item]
slots:
  order_number: {type: text, mappings: [{type: custom}]}
  reason: {type: text, initial_value: none, mappings: [{type: custom}]}
responses:
  utter_answer: [{text: "好的"}]
forms:
  return_form: {required_slots: [order_number, reason]}
actions: [action_look_up]
"""
    )

LISTEN = "action_listen"
MOMENTS = itertools.count(time.time(), 0.001)


def heard(text: str, intent: str = "inform") -> UserUttered:
    parsed = {"intent": {"name": intent, "confidence": 0.9}, "entities": [], "text": text}
    return UserUttered(text, parsed["intent"], [], parsed, message_id=text)


def starts() -> list[Event]:
    return [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted(LISTEN)]


def answers(text: str, *slots: Event) -> list[Event]:
    said = BotUttered(f"re: {text}", metadata={"utter_action": "utter_answer"})
    return [heard(text, "ask"), *slots, ActionExecuted("utter_answer"), said, ActionExecuted(LISTEN)]


def opens_form(text: str) -> list[Event]:
    asked = SlotSet("requested_slot", "order_number")
    return [heard(text, "return_item"), ActionExecuted(FORM), ActiveLoop(FORM), asked, ActionExecuted(LISTEN)]


def fills_form(text: str) -> list[Event]:
    filled = [SlotSet("order_number", text), SlotSet("requested_slot", "reason")]
    return [heard(text), ActionExecuted(FORM), *filled, ActionExecuted(LISTEN)]


def interrupts_form(text: str) -> list[Event]:
    rejected = ActionExecutionRejected(FORM)
    answered = [ActionExecuted("utter_answer"), BotUttered(text)]
    return [
        heard(text, "ask"),
        rejected,
        *answered,
        ActionExecuted(FORM),
        LoopInterrupted(True),
        ActionExecuted(LISTEN),
    ]


def leaves_form(text: str) -> list[Event]:
    """Its question is not answered and not asked again: the loop stays open, and rejected."""
    return [heard(text, "ask"), ActionExecutionRejected(FORM), ActionExecuted("utter_answer"), ActionExecuted(LISTEN)]


def ends_form(text: str) -> list[Event]:
    ended = [SlotSet("requested_slot", None), ActiveLoop(None)]
    return [heard(text), ActionExecuted(FORM), *ended, ActionExecuted("action_look_up"), ActionExecuted(LISTEN)]


def silent(text: str) -> list[Event]:
    return [heard(text), ActionExecuted(LISTEN)]


TURNS: dict[str, Callable[[str], list[Event]]] = {
    "answer": answers,
    "slot": lambda text: answers(text, SlotSet("reason", text)),
    "open": opens_form,
    "fill": fills_form,
    "interrupt": interrupts_form,
    "leave": leaves_form,
    "end": ends_form,
    "silent": silent,
    "pause": lambda text: [*answers(text), ConversationPaused()],
    "resume": lambda text: [ConversationResumed(), *answers(text)],
    "reset": lambda text: answers(text, AllSlotsReset()),
    "session": lambda text: [*starts(), *answers(text)],
    "restart": lambda text: [heard(text), ActionExecuted("action_restart"), Restarted()],
}
TAKEN_BACK: dict[str, Callable[[str], list[Event]]] = {
    "take back": lambda text: [
        heard(text),
        ActionExecuted("utter_answer"),
        UserUtteranceReverted(),
        ActionExecuted(LISTEN),
    ]
}
NEED_FORM = {"fill", "interrupt", "leave", "end"}


def events_of(kind: str, number: int, tracker: DialogueStateTracker) -> list[Event]:
    """A turn of that kind, as it can follow here."""
    text = f"message {number}"
    kind = "open" if kind in NEED_FORM and tracker.active_loop_name is None else kind
    events = {**TURNS, **TAKEN_BACK}[kind](text)
    is_new = not tracker.applied_events() and kind != "session"
    return in_time([*starts(), *events] if is_new else events)


def in_time(events: list[Event]) -> list[Event]:
    """One after the other: Rasa's store takes what is older than the session's start for another session's."""
    for event in events:
        event.timestamp = next(MOMENTS)
    return events


async def turn(store: TrackerStore, events: Sequence[Event], sender: str = WANG, *, fails: bool = False) -> None:
    """A message as Rasa's processor serves it: the tracker is fetched, grows, and is saved, unless something breaks."""
    tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
    tracker.model_id, tracker.assistant_id = "a model", "haoke"
    for event in events:
        tracker.update(event)
        tracker.copy()
    if not fails:
        await store.save(tracker)


def again(events: Sequence[Event]) -> list[Event]:
    """Events of their own that say the same."""
    copies = [Event.from_parameters(event.as_dict()) for event in events]
    assert None not in copies
    return [event for event in copies if event is not None]


def ours(address: str, **settings: Any) -> RememberingTrackerStore:
    return RememberingTrackerStore(DOMAIN, host=address, **{"connect_seconds": 0, **settings})


def stock(address: str) -> SQLTrackerStore:
    return SQLTrackerStore(DOMAIN, host=address)


def not_for_long(store: SQLTrackerStore) -> SQLTrackerStore:
    """The store, on an SQLite file that no power failure has to spare."""

    def hurry(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    sa.event.listen(store.engine, "connect", hurry)
    return store


def as_dicts(tracker: DialogueStateTracker | None) -> list[dict[str, Any]] | None:
    return None if tracker is None else [event.as_dict() for event in tracker.events]


def state_of(tracker: DialogueStateTracker | None) -> dict[str, Any] | None:
    """All that a tracker says of itself, its events aside; what Rasa makes of a copy of it must be the same."""
    if tracker is None:
        return None
    said = tracker.latest_bot_utterance
    return {**tracker.current_state(EventVerbosity.NONE), "latest_bot_utterance": said and said.text}


def view_of(tracker: DialogueStateTracker, states: int = 6) -> list[Any]:
    """What policies look at: the dialogue's last states."""
    return tracker.past_states(DOMAIN)[-states:]
