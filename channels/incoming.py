"""What comes in from outside, checked before anything is done with it: nobody is trusted, and text stays text."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

SENDER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
COMMAND_SIGN, PLAIN_SIGN = "/", "／"
BLANK = " \t\r\n\ufeff\u200b\u3000\xa0"


@dataclass(eq=False)
class Rejected(Exception):
    """Not a message: the client is told why, and nothing is done."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Incoming:
    """A customer's message: whose conversation it is in, and its text."""

    sender: str
    text: str

    @property
    def is_empty(self) -> bool:
        return not self.text


def read_message(body: bytes) -> Incoming:
    """The message in a request's body; what else it claims (channel, metadata) is not believed. Raises Rejected."""
    said = _object(body)
    sender, text = said.get("sender"), said.get("message")
    if not isinstance(sender, str) or not SENDER.fullmatch(sender):
        raise Rejected(400, "`sender` has to be 1 to 64 letters, digits or the characters _ . : -")
    if not isinstance(text, str):
        raise Rejected(400, "`message` has to be a text.")
    return Incoming(sender, as_text(text))


def as_text(written: str) -> str:
    """What was typed as the bot may read it: no half characters, no control characters, and never a command.

    Rasa takes any message that begins with `/` for an intent with its entities. A customer's becomes the full-width
    sign, which looks the same and commands nothing.
    """
    whole = written.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    text = "".join(character for character in whole if character in "\n\t" or unicodedata.category(character) != "Cc")
    text = text[_first_visible(text) :].rstrip(BLANK)
    return PLAIN_SIGN + text[1:] if text.startswith(COMMAND_SIGN) else text


def has_chinese(text: str) -> bool:
    return CHINESE.search(text) is not None


def has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(400, "The body has to be JSON.") from None
    if not isinstance(said, dict):
        raise Rejected(400, 'The body has to be a JSON object: {"sender": …, "message": …}.')
    return said


def _first_visible(text: str) -> int:
    """Where the text begins, behind blanks and format characters such as a byte order mark."""
    for index, character in enumerate(text):
        if not (character.isspace() or unicodedata.category(character) == "Cf"):
            return index
    return len(text)
