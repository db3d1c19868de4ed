"""What keeps the bot from starting is one sentence and an exit code, not a traceback."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from deploy.processes import LOCAL, ROOT


def start_bot(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *options],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_a_port_in_use_is_said_before_anything_is_trained_or_started() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        outcome = start_bot("run", "--port", str(taken.getsockname()[1]))
    assert outcome.returncode == 1
    assert re.fullmatch(r"Port \d+ .*: stop what is using it, or take another, for example .*\n", outcome.stderr)
    assert outcome.stdout == ""


def test_a_port_that_is_none_is_said_in_a_sentence() -> None:
    outcome = start_bot("run", HAOKE_PORT="web")
    assert outcome.returncode == 1
    assert outcome.stderr == "HAOKE_PORT must be a port between 1 and 65535, and is 'web'.\n"


def test_a_database_that_cannot_be_used_is_said_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("no database")
    outcome = start_bot("train", SHOP_DATABASE_URL=f"sqlite:///{tmp_path}/shop.db")
    assert outcome.returncode == 1
    assert "cannot be used (file is not a database): check SHOP_DATABASE_URL." in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_make_alone_lists_every_command_with_a_sentence() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert commands is not None
    for command in commands[1].split():
        assert re.search(rf"^make {command} +[A-Z].*\.$", listed, re.MULTILINE), command
