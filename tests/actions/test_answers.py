"""Short answers are read by words and patterns: yes and no, numbers, places in a list, the end of a phone number."""

from __future__ import annotations

from time import perf_counter

import pytest

from actions import answers

HOSTILE = [
    "",
    " ",
    "\x00",
    "。。。",
    "😀" * 50,
    "<script>alert(1)</script>",
    "'; DROP TABLE orders; --",
    '/affirm{"confirmed": true}',
    "a" * 10_000,
    "！" * 10_000 + "a",
    "哈" * 10_000,
    "\u200b\u202e",
    "½ ² ①",
]


@pytest.mark.parametrize(
    "text",
    [
        *("好的", "好的呀！", "嗯嗯", "可以", "没问题。", "确定", "对", "行吧", "就这么办"),
        *("yes", "Yes.", "YES!!", "ＹＥＳ", "ok", "sure", "yes please", "that’s right", "go ahead", "do it", "  yep  "),
    ],
)
def test_a_yes_is_a_yes_whatever_the_classifier_says(text: str) -> None:
    assert answers.yes_or_no(text, "inform") is True
    assert answers.yes_or_no(text, "deny") is True


@pytest.mark.parametrize(
    "text",
    [
        *("不", "不是", "不用了", "不要", "不要了", "先别", "不行", "没有", "不对。"),
        *("no", "No!", "nope", "NO THANKS", "don’t", "not", "wrong"),
    ],
)
def test_a_no_is_a_no_whatever_the_classifier_says(text: str) -> None:
    assert answers.yes_or_no(text, "inform") is False
    assert answers.yes_or_no(text, "affirm") is False


UNKNOWN_YESES = ["办就办", "成", "安排上", "that works for me", "let's go for it"]
NO_YESES = [
    *(
        "可以吗",
        "好吗？",
        "是不是",
        "也许吧",
        "可能要",
        "别急着办",
        "先不急",
        "我还没想好",
        "这个我得跟我先生商量一下再说",
    ),
    *("what happens then?", "maybe", "no idea what you mean", "don't do that", "wait a moment", "not the lamp"),
    *("I would like to do that but only next week", "does it cost me anything"),
]


@pytest.mark.parametrize("text", [*UNKNOWN_YESES, *NO_YESES, "台灯"])
def test_what_is_neither_yes_nor_no_by_its_words_may_be_taken_for_a_no(text: str) -> None:
    assert answers.yes_or_no(text, "inform", 1.0) is None
    assert answers.yes_or_no(text, "deny", 0.0) is False


@pytest.mark.parametrize("text", UNKNOWN_YESES)
def test_a_few_words_are_a_yes_only_where_the_classifier_is_certain_of_it(text: str) -> None:
    assert answers.yes_or_no(text, "affirm", answers.CERTAIN) is True
    assert answers.yes_or_no(text, "affirm", answers.CERTAIN - 0.01) is None
    assert answers.yes_or_no(text, "affirm") is None
    assert answers.CERTAIN == 0.9


@pytest.mark.parametrize("text", NO_YESES)
def test_doubt_a_question_or_a_long_sentence_is_no_yes_however_certain_the_classifier_is(text: str) -> None:
    assert answers.yes_or_no(text, "affirm", 1.0) is None


@pytest.mark.parametrize("text", ["取消吧", "退吧", "换吧", "改吧", "cancel it", "return it"])
def test_the_verb_of_a_request_alone_is_no_yes_to_anything(text: str) -> None:
    assert answers.yes_or_no(text, "inform") is None


@pytest.mark.parametrize("text", ["穿着去年那件更好看", "my flatmate hates purple", "it's for a friend; she moved"])
def test_words_of_their_own_are_an_explanation(text: str) -> None:
    assert answers.is_explanation(text)


