"""Products: what they are like, cost and come in; comparing, buying, suggestions and promotions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from rasa_sdk.events import SlotSet

from actions import answers
from actions.base import Events, ShopAction
from actions.cards import product_card
from actions.turn import Turn
from shop import products
from shop.policy import POLICY
from shop.products import ProductView

FOCUS = "product_in_focus"  # the id of the product last talked about: what "it" and "这个" mean


CANDIDATES = "product_candidates"  # the ids of the products offered as a choice


def named_products(turn: Turn, limit: int = 3) -> list[ProductView]:
    """The products the message names, or picks from those offered, or the one in focus."""
    if picked := _picked_product(turn):
        return [picked]
    said = turn.values("product")
    found: dict[int, ProductView] = {}
    for name in said:
        for product in products.find_products(turn.session, name, limit=limit):
            found.setdefault(product.id, product)
    if said:
        whole = _one_name(turn)
        exact = [p for p in products.find_products(turn.session, whole, limit=1) if p.id in found] if whole else []
        return exact or list(found.values())
    focus = turn.slot(FOCUS)
    return [products.product(turn.session, focus)] if focus else []


def _one_name(turn: Turn) -> str | None:
    """Two names that are one: "iPhone 13的case", "the mug's lid"."""
    spans = [(e["start"], e["end"]) for e in turn.entities if e["entity"] == "product"]
    if len(spans) != 2 or turn.text[spans[0][1] : spans[1][0]].strip() not in {"的", "'s", ""}:
        return None
    return turn.text[spans[0][0] : spans[1][1]]


def offered_products(turn: Turn) -> list[ProductView]:
    """The products that were offered last, in their order."""
    return [products.product(turn.session, each) for each in turn.slot(CANDIDATES) or []]


def place_among_offered(turn: Turn) -> int | None:
    """Where in the list of products that was offered last the message points: 第二个, "the last one"."""
    offered = turn.slot(CANDIDATES) or []
    if not offered or turn.values("product"):
        return None
    if _is_cheapest_wanted(turn):
        prices = [product.lowest_cents for product in offered_products(turn)]
        return prices.index(min(prices))
    return answers.ordinal(turn.text, len(offered))


def _is_cheapest_wanted(turn: Turn) -> bool:
    """Whether they mean the cheapest of those that were offered, or the cheaper of those compared."""
    was_compared = turn.last_reply == "utter_comparison" and answers.says(turn.text, "cheaper")
    return bool(turn.slot(CANDIDATES)) and (was_compared or answers.says(turn.text, "cheapest"))


def _picked_product(turn: Turn) -> ProductView | None:
    """The one of the products offered last that the message picks: the second one, 夹式的那个, "the clip-on"."""
    offered = offered_products(turn)
    place = place_among_offered(turn)
    if place is not None:
        return offered[place]
    said = answers.plain(turn.text)
    points = [sum(part in said for part in _parts(product)) for product in offered]
    best = max(points, default=0)
    return offered[points.index(best)] if best and points.count(best) == 1 else None


def _parts(product: ProductView) -> set[str]:
    """What a product may be told apart by: pairs of characters of its Chinese name, words of its English one."""
    zh = product.name_zh
    words = answers.plain(product.name_en).replace("-", " ").split()
    return {zh[i : i + 2] for i in range(len(zh) - 1)} | {word for word in words if len(word) > 2}


def focus_on(product: ProductView) -> Events:
    return [SlotSet(FOCUS, product.id)]


def price_range(turn: Turn, product: ProductView) -> str:
    low, high = product.lowest_cents, product.highest_cents
    return turn.wording.money(low) if low == high else f"{turn.wording.money(low)}–{turn.wording.money(high)}"


def product_facts(turn: Turn, product: ProductView) -> dict[str, str]:
    summary = product.summary_zh if turn.language == "zh" else product.summary_en
    return {
        "product": turn.wording.named(product),
        "summary": summary,
        "price": price_range(turn, product),
        "rated": rated(turn, product),
        "link": POLICY.site + product.url,
    }


def rated(turn: Turn, product: ProductView) -> str:
    """What buyers think of it, or that nobody has said so yet."""
    if not product.review_count:
        return turn.wording.term("marks", "unrated")
    reviews = turn.wording.count("review", product.review_count)
    return turn.wording.term("marks", "rated").format(rating=f"{product.rating:.1f}", reviews=reviews)


INVITES_TO_BUY = {
    "utter_product_info",
    "utter_product_price",
    "utter_variant_price",
    "utter_product_stock",
    "utter_variant_stock",
}


class AboutProduct(ShopAction, ABC):
    """An answer about one product. Several candidates are offered as a choice; none is said plainly."""

    comes_back = True

    def serve(self, turn: Turn) -> Events:
        if turn.value("amount") and answers.says(turn.text, "budget"):
            return RecommendProducts().serve(turn)  # "a lamp under 100" asks for what is there at that price
        found = named_products(turn) or self._offered_before(turn)
        if not found:
            turn.say("utter_unknown_product" if turn.values("product") else "utter_ask_which_product")
            return []
        if len(found) > 1:
            listed = "\n".join(f"· {turn.wording.named(p)} {price_range(turn, p)}" for p in found)
            names = [turn.wording.named(p) for p in found]
            turn.say(
                "utter_several_products",
                products=listed,
                buttons=[{"title": n, "payload": self.question(turn, n)} for n in names],
            )
            turn.show([product_card(turn, p, price_range(turn, p)) for p in found])
            return [SlotSet("product_question", self.name()), SlotSet(CANDIDATES, [p.id for p in found])]
        answered = [SlotSet("product_question", None)]
        if place_among_offered(turn) is None:  # after the second one they may ask of the third
            answered.append(SlotSet(CANDIDATES, None))
        return [*focus_on(found[0]), *self.answer(turn, found[0]), *answered]

    def _offered_before(self, turn: Turn) -> list[ProductView]:
        """Those they were to choose from, where they ask on instead: which one is still the question."""
        is_open = turn.slot("product_question") and not turn.values("product")
        return offered_products(turn) if is_open else []

    def question(self, turn: Turn, name: str) -> str:
        return name

    @abstractmethod
    def answer(self, turn: Turn, product: ProductView) -> Events:
        """Answer about this product."""


class ProductInfo(AboutProduct):
    def name(self) -> str:
        return "action_product_info"

    def answer(self, turn: Turn, product: ProductView) -> Events:
        turn.say("utter_product_info", **product_facts(turn, product))
        turn.show([product_card(turn, product, price_range(turn, product))])
        return []


class ProductPrice(AboutProduct):
    def name(self) -> str:
        return "action_product_price"

    def answer(self, turn: Turn, product: ProductView) -> Events:
        wanted = products.option_codes(turn.session, turn.values("option"), product.id)
        variants = products.choose_variants(product, wanted) if wanted else ()
        facts = product_facts(turn, product)
        prices = {variant.price_cents for variant in variants}
        if len(prices) == 1:
            options, amount = turn.wording.options(variants[0]), turn.wording.money(prices.pop())
            turn.say("utter_variant_price", **facts, options=options, amount=amount)
        else:
            turn.say("utter_product_price", **facts)
            turn.show([product_card(turn, product, price_range(turn, product))])
        return []


class ProductStock(AboutProduct):
    def name(self) -> str:
        return "action_product_stock"

    def answer(self, turn: Turn, product: ProductView) -> Events:
        said = turn.values("option")
        wanted = products.option_codes(turn.session, said, product.id)
        variants = products.choose_variants(product, wanted)
        facts = {"product": turn.wording.named(product), "link": POLICY.site + product.url}
        if said and not wanted and (other := another_of_its_kind(turn, product, " ".join(said))):
            return [*ProductInfo().answer(turn, other), *focus_on(other)]  # "the one with the clip" is no version of it
        if said and (not wanted or not variants):
            facts |= {"asked": turn.wording.listing(said), "versions": versions(turn, product)}
            is_body = all(BODY_MEASURE.fullmatch(answers.plain(each)) for each in said)
            reply = "utter_size_by_body" if is_body else "utter_no_such_version"
            turn.say(reply, **facts, days=str(POLICY.exchange_window_days))
        elif wanted and len(variants) == 1:
            turn.say(
                "utter_variant_stock",
                **facts,
                options=turn.wording.options(variants[0]),
                stock=stock(turn, variants[0]),
            )
        else:
            turn.say("utter_product_stock", **facts, versions=stock_list(turn, variants))
        return []


def another_of_its_kind(turn: Turn, product: ProductView, phrase: str) -> ProductView | None:
    """The one other product of the same category that a phrase names."""
    found = products.find_products(turn.session, phrase, limit=2)
    is_one = len(found) == 1 and found[0].category is product.category and found[0].id != product.id
    return found[0] if is_one else None


LONGEST_LIST = 8
BODY_MEASURE = re.compile(r"\d+(\.\d+)?\s*(cm|kg|lbs?|厘米|公分|公斤|千克|斤|米)")


def stock_list(turn: Turn, variants: Sequence[Any]) -> str:
    """A line for each version; where they are many, a line for each first option with what can be had in it."""
    line = turn.wording.term("marks", "version_stock")
    if len(variants) <= LONGEST_LIST:
        return "\n".join(line.format(options=turn.wording.options(v), stock=stock(turn, v)) for v in variants)
    groups: dict[str, list[str]] = {}
    for variant in variants:
        first, _, rest = turn.wording.options(variant).partition(" · ")
        groups.setdefault(first, []).extend([rest] if variant.stock else [])
    sold_out = turn.wording.term("marks", "sold_out")
    return "\n".join(line.format(options=first, stock="/".join(rest) or sold_out) for first, rest in groups.items())


def versions(turn: Turn, product: ProductView) -> str:
    """The versions a product comes in, as a sentence lists them."""
    return turn.wording.listing(turn.wording.options(v) for v in product.variants[:8])


def stock(turn: Turn, variant: Any) -> str:
    """Whether a version can be had: in stock, few left, sold out and when it is back."""
    term = turn.wording.term
    if variant.stock > 5:
        return term("marks", "in_stock")
    if variant.stock:
        return term("marks", "few_left").format(n=variant.stock)
    if variant.restock_on:
        return term("marks", "back_on").format(day=turn.wording.day(variant.restock_on))
    return term("marks", "sold_out")


class BuyProduct(AboutProduct):
    def name(self) -> str:
        return "action_buy_product"

    def serve(self, turn: Turn) -> Events:
        if turn.intent == "affirm" and turn.last_reply not in INVITES_TO_BUY:
            turn.say("utter_anything_else")  # a yes to something else that was said since, as stories cannot see
            return []
        return super().serve(turn)

    def answer(self, turn: Turn, product: ProductView) -> Events:
        turn.say("utter_buy_product", **product_facts(turn, product))
        return []


class CompareProducts(ShopAction):
    comes_back = True

    def name(self) -> str:
        return "action_compare_products"

    def serve(self, turn: Turn) -> Events:
        if not turn.values("product") and place_among_offered(turn) is not None:
            return ProductInfo().serve(turn)  # "what about the second?" compares nothing
        found = self._compared(turn)
        if len(found) < 2:
            turn.say("utter_ask_products_to_compare")
            return []
        listed = "\n".join(_comparison_line(turn, p) for p in found[:3])
        turn.say("utter_comparison", products=listed)
        return [SlotSet(CANDIDATES, [p.id for p in found[:3]])]

    def _compared(self, turn: Turn) -> list[ProductView]:
        """The best match of each name; with one name, the product in focus, else the two that the name may mean."""
        matches = [products.find_products(turn.session, name, limit=2) for name in turn.values("product")]
        best = [match[0] for match in matches if match]
        if len(matches) == 1 and best:
            focus = turn.slot(FOCUS)
            best += [products.product(turn.session, focus)] if focus else matches[0][1:]
        return list({product.id: product for product in best}.values())


def _comparison_line(turn: Turn, product: ProductView) -> str:
    facts = product_facts(turn, product)
    return turn.wording.term("marks", "comparison").format(**facts)


# Replies that show products to choose from: who then asks for cheaper ones means cheaper than those.
SUGGESTIONS = {
    "utter_recommendations",
    "utter_cheaper_recommendations",
    "utter_nothing_cheaper",
    "utter_several_products",
}


class RecommendProducts(ShopAction):
    """Suggests what suits: of a category, like a product, new, within what they would spend, cheaper than the last."""

    comes_back = True

    def name(self) -> str:
        return "action_recommend_products"

    def serve(self, turn: Turn) -> Events:
        category = products.category_of(turn.text)
        if category is None and place_among_offered(turn) is not None:
            return ProductInfo().serve(turn)  # "the cheapest" of those that were offered
        named = named_products(turn, limit=1) if turn.values("product") else []
        if not named and category is None and answers.says(turn.text, "cheaper") and not self._shown_before(turn):
            named = self._spoken_of(turn)
        like = named[0].id if named and category is None else None
        shown = self._shown_before(turn) if category is None and not named else []
        if len({product.category for product in shown}) == 1:
            category = shown[0].category
        most = self._most(turn, named or shown)
        new_only = any(word in turn.text.lower() for word in ("新品", "上新", "新款", "new"))
        found = self._named_within(turn, most) or products.recommend(
            turn.session,
            category=category,
            like=like,
            beside=[product.id for product in shown],
            new_only=new_only,
            most_cents=most,
        )
        listed = "\n".join(_suggestion_line(turn, p) for p in found)
        buttons = [{"title": turn.wording.named(p), "payload": turn.wording.named(p)} for p in found]
        turn.say(self._reply(bool(found), most), products=listed, buttons=buttons)
        turn.show([product_card(turn, p, price_range(turn, p), rated(turn, p)) for p in found])
        offered = [p.id for p in found or shown]
        return [SlotSet(CANDIDATES, offered or None), SlotSet("product_question", None)]

    def _named_within(self, turn: Turn, most: int | None) -> list[ProductView]:
        """What they name, where they say what it may cost and it costs no more: "phones under 5000"."""
        if most is None or not turn.value("amount") or not turn.values("product"):
            return []
        found = [one for one in named_products(turn) if one.lowest_cents <= most]
        return [one for one in found if any(variant.stock for variant in one.variants)]

    def _spoken_of(self, turn: Turn) -> list[ProductView]:
        """The product that they ask for something cheaper than."""
        return [products.product(turn.session, turn.slot(FOCUS))] if turn.slot(FOCUS) else []

    def _shown_before(self, turn: Turn) -> list[ProductView]:
        """What was suggested right before this message, which asks for cheaper ones than those."""
        return offered_products(turn) if turn.last_reply in SUGGESTIONS else []

    def _most(self, turn: Turn, compared: Sequence[ProductView]) -> int | None:
        """What it may cost at most, in cents: the amount said, or less than half of what was shown does."""
        if said := turn.value("amount"):
            return answers.amount_in_cents(said)
        if not compared or not answers.says(turn.text, "cheaper"):
            return None
        prices = sorted(product.lowest_cents for product in compared)
        return prices[(len(prices) - 1) // 2] - 1

    def _reply(self, is_found: bool, most: int | None) -> str:
        if most is None:
            return "utter_recommendations" if is_found else "utter_no_recommendations"
        return "utter_cheaper_recommendations" if is_found else "utter_nothing_cheaper"


def _suggestion_line(turn: Turn, product: ProductView) -> str:
    return turn.wording.term("marks", "suggestion").format(**product_facts(turn, product))


class Promotions(ShopAction):
    comes_back = True

    def name(self) -> str:
        return "action_promotions"

    def serve(self, turn: Turn) -> Events:
        if answers.says(turn.text, "cheaper") and (turn.last_reply in SUGGESTIONS or _is_cheapest_wanted(turn)):
            return RecommendProducts().serve(turn)
        found = products.promotions(turn.session, products.category_of(turn.text)) or products.promotions(turn.session)
        listed = "\n".join(_promotion_line(turn, p) for p in found)
        turn.say("utter_promotions" if found else "utter_no_promotions", promotions=listed)
        return []


def _promotion_line(turn: Turn, promotion: products.PromotionView) -> str:
    name, day = turn.wording.named(promotion), turn.wording.day(promotion.ends_on)
    return turn.wording.term("marks", "promotion").format(name=name, code=promotion.code, day=day)
