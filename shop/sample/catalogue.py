"""The sample catalogue as rows: option values, products with every combination of their options, promotions."""

from __future__ import annotations

from datetime import timedelta
from itertools import product as combinations
from typing import Any
from zlib import crc32

from shop import clock
from shop.models import Category, OptionKind, OptionValue, Product, Promotion, PromotionKind, Variant
from shop.sample.files import cents, read


def option_values() -> list[OptionValue]:
    """Every value that an option of the sample can take, with its names in both languages."""
    return [
        OptionValue(kind=OptionKind(kind), code=code, name_zh=names[0], name_en=names[1], other_names=names[2:])
        for kind, values in read("options.yml").items()
        for code, names in values.items()
    ]


def products() -> list[Product]:
    """The products of every category, each with its variants."""
    return [
        _product(category, position, entry)
        for category in Category
        for position, entry in enumerate(read(f"products/{category.value}.yml"), start=1)
    ]


def promotions() -> list[Promotion]:
    """Promotions that ran, run and will run."""
    return [_promotion(entry) for entry in read("promotions.yml")]


def _product(category: Category, position: int, entry: dict[str, Any]) -> Product:
    return Product(
        slug=entry["slug"],
        name_zh=entry["name"][0],
        name_en=entry["name"][1],
        short_names=[str(name) for name in entry["short"]],
        category=category,
        summary_zh=entry["summary"][0],
        summary_en=entry["summary"][1],
        rating=entry["rating"],
        review_count=entry["reviews"],
        warranty_months=entry["warranty"],
        is_returnable=entry.get("returnable", True),
        help_article=entry["help"],
        released_on=clock.today() - timedelta(days=entry["released"]),
        variants=_variants(f"{category.value[:2].upper()}{position:02}", entry),
    )


def _variants(prefix: str, entry: dict[str, Any]) -> list[Variant]:
    kinds = list(entry["options"])
    return [
        _variant(prefix, dict(zip(kinds, codes, strict=True)), entry)
        for codes in combinations(*(entry["options"][kind] for kind in kinds))
    ]


def _variant(prefix: str, options: dict[str, str], entry: dict[str, Any]) -> Variant:
    sku = "-".join([prefix, *options.values()]).upper()
    extras = entry.get("extra", {})
    is_sold_out, restock_days = _sold_out(options, entry.get("sold_out", {}))
    return Variant(
        sku=sku,
        options=options,
        price_cents=cents(entry["price"] + sum(extras.get(code, 0) for code in options.values())),
        stock=0 if is_sold_out else 3 + crc32(sku.encode()) % 58,
        restock_on=None if restock_days is None else clock.today() + timedelta(days=restock_days),
    )


def _sold_out(options: dict[str, str], entries: dict[str, int | None]) -> tuple[bool, int | None]:
    """Whether a variant is among those sold out, and in how many days it is back, if that is known."""
    for codes, days in entries.items():
        if set(str(codes).split()) <= set(options.values()):
            return True, days
    return False, None


def _promotion(entry: dict[str, Any]) -> Promotion:
    kind = PromotionKind(entry["kind"])
    value = entry.get("value", 0)
    return Promotion(
        code=entry["code"],
        name_zh=entry["name"][0],
        name_en=entry["name"][1],
        kind=kind,
        value=cents(value) if kind is PromotionKind.AMOUNT else value,
        minimum_cents=cents(entry.get("minimum", 0)),
        category=Category(entry["category"]) if "category" in entry else None,
        starts_on=clock.today() + timedelta(days=entry["starts"]),
        ends_on=clock.today() + timedelta(days=entry["ends"]),
    )
