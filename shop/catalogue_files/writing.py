"""Writes the shop's catalogue as a file that loads back without a change."""

from __future__ import annotations

from typing import Any

import yaml

from shop.catalogue_files.comparing import Shelves
from shop.models import OptionKind, OptionValue, Product, Promotion, PromotionKind, Variant

HEADING = "# The shop's catalogue. docs/shopkeeping.md says what every field means and how to load it.\n"
LONGEST_LINE = 10_000  # a summary stays on its line
Entry = dict[str, Any]


class _OneLine(dict):
    """A small mapping, written in one line."""


class _Names(list):
    """A short list, written in one line."""


class _Dumper(yaml.SafeDumper):
    """YAML as the sample has it: entries in blocks, what belongs together in one line, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _one_line_mapping(dumper: Any, data: Entry) -> Any:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)


def _one_line_list(dumper: Any, data: list[Any]) -> Any:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


_Dumper.add_representer(_OneLine, _one_line_mapping)
_Dumper.add_representer(_Names, _one_line_list)


def as_yaml(held: Shelves) -> str:
    """Everything that the shop holds, in the form that `load` reads."""
    options: dict[str, Any] = {}
    for value in held.options.values():
        options.setdefault(value.kind.value, {})[value.code] = _names(value)
    document = {
        "options": options,
        "products": [_product(product) for product in held.products.values()],
        "promotions": [_promotion(promotion) for promotion in held.promotions.values()],
    }
    text: str = yaml.dump(
        document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=False, width=LONGEST_LINE
    )
    return HEADING + text


def _names(value: OptionValue) -> _Names:
    return _Names([value.name_zh, value.name_en, *value.other_names])


def _product(product: Product) -> Entry:
    entry = {
        "slug": product.slug,
        "category": product.category.value,
        "name": _Names([product.name_zh, product.name_en]),
        "short": _Names(product.short_names),
        "summary": [product.summary_zh, product.summary_en],
        "rating": product.rating or None,  # nobody has rated it
        "reviews": product.review_count,
        "warranty": product.warranty_months,
        "returnable": product.is_returnable,
        "help": product.help_article,
        "picture": product.picture,
        "released": product.released_on,
        "variants": [_variant(variant) for variant in product.variants],
    }
    return {name: value for name, value in entry.items() if value is not None}


def _variant(variant: Variant) -> _OneLine:
    kinds = [kind.value for kind in OptionKind if kind.value in variant.options]
    entry: Entry = {
        "sku": variant.sku,
        **{kind: variant.options[kind] for kind in kinds},
        "price": yuan(variant.price_cents),
        "stock": variant.stock,
    }
    return _OneLine(entry if variant.restock_on is None else {**entry, "back": variant.restock_on})


def _promotion(promotion: Promotion) -> _OneLine:
    is_amount = promotion.kind is PromotionKind.AMOUNT
    entry = {
        "code": promotion.code,
        "name": _Names([promotion.name_zh, promotion.name_en]),
        "kind": promotion.kind.value,
        "value": yuan(promotion.value) if is_amount else promotion.value or None,
        "minimum": yuan(promotion.minimum_cents) or None,
        "category": promotion.category.value if promotion.category else None,
        "starts": promotion.starts_on,
        "ends": promotion.ends_on,
    }
    return _OneLine({name: value for name, value in entry.items() if value is not None})


def yuan(cents: int) -> int | float:
    """An amount as the files have it: 49, or 49.5."""
    return cents // 100 if cents % 100 == 0 else cents / 100
