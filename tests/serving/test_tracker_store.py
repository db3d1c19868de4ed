"""The store says of every conversation what Rasa's own says, whoever else writes it and whatever fails on the way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import FailSafeTrackerStore, SQLTrackerStore, TrackerStore, check_if_tracker_store_async
from rasa.core.utils import AvailableEndpoints
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import ConnectionException, RasaException
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.exc import DBAPIError, OperationalError

from serving.tracker_store import RememberingTrackerStore
from tests.serving.dialogues import (
    DOMAIN,
    TAKEN_BACK,
    TURNS,
    WANG,
    again,
    answers,
    as_dicts,
    events_of,
    heard,
    not_for_long,
    ours,
    starts,
    state_of,
    stock,
    turn,
    view_of,
)

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


class Statements:
    """What a store asks its database, and in which threads."""

    def __init__(self, store: SQLTrackerStore) -> None:
        self.asked: list[str] = []
        self.threads: set[threading.Thread] = set()
        sa.event.listen(store.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.asked.append(" ".join(statement.split()))
        self.threads.add(threading.current_thread())


def rows(store: SQLTrackerStore, sender: str = WANG) -> list[tuple[Any, ...]]:
    table = SQLTrackerStore.SQLEvent.__table__
    columns = (table.c.type_name, table.c.timestamp, table.c.intent_name, table.c.action_name, table.c.data)
    with store.engine.connect() as connection:
        of_it = sa.select(*columns).where(table.c.sender_id == sender).order_by(table.c.id)
        return [tuple(row) for row in connection.execute(of_it)]


async def assert_same(one: TrackerStore, other: TrackerStore, sender: str = WANG, *, is_whole: bool = True) -> None:
    here, there = await one.retrieve(sender), await other.retrieve(sender)
    assert state_of(here) == state_of(there)
    if here is None or there is None:
        return
    assert (here.sender_id, here.model_id, here.assistant_id) == (there.sender_id, there.model_id, there.assistant_id)
    assert state_of(here.copy()) == state_of(there)
    assert view_of(here) == view_of(there)
    if is_whole:
        assert as_dicts(here) == as_dicts(there)
    whole_here, whole_there = await one.retrieve_full_tracker(sender), await other.retrieve_full_tracker(sender)
    assert as_dicts(whole_here) == as_dicts(whole_there)


# -- any dialogue --------------------------------------------------------------------------------------------------

WHO = ["worker 1", "worker 2", "fails", "looks", "restarts"]
steps = st.tuples(st.sampled_from(sorted({**TURNS, **TAKEN_BACK})), st.sampled_from([*WHO, *["worker 1"] * 4]))


@pytest.mark.parametrize("turns_in_memory", [1000, 8])
@settings(max_examples=15, deadline=None)
@given(played=st.lists(steps, max_size=20))
def test_any_dialogue_is_told_as_rasas_own_store_tells_it(
    tmp_path_factory: pytest.TempPathFactory, turns_in_memory: int, played: list[tuple[str, str]]
) -> None:
    """Two workers on one database, beside one stock store on another; a turn may fail, a worker may start anew."""

    folder = tmp_path_factory.mktemp("dialogue")

    def worker() -> SQLTrackerStore:
        return not_for_long(ours(f"sqlite:///{folder}/ours.db", turns_in_memory=turns_in_memory))

    async def scene() -> None:
        beside = not_for_long(stock(f"sqlite:///{folder}/stock.db"))
        workers = {name: worker() for name in WHO[:2]}
        for number, (kind, who) in enumerate(played):
            if who == "restarts":
                workers["worker 1"] = worker()
            if who == "looks":
                await workers["worker 2"].retrieve(WANG)
            tracker = await beside.get_or_create_tracker(WANG, append_action_listen=False)
            events = events_of(kind, number, tracker)
            serving = workers["worker 2" if who == "worker 2" else "worker 1"]
            await turn(serving, again(events), fails=who == "fails")
            await turn(beside, again(events), fails=who == "fails")
            await assert_same(serving, beside, is_whole=turns_in_memory == 1000)
        for one in workers.values():
            await assert_same(one, beside, is_whole=turns_in_memory == 1000)
        assert [row[0] for row in rows(workers["worker 1"])] == [row[0] for row in rows(beside)]

    asyncio.run(scene())


# -- on both databases ---------------------------------------------------------------------------------------------


async def test_conversations_are_kept_in_rasas_own_table(address: str) -> None:
    """Rasa's store reads what ours wrote, column by column as it writes it, and ours goes on where Rasa's stopped."""
    store, theirs = ours(address), stock(address)
    await turn(store, [*starts(), *answers("你好", SlotSet("reason", "太大"))])
    await assert_same(store, theirs)
    await turn(theirs, answers("second"))
    await assert_same(store, theirs)
    await turn(store, answers("third"))
    await assert_same(store, theirs)
    await turn(store, again(starts()), "emma")
    await turn(theirs, again(starts()), "li")
    ours_wrote, theirs_wrote = rows(store, "emma"), rows(store, "li")
    assert [row[0] for row in ours_wrote] == [row[0] for row in theirs_wrote]
    assert [row[2:4] for row in ours_wrote] == [row[2:4] for row in theirs_wrote]
    assert set(await store.keys()) == {WANG, "emma", "li"}
    by_kind = {row[0]: row for row in rows(store)}
    assert by_kind["user"][2] == "ask" and by_kind["action"][3] == "action_listen"


async def test_two_workers_take_turns(address: str) -> None:
    workers = [ours(address), ours(address)]
    await turn(workers[0], starts())
    for number in range(12):
        await turn(workers[number % 3 % 2], answers(f"message {number}", SlotSet("reason", str(number))))
    for worker in (*workers, ours(address)):
        tracker = await worker.retrieve(WANG)
        assert tracker is not None and tracker.get_slot("reason") == "11"
        texts = [event["text"] for event in as_dicts(tracker) or [] if event["event"] == "user"]
        assert texts == [f"message {number}" for number in range(12)]


async def test_a_session_that_another_worker_began_is_seen(address: str) -> None:
    one, other = ours(address), ours(address)
    await turn(one, [*starts(), *answers("old", SlotSet("reason", "old"))])
    await turn(other, [*starts(), *answers("new")])
    tracker = await one.retrieve(WANG)
    assert tracker is not None and tracker.get_slot("reason") == "none"
    assert isinstance(tracker.events[0], SessionStarted)
    await assert_same(one, ours(address))


async def test_what_is_appended_beside_a_turn_is_not_lost(address: str) -> None:
    """Against the rule, without the lock: both are kept, and what memory cannot know is read anew."""
    one, other = ours(address), ours(address)
    await turn(one, [*starts(), *answers("first")])
    tracker = await one.retrieve(WANG)
    await turn(other, [SlotSet("reason", "meanwhile")])
    assert tracker is not None
    for event in answers("second"):
        tracker.update(event)
    await one.save(tracker)
    await assert_same(one, ours(address))
    read = await one.retrieve(WANG)
    assert read is not None and read.get_slot("reason") == "meanwhile" and read.latest_message.text == "second"


async def test_a_conversation_that_is_erased_is_forgotten(address: str) -> None:
    store = ours(address)
    await turn(store, [*starts(), *answers("my phone is 13812345678")])
    with store.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM events"))
    assert await store.retrieve(WANG) is None
    assert not store._kept


async def test_a_message_asks_little_however_long_the_conversation(address: str) -> None:
    store = ours(address)
    await turn(store, starts())
    for number in range(50):
        await turn(store, answers(f"message {number}"))
    statements = Statements(store)
    await turn(store, answers("one more"))
    look, insert, count = [statement.split(" ")[0] + statement.partition("WHERE")[2] for statement in statements.asked]
    assert look.startswith("SELECT") and "events.id >=" in look
    assert insert.startswith("INSERT")
    assert count.startswith("SELECT") and "events.id >" in count
    with store.engine.connect() as connection:
        first = connection.execute(sa.text("SELECT max(id) FROM events")).scalar()
    tracker = await store.retrieve(WANG)
    assert tracker is not None and tracker.stored.last == first


async def test_a_new_conversation_is_looked_for_once(address: str) -> None:
    store = ours(address)
    statements = Statements(store)
    tracker = await store.get_or_create_tracker(WANG, append_action_listen=False)
    looks = len(statements.asked)
    for event in starts():
        tracker.update(event)
    await store.save(tracker)
    assert [statement.split(" ")[0] for statement in statements.asked[looks:]] == ["INSERT", "SELECT"]
    assert WANG in store._kept


async def test_what_is_created_where_another_worker_has_begun_is_not_kept(address: str) -> None:
    store, other = ours(address), ours(address)
    tracker = await store.get_or_create_tracker(WANG, append_action_listen=False)
    await turn(other, [*starts(), *answers("before")])
    for event in answers("after"):
        tracker.update(event)
    await store.save(tracker)
    assert not store._kept
    await assert_same(store, other)


async def test_old_databases_get_their_index(address: str) -> None:
    theirs = stock(address)
    await turn(theirs, [*starts(), *answers("before")])
    for _ in range(2):
        store = ours(address)
        indexes = {tuple(index["column_names"]) for index in sa.inspect(store.engine).get_indexes("events")}
        assert ("sender_id", "id") in indexes
        await assert_same(store, theirs)


async def test_workers_that_start_at_once_do_not_trip_over_each_other(address: str) -> None:
    made = await asyncio.gather(*(asyncio.to_thread(ours, address, connect_seconds=30) for _ in range(4)))
    await turn(made[0], starts())
    assert await made[3].retrieve(WANG) is not None


async def test_a_database_can_be_made_through_another(postgres: str) -> None:
    host = postgres.format(database="ignored").partition("host=")[2]
    settings: dict[str, Any] = {"dialect": "postgresql", "username": "haoke", "query": {"host": host}}
    for _ in range(2):
        store = RememberingTrackerStore(DOMAIN, db="made_by_haoke", login_db="postgres", connect_seconds=0, **settings)
        await turn(store, starts())
    assert store.engine.url.database == "made_by_haoke"


# -- failures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> RememberingTrackerStore:
    return ours(f"sqlite:///{tmp_path}/conversations.db")


@pytest.fixture
def locked(store: RememberingTrackerStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that takes no writing."""

    def refuse(*_arguments: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr("serving.tracker_store._append", refuse)
        yield


async def test_a_turn_that_fails_leaves_the_conversation_as_it_was(store: RememberingTrackerStore) -> None:
    await turn(store, [*starts(), *answers("first")])
    before = as_dicts(await store.retrieve(WANG))
    await turn(store, answers("broke", SlotSet("reason", "dirty")), fails=True)
    assert as_dicts(await store.retrieve(WANG)) == before
    await turn(store, answers("second"))
    await assert_same(store, stock(str(store.engine.url)))


async def test_a_first_turn_that_fails_leaves_nothing(store: RememberingTrackerStore) -> None:
    await turn(store, [*starts(), *answers("broke")], fails=True)
    assert await store.retrieve(WANG) is None


@pytest.mark.usefixtures("locked")
async def test_a_turn_that_cannot_be_saved_is_said_and_forgotten(store: RememberingTrackerStore) -> None:
    with pytest.raises(OperationalError):
        await turn(store, [*starts(), *answers("lost")])
    assert await store.retrieve(WANG) is None


async def test_what_a_caller_does_with_its_tracker_touches_nobody_elses(store: RememberingTrackerStore) -> None:
    await turn(store, [*starts(), *answers("first")])
    mine, yours = await store.retrieve(WANG), await store.retrieve(WANG)
    assert mine is not None and yours is not None and mine is not yours
    mine.update(SlotSet("reason", "mine"))
    await store.save(mine)
    mine.update(SlotSet("reason", "not saved"))
    assert yours.get_slot("reason") == "none"
    read = await store.retrieve(WANG)
    assert read is not None and read.get_slot("reason") == "mine"


async def test_a_message_called_off_while_it_is_saved_is_saved_before_it_ends(
    store: RememberingTrackerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving import tracker_store

    may_go_on, append, is_saving = threading.Event(), tracker_store._append, threading.Event()

    def slowly(*arguments: Any) -> Any:
        is_saving.set()
        may_go_on.wait(30)
        return append(*arguments)

    monkeypatch.setattr(tracker_store, "_append", slowly)
    saving = asyncio.create_task(turn(store, [*starts(), *answers("first")]))
    while not is_saving.is_set():
        await asyncio.sleep(0.001)
    saving.cancel()
    await asyncio.sleep(0.01)
    assert not saving.done()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    tracker = await store.retrieve(WANG)
    assert tracker is not None and tracker.latest_message.text == "first"


async def test_a_broken_row_is_an_error_and_no_end_of_the_server(store: RememberingTrackerStore) -> None:
    """Rasa's own session takes any ValueError for a missing schema and exits."""
    await turn(store, [*starts(), *answers("first")])
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE events SET data = 'not json'"))
    with pytest.raises(ValueError):
        await ours(str(store.engine.url)).retrieve(WANG)
    with pytest.raises(ValueError), store.session_scope() as session:
        assert session.query(store.SQLEvent).count() > 1
        raise ValueError("of somebody else")


async def test_when_reading_fails_a_new_session_begins_and_all_of_it_is_kept(
    store: RememberingTrackerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rasa takes a failed reading for a new customer; its own store then drops as many new events as it has old."""
    await turn(store, [*starts(), *(event for number in range(5) for event in answers(str(number)))])
    safe = FailSafeTrackerStore(store)

    def refuse(*_arguments: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(store, "_brought_up_to_date", refuse)
        await turn(safe, [*starts(), *answers("anew")])
    read = await store.retrieve(WANG)
    assert read is not None and read.latest_message.text == "anew"
    assert [event.type_name for event in read.events] == [
        "session_started",
        "action",
        "user",
        "action",
        "bot",
        "action",
    ]
    await assert_same(store, ours(str(store.engine.url)))


# -- memory --------------------------------------------------------------------------------------------------------


async def test_only_the_conversations_last_used_are_kept(store: RememberingTrackerStore) -> None:
    store._trackers_in_memory = 3
    for sender in ("a", "b", "c", "a", "d", "e"):
        await turn(store, answers(sender), sender)
    assert list(store._kept) == ["a", "d", "e"]
    for sender in ("a", "b", "c", "d", "e"):
        await assert_same(store, stock(str(store.engine.url)), sender)


async def test_a_kept_conversation_is_not_read_again(store: RememberingTrackerStore) -> None:
    await turn(store, [*starts(), *answers("first")])
    statements = Statements(store)
    for number in range(3):
        await turn(store, answers(f"message {number}"))
        await store.retrieve(WANG)
    assert not [asked for asked in statements.asked if "type_name =" in asked]


async def test_a_tracker_holds_its_last_turns_and_the_table_all(store: RememberingTrackerStore) -> None:
    store._turns_in_memory = 4
    await turn(store, [*starts(), *answers("begin", SlotSet("order_number", "W1"))])
    for number in range(20):
        await turn(store, answers(f"message {number}"))
    for reader in (store, ours(str(store.engine.url), turns_in_memory=4)):
        tracker = await reader.retrieve(WANG)
        assert tracker is not None and tracker.get_slot("order_number") == "W1"
        texts = [event["text"] for event in as_dicts(tracker) or [] if event["event"] == "user"]
        assert texts == ["message 16", "message 17", "message 18", "message 19"]
    whole = await store.retrieve_full_tracker(WANG)
    assert as_dicts(whole) == as_dicts(await stock(str(store.engine.url)).retrieve_full_tracker(WANG))


async def test_another_domain_has_other_slots(store: RememberingTrackerStore) -> None:
    await turn(store, [*starts(), *answers("first", SlotSet("reason", "too big"))])
    store.domain = Domain.from_dict({"slots": {"reason": {"type": "text", "mappings": [{"type": "custom"}]}}})
    tracker = await store.retrieve(WANG)
    assert tracker is not None and "order_number" not in tracker.slots and tracker.get_slot("reason") == "too big"
    store.domain = None
    tracker = await store.retrieve(WANG)
    assert tracker is not None and "reason" not in tracker.slots


async def test_the_database_is_asked_in_other_threads_than_the_event_loops(store: RememberingTrackerStore) -> None:
    statements = Statements(store)
    await turn(store, [*starts(), *answers("first")])
    await store.retrieve_full_tracker(WANG)
    await store.keys()
    assert statements.threads and threading.current_thread() not in statements.threads


async def test_many_conversations_at_once(store: RememberingTrackerStore) -> None:
    senders = [f"customer {number}" for number in range(40)]
    for text in ("first", "second"):
        await asyncio.gather(*(turn(store, answers(text), sender) for sender in senders))
    for sender in senders:
        await assert_same(store, stock(str(store.engine.url)), sender)


# -- what Rasa asks ------------------------------------------------------------------------------------------------


class Broker(EventBroker):
    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def publish(self, event: dict[str, Any]) -> None:
        self.heard.append(event)


async def test_a_broker_hears_each_event_once(store: RememberingTrackerStore) -> None:
    broker = Broker()
    store.event_broker = broker
    await turn(store, [*starts(), *answers("first")])
    await turn(store, answers("second"))
    assert [event["event"] for event in broker.heard] == [row[0] for row in rows(store)]
    assert {event["sender_id"] for event in broker.heard} == {WANG}


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_tracker_from_elsewhere_is_saved_as_rasas_own_store_does(tmp_path: Path, is_new: bool) -> None:
    """As the HTTP API's PUT of a conversation's events does: what is longer than the session is put behind it."""
    addresses = [f"sqlite:///{tmp_path}/{name}.db" for name in ("ours", "stock")]
    stores: list[SQLTrackerStore] = [ours(addresses[0]), stock(addresses[1])]
    before = [] if is_new else [*starts(), *answers("first")]
    events = [*before, *answers("second"), heard("third")]
    for store in stores:
        if before:
            await turn(store, again(before))
        await store.save(DialogueStateTracker.from_events(WANG, again(events)[1:], DOMAIN.slots))
    await assert_same(*stores)
    await assert_same(ours(addresses[0]), stores[1])


async def test_it_exists_once_it_was_saved(store: RememberingTrackerStore) -> None:
    assert not await store.exists(WANG)
    await store.get_or_create_tracker(WANG)
    assert await store.exists(WANG)
    tracker = await store.get_or_create_full_tracker(WANG)
    tracker.update(heard("hello"))
    await store.save(tracker)
    assert len(rows(store)) == 2
    await assert_same(store, stock(str(store.engine.url)))


async def test_sqlite_lets_readers_and_a_writer_work_at_once(store: RememberingTrackerStore) -> None:
    await turn(store, starts())
    with store.engine.connect() as writer:
        writer.execute(sa.text("BEGIN IMMEDIATE"))
        assert await store.retrieve(WANG) is not None
        assert writer.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert writer.execute(sa.text("PRAGMA busy_timeout")).scalar() == 10_000


def test_rasa_takes_the_projects_tracker_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml")).tracker_store
    monkeypatch.chdir(tmp_path)  # where there is no var/ yet
    store = TrackerStore.create(endpoint)
    assert type(store).__name__ == "RememberingTrackerStore"
    assert check_if_tracker_store_async(store)
    assert (tmp_path / "var/conversations.db").exists()


NAME = "serving.tracker_store.RememberingTrackerStore"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"db": ":memory:"}, RasaException),
        ({"db": "/proc/none/conversations.db"}, OSError),
        ({"dialect": "oracle"}, RasaException),  # whose driver is not installed
        ({"dialect": "nonsense"}, Exception),
        ({"tracker_in_memory": 3}, TypeError),
        ({"turns_in_memory": 0}, RasaException),
        ({"dialect": "postgresql", "url": "127.0.0.1", "port": 1, "connect_seconds": 0}, ConnectionException),
        ({"login_db": "postgres"}, RasaException),
    ],
)
def test_where_there_can_be_no_store_the_server_says_so(settings: dict[str, Any], error: type[Exception]) -> None:
    """Rasa makes a store in memory of an ImportError or an AttributeError."""
    with pytest.raises(error) as caught:
        TrackerStore.create(EndpointConfig(settings.pop("url", None), type=NAME, **settings))
    assert not isinstance(caught.value, (ImportError, AttributeError))


BROKEN = """
import sys, warnings
from rasa.core.lock_store import LockStore
from rasa.core.tracker_store import TrackerStore
from rasa.core.utils import AvailableEndpoints
sys.modules["serving.abridging"] = None  # cannot be imported
endpoints = AvailableEndpoints.read_endpoints("endpoints.yml")
warnings.simplefilter("ignore")
print(type(TrackerStore.create(endpoints.tracker_store)).__name__)
LockStore.create(endpoints.lock_store)
"""


def test_where_the_store_cannot_be_imported_the_server_does_not_start() -> None:
    """Rasa puts one in memory in its place; then the lock store's import fails, which is said."""
    ended = subprocess.run([sys.executable, "-c", BROKEN], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.stdout == "InMemoryTrackerStore\n"
    assert ended.returncode == 1 and "Failed to create a `LockStore`" in ended.stderr


def test_a_schema_that_is_missing_is_said(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRESQL_SCHEMA", "nowhere")
    with pytest.raises(RasaException, match="no schema nowhere"):
        ours(postgres.format(database="postgres"))


def test_a_database_that_is_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import database

    prepare, tried = database._prepare, []

    def late(engine: sa.engine.Engine) -> None:
        tried.append(engine)
        if len(tried) < 3:
            raise OperationalError("", {}, Exception("the database system is starting up"))
        prepare(engine)

    monkeypatch.setattr(database, "_prepare", late)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    RememberingTrackerStore(DOMAIN, db=str(tmp_path / "conversations.db"), connect_seconds=30)
    assert len(tried) == 3
    monkeypatch.setattr(database, "_prepare", lambda _engine: tried[3])
    with pytest.raises(IndexError):
        ours(f"sqlite:///{tmp_path}/conversations.db")


async def test_an_error_quotes_nothing_that_a_customer_wrote(store: RememberingTrackerStore) -> None:
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE events"))
    with pytest.raises(DBAPIError) as caught:
        await store.save(DialogueStateTracker.from_events(WANG, [heard("my phone is 13812345678")], DOMAIN.slots))
    assert "13812345678" not in str(caught.value)
