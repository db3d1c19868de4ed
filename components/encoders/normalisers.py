"""What a vocabulary wants done to a text first (NFKC, more or less), with the way back to the places in the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

Place = tuple[int, int]


class Normalised(NamedTuple):
    """A text as the vocabulary wants it, and for each of its characters the place in the text that it came from."""

    text: str
    places: list[Place] | None = None  # None: each came from its own place

    def place(self, begin: int, end: int) -> Place:
        """Where a part of it came from; an empty part is nowhere."""
        if self.places is None or begin >= end:
            return begin, end
        return self.places[begin][0], self.places[end - 1][1]


class ByCharacter:
    """Replaces characters one by one, each by any number of others."""

    def __init__(self, replacements: Mapping[str, str]) -> None:
        self._replacements = replacements

    def __call__(self, text: str) -> Normalised:
        parts = ((index, self._replacements.get(character, character)) for index, character in enumerate(text))
        written = [(character, (index, index + 1)) for index, part in parts for character in part]
        return Normalised("".join(character for character, _ in written), [place for _, place in written])


class ByLongestMatch:
    """SentencePiece's precompiled map: a double-array trie of UTF-8 strings (Darts-clone), then what replaces them.

    The longest string that matches is replaced, so that a letter with its accent after it becomes one letter.
    """

    def __init__(self, compiled: bytes) -> None:
        size = int.from_bytes(compiled[:4], "little")
        self._units = memoryview(compiled)[4 : 4 + size].cast("I")
        self._replacements = compiled[4 + size :]

    def __call__(self, text: str) -> Normalised:
        written = [(character, place) for part, place in self._parts(text) for character in part]
        return Normalised("".join(character for character, _ in written), [place for _, place in written])

    def _parts(self, text: str) -> Iterator[tuple[str, Place]]:
        characters = [character.encode("utf-8", "replace") for character in text]
        begin = 0
        while begin < len(text):
            end, replacement = self._longest(characters, begin)
            yield (text[begin] if replacement is None else replacement), (begin, end)
            begin = end

    def _longest(self, characters: list[bytes], begin: int) -> tuple[int, str | None]:
        found: tuple[int, str | None] = (begin + 1, None)
        node = _offset(self._units[0])
        for index in range(begin, len(characters)):
            for byte in characters[index]:
                unit = self._units[node ^ byte]
                if unit & 0x800000FF != byte:
                    return found
                node ^= byte ^ _offset(unit)
            if unit & 0x100:
                found = (index + 1, _replacement(self._replacements, self._units[node] & 0x7FFFFFFF))
        return found


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


@lru_cache(10_000)
def _replacement(replacements: bytes, begin: int) -> str:
    return replacements[begin : replacements.index(b"\0", begin)].decode()
