"""Accounts of the desk: who may sign in, and who has.

python -m desk.agents add NAME [--role lead] [--language en]   asks for a password, or takes it from standard input
python -m desk.agents list | close NAME | password NAME

Passwords are kept as Argon2id hashes (RFC 9106). A name that does not exist costs the same work as a wrong password and
gets the same answer. Five misses in a row lock an account for a quarter of an hour.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shop import clock, database
from shop.database import begin_change
from shop.ledger import audit_entry
from shop.models import Agent, AuditEntry, Role, SignIn

LEAST_CHARACTERS, MOST_CHARACTERS = 10, 200
MISSES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)
SIGNED_IN_FOR = timedelta(hours=12)
IDLE_FOR = timedelta(hours=2)
BYTES_OF_A_TOKEN = 32
COMMAND_LINE, NOBODY = "command line", "somebody who is not signed in"  # in the audit trail
LANGUAGES = ("zh", "en")


class AccountError(Exception):
    """The desk will not do this; each refusal says why."""


class NameTaken(AccountError):
    def __str__(self) -> str:
        return "There is an account of this name already."


class NoSuchAgent(AccountError):
    def __str__(self) -> str:
        return "There is no account of this name."


class NameUnusable(AccountError):
    def __str__(self) -> str:
        return "A name has 1 to 80 characters."


class PasswordTooWeak(AccountError):
    def __str__(self) -> str:
        return f"A password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters and is not the name."


class NotSignedIn(AccountError):
    """A wrong name, a wrong password, a locked or a closed account: one answer for all."""

    def __str__(self) -> str:
        return "Name and password do not match, or too many attempts were made. Try again in a quarter of an hour."


@dataclass(frozen=True)
class AgentView:
    id: int
    name: str
    role: Role
    language: str
    is_active: bool

    @property
    def is_lead(self) -> bool:
        return self.role is Role.LEAD


def add(session: Session, name: str, password: str, *, role: Role = Role.AGENT, language: str = "zh") -> AgentView:
    """Open an account. Raises NameTaken, NameUnusable and PasswordTooWeak."""
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise NameUnusable
    hashed = _hashed(name, password)
    begin_change(session)
    if _by_name(session, name) is not None:
        session.rollback()
        raise NameTaken
    agent = Agent(name=name, password_hash=hashed, role=role, language=language, is_active=True, misses=0)
    session.add_all([agent, _audit(COMMAND_LINE, "open_account", name)])
    session.commit()
    return _view(agent)


def set_password(session: Session, name: str, password: str) -> None:
    """Give a new password; whoever is signed in with the old one is signed out. Raises NoSuchAgent, PasswordTooWeak."""
    hashed = _hashed(name, password)
    begin_change(session)
    agent = _existing(session, name)
    agent.password_hash, agent.misses, agent.locked_until = hashed, 0, None
    session.execute(delete(SignIn).where(SignIn.agent_id == agent.id))
    session.add(_audit(COMMAND_LINE, "change_password", name))
    session.commit()


def set_language(session: Session, name: str, language: str) -> AgentView:
    """Of their desk. Raises NoSuchAgent."""
    begin_change(session)
    agent = _existing(session, name)
    agent.language = language
    session.commit()
    return _view(agent)


def close(session: Session, name: str) -> None:
    """Close an account and sign it out everywhere; what was done with it stays on record. Raises NoSuchAgent."""
    begin_change(session)
    agent = _existing(session, name)
    agent.is_active = False
    session.execute(delete(SignIn).where(SignIn.agent_id == agent.id))
    session.add(_audit(COMMAND_LINE, "close_account", name))
    session.commit()


def everybody(session: Session) -> tuple[AgentView, ...]:
    """All accounts, by name."""
    return tuple(map(_view, session.execute(select(Agent).order_by(Agent.name)).scalars()))


def sign_in(session: Session, name: str, password: str) -> tuple[AgentView, str]:
    """The agent, and the token of this browser. Raises NotSignedIn."""
    agent = _by_name(session, name.strip()[:80])
    is_right = _matches(agent.password_hash if agent is not None else _nobodys_hash(), password)
    begin_change(session)
    agent = _by_name(session, name.strip()[:80])
    if agent is None or not agent.is_active or (agent.locked_until and agent.locked_until > clock.now()):
        session.rollback()
        raise NotSignedIn
    if not is_right:
        _count_miss(session, agent)
        raise NotSignedIn
    session.execute(delete(SignIn).where(SignIn.opened_at < clock.now() - SIGNED_IN_FOR))
    token = secrets.token_urlsafe(BYTES_OF_A_TOKEN)
    agent.misses, agent.locked_until, agent.seen_at = 0, None, clock.now()
    session.add(SignIn(token_hash=_hash_of(token), agent_id=agent.id, opened_at=clock.now(), seen_at=clock.now()))
    session.add(_audit(agent.name, "sign_in", agent.name))
    session.commit()
    return _view(agent), token


def signed_in(session: Session, token: str) -> AgentView:
    """Whose browser it is. Raises NotSignedIn, also where they were away too long."""
    found = session.get(SignIn, _hash_of(token)) if token else None
    now = clock.now()
    if found is None or not found.agent.is_active:
        raise NotSignedIn
    if now - found.opened_at > SIGNED_IN_FOR or now - found.seen_at > IDLE_FOR:
        raise NotSignedIn
    return _view(found.agent)


def was_seen(session: Session, token: str) -> None:
    """The agent's desk shows itself: it stays signed in, and their conversations stay theirs."""
    begin_change(session)
    found = session.get(SignIn, _hash_of(token))
    if found is not None:
        found.seen_at = found.agent.seen_at = clock.now()
    session.commit()


