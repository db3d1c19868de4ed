"""A sample shop of one's own: filled once, looked into, and put back as it was between one dialogue and the next."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine

from shop import clock, database, seed
from shop.models import Base

# Written by asking, not by changing anything of the shop's.
BOOKKEEPING = {"access_grants", "proof_misses", "conversations", "messages"}
Contents = dict[str, list[dict[str, Any]]]


@dataclass
class Shop:
    """The shop behind a bot: as it was filled, and as it is now."""

    engine: Engine
    pristine: Path
    filled_on: date  # where the shop is

    def restore(self) -> None:
        """Put every row back as it was filled, in one transaction beside whatever the bot is doing."""
        connection = sqlite3.connect(self.engine.url.database, isolation_level=None, timeout=30)
        try:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("ATTACH ? AS pristine", (str(self.pristine),))
            connection.execute("BEGIN IMMEDIATE")
            for table in Base.metadata.tables:
                connection.execute(f"DELETE FROM main.{table}")
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM pristine.{table}")
            connection.execute("COMMIT")
        finally:
            connection.close()

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]

    def contents(self) -> Contents:
        """Every row of every table that a change of the shop would show in."""
        return {table: self.rows(table) for table in Base.metadata.tables if table not in BOOKKEEPING}


@contextmanager
def filled_shop(folder: Path) -> Iterator[Shop]:
    """A shop whose files lie in the folder, which is there."""
    url = f"sqlite:///{folder / 'shop.db'}"
    filled_on = clock.today()
    seed.seed(url)
    engine = database.connect(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        shutil.copy(folder / "shop.db", folder / "pristine.db")
        yield Shop(engine, folder / "pristine.db", filled_on)
    finally:
        engine.dispose()
