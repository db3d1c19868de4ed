from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.hints import hints_of
from components.notations import read
from components.patterns import PatternExtractor
from components.text import normalise


def found(text: str) -> list[tuple[str, str, str]]:
    return [(one.entity, text[one.start : one.end], one.value) for one in read(normalise(text))]


@pytest.mark.parametrize(
    ("text", "written", "number"),
    [
        ("W2378156", "W2378156", "W2378156"),
        ("#w2378156 到哪了", "#w2378156", "W2378156"),
        ("订单号：W2378156", "W2378156", "W2378156"),
        ("12345678", "12345678", "12345678"),
        ("2378156", "2378156", "W2378156"),
        ("我的Ｗ２３７８１５６呢", "Ｗ２３７８１５６", "W2378156"),
        ("W 2378156 please", "W 2378156", "W2378156"),
        ("return R5500001.", "R5500001", "R5500001"),
        ("cancel order #W1042", "#W1042", "W1042"),
        ("order number is 88123", "88123", "88123"),
    ],
)
def test_an_order_number_is_recognised_however_it_is_written(text: str, written: str, number: str) -> None:
    assert found(text) == [("order_number", written, number)]


@pytest.mark.parametrize(
    "text",
    [
        "ABW2378156",
        "W2378156W2378157",
        "W23781561234567",
        "AB-W2378156-9",
        "https://shop.example/W2378156",
        "20261122",
        "WH1000",
        "order 2000 pieces",
        "三星手机",
        "给我5分钟",
        "iPhone13",
        "星期五",
        "visa ending 4242",
        "within 30 days",
        "is it for kids under 12 years?",
        "7天以内",
        "不超过7天，最多20件",
        "below 60%",
    ],
)
def test_nothing_is_read_into_longer_codes_dates_and_names(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "entity", "written", "value"),
    [
        ("Chen.SI@Example.com，谢谢", "email", "Chen.SI@Example.com", "chen.si@example.com"),
        ("+86 138-1234-5678", "phone", "+86 138-1234-5678", "13812345678"),
        ("电话138 1234 5678。", "phone", "138 1234 5678", "13812345678"),
        ("call +44 7700 900123", "phone", "+44 7700 900123", "447700900123"),
        ("尾号5678", "phone", "5678", "5678"),
        ("5678", "phone", "5678", "5678"),
        ("SF1234567890123", "tracking_number", "SF1234567890123", "SF1234567890123"),
        ("单号312847569021", "tracking_number", "312847569021", "312847569021"),
        ("100080", "postal_code", "100080", "100080"),
        ("邮编是100080吧", "postal_code", "100080", "100080"),
        ("建国路88号 100022", "postal_code", "100022", "100022"),
        ("postcode SW1A 1AA", "postal_code", "SW1A 1AA", "SW1A1AA"),
        ("¥338", "amount", "¥338", "338"),
        ("1,299.00元", "amount", "1,299.00元", "1299.00"),
        ("两百五十块", "amount", "两百五十块", "250"),
        ("around 60 dollars", "amount", "60 dollars", "60"),
        ("12345678元", "amount", "12345678元", "12345678"),
        ("anything under 1,000 for my dad", "amount", "1,000", "1000"),
        ("100以内的礼物", "amount", "100", "100"),
        ("不超过500的耳机", "amount", "500", "500"),
        ("给你打5分", "rating", "5分", "5"),
        ("I'd say 4 out of 5", "rating", "4 out of 5", "4"),
        ("8/10", "rating", "8/10", "4"),
        ("five stars", "rating", "five stars", "5"),
        ("五星好评", "rating", "五星", "5"),
        ("打满分", "rating", "满分", "5"),
        ("SAVE20 doesn't work", "coupon_code", "SAVE20", "SAVE20"),
        ("优惠码save20", "coupon_code", "save20", "SAVE20"),
    ],
)
def test_what_is_known_by_its_form_gets_one_value(text: str, entity: str, written: str, value: str) -> None:
    assert found(text) == [(entity, written, value)]


def test_two_numbers_are_two_entities() -> None:
    assert [value for _, _, value in found("W2378156和W2378157")] == ["W2378156", "W2378157"]


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("W2378158 5678", ("phone", "5678")),
        ("track W2378158, 5678.", ("phone", "5678")),
        ("查w2378158，200031", ("postal_code", "200031")),
        ("W2378158 13812345678", ("phone", "13812345678")),
    ],
)
def test_digits_behind_an_order_number_prove_that_it_is_theirs(text: str, proof: tuple[str, str]) -> None:
    assert [(entity, value) for entity, _, value in found(text)] == [("order_number", "W2378158"), proof]


def test_digits_behind_an_order_number_that_go_on_prove_nothing() -> None:
    assert [entity for entity, *_ in found("return W2378158 5678 times if need be")] == ["order_number"]


@pytest.mark.parametrize("piece", ["1", "W1", "1 ", "a@", "路1", "订单", "+1 ", "百", "1,", "order ", "last four of "])
def test_ten_thousand_characters_are_read_at_once(piece: str) -> None:
    read(piece * (10_000 // len(piece)))


def test_entities_stand_where_they_do_in_the_original_text(workbench: Any) -> None:
    message = Message({"text": "查一下：＃Ｗ２３７８１５６"})
    workbench.create(PatternExtractor).process([message])
    [entity] = message.get("entities")
    assert (entity["start"], entity["end"], entity["value"]) == (4, 13, "W2378156")
    assert entity["extractor"] == "PatternExtractor"


def test_training_sentences_get_hints_and_keep_their_annotations(workbench: Any) -> None:
    annotated = [{"entity": "order_number", "start": 3, "end": 11, "value": "W2378156"}]
    message = Message({"text": "取消 W2378156", "intent": "cancel_order", "entities": annotated})
    workbench.create(PatternExtractor).process_training_data(TrainingData([message]))
    assert hints_of(message) == [("order_number", 3, 11)]
    assert message.get("entities") == annotated
