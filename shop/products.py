"""Before the sale: finding products by what shoppers call them, their variants, suggestions and promotions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from sqlalchemy import String, bindparam, cast, or_, select
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session, selectinload

from shop import clock
from shop.categories import category_of
from shop.database import once_a_transaction
from shop.matching import CLOSE_ENOUGH, closeness, is_called, words
from shop.models import Category, Product, Promotion, PromotionKind, Variant
from shop.options import OptionWords, option_codes, option_words
from shop.views import VariantView

__all__ = [
    "ProductView",
    "PromotionView",
    "VariantView",
    "called",
    "catalogue_phrases",
    "category_of",
    "choose_variants",
    "find_products",
    "option_codes",
    "product",
    "promotions",
    "recommend",
]

NEW_FOR_DAYS = 45
AS_GOOD_AS_THE_BEST = 3.0  # points of closeness: what is further behind the best match is not what they meant

_PRODUCTS = (
    select(Product).where(Product.id.in_(bindparam("ids", expanding=True))).options(selectinload(Product.variants))
)
# As they are stored: they are read with many messages, and cut into words only where they have changed.
_STORED = Product.__table__.c
_NAMES = select(_STORED.id, _STORED.name_zh, _STORED.name_en, cast(_STORED.short_names, String)).order_by(
    _STORED.review_count.desc(), _STORED.id
)


@dataclass(frozen=True)
class ProductView:
    """A product with all its variants; `url` is its page on the shop's site."""

    id: int
    slug: str
    name_zh: str
    name_en: str
    category: Category
    summary_zh: str
    summary_en: str
    rating: float
    review_count: int
    warranty_months: int
    is_returnable: bool
    help_article: str
    picture: str | None
    variants: tuple[VariantView, ...]
    lowest_cents: int
    highest_cents: int
    url: str
    is_new: bool


@dataclass(frozen=True)
class PromotionView:
    """A promotion that runs today; `value` is per cent or cents, as its kind says."""

    code: str
    name_zh: str
    name_en: str
    kind: PromotionKind
    value: int
    minimum_cents: int
    category: Category | None
    ends_on: date


def find_products(session: Session, text: str, limit: int = 5) -> tuple[ProductView, ...]:
    """The products that a phrase names, best first; () where nothing is close.

    A product's own name is that product; a short name is every product called so; else what comes close, in spelling or
    in part, and nothing that comes clearly less close than the best.
    """
    return _views(session, called(session, text, limit))


def called(session: Session, text: str, limit: int = 5) -> list[int]:
    """The ids of the products that `find_products` finds."""
    wanted = words(text)
    catalogue = _catalogue_names(session)
    exact = [row for row in catalogue if is_called(wanted, row.proper)]
    exact = exact or [row for row in catalogue if is_called(wanted, row.short)]
    return [row.id for row in exact or _close(wanted, catalogue)][:limit]


def product(session: Session, product_id: int) -> ProductView:
    """One product. Raises LookupError where there is none: ids come from us, never from a customer."""
    found = _views(session, [product_id])
    if not found:
        raise LookupError(f"no product {product_id}")
    return found[0]


def choose_variants(product: ProductView, wanted: Mapping[str, str]) -> tuple[VariantView, ...]:
    """The variants with every wanted option; () where the product does not come like that."""
    return tuple(
        variant
        for variant in product.variants
        if all(variant.options.get(kind) == code for kind, code in wanted.items())
    )


def recommend(
    session: Session,
    *,
    category: Category | None = None,
    like: int | None = None,
    beside: Collection[int] = (),
    new_only: bool = False,
    most_cents: int | None = None,
    limit: int = 3,
) -> tuple[ProductView, ...]:
    """Products to suggest, in stock, best rated first (newest first with `new_only`), for `most_cents` or less.

    `like` is a product: others of its category, those of its kind first, then nearest in price. With neither, one of
    each category. `beside` are products that were shown: where all of them go by one name, only what goes by it, too.
    """
    query = select(Product).where(Product.variants.any(Variant.stock > 0)).options(selectinload(Product.variants))
    if new_only:
        query = query.where(Product.released_on > clock.today() - timedelta(days=NEW_FOR_DAYS))
    candidates = list(session.execute(query).scalars())
    if most_cents is not None:
        candidates = [item for item in candidates if min(v.price_cents for v in item.variants) <= most_cents]
    candidates.sort(key=lambda item: (item.rating, item.review_count), reverse=True)
    if new_only:
        candidates.sort(key=lambda item: item.released_on, reverse=True)
    model = session.get(Product, like) if like is not None else None
    if model is not None:
        candidates = _nearest(candidates, model, category or model.category)
    elif category is not None:
        candidates = [item for item in candidates if item.category is category]
    elif not new_only:
        candidates = _one_of_each_category(candidates)
    if names := _common_names(session, beside):
        candidates = [item for item in candidates if not names.isdisjoint(item.short_names)]
    words = option_words(session)
    return tuple(_view(item, words) for item in candidates[:limit])


