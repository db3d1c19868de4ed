"""Every check of the project, one after the other, with what each took: `make test`, and so CI.

`python -m deploy.checks style types` runs only the named ones. One that fails does not keep the others from running,
except those that need the model when there is none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.processes import ROOT, leash

TABLE = ROOT / "var/checks.txt"  # the last whole run, for `make figures`
CONVERSATIONS, BROWSER, HELD_OUT = "tests/conversations", "tests/browser", "tests/nlu"


@dataclass(frozen=True)
class Check:
    """A named check: Python commands that must all succeed."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    needs_model: bool = False


@dataclass(frozen=True)
class Outcome:
    name: str
    result: str
    seconds: float


def every_check(root: Path = ROOT) -> list[Check]:
    """What there is to check; story tests only where somebody has written some."""
    conversations: list[tuple[str, ...]] = [("pytest", CONVERSATIONS)]
    if any((root / CONVERSATIONS).rglob("test_*.yml")):
        stories = ("rasa", "test", "core", "--stories", CONVERSATIONS, "--fail-on-prediction-errors")
        conversations.insert(0, stories)
    return [
        Check("style", (("ruff", "check", "."), ("ruff", "format", "--check", "."))),
        Check("types", (("mypy",),)),
        Check("unit tests", (("pytest", "tests", *(f"--ignore={one}" for one in (CONVERSATIONS, BROWSER, HELD_OUT))),)),
        Check("training data", (("deploy.validation",),)),
        Check("training", (("deploy.local", "train"),)),
        Check("conversations", tuple(conversations), needs_model=True),
        Check("browser", (("deploy.browser",), ("pytest", BROWSER)), needs_model=True),
        Check(
            "held-out NLU",
            (("evaluation.nlu", "--test", f"{HELD_OUT}/heldout.yml"), ("pytest", HELD_OUT)),
            needs_model=True,
        ),
    ]


def climb(checks: Sequence[Check]) -> list[Outcome]:
    """Run the checks in order."""
    outcomes: list[Outcome] = []
    has_model = True
    for check in checks:
        if check.needs_model and not has_model:
            outcomes.append(Outcome(check.name, "skipped", 0.0))
            continue
        outcomes.append(_run(check))
        if check.name == "training":
            has_model = outcomes[-1].result == "passed"
    return outcomes


def report(outcomes: Sequence[Outcome]) -> str:
    """A table of what each took, and the one line that a machine reads."""
    rows = [f"{outcome.name:<16}{outcome.result:<9}{outcome.seconds:6.0f} s" for outcome in outcomes]
    total = sum(outcome.seconds for outcome in outcomes)
    passed, failed, skipped = (
        sum(outcome.result == result for outcome in outcomes) for result in ("passed", "failed", "skipped")
    )
    closing = f"checks: {passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return "\n".join(["", *rows, f"{'together':<25}{total:6.0f} s", "", closing])


def main(names: Sequence[str]) -> int:
    known = every_check()
    if unknown := set(names) - {check.name for check in known}:
        print(f"no check is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 1
    checks = [check for check in known if not names or check.name in names]
    seconds = os.environ.pop("HAOKE_ENVIRONMENT_SECONDS", None)  # the bootstrap's word to us, not to what we run
    outcomes = climb(checks)
    if seconds:
        outcomes.insert(0, Outcome("environment", "passed", float(seconds)))
    table = report(outcomes)
    print(table, flush=True)
    if not names:
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(table.strip() + "\n")
    return 0 if all(outcome.result == "passed" for outcome in outcomes) else 1


def _run(check: Check) -> Outcome:
    print(f"\n== {check.name}", flush=True)
    started = time.monotonic()
    passed = all([_succeeds(command) for command in check.commands])
    return Outcome(check.name, "passed" if passed else "failed", time.monotonic() - started)


def _succeeds(command: Sequence[str]) -> bool:
    done = subprocess.run([*leash(), sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.DEVNULL)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