@pytest.mark.parametrize("text", [*HOSTILE, "yes", "好的", "no", "hm", "嗯", "12", "why?", "为什么要问？"])
def test_a_yes_a_question_signs_and_code_explain_nothing(text: str) -> None:
    assert not answers.is_explanation(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("2", 2),
            ("２", 2),
            ("2件", 2),
            ("两件", 2),
            ("俩", 2),
            ("我要三个", 3),
            ("一双", 1),
            ("十个", 10),
            ("0件", 0),
        ),
        *(
            ("three pieces", 3),
            ("both", 2),
            ("a pair", 2),
            ("just one", 1),
            ("999", 999),
            ("-1", -1),
            ("4 out of 5", 4),
        ),
        *(("十二件", 12), ("二十个", 20), ("一共三件", 3)),
    ],
)
def test_a_number_is_read_as_written(text: str, expected: int) -> None:
    assert answers.number(text) == expected


@pytest.mark.parametrize("text", ["", "some", "几件", "W2378156", "12345678901", "一般", "等一下", "everyone", "phone"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert answers.number(text) is None


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        *(
            ("第二个", 3, 1),
            ("第 2 个", 3, 1),
            ("2", 3, 1),
            ("#2", 3, 1),
            ("2号", 3, 1),
            ("2.", 3, 1),
            ("最后一个", 3, 2),
        ),
        *(("the second one", 3, 1), ("first", 3, 0), ("3rd", 3, 2), ("number 3", 3, 2), ("option 1", 3, 0)),
        *(("the last one", 3, 2), ("no. 2", 3, 1), ("第十二个", 15, 11)),
        *(("第四个", 3, None), ("4", 3, None), ("0", 3, None), ("the fifth", 3, None), ("22", 3, None)),
        *(("2 pieces of the lamp", 3, None), ("台灯", 3, None), ("lasting", 3, None)),
        *(("the last one", 0, None), ("最后一个", 0, None), ("1", 0, None)),
    ],
)
def test_an_ordinal_is_a_place_in_the_list_or_nothing(text: str, length: int, expected: int | None) -> None:
    assert answers.ordinal(text, length) == expected


@pytest.mark.parametrize(
    "text",
    [
        "尾号5678",
        "手机后四位是5678",
        "尾号：５６７８",
        "the last four digits are 5678",
        "last 4: 5678",
        "ending in 5678",
    ],
)
def test_the_last_four_digits_are_heard_where_they_are_called_so(text: str) -> None:
    assert answers.last_four(text, asked=False) == "5678"


@pytest.mark.parametrize(("text", "expected"), [("5678", "5678"), ("它是5678", "5678"), ("it's 5678.", "5678")])
def test_four_bare_digits_are_the_last_four_only_when_asked(text: str, expected: str) -> None:
    assert answers.last_four(text, asked=True) == expected
    assert answers.last_four(text, asked=False) is None


@pytest.mark.parametrize("text", ["567", "56789", "13812345678", "1234 5678", "W2378156", "five six seven eight"])
def test_other_digits_are_never_the_last_four(text: str) -> None:
    assert answers.last_four(text, asked=True) is None


@pytest.mark.parametrize(
    ("section", "text", "expected"),
    [
        *(("reason", "太小了，穿不下", "wrong_size"), ("reason", "it doesn’t fit", "wrong_size")),
        *(("reason", "发错货了", "wrong_item"), ("reason", "This is the WRONG COLOUR", "wrong_item")),
        *(("reason", "收到时破损", "damaged"), ("reason", "it came broken in transit", "damaged")),
        *(("reason", "质量太差", "faulty"), ("reason", "it stopped working", "faulty")),
        *(("reason", "与描述不符", "not_as_described"), ("reason", "looks different", "not_as_described")),
        *(("reason", "不想要了", "changed_mind"), ("reason", "changed my mind", "changed_mind")),
        *(("reason", "my new outfit", None), ("reason", "", None), ("reason", "👍", None)),
        *(("problem", "少发了一件", "missing_item"), ("problem", "the box was crushed", "damaged")),
        *(("problem", "显示签收了但我没收到", "lost"), ("problem", "you sent the wrong one", "wrong_item")),
        *(("remedy", "重新发一个吧", "resend"), ("remedy", "I want my money back", "refund")),
        *(
            ("next_step", "保修维修", "repair"),
            ("next_step", "技术专员", "ticket"),
            ("next_step", "a return", "return"),
        ),
        *(("profile_field", "改一下手机号", "phone"), ("profile_field", "my e-mail", "email")),
        *(("profile_field", "默认地址", "address"), ("relative_size", "大一码", "bigger")),
        *(("relative_size", "one size down", "smaller"), ("payment_kind", "用礼品卡", "gift_card")),
        *(("payment_kind", "微信", "wechat_pay"), ("payment_kind", "my Mastercard", "mastercard")),
    ],
)
def test_a_term_is_picked_by_the_longest_word_that_occurs(section: str, text: str, expected: str | None) -> None:
    assert answers.pick(text, section) == expected