def promotions(session: Session, category: Category | None = None) -> tuple[PromotionView, ...]:
    """The promotions that run today, soonest to end first; with a category, those that hold for it."""
    today = clock.today()
    query = select(Promotion).where(Promotion.starts_on <= today, Promotion.ends_on >= today)
    if category is not None:
        query = query.where(or_(Promotion.category.is_(None), Promotion.category == category))
    rows = session.execute(query.order_by(Promotion.ends_on, Promotion.id)).scalars()
    return tuple(
        PromotionView(
            code=row.code,
            name_zh=row.name_zh,
            name_en=row.name_en,
            kind=row.kind,
            value=row.value,
            minimum_cents=row.minimum_cents,
            category=row.category,
            ends_on=row.ends_on,
        )
        for row in rows
    )


def catalogue_phrases(session: Session) -> list[tuple[str, str, str]]:
    """(entity, phrase, value) for everything the catalogue has a name for, to teach the bot: products and options.

    One character (红, M) or a bare figure (42) says too little outside its sentence: those are left to context.
    """
    products = session.execute(select(Product.name_zh, Product.name_en, Product.short_names).order_by(Product.id))
    spoken = [("product", name) for zh, en, short in products for name in (zh, en, *short)]
    spoken += [("option", name) for pair in option_words(session).proper.values() for name in pair]
    unique = dict.fromkeys((entity, name) for entity, name in spoken if len(name) > 1 and not name.isdigit())
    return [(entity, name, name) for entity, name in unique]


@dataclass(frozen=True)
class _Named:
    """A product's names, cut into words."""

    id: int
    proper: list[tuple[str, ...]]
    short: list[tuple[str, ...]]


@once_a_transaction
def _catalogue_names(session: Session) -> list[_Named]:
    """Every product's names, the most reviewed product first."""
    return _in_words(tuple(session.execute(_NAMES).all()))


@lru_cache(maxsize=1)
def _in_words(rows: tuple[Row, ...]) -> list[_Named]:
    return [
        _Named(id_, [words(name) for name in (zh, en)], [words(name) for name in json.loads(short)])
        for id_, zh, en, short in rows
    ]


def _close(wanted: tuple[str, ...], catalogue: list[_Named]) -> list[_Named]:
    scored = [(closeness(wanted, row.proper + row.short), row) for row in catalogue]
    best = max((score for score, _ in scored), default=0.0)
    floor = max(CLOSE_ENOUGH, best - AS_GOOD_AS_THE_BEST)
    return [row for score, row in sorted(scored, key=lambda pair: -pair[0]) if score >= floor]


def _views(session: Session, ids: list[int]) -> tuple[ProductView, ...]:
    """The products with these ids, in this order."""
    if not ids:
        return ()
    found = {item.id: item for item in session.execute(_PRODUCTS, {"ids": ids}).scalars()}
    names = option_words(session)
    return tuple(_view(found[id_], names) for id_ in ids if id_ in found)


def _view(item: Product, names: OptionWords) -> ProductView:
    prices = [variant.price_cents for variant in item.variants]
    return ProductView(
        id=item.id,
        slug=item.slug,
        name_zh=item.name_zh,
        name_en=item.name_en,
        category=item.category,
        summary_zh=item.summary_zh,
        summary_en=item.summary_en,
        rating=item.rating,
        review_count=item.review_count,
        warranty_months=item.warranty_months,
        is_returnable=item.is_returnable,
        help_article=item.help_article,
        picture=item.picture,
        variants=tuple(_variant_view(variant, names) for variant in item.variants),
        lowest_cents=min(prices),
        highest_cents=max(prices),
        url=f"/products/{item.slug}",
        is_new=item.released_on > clock.today() - timedelta(days=NEW_FOR_DAYS),
    )


def _variant_view(variant: Variant, names: OptionWords) -> VariantView:
    options_zh, options_en = names.in_words(variant.options)
    return VariantView(
        id=variant.id,
        sku=variant.sku,
        options=dict(variant.options),
        options_zh=options_zh,
        options_en=options_en,
        price_cents=variant.price_cents,
        stock=variant.stock,
        restock_on=variant.restock_on,
    )


def _nearest(candidates: list[Product], model: Product, category: Category) -> list[Product]:
    """First what goes by the same name, a lamp like the lamp, then what costs about the same."""
    price, names = model.variants[0].price_cents, set(model.short_names)
    others = [item for item in candidates if item.category is category and item.id != model.id]
    return sorted(
        others, key=lambda item: (names.isdisjoint(item.short_names), abs(item.variants[0].price_cents - price))
    )


def _common_names(session: Session, ids: Collection[int]) -> set[str]:
    """What all of these products are called: three lamps are lamps."""
    shown = [set(product.short_names) for product in (session.get(Product, each) for each in ids) if product]
    return set.intersection(*shown) if shown else set()


def _one_of_each_category(candidates: list[Product]) -> list[Product]:
    """The first of each category: suggestions to someone who named none should not be three phones."""
    firsts: dict[Category, Product] = {}
    for item in candidates:
        firsts.setdefault(item.category, item)
    return list(firsts.values())
