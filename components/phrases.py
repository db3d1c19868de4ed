"""The names in the shop's catalogue, and where they stand in a sentence of either language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy
from rasa.shared.exceptions import InvalidConfigException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from components.imports import without
from components.text import is_han, token_spans, tokens_of

with without("torch"):  # which spaCy's nets would import, where it is installed; matching phrases needs no net
    import spacy
    from spacy.matcher import PhraseMatcher
    from spacy.tokens import Doc
    from spacy.util import filter_spans

GOODS = "goods"
COLOUR, SIZE = "colour", "size"
BEFORE_A_SIZE = {"size", "sized"}
AFTER_A_SIZE = {"码", "号"}
AFTER_WHAT_HAS_A_NUMBER = {"号", "尾", "后", "number", "no", "num"}  # 手机号, phone number
AFTER_A_COLOUR = {"色", "的", "款", "系"}


class Phrase(NamedTuple):
    entity: str
    kind: str  # of an option: colour, size, capacity ...; empty for a product
    words: str


def read_phrases(url: str) -> list[Phrase]:
    """All names of products and options. Raises InvalidConfigException where there is no catalogue to read."""
    try:
        return _read_catalogue(url)
    except SQLAlchemyError as error:
        raise _no_catalogue(url) from error


def _read_catalogue(url: str) -> list[Phrase]:
    place = make_url(url)
    if place.drivername.startswith("sqlite") and place.database and not Path(place.database).exists():
        raise _no_catalogue(url)  # SQLite would make an empty one
    engine = sqlalchemy.create_engine(url, future=True)
    with engine.connect() as connection:
        products = connection.execute(sqlalchemy.text("SELECT name_zh, name_en, short_names FROM products")).all()
        options = connection.execute(
            sqlalchemy.text("SELECT kind, name_zh, name_en, other_names FROM option_values")
        ).all()
    engine.dispose()
    if not products:
        raise _no_catalogue(url)
    known = {Phrase("product", "", name) for row in products for name in (row[0], row[1], *_names(row[2]))}
    known |= {Phrase("option", row[0].lower(), name) for row in options for name in (row[1], row[2], *_names(row[3]))}
    return sorted(phrase for phrase in known if phrase.words.strip())


def read_goods() -> list[Phrase]:
    """Names of goods in general, which the catalogue need not have; they are hints, no entities."""
    lines = Path(__file__).with_name("goods.txt").read_text(encoding="utf-8").splitlines()
    names = {name.strip() for line in lines if not line.startswith("#") for name in line.split(",")}
    return [Phrase(GOODS, "", name) for name in sorted(names) if name]


def _names(column: Any) -> Iterable[str]:
    return json.loads(column) if isinstance(column, str) else column or ()


def _no_catalogue(url: str) -> InvalidConfigException:
    shown = make_url(url).render_as_string(hide_password=True)
    return InvalidConfigException(
        f"There is no shop catalogue in {shown}, and the bot learns the products' names from it. "
        "Fill the sample shop with `python -m shop.seed`, or set SHOP_DATABASE_URL to your shop's database."
    )


class PhraseBook:
    """Finds the catalogue's names in running text, whatever their case, in the singular or the plural."""

    def __init__(self, known: Iterable[Phrase]) -> None:
        self._vocabulary = spacy.blank("xx").vocab
        self._matcher = PhraseMatcher(self._vocabulary)
        for phrase in known:
            documents = [self._document(tokens) for tokens in _spellings(phrase.words)]
            self._matcher.add(f"{phrase.entity}/{phrase.kind}", documents)

    def find(self, plain: str) -> list[dict[str, Any]]:
        """Entities in a normalised text, the longest of those that overlap."""
        spans = token_spans(plain)
        tokens = [plain[start:end] for start, end in spans]
        if not tokens or not len(self._matcher):
            return []
        found = []
        matches = self._matcher(self._document(tokens), as_spans=True)
        products_first = sorted(matches, key=lambda match: match.label_, reverse=True)  # iPhone 13 is a model, too
        for match in filter_spans(products_first):
            entity, kind = match.label_.split("/")
            bounds = _in_context(entity, kind, tokens, match.start, match.end)
            if bounds:
                start, end = spans[bounds[0]][0], spans[bounds[1] - 1][1]
                found.append({"entity": entity, "start": start, "end": end, "value": plain[start:end]})
        return found

    def _document(self, tokens: list[str]) -> Doc:
        return Doc(self._vocabulary, words=[singular(token.lower()) for token in tokens])


def _spellings(words: str) -> list[list[str]]:
    """'iPhone 13' is also typed iPhone13, and 'T-shirt' T shirt or tshirt."""
    glued = re.sub(r"(?<=[A-Za-z]) (?=\d)|(?<=\d) (?=[A-Za-z])", "", words)
    apart = re.sub(r"(?<=[A-Za-z])(?=\d{2,})", " ", words)
    spellings = {words, glued, apart, words.replace("-", " "), words.replace("-", "")}
    return [tokens for tokens in map(tokens_of, sorted(spellings)) if tokens]


def singular(word: str) -> str:
    """Good enough to meet its own plural: it is only ever compared with another word treated alike."""
    if len(word) < 4 or not word.isascii() or not word.isalpha() or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if re.search(r"(?:ch|sh|x|ss|z)es$", word):
        return word[:-2]
    return word.removesuffix("s")


def _in_context(entity: str, kind: str, tokens: list[str], start: int, end: int) -> tuple[int, int] | None:
    """The span with its unit (size 9, 42码), or None where a short name probably means something else here."""
    before = tokens[start - 1].lower() if start else ""
    after = tokens[end] if end < len(tokens) else ""
    if kind == SIZE and before in BEFORE_A_SIZE:
        start -= 1
    if kind == SIZE and after in AFTER_A_SIZE:
        end += 1
    word = tokens[start]
    if not kind and after.lower() in AFTER_WHAT_HAS_A_NUMBER:
        return None
    if end - start > 1:
        return start, end
    if is_han(word):
        return (start, end) if entity == GOODS else _single_han(kind, start, end, after)
    if word.isdigit():
        return None
    return (start, end) if len(word) > 1 or (word.isupper() and not after.startswith("'")) else None


def _single_han(kind: str, start: int, end: int, after: str) -> tuple[int, int] | None:
    if kind != COLOUR or after not in AFTER_A_COLOUR:
        return None
    return start, end + 1 if after == "色" else end
