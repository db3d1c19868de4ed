"""What is started is ended, and what goes wrong is said in a sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.processes import (
    LOCAL,
    ROOT,
    LaunchError,
    answers,
    free_port,
    leash,
    require_free_port,
    run_step,
    start,
    stop,
    tail,
    wait_until_answering,
)

SLEEP = ["-c", "import time; time.sleep(60)"]
SLEEP_WITH_A_CHILD = "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid); child.wait()"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def command_of(pid: int) -> list[str]:
    """Empty for a moment while one command becomes another."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def eventually(claim: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_child_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = start("sleeper", ["-c", SLEEP_WITH_A_CHILD], tmp_path / "log")
    assert eventually(lambda: tail(tmp_path / "log") != "")
    grandchild = int(tail(tmp_path / "log"))
    assert is_alive(grandchild)
    child.stop()
    assert child.has_ended
    assert eventually(lambda: not is_alive(grandchild))


def test_a_child_that_does_not_listen_is_made_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.processes.SECONDS_TO_STOP", 0.3)
    child = start("deaf one", ["-c", DEAF], tmp_path / "log")
    assert eventually(lambda: tail(tmp_path / "log") == "deaf")
    child.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_children_are_stopped_twice_without_harm(tmp_path: Path) -> None:
    child = start("sleeper", SLEEP, tmp_path / "log")
    stop([child, child])
    stop([child])
    assert child.has_ended


@pytest.mark.skipif(not leash(), reason="there is no setpriv here")
def test_a_child_ends_even_where_its_parent_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = (
        "from pathlib import Path; from deploy.processes import start; import time; "
        f"print(start('sleeper', {SLEEP!r}, Path({str(log)!r})).process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert eventually(lambda: command_of(child) == [sys.executable, *SLEEP])
        process.kill()
    assert eventually(lambda: not is_alive(child))


def test_a_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = start("action server", ["-c", "raise SystemExit('no such table')"], tmp_path / "log")
    child.process.wait()
    with pytest.raises(LaunchError, match=r"(?s)The action server has ended by itself.*no such table"):
        child.check()


def test_waiting_ends_where_a_child_dies(tmp_path: Path) -> None:
    child = start("bot", ["-c", "raise SystemExit('no model')"], tmp_path / "log")
    with pytest.raises(LaunchError, match="no model"):
        wait_until_answering(free_port(), "/", [child], seconds=20)


def test_waiting_ends_where_nobody_answers(tmp_path: Path) -> None:
    child = start("bot", SLEEP, tmp_path / "log")
    try:
        with pytest.raises(LaunchError, match="The bot did not answer within 0 s"):
            wait_until_answering(free_port(), "/", [child], seconds=0.2)
    finally:
        child.stop()


def test_waiting_ends_with_an_answer(tmp_path: Path) -> None:
    port = free_port()
    child = start(
        "web", ["-m", "http.server", "--bind", LOCAL, "--directory", str(tmp_path), str(port)], tmp_path / "log"
    )
    try:
        wait_until_answering(port, "/", [child], seconds=20)
        assert not answers(port, "/nothing-there")
    finally:
        child.stop()
    assert not answers(port, "/")


def test_a_step_that_fails_is_said_with_its_last_words(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(LaunchError, match=r"(?s)The training failed.*config\.yml is missing"):
        run_step("training", ["-c", "raise SystemExit('config.yml is missing')"], tmp_path / "log", said.append)


def test_a_port_in_use_is_said_in_a_sentence_that_names_the_way_out() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            LaunchError, match=rf"Port {port} .*take another, for example HAOKE_PORT={port + 100} make run"
        ):
            require_free_port(LOCAL, port, "HAOKE_PORT")
    require_free_port(LOCAL, port, "HAOKE_PORT")


def test_the_end_of_a_log_leaves_out_empty_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\n\ntwo\n\nthree\n\n")
    assert tail(log, lines=2) == f"two{os.linesep}three"
