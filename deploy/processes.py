"""Child processes that never outlive whoever started them, and the ports they listen on."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.progress import Say

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "127.0.0.1"
SECONDS_TO_STOP = 10.0
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class LaunchError(Exception):
    """Why the bot cannot be started, trained or kept running: a sentence for a person, which says what to do."""


@dataclass(eq=False)
class Child:
    """A running command that leads its own process group, so that Ctrl-C reaches it only through `stop`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def last_words(self) -> str:
        return f"Its log, {self.log}, closes with:\n{tail(self.log)}"

    def check(self) -> None:
        """Raises LaunchError, with the end of its log, where the child has ended by itself."""
        if self.has_ended:
            raise LaunchError(f"The {self.name} has ended by itself. {self.last_words}")

    def stop(self) -> None:
        stop([self])


def start(
    name: str,
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Child:
    """Start a Python command (the arguments after `python`) in the project's folder; what it prints goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*leash(), python, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log)


def stop(children: Sequence[Child]) -> None:
    """End the children and all that they started: asked first, made to after ten seconds or a second Ctrl-C."""
    try:
        for child in children:
            _signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_STOP
        while time.monotonic() < deadline and not all(child.has_ended for child in children):
            time.sleep(0.1)
    finally:
        for child in children:
            _signal_group(child, signal.SIGKILL)
            child.process.wait()


def run_step(name: str, command: Sequence[str], log: Path, say: Say) -> None:
    """Run a Python command to its end, saying its latest line. Raises LaunchError where it fails."""
    child = start(name, command, log)
    try:
        while not child.has_ended:
            say(tail(log, lines=1))
            time.sleep(0.5)
    finally:
        child.stop()
    if child.process.returncode != 0:
        raise LaunchError(f"The {name} failed. {child.last_words}")


def wait_until_answering(port: int, path: str, children: Sequence[Child], *, seconds: float) -> None:
    """Wait for a 200. Raises LaunchError where a child ends first, or where there is none in time."""
    deadline = time.monotonic() + seconds
    while not answers(port, path):
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            late = children[-1]
            raise LaunchError(f"The {late.name} did not answer within {seconds:.0f} s. {late.last_words}")
        time.sleep(0.25)


def answers(port: int, path: str) -> bool:
    """Whether a GET on this machine is answered with a 200."""
    connection = http.client.HTTPConnection(LOCAL, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOCAL, 0))
        port: int = listener.getsockname()[1]
        return port


def require_free_port(host: str, port: int, setting: str) -> None:
    """Raises LaunchError where something else listens on the port already."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise LaunchError(
                f"Port {port} on {host} cannot be had ({error.strerror}): stop what is using it, "
                f"or take another, for example {setting}={port + 100} make run."
            ) from None


def leash() -> list[str]:
    """Linux ends a child on this leash even where its parent was killed and could not say goodbye."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log that say something."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        text = file.read().decode(errors="replace")
    return "\n".join([line.rstrip() for line in COLOUR.sub("", text).splitlines() if line.strip()][-lines:])


def _signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.process.pid, number)
    except ProcessLookupError:
        return
