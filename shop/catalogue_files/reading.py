"""Reads catalogue files and checks all that they say, to the end: every mistake is found at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shop import clock
from shop.catalogue_files import source
from shop.catalogue_files.entries import Catalogue, OptionEntry, OptionKey, ProductEntry, PromotionEntry
from shop.catalogue_files.fields import Fields, shown
from shop.catalogue_files.variants import variants_of
from shop.models import Category, OptionKind, PromotionKind

SECTIONS = ("options", "products", "promotions")
HELP_ARTICLES = (
    "general",
    "audio",
    "books",
    "camera",
    "cleaning",
    "clothes",
    "computer",
    "food",
    "kitchen",
    "light",
    "phone",
    "shoes",
    "sport",
    "toy",
    "wearable",
)
PICTURE_FORM = re.compile(r"(https://[^\s\"'<>]+|/[^\s\"'<>/][^\s\"'<>]*)")
SLUG_FORM = r"[a-z0-9]+(-[a-z0-9]+)*"
CATEGORIES = [category.value for category in Category]


@dataclass(frozen=True)
class Reading:
    """What files say as far as it is sound, and a sentence for everything that isn't."""

    catalogue: Catalogue
    mistakes: tuple[str, ...]


def read(paths: Sequence[Path], known_options: Collection[OptionKey] = ()) -> Reading:
    """Read files that belong together; `known_options` are the values that the shop has names for already."""
    reader = _Reader()
    documents = [(str(path), reader.document(path)) for path in paths]
    options = tuple(entry for file, found in documents for entry in reader.options(file, found["options"]))
    known = {*known_options, *reader.option_keys}
    products = tuple(entry for file, found in documents for entry in reader.products(file, found["products"], known))
    promotions = tuple(entry for file, found in documents for entry in reader.promotions(file, found["promotions"]))
    return Reading(Catalogue(options, products, promotions), tuple(reader.mistakes))


@dataclass
class _Reader:
    """What is common to all files of one reading: the mistakes, and the names that are taken."""

    mistakes: list[str] = field(default_factory=list)
    option_keys: set[OptionKey] = field(default_factory=set)
    taken: dict[tuple[str, str], str] = field(default_factory=dict)  # (field, name) -> where it stands

    def document(self, path: Path) -> dict[str, Any]:
        """The sections of a file."""
        nothing: dict[str, Any] = dict.fromkeys(SECTIONS)
        try:
            found = source.load(path)
        except source.Unreadable as problem:
            self.mistakes.append(f"{path}: {problem}.")
            return nothing
        if not isinstance(found, dict) or not found:
            self.mistakes.append(f"{path}: it should begin with one of {', '.join(f'`{name}:`' for name in SECTIONS)}.")
            return nothing
        fields = Fields(str(path), found, self.mistakes)
        fields.known.extend(SECTIONS)
        fields.close()
        return {**nothing, **fields.entry}

    def options(self, file: str, section: Any) -> Iterator[OptionEntry]:
        for kind, values in self._mapping(f"{file}, options", section).items():
            if kind not in [known.value for known in OptionKind]:
                kinds = ", ".join(known.value for known in OptionKind)
                self.mistakes.append(f"{file}, options: {shown(kind)} is no kind of option; there are {kinds}.")
                continue
            for code, names in self._mapping(f"{file}, options, {kind}", values).items():
                self.option_keys.add((kind, code))
                yield from self._option(f"{file}, {kind} {code}", OptionKind(kind), code, names)

    def _option(self, where: str, kind: OptionKind, code: str, names: Any) -> Iterator[OptionEntry]:
        fields = Fields(where, {"code": code, "names": names}, self.mistakes)
        fields.name_of("code", 40, r"\S+", "one word: it must not hold spaces")
        texts = fields.texts("names", 40)
        if len(texts) < 2:
            if fields.has("names"):
                fields.note("names", "they need both languages, as [Chinese, English]")
            return
        fields.in_english("names", texts[1])
        self._take(fields, "code", f"{kind.value} {code}")
        if fields.is_sound:
            yield OptionEntry(kind, code, texts[0], texts[1], texts[2:])

    def products(self, file: str, section: Any, known: Collection[OptionKey]) -> Iterator[ProductEntry]:
        for position, entry in self._list(f"{file}, products", section):
            fields = Fields(f"{file}, product {_called(entry, 'slug', position)}", entry, self.mistakes)
            if fields.is_sound:
                product = _product(fields, known)
                self._take(fields, "slug", product.slug)
                for variant in product.variants:
                    self._take(fields, "sku", variant.sku)
                if fields.is_sound:
                    yield product

    def promotions(self, file: str, section: Any) -> Iterator[PromotionEntry]:
        for position, entry in self._list(f"{file}, promotions", section):
            fields = Fields(f"{file}, promotion {_called(entry, 'code', position)}", entry, self.mistakes)
            if fields.is_sound:
                promotion = _promotion(fields)
                self._take(fields, "code", promotion.code)
                if fields.is_sound:
                    yield promotion

    def _take(self, fields: Fields, name: str, value: str) -> None:
        """Take a name that only one entry can go by; a note where another has it."""
        if value and (name, value) in self.taken:
            fields.note(name, f"{shown(value)} is taken already, by {self.taken[name, value]}")
        self.taken.setdefault((name, value), fields.where)

    def _mapping(self, where: str, section: Any) -> dict[str, Any]:
        if section is not None and not isinstance(section, dict):
            self.mistakes.append(f"{where}: lines such as `name: value` are expected, not {shown(section)}.")
        return {str(key): value for key, value in section.items()} if isinstance(section, dict) else {}

    def _list(self, where: str, section: Any) -> Iterator[tuple[int, Any]]:
        if section is not None and not isinstance(section, list):
            self.mistakes.append(f"{where}: a list is expected, each entry beginning with `- `.")
        return enumerate(section if isinstance(section, list) else [], start=1)


