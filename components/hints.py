"""What patterns and catalogue found in a message, kept beside it as hints for the components that learn."""

from __future__ import annotations

from typing import Any

from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

HINTS = "hints"


def add_hints(message: Message, found: list[dict[str, Any]]) -> None:
    spans = [(entity["entity"], entity["start"], entity["end"]) for entity in found]
    message.set(HINTS, hints_of(message) + spans)


def hints_of(message: Message) -> list[tuple[str, int, int]]:
    """(entity, start, end) of everything found so far."""
    return message.get(HINTS) or []


def hint_per_token(message: Message) -> list[str]:
    """For each token, 'B-product' or 'I-product' where it lies in something found, else 'O'; the first finder wins."""
    tokens = message.get(TOKENS_NAMES[TEXT]) or []
    marks = ["O"] * len(tokens)
    for entity, start, end in hints_of(message):
        for index, token in enumerate(tokens):
            if start <= token.start and token.end <= end and marks[index] == "O":
                marks[index] = f"{'B' if token.start == start else 'I'}-{entity}"
    return marks
