"""A product's variants, said in one of two ways: every combination of its options, or each one by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from itertools import product as combinations
from math import prod
from typing import Any

from shop.catalogue_files.entries import OptionKey, VariantEntry
from shop.catalogue_files.fields import Fields, shown
from shop.models import OptionKind

SKU_LENGTH, CODE_LENGTH, MOST_VARIANTS = 40, 40, 400
SKU_FORM = r"[^\s\"']+"
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
        sku=fields.name_of("sku", SKU_LENGTH, SKU_FORM, "a stock number without spaces and quotes"),
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


def _combined(fields: Fields, slug: str, known: Collection[OptionKey]) -> tuple[VariantEntry, ...]:
    prefix = (
        fields.name_of("sku", SKU_LENGTH, SKU_FORM, "a stock number without spaces and quotes")
        if fields.has("sku")
        else slug
    )
    fields.known.append("sku")
    options = _options(fields, known)
    codes = {code for values in options.values() for code in values}
    price, stock = fields.price("price"), fields.stock("stock")
    extras = _extras(fields, codes)
    sold_out = _sold_out(fields, codes)
    if prod(len(values) for values in options.values()) > MOST_VARIANTS:
        fields.note("options", f"they make more than {MOST_VARIANTS} variants")
        return ()
    return tuple(
        _combination(fields, prefix, dict(zip(options, chosen, strict=True)), price, stock, extras, sold_out)
        for chosen in combinations(*options.values())
    )


def _combination(
    fields: Fields,
    prefix: str,
    options: dict[str, str],
    price: int,
    stock: int | None,
    extras: dict[str, int],
    sold_out: dict[frozenset[str], date | None],
) -> VariantEntry:
    values = set(options.values())
    sku = "-".join([prefix, *options.values()]).upper()
    if len(sku) > SKU_LENGTH:
        fields.note("sku", f"{shown(sku)} is longer than {SKU_LENGTH} characters: give the product a shorter one")
    cents = price + sum(extras.get(code, 0) for code in options.values())
    if price > 0 and cents <= 0:
        fields.note("extra", f"{' '.join(options.values())} would cost {cents / 100:g} yuan")
    is_sold_out = next((codes for codes in sold_out if codes <= values), None)
    if is_sold_out is not None:
        return VariantEntry(sku, options, cents, 0, sold_out[is_sold_out])
    return VariantEntry(sku, options, cents, stock, None)


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
