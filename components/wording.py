"""A message as features for a linear model: its words, their pairs, the letters of its Latin words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from components.hints import hints_of
from components.text import is_han

NAMED_ALONGSIDE = {"product": "<product>", "goods": "<product>", "option": "<option>"}  # the word itself tells, too
LONGEST = 400  # tokens; nobody's wish begins later


def wording_of(message: Message) -> list[str]:
    """Features with repetition, in no order; none for a message of signs only."""
    tokens = message.get(TOKENS_NAMES[TEXT]) or []
    words = list(_words(message, [(token.text.lower(), token.start) for token in tokens[:LONGEST]]))
    if not any(word[0].isalnum() or word[0] == "<" for word in words):
        return []
    return [*_phrases(words), *_letters(words)]


def _words(message: Message, tokens: list[tuple[str, int]]) -> Iterator[str]:
    """The words in lower case, with '<phone>' for a phone and '<product>' before a product."""
    for word, start in tokens:
        entity, begins = _hint_at(message, start)
        if entity and begins:
            yield NAMED_ALONGSIDE.get(entity, f"<{entity}>")
        if entity is None or entity in NAMED_ALONGSIDE:
            yield "0" if word.isdigit() else word


def _hint_at(message: Message, position: int) -> tuple[str | None, bool]:
    for entity, start, end in hints_of(message):
        if start <= position < end:
            return entity, position == start
    return None, False


def _phrases(words: list[str]) -> Iterator[str]:
    yield from words
    framed = ["^", *words, "$"]
    for first, second in pairwise(framed):
        yield f"{first} {second}"


def _letters(words: list[str]) -> Iterator[str]:
    """Pieces of Latin words, which survive a misspelling."""
    for word in words:
        if word[0].isalpha() and not is_han(word):
            framed = f"({word})"
            for length in (3, 4):
                for start in range(len(framed) - length + 1):
                    yield f"~{framed[start : start + length]}"