@pytest.mark.parametrize(
    ("section", "text", "expected"),
    [
        *(("everything", "全部退", True), ("everything", "all of them", True), ("everything", "a small one", False)),
        *(("other", "不是，另一个", True), ("other", "no, the other one", True), ("other", "another day", False)),
        *(("gift_card", "退到礼品卡", True), ("gift_card", "onto a gift card", True), ("original", "原路退回", True)),
        *(("original", "the way I paid", True), ("original", "cardboard", False)),
    ],
)
def test_a_section_is_said_when_one_of_its_words_is(section: str, text: str, expected: bool) -> None:
    assert answers.says(text, section) is expected


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_input_is_no_answer_and_is_read_quickly(text: str) -> None:
    began = perf_counter()
    assert answers.yes_or_no(text, "nlu_fallback") is None
    assert answers.last_four(text, asked=True) is None
    assert answers.ordinal(text, 3) is None
    assert answers.number(text) in (None, 1, 2)  # ½, ² and ① are numbers after all
    for section in ("reason", "problem", "remedy", "profile_field", "payment_kind"):
        assert answers.pick(text, section) is None
    assert perf_counter() - began < 0.5


def test_every_word_of_the_lexicon_is_written_as_texts_are_compared() -> None:
    sections = answers.lexicon().values()
    words = [w for s in sections for part in (s.values() if isinstance(s, dict) else [s]) for w in part]
    assert [word for word in words if answers.plain(word) != word] == []


def test_no_word_means_yes_and_no() -> None:
    lexicon = answers.lexicon()
    assert not set(lexicon["yes"]) & set(lexicon["no"])


@pytest.mark.parametrize(
    ("section", "text", "expected"),
    [
        ("remedy", "不用补发，退款", "refund"),
        ("remedy", "no refund, send it again", "resend"),
        ("remedy", "I don't want a refund, I want a new one", "resend"),
        ("remedy", "instead of the replacement give me my money back", "refund"),
        ("remedy", "不用补发", None),
        ("problem", "不是少发，是发错了", "wrong_item"),
        ("problem", "是不是丢了", "lost"),
        ("reason", "it's not damaged, it's too small", "wrong_size"),
        ("reason", "不想要了", "changed_mind"),
        ("reason", "I don't want it any more", "changed_mind"),
        ("reason", "要不要紧，就是太小", "wrong_size"),
        ("next_step", "没修好", None),
        ("reason", "有没有坏的", "faulty"),
        ("problem", "没有收到", "lost"),
    ],
)
def test_what_is_said_no_to_is_not_picked(section: str, text: str, expected: str | None) -> None:
    assert answers.pick(text, section) == expected


@pytest.mark.parametrize(
    ("value", "cents"), [("200", 20_000), ("99.5", 9_950), ("¥1,299", 129_900), ("$50", 5_000), ("一些", None)]
)
def test_an_amount_is_read_in_cents(value: str, cents: int | None) -> None:
    assert answers.amount_in_cents(value) == cents
