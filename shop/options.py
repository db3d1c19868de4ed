"""The options that products come in, in words: from "红的" or "size 9" to a code, and from codes to both languages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rapidfuzz import fuzz
from sqlalchemy import String, cast, select, type_coerce
from sqlalchemy.orm import Session

from shop.database import once_a_transaction
from shop.models import OptionKind, OptionValue, Variant

LONGEST_TEXT = 80
CLOSE_ENOUGH = 80.0
SEPARATOR = " · "
Value = tuple[str, str, str, str, str]  # kind, code, its names in Chinese and in English, and the others, in JSON

# As they are stored: they are read with most messages, and made sense of only where they have changed.
_STORED = OptionValue.__table__.c
_VALUES = select(
    type_coerce(_STORED.kind, String),
    _STORED.code,
    _STORED.name_zh,
    _STORED.name_en,
    cast(_STORED.other_names, String),
).order_by(_STORED.id)


@dataclass(frozen=True)
class OptionName:
    """One way to say one value; `rank` 0 is its proper name, 1 another one."""

    kind: str
    code: str
    text: str
    rank: int


class OptionWords:
    """The names of all option values."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values
        self.proper = {(kind, code): (zh, en) for kind, code, zh, en, _ in values}

    @cached_property
    def names(self) -> list[OptionName]:
        """Every name of every value."""
        return [
            OptionName(kind, code, plain(text), rank)
            for kind, code, zh, en, others in self.values
            for rank, texts in enumerate([(zh, en), json.loads(others)])
            for text in texts
        ]

    def in_words(self, options: Mapping[str, str]) -> tuple[str, str]:
        """A variant's options in Chinese and in English: "红色 · M", "red · M"."""
        chosen = [(kind.value, options[kind.value]) for kind in OptionKind if kind.value in options]
        pairs = [self.proper.get(value, (value[1], value[1])) for value in chosen]
        return SEPARATOR.join(zh for zh, _ in pairs), SEPARATOR.join(en for _, en in pairs)

    def codes(self, texts: Sequence[str], own: set[tuple[str, str]]) -> dict[str, str]:
        """What the texts ask for, a code for each kind of option; what cannot be understood is left out."""
        found: dict[str, str] = {}
        for text in texts:
            for name in self._understand(plain(text), own):
                found.setdefault(name.kind, name.code)
        return found

    def _understand(self, text: str, own: set[tuple[str, str]]) -> list[OptionName]:
        """The whole text as one value, else every value named in it, else one that is misspelled."""
        ranked = sorted(self.names, key=lambda name: ((name.kind, name.code) not in own, name.rank))
        bare = _bare(text)
        for name in ranked:
            if bare and bare in (_bare(name.text), _bare(name.text) + "色"):
                return [name]
        return _named_in(text, ranked) or _misspelled(bare, ranked)


@once_a_transaction
def option_words(session: Session) -> OptionWords:
    """The names of every option value the shop knows."""
    return _words_of(tuple(map(tuple, session.execute(_VALUES))))


@lru_cache(maxsize=1)
def _words_of(values: tuple[Value, ...]) -> OptionWords:
    return OptionWords(values)


def option_codes(session: Session, texts: Sequence[str], product_id: int | None = None) -> dict[str, str]:
    """What option entities mean, kind -> code: ["红的", "42码"] -> {"colour": "red", "size": "42"}.

    With a product, a word is understood among that product's own options first: "black" is an iPhone's midnight.
    """
    return option_words(session).codes(texts, _own_options(session, product_id))


def plain(text: str) -> str:
    """Without full-width forms, case and surplus space, and no longer than an option can be."""
    normal = unicodedata.normalize("NFKC", str(text)[: 4 * LONGEST_TEXT]).casefold()
    return " ".join(normal.split())[:LONGEST_TEXT]


def _own_options(session: Session, product_id: int | None) -> set[tuple[str, str]]:
    if product_id is None:
        return set()
    rows = session.execute(select(Variant.options).where(Variant.product_id == product_id)).scalars()
    return {pair for options in rows for pair in options.items()}


def _bare(text: str) -> str:
    """Without spaces and the tail that Chinese hangs on: "红色的" and "红色款" are "红色"."""
    return re.sub(r"(?:的|款|那款|那个)+$", "", text.replace(" ", ""))


def _named_in(text: str, ranked: list[OptionName]) -> list[OptionName]:
    """Every value named in a longer text, the longest names first, none over another: "black in size 42"."""
    found: list[OptionName] = []
    taken: list[range] = []
    unspaced = text.replace(" ", "")
    in_it = [name for name in ranked if name.text.replace(" ", "") in unspaced]  # a pattern for each would take long
    for name in sorted(in_it, key=lambda name: -len(name.text)):
        match = re.search(_pattern(name.text), text)
        if match is None or any(name.kind == other.kind for other in found):
            continue
        span = range(match.start(), match.end())
        if not any(span.start < other.stop and other.start < span.stop for other in taken):
            found.append(name)
            taken.append(span)
    return found


def _pattern(name: str) -> str:
    """A name in running text: Latin words and figures whole (no "red" in "bored"), Chinese anywhere."""
    pattern = re.escape(name).replace(r"\ ", r"\s?")
    head = r"(?<![a-z0-9'.])" if name[0].isascii() else ""
    tail = r"(?![a-z0-9])" if name[-1].isascii() else ""
    return head + pattern + tail


def _misspelled(text: str, ranked: list[OptionName]) -> list[OptionName]:
    if len(text) < 4 or not text.isascii():
        return []
    best = max(ranked, key=lambda name: fuzz.ratio(text, _bare(name.text)), default=None)
    return [best] if best is not None and fuzz.ratio(text, _bare(best.text)) >= CLOSE_ENOUGH else []


CLOTHING_SIZES = ("xxs", "xs", "s", "m", "l", "xl", "xxl", "2xl", "xxxl", "3xl")


def size_rank(code: str) -> float:
    """Where a size stands among the sizes of its product, small to large: "m" before "xl", "39" before "40"."""
    digits = "".join(c for c in code if c.isdigit() or c == ".")
    if code in CLOTHING_SIZES:
        return float(CLOTHING_SIZES.index(code))
    return float(digits) if digits.strip(".") else 0.0
