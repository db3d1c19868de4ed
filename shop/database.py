"""Where the shop's records are: one URL, connections that never invent an empty shop, and the schema kept up to date.

Nothing happens at import. A reader uses `session_factory(connect())`; whoever is about to change something starts with
`begin_change(session)`, so that what it reads is still true when it writes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

from sqlalchemy import create_engine, event, inspect, select
from sqlalchemy.dialects import registry  # type: ignore[attr-defined]
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker
from sqlalchemy.pool import QueuePool

from shop.models import Customer, Product

DEFAULT_URL = "sqlite:///var/shop.db"
BUSY_TIMEOUT_SECONDS = 5
BEGIN = "shop_begin"
WRITING = {BEGIN: "IMMEDIATE"}  # execution options of a transaction that takes SQLite's write lock at once
DRIVER = "shop"  # of SQLite, by the name that SQLAlchemy finds it by

Read = TypeVar("Read")
Of = ParamSpec("Of")
_known: WeakKeyDictionary[SessionTransaction, dict[object, Any] | None] = WeakKeyDictionary()


def url() -> str:
    """The database's address: SHOP_DATABASE_URL, or a file in var/ under the current folder."""
    return os.environ.get("SHOP_DATABASE_URL") or DEFAULT_URL


def connect(url: str | None = None) -> Engine:
    """An engine on a shop that exists. A missing SQLite file is not created: the first use raises OperationalError."""
    return _engine(url, may_create=False)


def session_factory(engine: Engine) -> sessionmaker:
    """Sessions in the 2.0 style."""
    return sessionmaker(engine, future=True)


def begin_change(session: Session) -> None:
    """Start a transaction that will write, ending one that has only read.

    SQLite takes its write lock here (BEGIN IMMEDIATE) instead of at the first write, so nobody can change what is read
    from now on before it is committed. Other databases begin as always: lock rows there with `with_for_update()`.
    Raises RuntimeError where the session holds changes that are not written yet: they would be lost.
    """
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("the session holds changes that are not committed")
    session.rollback()
    session.connection(execution_options=WRITING)


def once_a_transaction(read: Callable[Concatenate[Session, Of], Read]) -> Callable[Concatenate[Session, Of], Read]:
    """For what is asked for many times while one message is answered: it is read once, until the transaction ends.

    In a transaction that changes something it is read anew each time.
    """

    @wraps(read)
    def known_or_read(session: Session, /, *of: Of.args, **named: Of.kwargs) -> Read:
        known, asked = _known_in_transaction(session), (read, of, *named.items())
        if known is None:
            return read(session, *of, **named)
        if asked not in known:
            known[asked] = read(session, *of, **named)
        found: Read = known[asked]
        return found

    return known_or_read


def _known_in_transaction(session: Session) -> dict[object, Any] | None:
    """What has been read once in the session's transaction; None where it changes something."""
    transaction = session.get_transaction()
    if transaction is None or transaction not in _known:
        is_changing = _is_changing(session)
        transaction = session.get_transaction()
        assert transaction is not None  # `_is_changing` has begun one
        _known[transaction] = None if is_changing else {}
    return _known[transaction]


def _is_changing(session: Session) -> bool:
    return bool(session.connection().get_execution_options().get(BEGIN) == WRITING[BEGIN])


def migrate(url: str | None = None) -> None:
    """Bring the schema up to date, creating the database (and the folder of its file) if there is none."""
    from alembic import command  # here, for the servers: they change no schema, and would start later for it
    from alembic.config import Config

    engine = _engine(url, may_create=True)
    _make_folder(engine)
    try:
        with engine.connect().execution_options(**WRITING) as connection, connection.begin():
            config = Config(Path(__file__).with_name("alembic.ini"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def has_schema(url: str | None = None) -> bool:
    """Whether there is a shop's database with its tables, whatever is in them."""
    engine = connect(url)
    try:
        path = _file(engine.url)
        if path is not None and not path.exists():
            return False
        with engine.connect() as connection:
            return bool(inspect(connection).has_table(Customer.__tablename__))
    finally:
        engine.dispose()


def is_filled(url: str | None = None) -> bool:
    """Whether there is a shop with something in it: False, too, where there is no database or no schema."""
    if not has_schema(url):
        return False
    engine = connect(url)
    try:
        with session_factory(engine)() as session:
            return holds_anything(session)
    finally:
        engine.dispose()


def holds_anything(session: Session) -> bool:
    """Whether the shop has customers or products: a shopkeeper's own catalogue comes before the first customer."""
    return any(session.execute(select(kind.id).limit(1)).first() is not None for kind in (Customer, Product))


def _engine(address: str | None, *, may_create: bool) -> Engine:
    parsed = make_url(address or url())
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, future=True, pool_pre_ping=True, json_serializer=_readable_json)
    options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}}
    path = _file(parsed)
    if path is not None:
        options = {
            "creator": lambda: _open_file(path, may_create=may_create),
            "poolclass": QueuePool,  # opening and closing a file costs more than most of what is asked of it
            "max_overflow": -1,
        }
    parsed = parsed.set(drivername=f"sqlite+{DRIVER}")
    engine = create_engine(parsed, future=True, json_serializer=_readable_json, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    if path is not None:
        event.listen(engine, "connect", lambda _, record: record.info.update(file=_identity(path)))
        event.listen(engine, "checkout", lambda _, record, __: _require_same_file(path, record.info["file"]))
    return engine


class Driver(SQLiteDialect_pysqlite):
    """SQLite with transactions that begin when they are begun, as their connection's options say (`WRITING`).

    A listener to the engine could begin them, too; but where there is one, SQLAlchemy looks for more at each statement.
    """

    driver = DRIVER
    supports_statement_cache = True

    def set_connection_execution_options(self, connection: Connection, options: Mapping[str, Any]) -> None:
        super().set_connection_execution_options(connection, options)
        if BEGIN in options:
            connection.connection.info[BEGIN] = options[BEGIN]

    def do_begin(self, connection: Any) -> None:
        connection.cursor().execute(f"BEGIN {connection.info.pop(BEGIN, 'DEFERRED')}")


registry.register(f"sqlite.{DRIVER}", __name__, Driver.__name__)


def _readable_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _open_file(path: Path, *, may_create: bool) -> sqlite3.Connection:
    mode = "rwc" if may_create else "rw"
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=False
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _require_same_file(path: Path, known: tuple[int, int] | None) -> None:
    """A connection kept open would go on with a file that was moved away or put back from a backup; so it is let go."""
    if _identity(path) != known:
        raise DisconnectionError(f"{path} is another file than it was")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Write-ahead logging lets readers work beside a writer; foreign keys are off in SQLite unless asked for."""
    connection.isolation_level = None  # transactions begin where the `Driver` says, not where pysqlite guesses
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _file(address: URL) -> Path | None:
    """The file that a SQLite URL names; None for a shop in memory, in a `file:` URI or on a server."""
    name = address.database
    is_file = address.get_backend_name() == "sqlite" and name and not name.startswith((":memory:", "file:"))
    return Path(name) if is_file and name else None


def _make_folder(engine: Engine) -> None:
    path = _file(engine.url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
