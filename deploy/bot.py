"""A running bot, its action server and Rasa, and the desk beside it, for `make run` and the tests that talk to them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from deploy.processes import LOCAL, ROOT, Child, free_port, start, stop, wait_until_answering
from deploy.progress import step

PORT = 5005
ACTIONS_PORT = 5055
DESK_PORT = 5006
CHANNEL = "/webhooks/rest"
WEB_CHANNEL = "channels.web.WebChannel"
SECONDS_TO_START = 240.0


@dataclass(frozen=True)
class Bot:
    """A bot that answers at `url`. Either child can be stopped, to see what the other does without it."""

    url: str
    actions: Child
    server: Child


@dataclass(frozen=True)
class Desk:
    """A desk that answers at `url`."""

    url: str
    server: Child


def watch(*children: Child) -> None:
    """Stay until a child ends by itself, which raises LaunchError."""
    while True:
        for child in children:
            child.check()
        time.sleep(0.5)


@contextmanager
def running_bot(
    *,
    model: Path,
    folder: Path = ROOT / "var",
    shop_url: str | None = None,
    host: str = LOCAL,
    port: int | None = None,
    actions_port: int | None = None,
    channel: Mapping[str, object] | None = None,
) -> Iterator[Bot]:
    """A bot that has answered, ended with everything it started when the block ends.

    Logs, conversations and what Rasa's own files are changed to lie in `folder`; ports not given are free ones;
    `channel` holds settings of the web channel other than those of credentials.yml. Raises LaunchError.
    """
    port, actions_port = port or free_port(), actions_port or free_port()
    environment = _environment(shop_url)
    with running_actions(folder, actions_port, environment) as actions:
        endpoints = endpoints_file(folder, actions_port)
        credentials = credentials_file(folder, channel or {})
        command = _rasa_run(model, endpoints, credentials, host, port)
        server = start("bot", command, folder / "logs/bot.log", environment)
        try:
            with step("Starting the bot"):
                wait_until_answering(port, f"{CHANNEL}/ready", [actions, server], seconds=SECONDS_TO_START)
            yield Bot(f"http://{_named(host)}:{port}{CHANNEL}", actions, server)
        finally:
            stop([server])


@contextmanager
def running_actions(folder: Path, port: int, environment: Mapping[str, str] | None = None) -> Iterator[Child]:
    """The action server alone, once it answers. It trusts whoever calls it, so it listens to this machine only."""
    command = ["-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    local_only = {**(environment or {}), "SANIC_HOST": LOCAL}
    actions = start("action server", command, folder / "logs/actions.log", local_only)
    try:
        with step("Starting the action server"):
            wait_until_answering(port, "/health", [actions], seconds=SECONDS_TO_START)
        yield actions
    finally:
        stop([actions])


@contextmanager
def running_desk(
    *, folder: Path = ROOT / "var", shop_url: str | None = None, host: str = LOCAL, port: int | None = None
) -> Iterator[Desk]:
    """The agents' desk, once it answers, ended when the block ends. Raises LaunchError."""
    port = port or free_port()
    command = ["-m", "desk.web", "--host", host, "--port", str(port)]
    server = start("desk", command, folder / "logs/desk.log", _environment(shop_url))
    try:
        with step("Starting the desk"):
            wait_until_answering(port, "/desk/health", [server], seconds=SECONDS_TO_START)
        yield Desk(f"http://{_named(host)}:{port}/desk", server)
    finally:
        stop([server])


def endpoints_file(folder: Path, actions_port: int) -> Path:
    """The project's endpoints.yml, or a copy in `folder` where the port or the conversations' place is another."""
    original = ROOT / "endpoints.yml"
    if folder == ROOT / "var" and actions_port == ACTIONS_PORT:
        return original
    endpoints = yaml.safe_load(original.read_text())
    endpoints["action_endpoint"]["url"] = f"http://{LOCAL}:{actions_port}/webhook"
    endpoints["tracker_store"]["db"] = str(folder / "conversations.db")
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "endpoints.yml"
    copy.write_text(yaml.safe_dump(endpoints))
    return copy


def credentials_file(folder: Path, channel: Mapping[str, object]) -> Path:
    """The project's credentials.yml, or a copy in `folder` where settings of the web channel are others."""
    original = ROOT / "credentials.yml"
    if not channel:
        return original
    credentials = yaml.safe_load(original.read_text())
    credentials[WEB_CHANNEL] = {**(credentials[WEB_CHANNEL] or {}), **channel}
    copy = folder / "credentials.yml"
    copy.write_text(yaml.safe_dump(credentials))
    return copy


def _named(host: str) -> str:
    return "localhost" if host == LOCAL else host


def _environment(shop_url: str | None) -> dict[str, str]:
    return {"SHOP_DATABASE_URL": shop_url} if shop_url else {}


def _rasa_run(model: Path, endpoints: Path, credentials: Path, host: str, port: int) -> list[str]:
    files = ["--endpoints", str(endpoints), "--credentials", str(credentials)]
    return ["-m", "rasa", "run", "-m", str(model), *files, "-i", host, "-p", str(port)]
