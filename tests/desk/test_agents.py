"""Accounts of the desk: who gets in, who does not, and that nobody learns why."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from desk import agents
from desk.agents import NameTaken, NameUnusable, NoSuchAgent, NotSignedIn, PasswordTooWeak
from shop import clock, database
from shop.models import Agent, AuditEntry, Role, SignIn

MORNING = datetime(2026, 5, 4, 1, 30, tzinfo=timezone.utc)
GOOD = "warm tea, cold rain"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    database.migrate()
    engine = database.connect()
    later(0)
    with database.session_factory(engine)() as session:
        yield session
    clock.set_source(lambda: datetime.now(timezone.utc))
    engine.dispose()


@pytest.fixture
def lin(session: Session) -> agents.AgentView:
    return agents.add(session, "小林", GOOD)


def later(minutes: float) -> None:
    clock.set_source(lambda: MORNING + timedelta(minutes=minutes))


def acts(session: Session) -> list[tuple[str, str]]:
    return [(entry.actor, entry.action) for entry in session.execute(select(AuditEntry)).scalars()]


def test_who_has_an_account_gets_in_with_the_password(session: Session, lin: agents.AgentView) -> None:
    agent, token = agents.sign_in(session, " 小林 ", GOOD)

    assert agent == lin == agents.signed_in(session, token)
    assert (agent.role, agent.is_lead) == (Role.AGENT, False)
    assert acts(session) == [(agents.COMMAND_LINE, "open_account"), ("小林", "sign_in")]


def test_neither_password_nor_token_can_be_read_from_the_database(session: Session, lin: agents.AgentView) -> None:
    _, token = agents.sign_in(session, "小林", GOOD)
    kept = session.execute(select(Agent.password_hash)).scalar_one()

    assert kept.startswith("$argon2id$") and GOOD not in kept
    assert token not in [row.token_hash for row in session.execute(select(SignIn)).scalars()]


@pytest.mark.parametrize(("name", "password"), [("小林", "wrong password"), ("nobody", GOOD), ("", ""), ("小林", "")])
def test_a_wrong_pair_gets_one_answer(session: Session, lin: agents.AgentView, name: str, password: str) -> None:
    with pytest.raises(NotSignedIn) as refusal:
        agents.sign_in(session, name, password)
    assert str(refusal.value) == str(NotSignedIn())


def test_five_misses_lock_an_account_for_a_while_also_to_the_right_password(
    session: Session, lin: agents.AgentView
) -> None:
    for _ in range(agents.MISSES_ALLOWED):
        with pytest.raises(NotSignedIn):
            agents.sign_in(session, "小林", "wrong password")
    with pytest.raises(NotSignedIn):
        agents.sign_in(session, "小林", GOOD)
    assert (agents.NOBODY, "lock_account") in acts(session)
    later(16)
    assert agents.sign_in(session, "小林", GOOD)


def test_a_success_forgives_the_misses_before_it(session: Session, lin: agents.AgentView) -> None:
    for _ in range(3):
        for _ in range(agents.MISSES_ALLOWED - 1):
            with pytest.raises(NotSignedIn):
                agents.sign_in(session, "小林", "wrong password")
        assert agents.sign_in(session, "小林", GOOD)


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --"])
def test_a_token_that_is_none_opens_nothing(session: Session, lin: agents.AgentView, token: str) -> None:
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)


def test_who_is_away_too_long_is_signed_out_and_who_is_seen_is_not(session: Session, lin: agents.AgentView) -> None:
    _, token = agents.sign_in(session, "小林", GOOD)
    later(119)
    agents.was_seen(session, token)
    later(230)
    assert agents.signed_in(session, token) == lin
    later(240)
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)


def test_nobody_stays_signed_in_for_ever(session: Session, lin: agents.AgentView) -> None:
    _, token = agents.sign_in(session, "小林", GOOD)
    for hour in range(1, 13):
        later(60 * hour)
        agents.was_seen(session, token)
    later(60 * 12 + 1)
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)


def test_signing_out_a_new_password_and_a_closed_account_end_it(session: Session, lin: agents.AgentView) -> None:
    _, token = agents.sign_in(session, "小林", GOOD)
    agents.sign_out(session, token)
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)
    _, token = agents.sign_in(session, "小林", GOOD)
    agents.set_password(session, "小林", "another good one")
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)
    _, token = agents.sign_in(session, "小林", "another good one")
    agents.close(session, "小林")
    with pytest.raises(NotSignedIn):
        agents.signed_in(session, token)
    with pytest.raises(NotSignedIn):
        agents.sign_in(session, "小林", "another good one")
    assert not agents.everybody(session)[0].is_active


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "Mei-Ling Zhang"])
def test_a_weak_password_opens_no_account(session: Session, password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        agents.add(session, "mei-ling zhang", password)
    assert agents.everybody(session) == ()


def test_a_name_is_one_persons(session: Session, lin: agents.AgentView) -> None:
    with pytest.raises(NameTaken):
        agents.add(session, "小林", GOOD)
    with pytest.raises(NameUnusable):
        agents.add(session, "  ", GOOD)
    with pytest.raises(NoSuchAgent):
        agents.close(session, "nobody")
    with pytest.raises(NoSuchAgent):
        agents.set_password(session, "nobody", GOOD)


def test_the_command_opens_lists_and_closes(
    session: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GOOD}\n"))
    assert agents.main(["list"]) == 0
    assert agents.main(["add", "小林", "--role", "lead"]) == 0
    assert agents.main(["list"]) == 0
    assert "小林  lead" in capsys.readouterr().out
    session.rollback()
    assert agents.sign_in(session, "小林", GOOD)[0].is_lead
    session.rollback()
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert agents.main(["password", "小林"]) == 1
    assert "10 to 200 characters" in capsys.readouterr().err
    assert agents.main(["close", "小林"]) == 0
    assert agents.main(["close", "nobody"]) == 1
