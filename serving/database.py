"""The database of conversations: Rasa's own table of events, on SQLite or PostgreSQL, for use from threads."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rasa.core.tracker_store import SQLTrackerStore, create_engine_kwargs, ensure_schema_exists
from rasa.shared.exceptions import RasaException
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_SECONDS = 10  # that a writer of another process may take
EVENTS_OF_A_CONVERSATION = "CREATE INDEX IF NOT EXISTS ix_events_sender_id_id ON events (sender_id, id)"


def connect(url: str | URL, *, wait_seconds: float) -> Engine:
    """An engine on a database that has its table and indexes; they are made where they are missing.

    A server that does not answer is asked again for `wait_seconds`. Raises sqlalchemy's OperationalError after that,
    and RasaException where the address or the schema that POSTGRESQL_SCHEMA names cannot be used.
    """
    engine = _engine(make_url(url))
    _persist(_prepare, engine, wait_seconds)
    return engine


def create(name: str, url: str | URL, *, wait_seconds: float) -> None:
    """Make a PostgreSQL database of that name, if there is none, by a connection to another one."""
    url = make_url(url)
    if url.get_backend_name() != "postgresql":
        raise RasaException("login_db is for PostgreSQL only.")
    engine = create_engine(url)
    _persist(lambda engine: SQLTrackerStore._create_database(engine, name), engine, wait_seconds)
    engine.dispose()


def _persist(work: Callable[[Engine], None], engine: Engine, seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while True:
        try:
            return work(engine)
        except DBAPIError as error:  # not there yet, or another worker makes the same at the same moment
            if time.monotonic() >= give_up:
                engine.dispose()
                raise
            logger.warning("The database of conversations is not ready: %s", error.orig)
            time.sleep(0.5)


def _engine(url: URL) -> Engine:
    settings: dict[str, Any] = create_engine_kwargs(url)
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise RasaException("Conversations in memory are none for this store: name a file.")
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        # Connections are kept, as SQLAlchemy 2 does by itself, and pass from thread to thread, one thread at a time.
        settings["poolclass"] = QueuePool
        settings["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS}
    else:
        settings["pool_pre_ping"] = True  # a database that was restarted costs no customer a message
    engine = create_engine(url, hide_parameters=True, future=True, **settings)  # they quote what customers wrote
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sync_less)
    return engine


def _sync_less(connection: Any, _record: Any) -> None:
    """Waits for the disk at checkpoints, as the shop's database does, not at each message: what the machine itself may
    lose when its power fails are the last seconds, and never the file."""
    connection.execute("PRAGMA synchronous = NORMAL")


def _prepare(engine: Engine) -> None:
    try:
        with Session(engine) as session:
            ensure_schema_exists(session)
    except ValueError as missing:
        raise RasaException(f"The database has no schema {missing}, which POSTGRESQL_SCHEMA names.") from None
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA journal_mode=WAL"))  # who reads waits for no writer; it stays with the file
    SQLTrackerStore.Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text(EVENTS_OF_A_CONVERSATION))
