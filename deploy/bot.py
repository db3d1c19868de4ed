"""A running bot, its action server and Rasa, and the desk beside it, for `make run` and the tests that talk to them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Service:
    """A server of ours: how it is started, and where it says that it is ready."""

    name: str
    command: Sequence[str]
    log: Path
    port: int
    health: str
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable


@contextmanager
def running(*services: Service) -> Iterator[list[Child]]:
    """All of them, started at once, when the last one answers; ended with the block. Raises LaunchError."""
    children: list[Child] = []
    try:
        for one in services:
            children.append(start(one.name, one.command, one.log, one.environment, one.python))
        with step("Starting " + _enumerated([f"the {one.name}" for one in services])) as say:
            for place, one in enumerate(services):
                say(f"waiting for the {one.name}")
                others = [child for child in children if child is not children[place]]
                wait_until_answering(one.port, one.health, [*others, children[place]], seconds=SECONDS_TO_START)
        yield children
    finally:
        stop(children)


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
    actions = actions_service(folder, actions_port or free_port(), shop_url)
    bot = bot_service(model, folder, actions.port, shop_url, host=host, port=port or free_port(), channel=channel)
    with running(actions, bot) as children:
        yield Bot(bot_url(host, bot.port), *children)


@contextmanager
def running_desk(
    *, folder: Path = ROOT / "var", shop_url: str | None = None, host: str = LOCAL, port: int | None = None
) -> Iterator[Desk]:
    """The agents' desk, once it answers, ended when the block ends. Raises LaunchError."""
    desk = desk_service(folder, shop_url, host=host, port=port or free_port())
    with running(desk) as children:
        yield Desk(desk_url(host, desk.port), *children)


def actions_service(folder: Path, port: int, shop_url: str | None = None) -> Service:
    """The action server. It trusts whoever calls it, so it listens to this machine only."""
    command = ["-m", "actions", "--host", LOCAL, "--port", str(port)]
    return Service("action server", command, folder / "logs/actions.log", port, "/health", _environment(shop_url))


def bot_service(
    model: Path,
    folder: Path,
    actions_port: int,
    shop_url: str | None = None,
    *,
    host: str,
    port: int,
    channel: Mapping[str, object] | None = None,
) -> Service:
    """The bot's own server, with the web channel."""
    endpoints, credentials = endpoints_file(folder, actions_port), credentials_file(folder, channel or {})
    files = ["--endpoints", str(endpoints), "--credentials", str(credentials)]
    command = ["-m", "serving", str(model), *files, "--host", host, "--port", str(port)]
    return Service("bot", command, folder / "logs/bot.log", port, f"{CHANNEL}/ready", _environment(shop_url))


def desk_service(folder: Path, shop_url: str | None = None, *, host: str, port: int) -> Service:
    command = ["-m", "desk.web", "--host", host, "--port", str(port)]
    return Service("desk", command, folder / "logs/desk.log", port, "/desk/health", _environment(shop_url))


def bot_url(host: str, port: int) -> str:
    return f"http://{_named(host)}:{port}{CHANNEL}"


def desk_url(host: str, port: int) -> str:
    return f"http://{_named(host)}:{port}/desk"


def endpoints_file(folder: Path, actions_port: int) -> Path:
    """The project's endpoints.yml, or a copy in `folder` where the port or the conversations' place is another."""
    original = ROOT / "endpoints.yml"
    if folder == ROOT / "var" and actions_port == ACTIONS_PORT:
        return original
    endpoints = yaml.safe_load(original.read_text())
    endpoints["action_endpoint"]["url"] = f"http://{LOCAL}:{actions_port}/webhook"
    endpoints["tracker_store"]["db"] = str(folder / "conversations.db")
    endpoints["lock_store"]["file"] = str(folder / "conversations.lock")
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


def _enumerated(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _named(host: str) -> str:
    return "localhost" if host == LOCAL else host


def _environment(shop_url: str | None) -> dict[str, str]:
    return {"SHOP_DATABASE_URL": shop_url} if shop_url else {}
