"""What staff write, before it is kept."""

from __future__ import annotations

from desk.errors import NothingWritten, TooLong


def written(text: str, most: int) -> str:
    """A text without the blanks around it. Raises NothingWritten, and TooLong beyond `most` characters."""
    text = text.strip()
    if not text:
        raise NothingWritten
    if len(text) > most:
        raise TooLong(most)
    return text
