"""The sample catalogue as rows, read as a shopkeeper's own files are; only the stock is made up here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from zlib import crc32

from shop import clock
from shop.catalogue_files.entries import Catalogue, VariantEntry
from shop.catalogue_files.reading import read
from shop.models import Category, OptionValue, Product, Promotion
from shop.sample.files import HERE

FILES = [
    HERE / "options.yml",
    *(HERE / "products" / f"{category.value}.yml" for category in Category),
    HERE / "promotions.yml",
]


PICTURES = "/webhooks/rest/demo-{}.svg"  # one for each category, drawn for the sample shop's page


def option_values() -> list[OptionValue]:
    """Every value that an option of the sample can take, with its names in both languages."""
    return [entry.row() for entry in _catalogue(clock.today()).options]


def products() -> list[Product]:
    """The products of every category, each with its variants."""
    stocked = (
        replace(entry, variants=tuple(map(_stocked, entry.variants)), picture=PICTURES.format(entry.category.value))
        for entry in _catalogue(clock.today()).products
    )
    return [entry.row() for entry in stocked]


def promotions() -> list[Promotion]:
    """Promotions that ran, run and will run."""
    return [entry.row() for entry in _catalogue(clock.today()).promotions]


@lru_cache(maxsize=1)
def _catalogue(_today: date) -> Catalogue:
    """What the sample's files say; they count in days from today. Raises ValueError where they hold a mistake."""
    reading = read(FILES)
    if reading.mistakes:
        raise ValueError("\n".join(reading.mistakes))
    return reading.catalogue


def _stocked(entry: VariantEntry) -> VariantEntry:
    """Some pieces of what is not sold out, always as many."""
    return entry if entry.stock is not None else replace(entry, stock=3 + crc32(entry.sku.encode()) % 58)