def sign_out(session: Session, token: str) -> None:
    begin_change(session)
    session.execute(delete(SignIn).where(SignIn.token_hash == _hash_of(token)))
    session.commit()


def _count_miss(session: Session, agent: Agent) -> None:
    agent.misses += 1
    if agent.misses >= MISSES_ALLOWED:
        agent.misses, agent.locked_until = 0, clock.now() + LOCKED_FOR
        session.add(_audit(NOBODY, "lock_account", agent.name))
    session.commit()


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe())


def _hashed(name: str, password: str) -> str:
    is_strong = LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS and password.casefold() != name.casefold()
    if not is_strong:
        raise PasswordTooWeak
    return _hasher().hash(password)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password[: MOST_CHARACTERS + 1])
    except (VerificationError, InvalidHashError):
        return False


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _by_name(session: Session, name: str) -> Agent | None:
    found: Agent | None = session.execute(select(Agent).where(Agent.name == name)).scalar_one_or_none()
    return found


def _existing(session: Session, name: str) -> Agent:
    agent = _by_name(session, name)
    if agent is None:
        session.rollback()
        raise NoSuchAgent
    return agent


def _view(agent: Agent) -> AgentView:
    return AgentView(agent.id, agent.name, agent.role, agent.language, agent.is_active)


def _audit(actor: str, action: str, name: str) -> AuditEntry:
    return audit_entry(actor, action, f"agent {name}"[:40])


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    engine = database.connect()
    try:
        with database.session_factory(engine)() as session:
            print(_done(session, asked))
        return 0
    except AccountError as refusal:
        print(refusal, file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"The shop's database cannot be used: {getattr(error, 'orig', None) or error}.", file=sys.stderr)
    finally:
        engine.dispose()
    return 1


def _done(session: Session, asked: argparse.Namespace) -> str:
    if asked.command == "add":
        agent = add(session, asked.name, _password(), role=Role(asked.role), language=asked.language)
        return f"The account {agent.name} is open."
    if asked.command == "password":
        set_password(session, asked.name, _password())
        return f"{asked.name} has a new password."
    if asked.command == "close":
        close(session, asked.name)
        return f"The account {asked.name} is closed."
    lines = [f"{one.name}  {one.role.value}{'' if one.is_active else '  closed'}" for one in everybody(session)]
    return "\n".join(lines) or "Nobody works here yet: python -m desk.agents add NAME --role lead"


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m desk.agents", description="Who may sign in at the desk.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="everybody who has an account")
    new = commands.add_parser("add", help="open an account")
    new.add_argument("--role", choices=[role.value for role in Role], default=Role.AGENT.value)
    new.add_argument("--language", choices=LANGUAGES, default="zh", help="of their desk")
    for command in (
        new,
        commands.add_parser("password", help="give a new password"),
        commands.add_parser("close", help="close an account"),
    ):
        command.add_argument("name", metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main())
