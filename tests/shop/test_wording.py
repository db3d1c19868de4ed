"""Facts are worded as a person would write them in Chinese and in English."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import pytest

from shop.models import HoldReason, OrderState, PaymentKind, RefundTarget, ReturnReason
from shop.wording import Wording, words
from tests.shop.conftest import NOON, StandingTime

TODAY = NOON.date()
pytestmark = pytest.mark.usefixtures("time")


@dataclass
class Line:
    name_zh: str = "连帽卫衣"
    name_en: str = "Hoodie"
    options_zh: str = "灰色 · M"
    options_en: str = "grey · M"
    quantity: int = 1


@pytest.mark.parametrize(
    ("cents", "expected"),
    [
        *((33800, "¥338"), (33850, "¥338.50"), (33805, "¥338.05"), (5, "¥0.05"), (0, "¥0")),
        *((123456789, "¥1,234,567.89"), (100000, "¥1,000"), (-1200, "-¥12"), (-1250, "-¥12.50")),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_money_has_fen_only_where_there_are_some(language: str, cents: int, expected: str) -> None:
    assert Wording(language).money(cents) == expected


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (2, "5月17日（周六）", "Sat 17 May"),
        (-30, "4月15日（周二）", "Tue 15 Apr"),
        (365, "2032年5月14日", "14 May 2032"),
        (-400, "2030年4月10日", "10 Apr 2030"),
    ],
)
def test_a_day_has_its_weekday_when_it_is_near_and_its_year_when_it_is_far(days: int, zh: str, en: str) -> None:
    day = TODAY + timedelta(days=days)
    assert Wording("zh").day(day) == zh
    assert Wording("en").day(day) == en


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (0, ["今天", "5月15日", "周四"], ["today", "Thu 15 May"]),
        (1, ["明天", "5月16日", "周五"], ["tomorrow", "Fri 16 May"]),
        (-1, ["昨天", "5月14日", "周三"], ["yesterday", "Wed 14 May"]),
    ],
)
def test_the_nearest_days_are_called_by_name(days: int, zh: list[str], en: list[str]) -> None:
    for language, parts in (("zh", zh), ("en", en)):
        written = Wording(language).day(TODAY + timedelta(days=days))
        assert all(part in written for part in parts)
        assert "））" not in written, "brackets within brackets"


@pytest.mark.parametrize(("language", "expected"), [("zh", "1月9日（周五）"), ("en", "Fri 9 Jan")])
def test_a_day_just_after_new_year_needs_no_year(time: StandingTime, language: str, expected: str) -> None:
    time.moment = datetime(2031, 12, 20, 12, tzinfo=NOON.tzinfo)
    assert Wording(language).day(date(2032, 1, 9)) == expected


@pytest.mark.parametrize(("language", "expected"), [("zh", "5月16日 02:30"), ("en", "16 May, 02:30")])
def test_a_moment_is_told_in_the_shops_time(language: str, expected: str) -> None:
    assert Wording(language).moment(datetime(2031, 5, 15, 18, 30, tzinfo=timezone.utc)) == expected


@pytest.mark.parametrize(
    ("noun", "number", "zh", "en"),
    [
        *(("item", 1, "1件商品", "1 item"), ("item", 2, "2件商品", "2 items"), ("item", 0, "0件商品", "0 items")),
        *(("review", 3284, "3,284条评价", "3,284 reviews"), ("try", 2, "2次", "2 tries"), ("try", 1, "1次", "1 try")),
    ],
)
def test_a_count_has_the_right_plural(noun: str, number: int, zh: str, en: str) -> None:
    assert Wording("zh").count(noun, number) == zh
    assert Wording("en").count(noun, number) == en


@pytest.mark.parametrize(
    ("parts", "zh", "en"),
    [
        ([], "", ""),
        (["a"], "a", "a"),
        (["a", "b"], "a和b", "a and b"),
        (["a", "b", "c"], "a、b和c", "a, b and c"),
    ],
)
def test_parts_are_listed_as_in_a_sentence(parts: list[str], zh: str, en: str) -> None:
    assert Wording("zh").listing(parts) == zh
    assert Wording("en").listing(iter(parts)) == en


@pytest.mark.parametrize(("language", "parts"), [("zh", ["连帽卫衣", "灰色 · M"]), ("en", ["Hoodie", "grey · M"])])
def test_an_item_is_its_name_its_options_and_its_pieces(language: str, parts: list[str]) -> None:
    one, two = Wording(language).item(Line()), Wording(language).item(Line(quantity=2))
    assert all(part in one and part in two for part in parts)
    assert "×" not in one
    assert two.endswith("×2")
    assert Wording(language).item(Line(quantity=2), 1) == one


def test_an_item_without_options_is_just_its_name() -> None:
    assert Wording("en").item(Line(options_zh="", options_en="")) == "Hoodie"


@pytest.mark.parametrize(
    ("kind", "last_four", "zh", "en"),
    [
        (PaymentKind.VISA, "4242", "Visa卡（尾号4242）", "Visa ending 4242"),
        (PaymentKind.ALIPAY, "", "支付宝", "Alipay"),
        (PaymentKind.GIFT_CARD, "7350", "礼品卡（尾号7350）", "gift card ending 7350"),
    ],
)
def test_a_payment_is_told_with_its_last_four_digits(kind: PaymentKind, last_four: str, zh: str, en: str) -> None:
    assert Wording("zh").payment(kind, last_four) == zh
    assert Wording("en").payment(kind, last_four) == en


@pytest.mark.parametrize("kind", [OrderState, HoldReason, PaymentKind, ReturnReason, RefundTarget])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_member_of_an_enum_that_is_shown_has_its_label(language: str, kind: type) -> None:
    labels = [Wording(language).label(member) for member in kind]  # type: ignore[attr-defined]
    assert all(labels) and len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", {"product": "台灯", "balance": "¥50", "due_on": "5月17日（周六）", "most": "2", "restock_on": "待定"}),
        (
            "en",
            {"product": "Lamp", "balance": "¥50", "due_on": "Sat 17 May", "most": "2", "restock_on": "not known yet"},
        ),
    ],
)
def test_the_facts_of_a_refusal_are_worded_by_what_they_are(language: str, expected: dict[str, str]) -> None:
    facts = {
        "product_zh": "台灯",
        "product_en": "Lamp",
        "balance_cents": 5000,
        "due_on": TODAY + timedelta(days=2),
        "most": 2,
        "restock_on": None,
    }
    assert Wording(language).facts(facts) == expected


def test_an_enum_among_the_facts_is_told_by_its_label() -> None:
    assert Wording("en").facts({"state": OrderState.ON_HOLD}) == {"state": "on hold"}


@pytest.mark.parametrize("language", ["", "fr", "en", "xx"])
def test_a_language_the_shop_does_not_speak_is_english(language: str) -> None:
    assert Wording(language).term("marks", "sold_out") == "sold out"


def test_every_label_stands_in_both_languages() -> None:
    for section, terms in words().items():
        for name, term in terms.items():
            assert set(term) == {"zh", "en"}, (section, name)
