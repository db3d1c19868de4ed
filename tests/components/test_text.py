from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import text
from components.text import normalise, token_spans, tokens_of, without_particulars


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我的订单#W1042还没发货？", ["我", "的", "订", "单", "#", "W1042", "还", "没", "发", "货", "?"]),
        ("iPhone 13的case有red的吗", ["iPhone", "13", "的", "case", "有", "red", "的", "吗"]),
        ("42码，500ml", ["42", "码", ",", "500ml"]),
        ("给你打5分", ["给", "你", "打", "5", "分"]),
        ("1,299.00元，42.5码", ["1,299.00", "元", ",", "42.5", "码"]),
        ("chen.siyuan@example.com的SF1234567890123", ["chen.siyuan@example.com", "的", "SF1234567890123"]),
        ("Emma's T-shirt doesn't fit", ["Emma", "'s", "T-shirt", "doesn't", "fit"]),
        ("mug x2 or 3pcs", ["mug", "x", "2", "or", "3", "pcs"]),
        ("看 https://a.example/x?y=1 这个", ["看", "https://a.example/x?y=1", "这", "个"]),
        ("🙂\u200b", ["🙂"]),
        ("\u200b \ufe0f", []),
    ],
)
def test_words_numbers_and_han_characters_are_tokens(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


def test_full_width_characters_become_ascii_one_for_one() -> None:
    assert normalise("Ｗ２３７８１５６：￥３３８\u3000ok") == "W2378156:¥338 ok"


@pytest.mark.parametrize(
    ("written", "alike"),
    [
        ("取消W2378156", "取消W0000000"),
        ("chen.siyuan@example.com的", "customercus@example.com的"),
        ("a@b.cd, 13812345678", "c@a.co, 00000000000"),
        ("42码 3000元 5678", "42码 3000元 5678"),
    ],
)
def test_particulars_are_all_alike(written: str, alike: str) -> None:
    assert without_particulars(written) == alike


@given(st.from_regex(text.EMAIL, fullmatch=True) | st.text(max_size=200))
def test_without_particulars_every_character_stays_where_it_was(written: str) -> None:
    assert len(without_particulars(written)) == len(written)


@given(st.text(max_size=200))
def test_normalising_moves_no_character(text: str) -> None:
    assert len(normalise(text)) == len(text)


@given(st.text(max_size=200))
def test_tokens_stand_in_order_and_do_not_overlap(text: str) -> None:
    spans = token_spans(normalise(text))
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("piece", ["a.a", "1,2", "@", "a-", "x1", "http://", "a@a.", "'s", "我"])
def test_ten_thousand_characters_are_cut_at_once(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    assert token_spans(text)


def test_scripts_are_those_of_letters_alone() -> None:
    assert text.scripts_of("我的 ｉPhone 13 到哪了?") == {"CJK", "LATIN"}
    assert text.scripts_of("où est 42 🙂") == {"LATIN"}
    assert text.scripts_of("где") == {"CYRILLIC"}
    assert text.scripts_of("13?") == set()
