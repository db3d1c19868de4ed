"""The bot on one machine: `python -m deploy.local run | shell | train`, which is what make calls."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from deploy.bot import (
    ACTIONS_PORT,
    DESK_PORT,
    PORT,
    actions_service,
    bot_service,
    bot_url,
    desk_service,
    desk_url,
    endpoints_file,
    running,
    watch,
)
from deploy.processes import LOCAL, ROOT, LaunchError, leash, require_free_port, run_step
from deploy.progress import step
from deploy.training import ensure_trained
from shop import database, products
from shop.models import Agent

VAR = ROOT / "var"


def main(arguments: Sequence[str] | None = None) -> int:
    os.chdir(ROOT)  # the default paths of Rasa and of the shop are relative
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        options = _options(arguments)
        {"run": run, "shell": shell, "train": train}[options.command](options)
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print("The disk is full: make room and run the command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded.")
    return 0


def run(options: argparse.Namespace) -> None:
    """Serve the web channel and the desk until Ctrl-C."""
    _require_ports(options)
    require_free_port(options.host, options.desk_port, "HAOKE_DESK_PORT")
    model = prepare()
    host, actions = options.host, actions_service(VAR, options.actions_port)
    bot = bot_service(model, VAR, actions.port, host=host, port=options.port)
    with running(actions, bot, desk_service(VAR, host=host, port=options.desk_port)) as children:
        url = bot_url(host, options.port)
        print(f"\nA sample shop with the chat on it: {url}/demo\nThe chat alone: {url}/chat")
        print(f"The desk, where your staff answers: {desk_url(host, options.desk_port)}")
        if not _has_agents():
            print("  Nobody may sign in yet. The first account: .venv/bin/python -m desk.agents add NAME --role lead")
        print(f"Ctrl-C ends it; logs are in {VAR.name}/logs.", flush=True)
        watch(*children)


def shell(options: argparse.Namespace) -> None:
    """Chat in this terminal; the action server's log stays out of it."""
    _require_ports(options)
    model = prepare()
    with running(actions_service(VAR, options.actions_port)):
        _chat(model, endpoints_file(VAR, options.actions_port), options.port)


def train(_options: argparse.Namespace) -> None:
    """Make the model of today's sources, if there is none."""
    prepare()


def prepare() -> Path:
    """A shop with something in it and a model that knows its catalogue. Raises LaunchError."""
    try:
        database.migrate()
        if not database.is_filled():
            with step("Filling the sample shop") as say:
                run_step("filling of the sample shop", ["-m", "shop.seed"], VAR / "logs/seed.log", say)
        phrases = _catalogue()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise LaunchError(
            f"The shop's database, {make_url(database.url())!r}, cannot be used ({reason}): check SHOP_DATABASE_URL."
        ) from None
    return ensure_trained(phrases)


def _has_agents() -> bool:
    engine = database.connect()
    try:
        with database.session_factory(engine)() as session:
            return session.execute(select(Agent.id).limit(1)).first() is not None
    finally:
        engine.dispose()


def _catalogue() -> list[tuple[str, str, str]]:
    engine = database.connect()
    try:
        with database.session_factory(engine)() as session:
            return products.catalogue_phrases(session)
    finally:
        engine.dispose()


def _chat(model: Path, endpoints: Path, port: int) -> None:
    command = [
        "-m",
        "rasa",
        "shell",
        "--quiet",
        "-m",
        str(model),
        "--endpoints",
        str(endpoints),
        "-i",
        LOCAL,
        "-p",
        str(port),
    ]
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # inherited: at its prompt the chat reads Ctrl-C as a key and ends on it
    chat = subprocess.Popen([*leash(), sys.executable, *command])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # between prompts it is for us, who end the chat
    try:
        if chat.wait() > 0:
            raise LaunchError("The chat ended with an error, which stands above.")
    finally:
        chat.terminate()
        chat.wait()


def _require_ports(options: argparse.Namespace) -> None:
    require_free_port(options.host, options.port, "HAOKE_PORT")
    require_free_port(LOCAL, options.actions_port, "HAOKE_ACTIONS_PORT")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("command", choices=("run", "shell", "train"))
    parser.add_argument("--host", default=os.environ.get("HAOKE_HOST", LOCAL), help="the address to listen on")
    parser.add_argument("--port", type=int, default=_port("HAOKE_PORT", PORT), help="the port customers use")
    parser.add_argument("--desk-port", type=int, default=_port("HAOKE_DESK_PORT", DESK_PORT), help="the port staff use")
    parser.add_argument("--actions-port", type=int, default=_port("HAOKE_ACTIONS_PORT", ACTIONS_PORT))
    return parser.parse_args(arguments)


def _port(setting: str, default: int) -> int:
    value = os.environ.get(setting) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise LaunchError(f"{setting} must be a port between 1 and 65535, and is {value!r}.")
    return int(value)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
