"""The help articles: all there in both languages, and never promising another number than the shop's policy."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from shop.policy import POLICY

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
ANNOTATION = re.compile(r"\[([^\]]+)\]\((\w+)\)")
ENTITIES = {"payment_method", "product", "coupon_code", "amount", "quantity", "option"}

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

Phrase = tuple[str, str]  # the same number as the Chinese and as the English article must say it


def days(count: int) -> Phrase:
    return f"{count} 天", f"{count} day{'' if count == 1 else 's'}"


def day_range(span: tuple[int, int]) -> Phrase:
    return f"{span[0]}–{span[1]} 天", f"{span[0]}–{span[1]} days"


def hours(count: int) -> Phrase:
    return f"{count} 小时", f"{count} hours"


def money(cents: int) -> Phrase:
    written = f"¥{cents // 100}" if cents % 100 == 0 else f"¥{cents / 100:.2f}"
    return written, written


def free_from(cents: int) -> Phrase:
    return f"满 {money(cents)[0]} 包邮", f"free from {money(cents)[1]}"


def standard_fee(cents: int) -> Phrase:
    return f"收 {money(cents)[0]}", f"below that it's {money(cents)[1]}"


def express_fee(cents: int) -> Phrase:
    return f"加急快递 {money(cents)[0]}", f"Express is {money(cents)[1]}"


def earned(points: int) -> Phrase:
    return f"每消费 ¥1 积 {points} 分", f"{points} point{'' if points == 1 else 's'}"


def months(choices: tuple[int, ...]) -> Phrase:
    *first, last = map(str, choices)
    return f"{'、'.join(map(str, choices))} 期", f"{', '.join(first)} or {last} monthly instalments"


def service_hours(span: tuple[int, int]) -> Phrase:
    return f"{span[0]}:00–{span[1]}:00", f"{span[0]}:00 to {span[1]}:00"


STANDARD = day_range(POLICY.standard_shipping_days)
EXPRESS = day_range(POLICY.express_shipping_days)
DISPATCH = hours(POLICY.dispatch_hours)
PAY_WITHIN = hours(POLICY.payment_deadline_hours)
RETURN_WINDOW = days(POLICY.return_window_days)
SEND_BACK = days(POLICY.send_back_within_days)
REFUND = days(POLICY.refund_days)
GIFT_CARD_REFUND = days(POLICY.gift_card_refund_days)
CANCELLATION_REFUND = days(POLICY.cancellation_refund_days)
RETURN_SHIPPING = money(POLICY.return_shipping_cents)
ANSWER = days(POLICY.ticket_answer_days)
REPAIR = days(POLICY.repair_days)
EARNED = earned(POLICY.points_per_yuan)
SPENT: Phrase = (f"{POLICY.points_for_one_yuan} 分抵 ¥1", f"{POLICY.points_for_one_yuan} points")
EMAIL: Phrase = (POLICY.service_email, POLICY.service_email)
PHONE: Phrase = (POLICY.service_phone, POLICY.service_phone)
HOURS = service_hours(POLICY.service_hours)
ONE_YUAN: Phrase = ("¥1", "¥1")  # what points are counted against

QUOTED: dict[str, tuple[Phrase, ...]] = {
    "shipping_methods": (
        STANDARD,
        EXPRESS,
        money(POLICY.standard_shipping_cents),
        money(POLICY.express_shipping_cents),
        free_from(POLICY.free_shipping_from_cents),
        days(POLICY.pickup_hold_days),
    ),
    "shipping_time": (DISPATCH, STANDARD, EXPRESS),
    "shipping_fee": (
        free_from(POLICY.free_shipping_from_cents),
        standard_fee(POLICY.standard_shipping_cents),
        express_fee(POLICY.express_shipping_cents),
    ),
    "international_shipping": (day_range(POLICY.international_shipping_days),),
    "pickup": (days(POLICY.pickup_hold_days),),
    "return_policy": (RETURN_WINDOW, days(POLICY.report_damage_within_days)),
    "return_how": (SEND_BACK, REFUND),
    "refund_time": (REFUND, GIFT_CARD_REFUND, CANCELLATION_REFUND),
    "exchange_policy": (days(POLICY.exchange_window_days), SEND_BACK),
    "cancel_policy": (CANCELLATION_REFUND, PAY_WITHIN),
    "return_shipping_fee": (RETURN_SHIPPING,),
    "payment_methods": (PAY_WITHIN,),
    "installments": (money(POLICY.installments_from_cents), months(POLICY.installment_months)),
    "payment_failed": (PAY_WITHIN,),
    "invoice": (days(POLICY.invoice_within_days),),
    "price_match": (days(POLICY.price_match_days),),
    "gift_card": (GIFT_CARD_REFUND,),
    "warranty_policy": (REPAIR,),
    "repair": (REPAIR, ANSWER),
    "authenticity": (RETURN_WINDOW,),
    "preorder": (DISPATCH, CANCELLATION_REFUND),
    "bulk_order": (
        (f"{POLICY.bulk_order_pieces} 件", f"{POLICY.bulk_order_pieces} pieces"),
        EMAIL,
        ANSWER,
    ),
    "membership": (EARNED, SPENT, RETURN_SHIPPING, ONE_YUAN),
    "points": (EARNED, SPENT, ONE_YUAN),
    "privacy": ((f"{POLICY.proof_attempts} 次", f"{POLICY.proof_attempts} misses"), EMAIL),
    "account_deletion": (EMAIL, ANSWER),
    "business_hours": (HOURS,),
    "contact": (PHONE, HOURS, EMAIL, ANSWER),
}


@cache
def examples_by_topic() -> dict[str, list[str]]:
    document = yaml.safe_load((ROOT / "data/nlu/knowledge.yml").read_text(encoding="utf-8"))
    return {
        entry["intent"].removeprefix("faq/"): [line.removeprefix("- ") for line in entry["examples"].splitlines()]
        for entry in document["nlu"]
    }


@cache
def answers() -> dict[str, list[dict]]:
    document = yaml.safe_load((ROOT / "data/responses/knowledge.yml").read_text(encoding="utf-8"))
    return {name.removeprefix("utter_faq/"): variations for name, variations in document["responses"].items()}


def texts(topic: str) -> tuple[str, str]:
    """The Chinese and the English answer."""
    chinese = [variation for variation in answers()[topic] if "condition" in variation]
    english = [variation for variation in answers()[topic] if "condition" not in variation]
    assert len(chinese) == len(english) == 1
    assert chinese[0]["condition"] == [{"type": "slot", "name": "language", "value": "zh"}]
    return chinese[0]["text"], english[0]["text"]


def pattern(phrase: str) -> re.Pattern[str]:
    """A phrase as such: the "5 days" of "15 days" or of "2–5 days" is another promise."""
    return re.compile(rf"(?<![\d–.]){re.escape(phrase)}(?![\d.]*\d)")


def without(phrases: list[str], text: str) -> str:
    for phrase in sorted(phrases, key=len, reverse=True):
        text = pattern(phrase).sub("", text)
    return text


def spoken(example: str) -> str:
    return ANNOTATION.sub(r"\1", example)


def test_the_topics_are_the_agreed_ones() -> None:
    assert sorted(examples_by_topic()) == sorted(answers()) == sorted(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_asked_for_in_both_languages_and_in_a_mix(topic: str) -> None:
    sentences = [spoken(example) for example in examples_by_topic()[topic]]
    chinese = [sentence for sentence in sentences if HAN.search(sentence)]
    english = [sentence for sentence in sentences if not HAN.search(sentence)]
    mixed = [sentence for sentence in chinese if LATIN.search(sentence)]
    assert len(chinese) >= 8
    assert len(english) >= 8
    assert len(mixed) >= 3


def test_no_sentence_is_taught_twice() -> None:
    sentences = [spoken(example).casefold() for examples in examples_by_topic().values() for example in examples]
    assert sorted(sentences) == sorted(set(sentences))


def test_the_agreed_questions_have_their_topics() -> None:
    assert "如何退换货？" in examples_by_topic()["return_how"]
    assert "你好，这款商品的配送方式有哪些？" in examples_by_topic()["shipping_methods"]


def test_annotations_name_known_entities() -> None:
    for examples in examples_by_topic().values():
        for example in examples:
            assert {entity for _, entity in ANNOTATION.findall(example)} <= ENTITIES
            assert not set("[]") & set(spoken(example))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_answered_in_both_languages(topic: str) -> None:
    chinese, english = texts(topic)
    assert HAN.search(chinese)
    assert not HAN.search(english)


@pytest.mark.parametrize("topic", TOPICS)
def test_an_answer_is_one_short_plain_message(topic: str) -> None:
    for text in texts(topic):
        assert "\n" not in text
        assert not re.search(r"[*_`#{}<>]", text)
        assert len(text) <= 360


@pytest.mark.parametrize("topic", QUOTED)
def test_an_answer_quotes_the_policy(topic: str) -> None:
    chinese, english = texts(topic)
    for phrase_zh, phrase_en in QUOTED[topic]:
        assert pattern(phrase_zh).search(chinese), phrase_zh
        assert pattern(phrase_en).search(english), phrase_en


@pytest.mark.parametrize("topic", TOPICS)
def test_an_answer_holds_no_number_that_is_not_policy(topic: str) -> None:
    quoted = QUOTED.get(topic, ())
    chinese, english = texts(topic)
    assert not re.search(r"\d", without([phrase for phrase, _ in quoted], chinese))
    assert not re.search(r"\d", without([phrase for _, phrase in quoted], english))
