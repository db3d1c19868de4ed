"""What comes in from outside, checked before anything is done with it: nobody is trusted, and text stays text."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
NAME_IN_WORDS = "1 to 64 letters, digits or the characters _ . : -"
CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
CHOICE_SIGN = "choice:"  # before a button's signed payload
CHOICE = re.compile(rf"{CHOICE_SIGN}eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*", re.ASCII)  # whoever signed it; nobody types that
COMMAND_SIGN, PLAIN_SIGN = "/", "／"
BLANK = " \t\r\n\ufeff\u200b\u3000\xa0"


@dataclass(eq=False)
class Rejected(Exception):
    """Nothing is done, and the client is told why."""

    status: int
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Incoming:
    """What a request says: a text, the sender's own name for it, and whose conversation it claims to be in.

    `typed` is the text as it came, which may be a button's payload.
    """

    text: str
    typed: str
    key: str | None
    sender: str | None

    @property
    def is_choice(self) -> bool:
        """Whether it is a button's payload, ours or not; what only begins like one is a text."""
        return CHOICE.fullmatch(self.typed) is not None


def read_message(body: bytes) -> Incoming:
    """The message in a request's body; what else it claims (channel, metadata) is not believed. Raises Rejected."""
    said = read_object(body)
    text, key, sender = said.get("message"), said.get("key"), said.get("sender")
    if not isinstance(text, str):
        raise Rejected(400, "`message` has to be a text.")
    if key is not None and not is_name(key):
        raise Rejected(400, f"`key` has to be {NAME_IN_WORDS}")
    return Incoming(as_text(text), text.strip(), key, sender if is_name(sender) else None)


def is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


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


def read_object(body: bytes) -> dict[str, Any]:
    """A request's body as a JSON object. Raises Rejected."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(400, "The body has to be JSON.") from None
    if not isinstance(said, dict):
        raise Rejected(400, 'The body has to be a JSON object: {"message": …}.')
    return said


def _first_visible(text: str) -> int:
    """Where the text begins, behind blanks and format characters such as a byte order mark."""
    for index, character in enumerate(text):
        if not (character.isspace() or unicodedata.category(character) == "Cf"):
            return index
    return len(text)
