"""Messages of a conversation are served in the order they came in, over processes too, and whatever ends them."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.core.lock_store import LockError, LockStore
from rasa.core.utils import AvailableEndpoints, number_of_sanic_workers
from rasa.utils.endpoints import EndpointConfig

from serving.kernel_locks import DOOR, STRETCHES, Place
from serving.lock_store import FileLockStore

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
WANG = "wang"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "conversations.lock"


def store_at(file: Path, **options: Any) -> FileLockStore:
    return FileLockStore(EndpointConfig(file=str(file), **options))


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.001)


def waiting_in(store: FileLockStore, conversation: str = WANG) -> int:
    lock = store.get_lock(conversation)
    return len(lock.tickets) if lock else 0


async def served(store: LockStore, conversation: str, name: Any, order: list[Any]) -> None:
    async with store.lock(conversation):
        order.append(name)
        await asyncio.sleep(0)


# -- one process ---------------------------------------------------------------------------------------------------


async def test_messages_are_served_in_the_order_they_came_in(file: Path) -> None:
    store, order = store_at(file), list[Any]()
    await asyncio.gather(*(served(store, WANG, number, order) for number in range(50)))
    assert order == list(range(50))


async def test_no_conversation_holds_up_another(file: Path) -> None:
    store, order = store_at(file), list[Any]()
    async with store.lock(WANG):
        await served(store, "emma", "emma", order)
    assert order == ["emma"]


async def test_one_after_the_other_with_the_lock_in_hand(file: Path) -> None:
    store = store_at(file)
    inside = most = 0

    async def turn() -> None:
        nonlocal inside, most
        async with store.lock(WANG):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(turn() for _ in range(20)))
    assert most == 1


async def test_nothing_is_left_behind(file: Path) -> None:
    store = store_at(file)
    before = set(os.listdir("/proc/self/fd"))
    for number in range(100):
        async with store.lock(f"customer {number}"):
            pass
    assert not store._lines
    assert set(os.listdir("/proc/self/fd")) == before
    assert file.stat().st_size == 0
    assert [one.name for one in file.parent.iterdir()] == [file.name]


async def test_a_turn_that_fails_ends(file: Path) -> None:
    store, order = store_at(file), list[Any]()
    with pytest.raises(RuntimeError):
        async with store.lock(WANG):
            raise RuntimeError("something broke")
    await served(store, WANG, "next", order)
    assert order == ["next"]


async def test_a_holder_that_is_called_off_makes_room(file: Path) -> None:
    store, order = store_at(file), list[Any]()

    async def forever() -> None:
        async with store.lock(WANG):
            await asyncio.Event().wait()

    holder = asyncio.create_task(forever())
    await until(lambda: waiting_in(store) == 1)
    behind = asyncio.create_task(served(store, WANG, "behind", order))
    await until(lambda: waiting_in(store) == 2)
    holder.cancel()
    await behind
    assert order == ["behind"]
    assert not store._lines


@pytest.mark.parametrize("called_off", [0, 1, 2])
async def test_a_waiter_that_is_called_off_lets_the_others_by(file: Path, called_off: int) -> None:
    store, order = store_at(file), list[Any]()
    async with store.lock(WANG):
        tasks = [asyncio.create_task(served(store, WANG, number, order)) for number in range(3)]
        await until(lambda: waiting_in(store) == 4)
        tasks[called_off].cancel()
        await until(lambda: waiting_in(store) == 3)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [number for number in range(3) if number != called_off]
    assert not store._lines


async def test_who_waits_too_long_is_told_so_and_leaves_the_line(file: Path) -> None:
    store, order = store_at(file, wait_seconds=0.01), list[Any]()
    async with store.lock(WANG):
        with pytest.raises(LockError, match=r"wang is still busy with an earlier message after 0\.01 s\."):
            await served(store, WANG, "late", order)
        assert waiting_in(store) == 1
    await served(store, WANG, "next", order)
    assert order == ["next"]


async def test_a_turn_is_kept_however_long_it_takes(file: Path) -> None:
    """Rasa's own lets the next one in when the ticket has expired; both then write one conversation."""
    store, order = store_at(file), list[Any]()
    async with store.lock(WANG, lock_lifetime=0):
        behind = asyncio.create_task(served(store, WANG, "behind", order))
        await until(lambda: waiting_in(store) == 2)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not order
    await behind


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12))
def test_whoever_is_called_off_the_others_are_served_in_order(
    tmp_path_factory: pytest.TempPathFactory, messages: list[tuple[int, bool]]
) -> None:
    async def scene() -> None:
        store = store_at(tmp_path_factory.mktemp("locks") / "conversations.lock")
        order: list[tuple[int, int]] = []
        tasks = []
        for number, (conversation, _) in enumerate(messages):
            tasks.append(asyncio.create_task(served(store, f"customer {conversation}", (conversation, number), order)))
        await asyncio.sleep(0)
        for task, (_, is_called_off) in zip(tasks, messages, strict=True):
            if is_called_off:
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for which in range(3):
            expected = [
                number
                for number, (conversation, _) in enumerate(messages)
                if conversation == which and (ended[number] is None or (which, number) in order)
            ]
            assert [number for conversation, number in order if conversation == which] == expected
        assert all(result is None for result, (_, off) in zip(ended, messages, strict=True) if not off)
        assert not store._lines

    asyncio.run(scene())


# -- two lock stores on one file, as two workers have --------------------------------------------------------------


async def test_two_workers_take_turns_in_the_order_of_arrival(file: Path) -> None:
    stores, order, tasks = [store_at(file), store_at(file)], list[Any](), []
    async with stores[0].lock(WANG):
        for number in range(12):
            store = stores[number % 3 % 2]
            lined_up = waiting_in(store)
            tasks.append(asyncio.create_task(served(store, WANG, number, order)))
            await until(lambda: waiting_in(store) == lined_up + 1)  # noqa: B023
    await asyncio.gather(*tasks)
    assert order == list(range(12))


