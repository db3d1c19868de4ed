"""The held-out set is worth something only while it is apart from the training data, whole, and cut by the rules."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = ROOT / "tests/nlu/heldout.yml"
TRAINING = ROOT / "data/nlu"

HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
ANNOTATION = re.compile(r"\[(?P<text>[^\[\]]+)\](?:\((?P<entity>[^()]*)\)|\{(?P<fields>[^{}]*)\})")
UNAVOIDABLE_SHARE = 0.02

ENTITIES = {
    "order_number",
    "tracking_number",
    "product",
    "option",
    "quantity",
    "ordinal",
    "reason",
    "payment_method",
    "coupon_code",
    "amount",
    "person_name",
    "email",
    "phone",
    "postal_code",
    "address",
    "rating",
}
INTENTS = [
    "track_order",
    "list_orders",
    "cancel_order",
    "change_order_address",
    "change_order_items",
    "change_order_payment",
    "request_invoice",
    "return_item",
    "exchange_item",
    "track_return",
    "report_delivery_problem",
    "report_fault",
    "claim_warranty",
    "ask_product_info",
    "ask_product_price",
    "ask_product_stock",
    "compare_products",
    "buy_product",
    "recommend_products",
    "ask_promotions",
    "update_profile",
    "talk_to_human",
    "complain",
    "praise",
    "rate_service",
    "greet",
    "goodbye",
    "thank",
    "affirm",
    "deny",
    "inform",
    "stop",
    "repeat",
    "ask_help",
    "bot_challenge",
    "switch_language",
    "chitchat",
    "out_of_scope",
]
TOPICS = [
    "shipping_methods",
    "shipping_time",
    "shipping_fee",
    "international_shipping",
    "pickup",
    "installation",
    "return_policy",
    "return_how",
    "refund_time",
    "exchange_policy",
    "cancel_policy",
    "return_shipping_fee",
    "payment_methods",
    "installments",
    "payment_failed",
    "invoice",
    "price_match",
    "coupon_use",
    "gift_card",
    "warranty_policy",
    "repair",
    "authenticity",
    "preorder",
    "bulk_order",
    "membership",
    "points",
    "password",
    "privacy",
    "account_deletion",
    "business_hours",
    "contact",
]
WIDE_INTENTS = {"affirm", "deny", "inform", "out_of_scope"}
REASON_INTENTS = {"cancel_order", "return_item", "exchange_item"}


@dataclass(frozen=True)
class Utterance:
    """One line of the held-out set, with its annotations."""

    intent: str
    language: str
    annotated: str

    @property
    def text(self) -> str:
        return _plain(self.annotated)

    @property
    def entities(self) -> list[str]:
        return [found["entity"] or "" for found in ANNOTATION.finditer(self.annotated)]


def _plain(annotated: str) -> str:
    return ANNOTATION.sub(lambda found: found["text"], annotated)


def _lines(examples: str | list[dict[str, str]]) -> Iterator[str]:
    if isinstance(examples, list):
        yield from (example["text"].strip().removeprefix("- ") for example in examples)
    else:
        yield from (line.strip().removeprefix("- ") for line in examples.splitlines() if line.strip())


def _normalised(text: str) -> str:
    """Letters and digits alone: what is left when only punctuation, width and case differ."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in folded if character.isalnum())


def _key(text: str) -> str:
    """How two utterances are compared; one that is all emoji keeps them."""
    return _normalised(text) or text.strip()


def _is_unavoidable(text: str) -> bool:
    """So short that two people who never met write the same: 好的, ok."""
    han = len(HAN.findall(text))
    return (0 < han <= 4 and not LATIN.search(text)) or (not han and len(text.split()) <= 2)


@cache
def _held_out() -> tuple[Utterance, ...]:
    blocks = yaml.safe_load(HELD_OUT.read_text(encoding="utf-8"))["nlu"]
    return tuple(
        Utterance(block["intent"], block["metadata"]["language"], line)
        for block in blocks
        for line in _lines(block["examples"])
    )


@cache
def _training() -> dict[str, str]:
    """Every training text, normalised, and the file where it stands."""
    texts: dict[str, str] = {}
    for path in sorted([*TRAINING.rglob("*.yml"), *TRAINING.rglob("*.yaml")]):
        for block in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("nlu") or []:
            if "intent" in block:
                texts |= {_key(_plain(line)): path.name for line in _lines(block["examples"])}
    return texts


def _expected(intent: str) -> dict[str, int]:
    if intent.startswith("faq/"):
        return {"zh": 4, "en": 4, "mixed": 1}
    if intent in WIDE_INTENTS:
        return {"zh": 15, "en": 15, "mixed": 4}
    return {"zh": 8, "en": 8, "mixed": 3}


def test_nothing_held_out_is_in_the_training_data() -> None:
    training = _training()
    assert training, f"no training examples under {TRAINING}"
    shared = [utterance for utterance in _held_out() if _key(utterance.text) in training]
    avoidable = [
        f"{utterance.intent}: {utterance.text} ({training[_key(utterance.text)]})"
        for utterance in shared
        if not _is_unavoidable(utterance.text)
    ]
    assert not avoidable, "held out and yet in the training data:\n" + "\n".join(avoidable)
    assert len(shared) <= UNAVOIDABLE_SHARE * len(_held_out()), "too much is shared, short as it is:\n" + "\n".join(
        f"{utterance.intent}: {utterance.text}" for utterance in shared
    )


def test_nothing_is_held_out_twice() -> None:
    counts = Counter(_key(utterance.text) for utterance in _held_out())
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("intent", [*INTENTS, *(f"faq/{topic}" for topic in TOPICS)])
def test_every_intent_is_covered_in_both_languages(intent: str) -> None:
    counts = Counter(utterance.language for utterance in _held_out() if utterance.intent == intent)
    assert all(counts[language] >= least for language, least in _expected(intent).items()), counts


def test_every_intent_is_a_fixed_one() -> None:
    fixed = {*INTENTS, *(f"faq/{topic}" for topic in TOPICS)}
    assert {utterance.intent for utterance in _held_out()} == fixed


def test_each_utterance_is_in_the_language_it_is_filed_under() -> None:
    def is_misfiled(utterance: Utterance) -> bool:
        has_han, has_latin = bool(HAN.search(utterance.text)), bool(LATIN.search(utterance.text))
        if utterance.language == "en":
            return has_han
        return not has_han or (utterance.language == "mixed" and not has_latin)

    assert [utterance.text for utterance in _held_out() if is_misfiled(utterance)] == []


def test_every_annotation_uses_a_known_entity() -> None:
    unknown = [utterance.annotated for utterance in _held_out() if not set(utterance.entities) <= ENTITIES]
    assert unknown == []
    assert [utterance.annotated for utterance in _held_out() if re.search(r"[\[\]{}]", utterance.text)] == []


def test_every_entity_is_held_out_in_both_languages() -> None:
    found = {(entity, utterance.language) for utterance in _held_out() for entity in utterance.entities}
    assert {(entity, language) for entity in ENTITIES for language in ("zh", "en")} - found == set()


def test_a_reason_stands_only_where_something_goes_back() -> None:
    misplaced = [
        utterance.annotated
        for utterance in _held_out()
        if "reason" in utterance.entities and utterance.intent not in REASON_INTENTS
    ]
    assert misplaced == []
