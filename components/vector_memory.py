"""Keeps the vectors of texts by what they were computed from, so that a training does not compute them again."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.training_data.message import Message

from components.text import without_half_characters

logger = logging.getLogger(__name__)


class Reading(NamedTuple):
    """A text and where its tokens stand: what decides its vectors. Their shape: [sentence and tokens, hidden]."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, message: Message, attribute: str) -> Reading:
        spans = tuple((token.start, token.end) for token in message.get(TOKENS_NAMES[attribute]) or ())
        return cls(without_half_characters(message.get(attribute)), spans)


class VectorMemory:
    """Vectors by what they were computed from, in a file that is never trusted: what is broken there was never known.

    A file holds the vectors of one checkpoint; it may be deleted at any time. A folder that cannot be written to costs
    time, not the training.
    """

    def __init__(self, file: Path, settings: str) -> None:
        self._file = file
        self._settings = settings

    def read(self, readings: Sequence[Reading]) -> dict[Reading, np.ndarray]:
        if not self._file.exists():
            return {}
        found: dict[Reading, np.ndarray] = {}
        try:
            with closing(self._open()) as table:
                for reading in readings:
                    entry = table.execute("SELECT sum, rows FROM vectors WHERE key = ?", (self._key(reading),))
                    rows = _whole_rows(entry.fetchone(), len(reading.spans) + 1)
                    if rows is not None:
                        found[reading] = rows
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
        return found

    def write(self, vectors: dict[Reading, np.ndarray]) -> None:
        entries = [(self._key(reading), rows.astype("<f4").tobytes()) for reading, rows in vectors.items()]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as table, table:
                table.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                    [(key, zlib.crc32(rows), rows) for key, rows in entries],
                )
        except (sqlite3.Error, OSError) as error:
            self._complain(error)

    def _open(self) -> sqlite3.Connection:
        table = sqlite3.connect(self._file, timeout=30)
        try:
            table.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, sum INTEGER, rows BLOB)")
        except sqlite3.Error:
            table.close()
            raise
        return table

    def _key(self, reading: Reading) -> str:
        return hashlib.sha256(json.dumps([self._settings, *reading]).encode()).hexdigest()

    def _complain(self, error: Exception) -> None:
        logger.warning(f"The vectors in {self._file} cannot be used ({error}).")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self._file.unlink(missing_ok=True)  # no database, or a damaged one


def _whole_rows(entry: tuple[Any, Any] | None, count: int) -> np.ndarray | None:
    """Shape: [count, hidden]; None where the entry is missing or not what was written."""
    if entry is None or not isinstance(entry[1], bytes) or not entry[1]:
        return None
    if zlib.crc32(entry[1]) != entry[0] or len(entry[1]) % (4 * count):
        return None
    return np.frombuffer(entry[1], "<f4").reshape(count, -1).astype(np.float32)
