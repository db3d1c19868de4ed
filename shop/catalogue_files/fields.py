"""One entry of a catalogue file, taken field by field. What is wrong is noted, and reading goes on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from shop import clock

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
MOST_YUAN = 10_000_000
MOST_PIECES = 1_000_000
MOST_DAYS = 36_500
NOTHING: Any = object()  # the default of a field that has to be there


class Fields:
    """Takes fields out of an entry and notes mistakes as sentences.

    Where a field is wrong its taker returns a stand-in of the right type, so that the rest is checked as well; an entry
    that is not `is_sound` in the end is not used.
    """

    def __init__(self, where: str, entry: Any, mistakes: list[str]) -> None:
        self.where, self.mistakes, self.is_sound = where, mistakes, True
        self.entry: dict[str, Any] = {}
        self.known: list[str] = []
        self.is_entry = isinstance(entry, dict)  # of what is none, that alone is said
        if self.is_entry:
            self.entry = {str(name): value for name, value in entry.items()}
        else:
            self.refuse(f"fields such as `name: ...` are expected here, not {shown(entry)}")

    def refuse(self, problem: str) -> None:
        self.is_sound = False
        self.mistakes.append(f"{self.where}: {problem}.")

    def note(self, field: str, problem: str) -> None:
        self.is_sound = False
        if self.is_entry:
            self.mistakes.append(f"{self.where}, {field}: {problem}.")

    def has(self, field: str) -> bool:
        return self.entry.get(field) is not None

    def take(self, field: str, default: Any = NOTHING) -> Any:
        """A field as it stands there, or its default; None, and a note, where it has none and is missing."""
        self.known.append(field)
        value = self.entry.get(field)
        if value is None and default is NOTHING:
            self.note(field, "it is missing")
        return (None if default is NOTHING else default) if value is None else value

    def text(self, field: str, longest: int, default: Any = NOTHING) -> str:
        value = self.take(field, default)
        if value is None:
            return ""
        return self._text(field, value, longest) if self.has(field) else str(value)

    def name_of(self, field: str, longest: int, form: str, what: str, default: Any = NOTHING) -> str:
        """A text that other records go by, and so must have a certain form."""
        text = self.text(field, longest, default)
        if text and self.has(field) and not re.fullmatch(form, text):
            self.note(field, f"{shown(text)} is not {what}")
        return text

    def texts(self, field: str, longest: int, default: Any = NOTHING) -> tuple[str, ...]:
        return tuple(self._text(field, item, longest) for item in self.list_of(field, default))

    def languages(self, field: str, longest: int) -> tuple[str, str]:
        """A text in Chinese and in English, in this order."""
        texts = self.texts(field, longest)
        if len(texts) != 2:
            if self.has(field):
                self.note(field, "it needs both languages, as [Chinese, English]")
            return "", ""
        self.in_english(field, texts[1])
        return texts[0], texts[1]

    def in_english(self, field: str, text: str) -> None:
        if HAN.search(text):
            self.note(field, f"{shown(text)} stands where the English belongs; the order is [Chinese, English]")

    def in_chinese(self, field: str, text: str) -> None:
        if text and not HAN.search(text):
            self.note(field, f"{shown(text)} stands where the Chinese belongs; the order is [Chinese, English]")

    def list_of(self, field: str, default: Any = NOTHING) -> list[Any]:
        value = self.take(field, default)
        if value is not None and not isinstance(value, (list, tuple)):
            self.note(field, f"a list such as [one, two] is expected, not {shown(value)}")
        return list(value) if isinstance(value, (list, tuple)) else []

    def mapping(self, field: str) -> dict[str, Any]:
        """What a field has under it; empty where it isn't there."""
        value = self.take(field, {})
        if not isinstance(value, dict):
            self.note(field, f"lines such as `name: value` are expected, not {shown(value)}")
            return {}
        return {str(key): item for key, item in value.items()}

    def one_of(self, field: str, choices: Iterable[str], default: Any = NOTHING) -> str:
        possible = list(choices)
        value = self.take(field, default)
        if value is not None and str(value) not in possible:
            self.note(field, f"{shown(value)} is none of {', '.join(possible)}{_meant(str(value), possible)}")
        return str(value) if str(value) in possible else possible[0]

    def truth(self, field: str, default: bool) -> bool:
        value = self.take(field, default)
        if not isinstance(value, bool):
            self.note(field, f"true or false is expected, not {shown(value)}")
        return value is True

    def whole(self, field: str, least: int, most: int, default: Any = NOTHING) -> int:
        value = self.take(field, default)
        if value is None:
            return least
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.note(field, f"a whole number from {least} to {most} is expected, not {shown(value)}")
            return least
        return value

    def stock(self, field: str) -> int | None:
        """Pieces on the shelf; None where the file leaves them to the shop."""
        value = self.take(field, None)
        if isinstance(value, int) and value < 0:
            self.note(field, f"{value} is less than nothing")
            return 0
        return None if value is None else self.whole(field, 0, MOST_PIECES)

    def cents(self, field: str, default: Any = NOTHING) -> int:
        """An amount, which the files write in yuan."""
        value = self.take(field, default)
        return 0 if value is None else self.amount(field, value)

    def price(self, field: str) -> int:
        """A positive amount; 0, and a note, where it is none."""
        cents = self.cents(field)
        if self.has(field) and cents <= 0 and _decimal(self.entry[field]) is not None:
            self.note(field, f"{shown(self.entry[field])} is not a positive amount in yuan")
        return max(cents, 0)

    def amount(self, field: str, value: Any) -> int:
        amount = _decimal(value)
        if amount is None or abs(amount) > MOST_YUAN:
            self.note(field, f"{shown(value)} is not an amount in yuan, such as 49 or 49.50")
            return 0
        if amount * 100 != int(amount * 100):
            self.note(field, f"{shown(value)} has more than two decimals")
        return int(amount * 100)

    def day(self, field: str, default: Any = NOTHING, *, sign: int = 1) -> date | None:
        """A day, written 2031-05-15 or as days from today (`sign` -1: days ago); None where it is missing or wrong."""
        value = self.take(field, default)
        return None if value is None else self.as_day(field, value, sign=sign)

    def as_day(self, field: str, value: Any, *, sign: int = 1) -> date | None:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_DAYS:
            return clock.today() + timedelta(days=sign * value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self.note(field, f"a day such as 2031-05-15 is expected, not {shown(value)}")
        return None

    def close(self) -> None:
        """Note what nobody has asked for: a misspelled field must not pass in silence."""
        for field in self.entry:
            if field not in self.known:
                self.note(field, f"there is no such field{_meant(field, self.known)}")

    def _text(self, field: str, value: Any, longest: int) -> str:
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            self.note(field, f'{shown(value)} is read as something else than text: write it in quotes, "like this"')
            return ""
        text = " ".join(str(value).split())
        if not text:
            self.note(field, "it is empty")
        elif len(text) > longest:
            self.note(field, f"{shown(text)} is longer than {longest} characters")
        elif any(unicodedata.category(character) == "Cc" for character in text):
            self.note(field, f"{shown(text)} holds a control character")
        return text


def shown(value: Any) -> str:
    """A value as a mistake quotes it."""
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "further fields"
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    quoted = "".join(character if character.isprintable() else "�" for character in text)
    return f'"{quoted[:40]}…"' if len(quoted) > 41 else f'"{quoted}"'


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _meant(word: str, possible: Iterable[str]) -> str:
    close = get_close_matches(word, list(possible), n=1)
    return f" (perhaps {close[0]})" if close else ""
