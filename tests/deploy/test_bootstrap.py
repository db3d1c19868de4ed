"""The environment is brought to a machine that has next to nothing, or a sentence says what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.processes import ROOT

COMPLAINS = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
TOOLS = ("bash", "cat", "df", "awk", "id", "mkdir", "tail", "sleep")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder for commands, the only one on the PATH, with the plainest tools in it."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for tool in TOOLS:
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
        (commands / tool).symlink_to(found)
    return commands


def put(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def works_as_python() -> str:
    return f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'


def run(machine: Path, function: str) -> subprocess.CompletedProcess[str]:
    """One function of the script, in an empty folder, on that machine."""
    environment = {"PATH": str(machine), "HOME": str(machine.parent), "PYENV_ROOT": str(machine.parent / "pyenv")}
    script = f'source "{ROOT}/deploy/bootstrap.sh"; {function}'
    command = [str(machine / "bash"), "-c", script]
    return subprocess.run(command, cwd=machine.parent, env=environment, capture_output=True, text=True)


def test_a_python310_that_only_complains_is_passed_over(machine: Path) -> None:
    put(machine / "python3.10", COMPLAINS)
    real = machine.parent / "pyenv/versions/3.10.13/bin/python3.10"
    put(real, works_as_python())
    assert run(machine, "find_python").stdout.strip() == str(real)


def test_a_python3_that_is_a_310_will_do(machine: Path) -> None:
    put(machine / "python3", works_as_python())
    assert run(machine, "find_python").stdout.strip() == "python3"


def test_no_python_at_all_is_said_in_a_sentence(machine: Path) -> None:
    outcome = run(machine, "get_uv")
    assert outcome.returncode == 1
    assert "there is no Python 3; install one" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_a_python3_without_pip_and_venv_is_said_in_a_sentence(machine: Path) -> None:
    put(machine / "python3", COMPLAINS)
    put(machine / "id", "#!/bin/sh\necho 1000\n")
    outcome = run(machine, "get_uv")
    assert outcome.returncode == 1
    assert "python3 has neither pip nor venv; install one" in outcome.stderr


def test_a_missing_310_that_cannot_be_fetched_is_said_in_a_sentence(machine: Path) -> None:
    put(machine.parent / ".tools/uv/bin/uv", COMPLAINS)
    outcome = run(machine, "install_environment")
    assert outcome.returncode == 1
    assert "Python 3.10 is not here and could not be fetched" in outcome.stderr


def test_a_full_disk_is_said_in_a_sentence(machine: Path) -> None:
    (machine / "df").unlink()
    put(machine / "df", "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available'\necho 'disk 99 99 3145728 99% /'\n")
    outcome = run(machine, "check_disk")
    assert outcome.returncode == 1
    assert "needs 8 GB and this disk has 3 GB free; make room" in outcome.stderr


def test_every_command_in_the_environment_phones_nobody() -> None:
    bare = {name: value for name, value in os.environ.items() if name != "RASA_TELEMETRY_ENABLED"}
    asked = "import os; print(os.environ.get('RASA_TELEMETRY_ENABLED'), os.environ.get('SANIC_HOST'))"
    answer = subprocess.run([sys.executable, "-c", asked], env=bare, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["false", os.environ.get("SANIC_HOST", "127.0.0.1")]


def test_a_part_that_is_none_is_said_in_a_sentence(machine: Path) -> None:
    outcome = run(machine, "main kitchen")
    assert outcome.returncode == 1
    assert "no part called 'kitchen'; there are actions, desk, serving and training" in outcome.stderr
