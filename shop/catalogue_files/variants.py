"""A product's variants, said in one of two ways: every combination of its options, or each one by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import product as combinations
from math import prod
from typing import Any

from shop.catalogue_files.entries import OptionKey, VariantEntry
from shop.catalogue_files.fields import Fields, shown
from shop.models import OptionKind

SKU_LENGTH, CODE_LENGTH, MOST_VARIANTS = 40, 40, 400
SKU_FORM, SKU_MEANING = r"[^\s\"']+", "a stock number without spaces and quotes"
FOR_COMBINATIONS = ("sku", "options", "price", "extra", "stock", "sold_out")


def variants_of(fields: Fields, slug: str, known: Collection[OptionKey]) -> tuple[VariantEntry, ...]:
    """The variants of the product that the fields are of; `known` are the option values there are."""
    if fields.has("variants"):
        variants = _listed(fields, known)
    else:
        fields.known.append("variants")
        variants = _combined(fields, slug, known)
    _note_duplicates(fields, variants)
    return variants


def _listed(fields: Fields, known: Collection[OptionKey]) -> tuple[VariantEntry, ...]:
    for field in FOR_COMBINATIONS:
        if fields.has(field):
            fields.note(field, "it is said for each of the variants, not beside them")
    fields.known.extend(FOR_COMBINATIONS)
    entries = fields.list_of("variants")
    if not 0 < len(entries) <= MOST_VARIANTS:
        fields.note("variants", f"there must be 1 to {MOST_VARIANTS} of them")
    return tuple(_variant(fields, position, entry, known) for position, entry in enumerate(entries, start=1))


def _variant(product: Fields, position: int, entry: Any, known: Collection[OptionKey]) -> VariantEntry:
    name = entry.get("sku") if isinstance(entry, dict) else None
    fields = Fields(f"{product.where}, variant {name or position}", entry, product.mistakes)
    kinds = [kind.value for kind in OptionKind if kind.value in fields.entry]
    variant = VariantEntry(
        sku=fields.name_of("sku", SKU_LENGTH, SKU_FORM, SKU_MEANING),
        options={kind: _known_code(fields, kind, fields.text(kind, CODE_LENGTH), known) for kind in kinds},
        price_cents=fields.price("price"),
        stock=fields.stock("stock"),
        restock_on=fields.day("back", None),
    )
    if variant.restock_on is not None and not fields.has("stock"):
        fields.note("back", "it needs the stock beside it, such as `stock: 0`")
    fields.known.extend(kind.value for kind in OptionKind)
    fields.close()
    product.is_sound = product.is_sound and fields.is_sound
    return variant


@dataclass(frozen=True)
class _Terms:
    """What a product's combinations cost, and how many of each there are."""

    prefix: str
    price_cents: int
    extra_cents: dict[str, int]
    stock: int | None
    sold_out: dict[frozenset[str], date | None]

    def variant(self, options: dict[str, str]) -> VariantEntry:
        sku = "-".join([self.prefix, *options.values()]).upper()
        cents = self.price_cents + sum(self.extra_cents.get(code, 0) for code in options.values())
        for codes, back in self.sold_out.items():
            if codes <= set(options.values()):
                return VariantEntry(sku, options, cents, 0, back)
        return VariantEntry(sku, options, cents, self.stock, None)


def _combined(fields: Fields, slug: str, known: Collection[OptionKey]) -> tuple[VariantEntry, ...]:
    options = _options(fields, known)
    terms = _terms(fields, slug, {code for codes in options.values() for code in codes})
    if prod(map(len, options.values())) > MOST_VARIANTS:
        fields.note("options", f"they make more than {MOST_VARIANTS} variants")
        return ()
    chosen = combinations(*options.values())
    variants = tuple(terms.variant(dict(zip(options, codes, strict=True))) for codes in chosen)
    longest, cheapest = max((v.sku for v in variants), key=len), min(variants, key=lambda v: v.price_cents)
    if len(longest) > SKU_LENGTH:
        fields.note("sku", f"{shown(longest)} is longer than {SKU_LENGTH} characters: give the product a shorter one")
    if cheapest.price_cents <= 0 < terms.price_cents:
        fields.note("extra", f"{' '.join(cheapest.options.values())} would cost {cheapest.price_cents / 100:g} yuan")
    return variants


def _terms(fields: Fields, slug: str, codes: Collection[str]) -> _Terms:
    return _Terms(
        prefix=fields.name_of("sku", SKU_LENGTH, SKU_FORM, SKU_MEANING, slug),
        price_cents=fields.price("price"),
        extra_cents=_extras(fields, codes),
        stock=fields.stock("stock"),
        sold_out=_sold_out(fields, codes),
    )


def _options(fields: Fields, known: Collection[OptionKey]) -> dict[str, list[str]]:
    """The codes of each kind of option; a kind that is wrong is left out."""
    options: dict[str, list[str]] = {}
    kinds = [kind.value for kind in OptionKind]
    for kind, codes in fields.mapping("options").items():
        if kind not in kinds:
            fields.note("options", f"{shown(kind)} is no kind of option; there are {', '.join(kinds)}")
        elif not isinstance(codes, list) or not codes:
            fields.note("options", f"{kind} needs a list such as [one, two]")
        else:
            options[kind] = [_known_code(fields, kind, code, known) for code in codes]
            if len(set(options[kind])) < len(codes):
                fields.note("options", f"a {kind} stands there twice")
    return options


def _known_code(fields: Fields, kind: str, code: Any, known: Collection[OptionKey]) -> str:
    text = str(code)
    if isinstance(code, (bool, float)):
        fields.note(kind, f"{shown(code)} is read as something else than text: write it in quotes")
    elif text and (kind, text) not in known:
        fields.note(kind, f"{shown(text)} is not known: give it its names under `options`, or correct it")
    return text


def _extras(fields: Fields, codes: Collection[str]) -> dict[str, int]:
    """What a value costs on top, in cents."""
    extras = fields.mapping("extra")
    _note_strangers(fields, "extra", extras, codes)
    return {code: fields.amount("extra", yuan) for code, yuan in extras.items()}


def _sold_out(fields: Fields, codes: Collection[str]) -> dict[frozenset[str], date | None]:
    """Which values, or which of them together, are sold out, and the day when they are back if that is known."""
    entries = fields.mapping("sold_out")
    _note_strangers(fields, "sold_out", (code for key in entries for code in key.split()), codes)
    return {
        frozenset(key.split()): None if back is None else fields.as_day("sold_out", back)
        for key, back in entries.items()
    }


def _note_strangers(fields: Fields, field: str, named: Iterable[str], codes: Collection[str]) -> None:
    for code in named:
        if code not in codes:
            fields.note(field, f"{shown(code)} is none of this product's options")


def _note_duplicates(fields: Fields, variants: tuple[VariantEntry, ...]) -> None:
    seen: dict[frozenset[OptionKey], str] = {}
    for variant in variants:
        options = frozenset(variant.options.items())
        if options in seen and fields.is_sound:
            fields.note("variants", f"{seen[options]} and {variant.sku} are the same version")
        seen.setdefault(options, variant.sku)
