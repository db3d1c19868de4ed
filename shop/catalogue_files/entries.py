"""What catalogue files say, checked: an entry for each option value, product, variant and promotion.

Fields are named as the columns they fill. `columns` leaves out what the file leaves to the shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from shop import clock
from shop.models import Category, OptionKind, OptionValue, Product, Promotion, PromotionKind, Variant

Columns = dict[str, Any]
OptionKey = tuple[str, str]  # kind, code


@dataclass(frozen=True)
class OptionEntry:
    kind: OptionKind
    code: str
    name_zh: str
    name_en: str
    other_names: tuple[str, ...]

    @property
    def key(self) -> OptionKey:
        return self.kind.value, self.code

    def columns(self) -> Columns:
        return {**vars(self), "other_names": list(self.other_names)}

    def row(self) -> OptionValue:
        return OptionValue(**self.columns())


@dataclass(frozen=True)
class VariantEntry:
    sku: str
    options: dict[str, str]
    price_cents: int
    stock: int | None  # None: as many as the shop counts
    restock_on: date | None

    def columns(self) -> Columns:
        counted = {"stock", "restock_on"} if self.stock is None else set()
        return {name: value for name, value in vars(self).items() if name not in counted}

    def row(self, **columns: Any) -> Variant:
        """A new variant. The shop takes it only with a stock."""
        return Variant(**self.columns(), **columns)


@dataclass(frozen=True)
class ProductEntry:
    where: str  # file and product, to name in a mistake
    slug: str
    name_zh: str
    name_en: str
    short_names: tuple[str, ...]
    category: Category
    summary_zh: str
    summary_en: str
    rating: float | None  # None: as customers have rated it so far, and so the next two
    review_count: int | None
    released_on: date | None
    warranty_months: int
    is_returnable: bool
    help_article: str
    picture: str | None  # None: as it was
    variants: tuple[VariantEntry, ...]

    def columns(self) -> Columns:
        own = {name: value for name, value in vars(self).items() if name not in ("where", "variants")}
        return {
            **{name: value for name, value in own.items() if value is not None},
            "short_names": list(self.short_names),
        }

    def row(self) -> Product:
        """A new product with its variants: on sale from today and rated by nobody, unless the file says more."""
        new = {"rating": 0.0, "review_count": 0, "released_on": clock.today()}
        return Product(**{**new, **self.columns()}, variants=[variant.row() for variant in self.variants])


@dataclass(frozen=True)
class PromotionEntry:
    code: str
    name_zh: str
    name_en: str
    kind: PromotionKind
    value: int
    minimum_cents: int
    category: Category | None
    starts_on: date
    ends_on: date

    def columns(self) -> Columns:
        return dict(vars(self))

    def row(self) -> Promotion:
        return Promotion(**self.columns())


@dataclass(frozen=True)
class Catalogue:
    """All that some files say."""

    options: tuple[OptionEntry, ...] = ()
    products: tuple[ProductEntry, ...] = ()
    promotions: tuple[PromotionEntry, ...] = ()
