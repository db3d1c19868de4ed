"""Every check runs, each is timed, and the last line says how many passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import checks
from deploy.checks import Check, climb, every_check, main, report


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The commands that were run; one that is called "broken" fails."""
    commands: list[str] = []

    def succeeds(command: tuple[str, ...]) -> bool:
        commands.append(command[0])
        return command[0] != "broken"

    monkeypatch.setattr(checks, "_succeeds", succeeds)
    monkeypatch.setattr(checks, "TABLE", tmp_path / "checks.txt")
    return commands


def test_a_check_that_fails_does_not_keep_the_others_from_running(ran: list[str]) -> None:
    outcomes = climb([Check("style", (("broken",), ("ruff",))), Check("types", (("mypy",),))])
    assert ran == ["broken", "ruff", "mypy"]
    assert [outcome.result for outcome in outcomes] == ["failed", "passed"]


def test_what_needs_a_model_is_skipped_where_the_training_failed(ran: list[str]) -> None:
    outcomes = climb([Check("training", (("broken",),)), Check("conversations", (("pytest",),), needs_model=True)])
    assert ran == ["broken"]
    assert report(outcomes).splitlines()[-1] == "checks: 0 passed, 1 failed, 1 skipped"


def test_a_check_can_be_named(ran: list[str]) -> None:
    assert main(["types"]) == 0
    assert ran == ["mypy"]


def test_a_check_that_is_not_there_is_said(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["typos"]) == 1
    assert "no check is called typos" in capsys.readouterr().err
    assert ran == []


def test_the_report_ends_with_one_line_for_machines(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"checks: {len(every_check())} passed, 0 failed"


def test_the_environments_time_is_reported_with_the_others(
    ran: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAOKE_ENVIRONMENT_SECONDS", "41")
    main(["types"])
    assert "environment     passed       41 s" in capsys.readouterr().out


def test_story_tests_are_run_once_there_are_some(tmp_path: Path) -> None:
    def conversations() -> list[str]:
        return [
            command[0] for check in every_check(tmp_path) for command in check.commands if check.name == "conversations"
        ]

    assert conversations() == ["pytest"]
    (tmp_path / "tests/conversations").mkdir(parents=True)
    (tmp_path / "tests/conversations/test_returns.yml").touch()
    assert conversations() == ["rasa", "pytest"]
