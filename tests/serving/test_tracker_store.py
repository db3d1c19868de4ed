"""Conversations at hand: what is given out is what Rasa's own store would give, whatever has happened meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.core.utils import AvailableEndpoints
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from serving import tracker_store
from serving.tracker_store import ConversationStore, shorten

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = Domain.from_dict(
    {
        "intents": ["greet"],
        "slots": {"name": {"type": "any", "mappings": [{"type": "custom"}]}},
        "forms": {"book_form": {"required_slots": ["name"]}},
    }
)
LISTEN = ActionExecuted("action_listen")


def says(text: str) -> UserUttered:
    return UserUttered(
        text, {"name": "greet", "confidence": 1.0}, parse_data={"text": text, "intent": {"name": "greet"}}
    )


TURNS: dict[str, list[Event]] = {
    "greeting": [says("hi"), ActionExecuted("utter_hello"), BotUttered("hello"), LISTEN],
    "slot": [says("I am Mei"), SlotSet("name", "Mei"), ActionExecuted("utter_hello"), LISTEN],
    "forgets": [says("forget it"), SlotSet("name", None), LISTEN],
    "form": [says("a table"), ActionExecuted("book_form"), ActiveLoop("book_form"), LISTEN],
    "form ends": [says("done"), ActionExecuted("book_form"), ActiveLoop(None), LISTEN],
    "restart": [says("/restart"), ActionExecuted("action_restart"), Restarted(), LISTEN],
    "session": [ActionExecuted("action_session_start"), SessionStarted(), LISTEN],
}


def store(folder: Path, kind: type[SQLTrackerStore] = ConversationStore, **more: object) -> SQLTrackerStore:
    return kind(DOMAIN, db=str(folder / "conversations.db"), **more)  # type: ignore[arg-type]


def now(event: Event) -> Event:
    """The same, happening now."""
    again = Event.from_parameters({**event.as_dict(), "timestamp": time.time()})
    assert again is not None
    return again


async def turn(store: TrackerStore, name: str, sender: str = "s") -> None:
    tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
    for event in TURNS[name]:
        tracker.update(now(event), DOMAIN)
    await store.save(tracker)


async def talk(store: TrackerStore, turns: Sequence[str], sender: str = "s") -> DialogueStateTracker | None:
    for name in turns:
        await turn(store, name, sender)
    return await store.retrieve(sender)


def told(tracker: DialogueStateTracker | None) -> object:
    """What a tracker says, its moments aside."""
    if tracker is None:
        return None
    events = [{k: v for k, v in event.as_dict().items() if k != "timestamp"} for event in tracker.events]
    loop = tracker.active_loop_name
    return events, tracker.current_slot_values(), loop, tracker.latest_action_name, tracker.latest_message


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(TURNS)), max_size=10))
def test_it_gives_what_rasas_store_gives(turns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        ours = asyncio.run(talk(store(Path(one)), turns))
        rasas = asyncio.run(talk(store(Path(two), SQLTrackerStore), turns))
        assert told(ours) == told(rasas)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(TURNS)), st.booleans()), max_size=10))
def test_two_workers_on_one_database_are_of_one_mind(turns: list[tuple[str, bool]]) -> None:
    async def both(folder: Path) -> tuple[object, object]:
        one, two = store(folder), store(folder)
        for name, is_first in turns:
            await turn(one if is_first else two, name)
        return told(await one.retrieve("s")), told(await two.retrieve("s"))

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as alone:
        first, second = asyncio.run(both(Path(folder)))
        assert (
            first == second == told(asyncio.run(talk(store(Path(alone), SQLTrackerStore), [name for name, _ in turns])))
        )


def test_a_conversation_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    kept = store(tmp_path)
    asked = kept._event_query
    monkeypatch.setattr(kept, "_event_query", lambda *a, **k: reads.append(a) or asked(*a, **k))
    asyncio.run(turn(kept, "session"))
    reads.clear()
    asyncio.run(talk(kept, ["greeting"] * 5))
    assert len(reads) == 1


def test_a_turn_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    async def fails() -> object:
        kept = store(tmp_path)
        before = told(await talk(kept, ["session", "greeting", "greeting"]))
        tracker = await kept.retrieve("s")
        assert tracker is not None
        tracker.update(SlotSet("name", "half way"), DOMAIN)  # and nobody saves it
        return before, told(await kept.retrieve("s"))

    before, after = asyncio.run(fails())  # type: ignore[misc]
    assert before == after


def test_what_is_given_to_two_is_not_the_same(tmp_path: Path) -> None:
    async def twice() -> bool:
        kept = store(tmp_path)
        await talk(kept, ["session", "greeting"])
        return await kept.retrieve("s") is not await kept.retrieve("s")

    assert asyncio.run(twice())


def test_no_more_are_kept_than_there_is_room_for(tmp_path: Path) -> None:
    async def crowd() -> tuple[int, object]:
        kept = store(tmp_path, at_hand=3)
        assert isinstance(kept, ConversationStore)
        for number in range(8):
            await talk(kept, ["session"], f"s{number}")
            await turn(kept, "greeting", f"s{number}")
        return len(kept._at_hand), told(await kept.retrieve("s0"))

    with tempfile.TemporaryDirectory() as alone:
        rasas = told(asyncio.run(talk(store(Path(alone), SQLTrackerStore), ["session", "greeting"])))
    assert asyncio.run(crowd()) == (3, rasas)


def test_a_long_conversation_keeps_its_latest_turns_and_where_things_stood(tmp_path: Path) -> None:
    async def long() -> tuple[DialogueStateTracker | None, DialogueStateTracker | None]:
        kept = store(tmp_path, most_events=40)
        await talk(kept, ["session", "slot", "form"])
        for _ in range(60):
            await turn(kept, "greeting")
        return await kept.retrieve("s"), await store(tmp_path, SQLTrackerStore).retrieve("s")

    ours, whole = asyncio.run(long())
    assert ours is not None and whole is not None
    assert len(ours.events) <= 44 < len(whole.events)
    assert [event.as_dict() for event in ours.events][-12:] == [event.as_dict() for event in whole.events][-12:]
    assert told(ours)[1:] == told(whole)[1:]  # type: ignore[index]
    replayed = DialogueStateTracker.from_events("s", list(ours.events), DOMAIN.slots)
    assert (replayed.get_slot("name"), replayed.active_loop_name) == ("Mei", "book_form")
    assert ours.past_states(DOMAIN)[-8:] == whole.past_states(DOMAIN)[-8:]


def test_a_turn_is_never_cut_in_two() -> None:
    events = [LISTEN, *TURNS["slot"], *TURNS["greeting"] * 30]
    tracker = DialogueStateTracker.from_events("s", events, DOMAIN.slots)
    shorten(tracker, 10)
    first, second, third = list(tracker.events)[:3]
    assert (first, second) == (SlotSet("name", "Mei"), LISTEN) and isinstance(third, UserUttered)
    assert len(tracker.events) <= 12


def test_one_turn_longer_than_that_stays_whole() -> None:
    events = [LISTEN, says("hi"), *[BotUttered(str(number)) for number in range(50)]]
    tracker = DialogueStateTracker.from_events("s", events, DOMAIN.slots)
    shorten(tracker, 10)
    assert len(tracker.events) == len(events)


def test_a_database_of_rasas_store_is_taken_on(tmp_path: Path) -> None:
    before = told(asyncio.run(talk(store(tmp_path, SQLTrackerStore), ["session", "slot", "greeting"])))
    assert told(asyncio.run(talk(store(tmp_path), []))) == before
    with sqlite3.connect(tmp_path / "conversations.db") as connection:
        indices = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")]
    assert "ix_events_sender_id_id" in indices
    store(tmp_path)  # and once more: what is there is not made again


def test_a_model_with_other_slots_reads_it_anew(tmp_path: Path) -> None:
    async def changed() -> object:
        kept = store(tmp_path)
        await talk(kept, ["session", "slot"])
        kept.domain = Domain.from_dict({"slots": {"other": {"type": "any", "mappings": [{"type": "custom"}]}}})
        return set((await kept.retrieve("s")).slots)  # type: ignore[union-attr]

    assert "other" in asyncio.run(changed())  # type: ignore[operator]


class Heard(EventBroker):
    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []

    def publish(self, event: dict[str, object]) -> None:
        self.events.append(event)


def test_a_broker_is_told_each_event_once(tmp_path: Path) -> None:
    broker = Heard()
    asyncio.run(talk(store(tmp_path, event_broker=broker), ["session", "greeting", "greeting"]))
    names = [event["event"] for event in broker.events]
    assert names.count("user") == 2 and len(names) == sum(
        len(TURNS[name]) for name in ("session", "greeting", "greeting")
    )


def test_it_is_the_store_of_endpoints_yml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    made = TrackerStore.create(endpoints.tracker_store, domain=DOMAIN)
    assert isinstance(made, ConversationStore)
    assert (tmp_path / "var/conversations.db").exists() and made._room == tracker_store.AT_HAND
