"""What a figure follows from, as a hash: where it is the same, nothing has to be measured again."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest(*parts: str | Path, but: Path | None = None) -> str:
    """A hash of texts, and of files and folders by their contents, less what lies in one folder."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            found.update(part.encode())
            continue
        for file in _files(part):
            if but not in file.parents:
                found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