def _called(entry: Any, name: str, position: int) -> str:
    """How a mistake names an entry: by its own name, else by its place in the list."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return str(value) if isinstance(value, (str, int)) else f"number {position}"


def _product(fields: Fields, known: Collection[OptionKey]) -> ProductEntry:
    slug = fields.name_of("slug", 60, SLUG_FORM, "a name for the address of its page, such as desk-lamp")
    name_zh, name_en = fields.languages("name", 80)
    summary_zh, summary_en = fields.languages("summary", 400)
    fields.in_chinese("summary", summary_zh)
    product = ProductEntry(
        where=fields.where,
        slug=slug,
        name_zh=name_zh,
        name_en=name_en,
        short_names=fields.texts("short", 80, ()),
        category=Category(fields.one_of("category", CATEGORIES)),
        summary_zh=summary_zh,
        summary_en=summary_en,
        rating=_rating(fields),
        review_count=fields.whole("reviews", 0, 2_000_000_000) if fields.has("reviews") else None,
        released_on=fields.day("released", None, sign=-1),
        warranty_months=fields.whole("warranty", 0, 1_200, 0),
        is_returnable=fields.truth("returnable", True),
        help_article=fields.one_of("help", HELP_ARTICLES, "general"),
        picture=_picture(fields),
        variants=variants_of(fields, slug, known),
    )
    fields.known.append("reviews")
    fields.close()
    return product


def _picture(fields: Fields) -> str | None:
    if not fields.has("picture"):
        fields.known.append("picture")
        return None
    address = fields.text("picture", 300)
    if address and not PICTURE_FORM.fullmatch(address):
        fields.note("picture", f"an address such as https://shop.example/lamp.jpg is expected, not {shown(address)}")
    return address


def _rating(fields: Fields) -> float | None:
    value = fields.take("rating", None)
    if value is None:
        if fields.has("reviews") and fields.entry["reviews"] != 0:
            fields.note("rating", "it is missing, though there are reviews")
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 5:
        fields.note("rating", f"a number from 1 to 5 is expected, not {shown(value)}")
        return None
    return float(value)


def _promotion(fields: Fields) -> PromotionEntry:
    kind = PromotionKind(fields.one_of("kind", [kind.value for kind in PromotionKind]))
    name_zh, name_en = fields.languages("name", 80)
    category = fields.one_of("category", CATEGORIES) if fields.has("category") else None
    starts_on, ends_on = fields.day("starts"), fields.day("ends")
    if starts_on and ends_on and ends_on < starts_on:
        fields.note("ends", f"{ends_on} is before it starts, on {starts_on}")
    promotion = PromotionEntry(
        code=fields.name_of("code", 20, r"\S+", "one word: it must not hold spaces"),
        name_zh=name_zh,
        name_en=name_en,
        kind=kind,
        value=_value(fields, kind),
        minimum_cents=_minimum(fields),
        category=None if category is None else Category(category),
        starts_on=starts_on or clock.today(),
        ends_on=ends_on or clock.today(),
    )
    fields.known.append("category")
    fields.close()
    return promotion


def _value(fields: Fields, kind: PromotionKind) -> int:
    """Per cent, or cents; a promotion of shipping has no value."""
    if kind is PromotionKind.PERCENT:
        return fields.whole("value", 1, 100)
    if kind is PromotionKind.AMOUNT:
        return fields.price("value")
    if fields.take("value", 0) != 0:
        fields.note("value", "free shipping has none")
    return 0


def _minimum(fields: Fields) -> int:
    cents = fields.cents("minimum", 0)
    if cents < 0:
        fields.note("minimum", f"{shown(fields.entry['minimum'])} is less than nothing")
    return cents
