"""Messages of one conversation wait for each other in their order; those of others do not."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.core.lock_store import LockError, LockStore
from rasa.core.utils import AvailableEndpoints, number_of_sanic_workers

from serving.lock_store import BITS_OF_PLACE, ConversationLocks, place_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConversationLocks:
    monkeypatch.chdir(tmp_path)
    return ConversationLocks()


def test_messages_are_served_in_the_order_in_which_they_came(locks: ConversationLocks) -> None:
    served: list[tuple[int, str]] = []

    async def message(number: int) -> None:
        async with locks.lock("one"):
            served.append((number, "begins"))
            await asyncio.sleep(0)
            served.append((number, "ends"))

    async def all_at_once() -> None:
        await asyncio.gather(*(message(number) for number in range(20)))

    asyncio.run(all_at_once())
    assert served == [(number, step) for number in range(20) for step in ("begins", "ends")]


def test_nothing_is_left_behind(locks: ConversationLocks) -> None:
    async def talk() -> None:
        for number in range(50):
            async with locks.lock(f"conversation {number}"):
                assert not locks.is_someone_waiting(f"conversation {number}")

    asyncio.run(talk())
    assert locks._lines == {}


def test_another_conversation_does_not_wait(locks: ConversationLocks) -> None:
    async def talk() -> None:
        async with locks.lock("one"), locks.lock("another"):
            pass

    asyncio.run(asyncio.wait_for(talk(), 10))


def test_who_waits_too_long_is_told_and_the_next_is_served(locks: ConversationLocks) -> None:
    async def talk() -> list[str]:
        said = []
        async with locks.lock("one"):
            with pytest.raises(LockError, match="still busy"):
                async with locks.lock("one", lock_lifetime=0.01):
                    said.append("never")
            later = asyncio.create_task(wait(said))
            await asyncio.sleep(0)
            assert locks.is_someone_waiting("one")
        await later
        return said

    async def wait(said: list[str]) -> None:
        async with locks.lock("one"):
            said.append("served")

    assert asyncio.run(talk()) == ["served"]
    assert locks._lines == {}


@given(st.lists(st.sampled_from(["stays", "leaves", "fails"]), min_size=1, max_size=8))
def test_whoever_leaves_the_line_or_fails_the_others_are_served_in_order(fates: list[str]) -> None:
    locks, served = ConversationLocks(), []

    async def message(number: int, fate: str) -> None:
        async with locks.lock("one"):
            await asyncio.sleep(0)
            if fate == "fails":
                raise ValueError(number)
            served.append(number)

    async def talk() -> None:
        async with locks.lock("one"):
            tasks = [asyncio.create_task(message(number, fate)) for number, fate in enumerate(fates)]
            await asyncio.sleep(0)
            for task, fate in zip(tasks, fates, strict=True):
                if fate == "leaves":
                    task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(talk(), 10))
    assert served == [number for number, fate in enumerate(fates) if fate == "stays"]
    assert locks._lines == {}


def test_one_cancelled_while_it_is_served_lets_in_the_next(locks: ConversationLocks) -> None:
    async def talk() -> bool:
        entered = asyncio.Event()

        async def stays() -> None:
            async with locks.lock("one"):
                entered.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(stays())
        await entered.wait()
        task.cancel()
        async with locks.lock("one"):
            return True

    assert asyncio.run(asyncio.wait_for(talk(), 10))


def hold(file: Path, conversation: str, holding: multiprocessing.Event, let_go: multiprocessing.Event) -> None:  # type: ignore[valid-type]
    async def talk() -> None:
        async with ConversationLocks(type("Endpoint", (), {"kwargs": {"file": str(file)}})).lock(conversation):
            holding.set()
            await asyncio.to_thread(let_go.wait, 30)

    asyncio.run(talk())


def test_workers_keep_each_other_out_of_a_conversation(locks: ConversationLocks, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    holding, let_go = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(tmp_path / "var/conversations.lock", "one", holding, let_go))
    (tmp_path / "var").mkdir()
    other.start()
    assert holding.wait(30)

    async def talk() -> None:
        with pytest.raises(LockError):
            async with locks.lock("one", lock_lifetime=0.05):
                pass
        async with locks.lock("another", lock_lifetime=0.05):
            pass
        let_go.set()
        async with locks.lock("one", lock_lifetime=30):
            pass

    asyncio.run(talk())
    other.join(30)


def test_a_worker_that_dies_lets_go(locks: ConversationLocks, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    holding = fork.Event()
    (tmp_path / "var").mkdir()
    other = fork.Process(target=hold, args=(tmp_path / "var/conversations.lock", "one", holding, fork.Event()))
    other.start()
    assert holding.wait(30)
    other.kill()
    other.join(30)

    async def talk() -> float:
        begun = time.monotonic()
        async with locks.lock("one", lock_lifetime=30):
            return time.monotonic() - begun

    assert asyncio.run(talk()) < 30


@given(st.text())
def test_each_conversation_has_its_place(conversation: str) -> None:
    assert 0 <= place_of(conversation) < 2**BITS_OF_PLACE
    assert place_of(conversation) != place_of(conversation + "x")


def test_it_is_the_lock_of_endpoints_yml_and_good_for_several_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    monkeypatch.setenv("SANIC_WORKERS", "2")
    assert number_of_sanic_workers(endpoints.lock_store) == 2
    assert isinstance(LockStore.create(endpoints.lock_store), ConversationLocks)
