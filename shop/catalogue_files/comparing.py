"""Compares what files say with what the shop holds: what is new, what would change, and what contradicts the shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from shop.catalogue_files.entries import Catalogue, Columns, OptionKey, ProductEntry
from shop.models import OptionValue, OrderLine, Product, Promotion, Variant

RETIRED: Columns = {"stock": 0, "restock_on": None}
Skus = Mapping[str, str]  # stock number -> slug of its product


@dataclass(frozen=True)
class Shelves:
    """The catalogue that the shop holds, by the names its records go by; without arguments that of an empty shop."""

    options: Mapping[OptionKey, OptionValue] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    promotions: Mapping[str, Promotion] = field(default_factory=dict)
    ordered_skus: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Addition:
    """A new record; `subject` is its stock number where it is a variant of a product that is there already."""

    row: Any
    subject: str = ""

    def carry_out(self, session: Session) -> None:
        session.add(self.row)


@dataclass(frozen=True)
class Change:
    """A column of a record that is there; `subject` is its stock number where it is a variant's."""

    row: Any
    subject: str
    column: str
    old: Any
    new: Any

    def carry_out(self, _session: Session) -> None:
        setattr(self.row, self.column, self.new)


Deed = Addition | Change


@dataclass
class Tally:
    """What loading does to the records of one kind, by their names."""

    added: dict[str, list[Deed]] = field(default_factory=dict)
    changed: dict[str, list[Deed]] = field(default_factory=dict)
    retired: dict[str, list[Deed]] = field(default_factory=dict)
    unchanged: int = 0

    def keep(self, name: str, deeds: list[Deed]) -> None:
        """Count a record that the shop has already."""
        if deeds:
            self.changed[name] = deeds
        else:
            self.unchanged += 1

    def deeds(self) -> Iterator[Deed]:
        for records in (self.added, self.changed, self.retired):
            for deeds in records.values():
                yield from deeds


@dataclass
class Plan:
    """What loading would do, and why it must not; nothing is done before `carry_out`."""

    options: Tally = field(default_factory=Tally)
    products: Tally = field(default_factory=Tally)
    promotions: Tally = field(default_factory=Tally)
    mistakes: list[str] = field(default_factory=list)

    def carry_out(self, session: Session) -> None:
        """Write it; the caller commits."""
        for tally in (self.options, self.products, self.promotions):
            for deed in tally.deeds():
                deed.carry_out(session)


def shelves(session: Session) -> Shelves:
    """What the shop holds now."""
    values = session.execute(select(OptionValue).order_by(OptionValue.id)).scalars()
    products = session.execute(select(Product).options(selectinload(Product.variants)).order_by(Product.id)).scalars()
    promotions = session.execute(select(Promotion).order_by(Promotion.id)).scalars()
    ordered = session.execute(select(Variant.sku).where(Variant.id.in_(select(OrderLine.variant_id)))).scalars()
    return Shelves(
        options={(value.kind.value, value.code): value for value in values},
        products={product.slug: product for product in products},
        promotions={promotion.code: promotion for promotion in promotions},
        ordered_skus=frozenset(ordered),
    )


def compare(catalogue: Catalogue, held: Shelves, *, retire: bool = False) -> Plan:
    """What loading these files into this shop would do; with `retire`, what they don't name is sold no longer."""
    plan = Plan()
    skus = {variant.sku: product.slug for product in held.products.values() for variant in product.variants}
    for option in catalogue.options:
        _tally(plan.options, " ".join(option.key), option, held.options.get(option.key))
    for promotion in catalogue.promotions:
        _tally(plan.promotions, promotion.code, promotion, held.promotions.get(promotion.code))
    for product in catalogue.products:
        plan.mistakes += [f"{product.where}, {problem}." for problem in _contradictions(product, held, skus)]
        row = held.products.get(product.slug)
        if row is None:
            plan.products.added[product.slug] = [Addition(product.row())]
        else:
            plan.products.keep(product.slug, [*_changes(row, product.columns()), *_variants(row, product, retire)])
    if retire:
        _retire(plan.products, catalogue, held)
    return plan


def _tally(tally: Tally, name: str, entry: Any, row: Any) -> None:
    if row is None:
        tally.added[name] = [Addition(entry.row())]
    else:
        tally.keep(name, _changes(row, entry.columns()))


def _changes(row: Any, columns: Columns, subject: str = "") -> list[Deed]:
    pairs = ((name, getattr(row, name), new) for name, new in columns.items())
    return [Change(row, subject, name, old, new) for name, old, new in pairs if old != new]


def _variants(row: Product, entry: ProductEntry, retire: bool) -> Iterator[Deed]:
    """What is new about the variants of a product that is there."""
    there = {variant.sku: variant for variant in row.variants}
    for variant in entry.variants:
        if variant.sku in there:
            yield from _changes(there.pop(variant.sku), variant.columns(), variant.sku)
        else:
            yield Addition(variant.row(product_id=row.id), variant.sku)
    for sku, unnamed in there.items() if retire else ():
        yield from _changes(unnamed, RETIRED, sku)


def _retire(tally: Tally, catalogue: Catalogue, held: Shelves) -> None:
    named = {product.slug for product in catalogue.products}
    for slug, product in held.products.items():
        deeds = [deed for variant in product.variants for deed in _changes(variant, RETIRED, variant.sku)]
        if slug not in named and deeds:
            tally.retired[slug] = deeds


def _contradictions(entry: ProductEntry, held: Shelves, skus: Skus) -> Iterator[str]:
    """Why the shop cannot take this product, sound as it is by itself."""
    row = held.products.get(entry.slug)
    there = {variant.sku: variant.options for variant in row.variants} if row is not None else {}
    new = [variant for variant in entry.variants if variant.sku not in there]
    if uncounted := [variant.sku for variant in new if variant.stock is None]:
        yield f"stock: it is missing, and new to the shop {_are(uncounted)}"
    for variant in new:
        if variant.sku in skus:
            yield f'sku: "{variant.sku}" is the shop\'s number for another product, {skus[variant.sku]}'
    for variant in entry.variants:
        if variant.sku in held.ordered_skus and variant.options != there.get(variant.sku, variant.options):
            was = " ".join(there[variant.sku].values()) or "without options"
            yield f'sku: "{variant.sku}" was ordered as {was}; another version needs a number of its own'
    yield from _same_versions(there, {variant.sku: variant.options for variant in entry.variants})


def _same_versions(there: Mapping[str, Columns], named: Mapping[str, Columns]) -> Iterator[str]:
    """A version under a new number, beside the old one which stays."""
    staying = {frozenset(options.items()): sku for sku, options in there.items() if sku not in named}
    for sku, options in named.items():
        old = staying.get(frozenset(options.items()))
        if old is not None:
            yield f'sku: "{sku}" is in the shop as "{old}": keep that number'


def _are(skus: list[str]) -> str:
    return f"is {skus[0]}" if len(skus) == 1 else f"are {skus[0]} and {len(skus) - 1} more"
