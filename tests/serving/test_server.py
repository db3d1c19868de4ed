"""`python -m serving`: a bot of Rasa's own parts answers over Rasa's own channel, and what is wrong is said."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from rasa.utils.endpoints import EndpointConfig

from deploy.processes import free_port
from serving import server

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "credentials.yml").write_text("rest:\n")
    (tmp_path / "endpoints.yml").write_text("")
    return tmp_path


@contextmanager
def started(model: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "serving", str(model), "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def answer(port: int, process: subprocess.Popen[str], text: str) -> list[str]:
    """What is answered as soon as the port is open."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            reply = httpx.post(
                f"http://127.0.0.1:{port}/webhooks/rest/webhook", json={"sender": "s", "message": text}, timeout=30
            )
            return [message["text"] for message in reply.json()]
        except httpx.TransportError:
            assert process.poll() is None and time.monotonic() < deadline, "the server has ended"
            time.sleep(0.1)


def test_the_first_message_is_answered_once_the_port_is_open(model: Path, configuration: Path) -> None:
    port = free_port()
    with started(model, configuration, port) as process:
        assert answer(port, process, "hello") == ["hello"]
        assert answer(port, process, "tell me a story") == ["once upon a time"]


def test_several_workers_answer_at_one_port(model: Path, configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANIC_WORKERS", "2")
    (configuration / "endpoints.yml").write_text(
        "tracker_store: {type: serving.tracker_store.RememberingTrackerStore, db: conversations.db}\n"
        "lock_store: {type: serving.lock_store.FileLockStore, file: conversations.lock}\n"
    )
    port = free_port()
    with started(model, configuration, port) as process:
        assert [answer(port, process, "hello") for _ in range(8)] == [["hello"]] * 8
        with ThreadPoolExecutor(4) as at_once:
            told = list(at_once.map(lambda text: answer(port, process, text), ["hello"] * 8))
    assert told == [["hello"]] * 8
    with sqlite3.connect(configuration / "conversations.db") as kept:
        events = [row[0] for row in kept.execute("SELECT type_name FROM events ORDER BY id")]
    assert events.count("user") == 16
    heard = [name for name in events if name in ("user", "bot")]
    assert heard == ["user", "bot"] * 16  # no message was begun before the one before it was answered


def test_workers_that_are_told_to_stop_while_they_begin_do(
    model: Path, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANIC_WORKERS", "2")
    (configuration / "endpoints.yml").write_text("lock_store: {type: serving.lock_store.FileLockStore, file: a.lock}\n")
    with started(model, configuration, free_port()) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + SECONDS
        while len(children.read_text().split()) < 2:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(0.02)  # until the first process has noted that it has the second one
        process.terminate()
        assert process.wait(10) is not None


@pytest.mark.parametrize(
    ("lock_store", "cores", "asked", "workers"),
    [
        ("serving.lock_store.FileLockStore", 2, None, 2),
        ("serving.lock_store.FileLockStore", 1, None, 1),
        ("serving.lock_store.FileLockStore", 64, None, 4),
        ("serving.lock_store.FileLockStore", 2, "8", 8),
        ("serving.lock_store.FileLockStore", 2, "1", 1),
        ("in_memory", 2, None, 1),
        (None, 2, None, 1),
    ],
)
def test_a_worker_a_core_where_their_order_is_kept(
    monkeypatch: pytest.MonkeyPatch, lock_store: str | None, cores: int, asked: str | None, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setenv("SANIC_WORKERS", asked or "")
    if asked is None:
        monkeypatch.delenv("SANIC_WORKERS")
    assert server._workers(EndpointConfig(type=lock_store) if lock_store else None) == workers


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("model.tar.gz", "no archive", "is no trained model"),
        ("credentials.yml", "channels.unheard.Of:\n", "Unknown input channel"),
    ],
)
def test_what_is_wrong_ends_it_with_the_reason(
    model: Path, configuration: Path, file: str, text: str, reason: str
) -> None:
    (configuration / file).write_text(text)
    given = configuration / file if file.startswith("model") else model
    with started(given, configuration, free_port()) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode not in (0, None)
    assert reason in said


def test_what_is_loaded_is_not_looked_through_for_garbage(model: Path, configuration: Path) -> None:
    """In a process of its own: the tests would keep all that they have."""
    code = (
        "import asyncio, gc, sys\n"
        "from pathlib import Path\n"
        "from rasa.core.utils import AvailableEndpoints\n"
        "from serving import agent\n"
        "asyncio.run(agent.load(Path(sys.argv[1]), AvailableEndpoints()))\n"
        "print(gc.get_freeze_count(), len(gc.get_objects()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True)
    frozen, others = map(int, done.stdout.split())
    assert frozen > 10 * others
