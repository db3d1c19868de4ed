"""Tests of what is awaited run on asyncio, as Rasa does; databases are real ones."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

numbers = itertools.count()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of these tests, less the database."""
    if shutil.which("initdb") is None:
        pytest.skip("there is no PostgreSQL server here that could be started")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # its socket wants a short path
    data, log = folder / "data", folder / "log"
    anyone: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    if os.geteuid() == 0:  # which it refuses to run as
        shutil.chown(folder, "nobody")
        anyone["user"] = "nobody"
    subprocess.run(["initdb", "-D", data, "-U", "haoke", "-A", "trust", "-N"], **anyone)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    subprocess.run(["pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start"], **anyone)
    try:
        yield f"postgresql://haoke@/{{database}}?host={folder}"
    finally:
        subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], **anyone)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/conversations.db"
    server = request.getfixturevalue("postgres")
    name = f"conversations_{next(numbers)}"
    engine = create_engine(server.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    engine.dispose()
    return str(server.format(database=name))