async def test_a_message_waits_for_one_of_another_worker(file: Path) -> None:
    here, there, order = store_at(file), store_at(file), list[Any]()
    async with there.lock(WANG):
        waiting = asyncio.create_task(served(here, WANG, "here", order))
        await until(lambda: waiting_in(here) == 1)
        await asyncio.sleep(0.03)
        assert not order
        await served(here, "emma", "emma", order)
    await waiting
    assert order == ["emma", "here"]


async def test_who_waits_too_long_for_another_worker_is_told_so(file: Path) -> None:
    here, there = store_at(file, wait_seconds=0.02), store_at(file)
    async with there.lock(WANG):
        with pytest.raises(LockError, match="still busy"):
            await served(here, WANG, "here", [])
    assert not here._lines


# -- processes -----------------------------------------------------------------------------------------------------


def in_a_process(play: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=play, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def stands_in_line(parent: Connection, file: Path) -> None:
    """Say so when in line, again when it is our turn, and end the turn at a word."""

    async def scene() -> None:
        store = store_at(file)
        ticket = store.issue_ticket(WANG)
        parent.send("in line")
        await store._acquire_lock(WANG, ticket, 1)
        parent.send("being served")
        parent.recv()
        store.cleanup(WANG, ticket)

    asyncio.run(scene())


def counts(parent: Connection, file: Path, ledger: Path, times: int) -> None:
    """Read a number, pause, write it one higher: only right where nobody else does so meanwhile."""

    async def once(store: FileLockStore) -> None:
        async with store.lock(WANG):
            number = int(ledger.read_text())
            await asyncio.sleep(0)
            ledger.write_text(str(number + 1))

    async def scene() -> None:
        store = store_at(file)
        await asyncio.gather(*(once(store) for _ in range(times)))

    parent.recv()
    asyncio.run(scene())


def test_processes_never_hold_one_conversation_at_once(file: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_text("0")
    started = [in_a_process(counts, file, ledger, 40) for _ in range(3)]
    for _, pipe in started:
        pipe.send("go")
    for process, _ in started:
        process.join(60)
    assert ledger.read_text() == "120"


def test_processes_are_served_in_the_order_they_came_in(file: Path) -> None:
    started = []
    for _ in range(4):
        started.append(in_a_process(stands_in_line, file))
        assert started[-1][1].recv() == "in line"
    for number, (process, pipe) in enumerate(started):
        assert pipe.recv() == "being served"
        assert not any(later.poll() for _, later in started[number + 1 :])
        pipe.send("done")
        process.join(60)


def test_a_process_that_dies_leaves_nobody_waiting(file: Path) -> None:
    started = []
    for _ in range(3):
        started.append(in_a_process(stands_in_line, file))
        assert started[-1][1].recv() == "in line"
    (holder, first), (waiter, _), (last, pipe) = started
    assert first.recv() == "being served"
    os.kill(waiter.pid, signal.SIGKILL)
    waiter.join(60)
    assert not pipe.poll()
    os.kill(holder.pid, signal.SIGKILL)
    assert pipe.recv() == "being served"
    pipe.send("done")
    last.join(60)
    holder.join(60)


# -- places, and what Rasa asks ------------------------------------------------------------------------------------


def test_a_line_that_empties_begins_anew(file: Path) -> None:
    file.parent.mkdir()
    first, second = Place(file, WANG), Place(file, WANG)
    assert (first.number, second.number) == (0, 1)
    first.leave()
    third = Place(file, WANG)
    assert (third.number, second.is_first, third.is_first) == (2, True, False)
    second.leave()
    third.leave()
    again = Place(file, WANG)
    assert again.number == 0
    again.leave()


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_any_name_has_its_place(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    place = Place(tmp_path_factory.getbasetemp() / "any.lock", name)
    assert place.is_first
    place.leave()


def test_the_last_stretch_is_within_a_file() -> None:
    assert (STRETCHES - 1) * (DOOR + 1) + DOOR < 1 << 63


async def test_a_line_can_be_looked_at(file: Path) -> None:
    store = store_at(file)
    assert store.get_lock(WANG) is None and not store.is_someone_waiting(WANG)
    async with store.lock(WANG) as lock:
        assert lock.conversation_id == WANG and lock.now_serving == 0
        assert store.is_someone_waiting(WANG)
        store.update_lock(WANG)
        store.delete_lock(WANG)
        assert store.is_someone_waiting(WANG)
    store.cleanup(WANG, 0)
    with pytest.raises(LockError, match="Nobody waits"):
        await store._acquire_lock(WANG, 7, 1)


def test_a_file_that_cannot_be_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        store_at(tmp_path / "file" / "conversations.lock")
    with pytest.raises(ValueError, match="no setting wait_second"):
        store_at(tmp_path / "conversations.lock", wait_second=3)


async def test_a_file_that_is_gone_refuses_the_message(file: Path) -> None:
    store = store_at(file)
    file.unlink()
    file.parent.rmdir()
    with pytest.raises(LockError, match="Conversation wang could not be locked"):
        await served(store, WANG, "here", [])
    assert not store._lines


def test_rasa_takes_the_projects_lock_store_and_as_many_workers_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANIC_WORKERS", "2")
    endpoint = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml")).lock_store
    monkeypatch.chdir(tmp_path)
    store = LockStore.create(endpoint)
    assert type(store).__name__ == "FileLockStore"
    assert (tmp_path / "var/conversations.lock").exists()
    assert number_of_sanic_workers(endpoint) == 2
