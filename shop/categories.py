"""Which category a shopper speaks of; what they call each stands in categories.yml."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import yaml
from rapidfuzz import fuzz

from shop.models import Category

LONGEST_TEXT = 200
CLOSE_ENOUGH = 84.0
Names = tuple[tuple[str, Category], ...]


def category_of(text: str) -> Category | None:
    """The category a text speaks of: "厨房用品", "shoes", "a gift for kids"; None where it names none."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold().strip()
    thing, _, purpose = plain.partition(" for ")
    names, recipients = _names("words"), _names("recipients")
    named = _last_named(thing, names) or _last_named(purpose, names)
    return named or _last_named(plain, recipients) or _misspelled(plain, names)


@lru_cache(maxsize=2)
def _names(part: str) -> Names:
    text = Path(__file__).with_name("categories.yml").read_text(encoding="utf-8")
    return tuple((word, Category(category)) for category, words in yaml.safe_load(text)[part].items() for word in words)


def _last_named(text: str, names: Names) -> Category | None:
    """The category named last, as both languages put the thing itself at the end: 运动鞋 are shoes, toy books books."""
    ends = [(_end(word, text), len(word), category) for word, category in names]
    end, _, category = max(ends, key=lambda found: found[:2])
    return category if end else None


def _end(word: str, text: str) -> int:
    """Where a word last ends in a text; 0 if it isn't there."""
    if not word.isascii():
        return text.rfind(word) + len(word) if word in text else 0
    found = [match.end() for match in re.finditer(rf"(?<![a-z]){re.escape(word)}(?:s|es)?(?![a-z])", text)]
    return max(found, default=0)


def _misspelled(text: str, names: Names) -> Category | None:
    word, category = max(names, key=lambda name: fuzz.ratio(text, name[0]) if len(name[0]) >= 5 else 0.0)
    return category if fuzz.ratio(text, word) >= CLOSE_ENOUGH else None
