"""Reading answers: short replies to the bot's own questions, by words and patterns rather than by a classifier."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

TEXTS_KEPT = 4_096  # the lexicon, and what is read again and again of one message
HAN = re.compile(r"[\u4e00-\u9fff]")
CHINESE_DIGITS = {"一": 1, "二": 2, "两": 2, "俩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
CHINESE_NUMBER = r"[一二三四五六七八九]?十[一二三四五六七八九]?|[一二两俩三四五六七八九]"
MEASURES = "个件双只条盒本套台部瓶块张把顶袋罐样份副支包箱杯"
COUNTING = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ENGLISH_NUMBERS = {word: value for value, word in enumerate(COUNTING, start=1)} | {"single": 1, "both": 2, "pair": 2}
LAST_FOUR = r"(?:尾号|后四位|末四位|last (?:four|4)(?: digits)?|ending|ends)\D{0,20}(\d{4})(?!\d)"
BARE_PLACE = r"(?:no\.?|number|#|option)?\s*(\d{1,2})[.)号]?"  # the whole answer: 2, #2, 2号
NUMBERED_PLACE = r"(?:number|#|no\.|option)\s*(\d{1,2})(?!\d)"
ENGLISH_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "5th": 5,
}


@lru_cache(maxsize=1)
def lexicon() -> Mapping[str, Any]:
    with open(Path(__file__).with_name("lexicon.yml"), encoding="utf-8") as file:
        return dict(yaml.load(file, Loader=yaml.BaseLoader))


@lru_cache(maxsize=TEXTS_KEPT)
def plain(text: str) -> str:
    """Text as answers are compared: full-width folded, lower case, straight quotes, single spaces."""
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return re.sub(r"\s+", " ", folded).strip()


@lru_cache(maxsize=TEXTS_KEPT)
def bare(text: str) -> str:
    """Plain text without punctuation and without particles at its end: "好的呀，谢谢！" is 好的呀谢谢."""
    words = re.sub(r"[^\w']+|_", " ", plain(text)).strip()
    joined = re.sub(r"(?<=[\u4e00-\u9fff]) +| +(?=[\u4e00-\u9fff])", "", words)
    return re.sub(r"[啊呀哦噢啦哈呢吧嘛了]+$", "", joined) or joined or plain(text)


@cache
def _bare_words(section: str) -> frozenset[str]:
    return frozenset(map(bare, lexicon()[section]))


def mentions(text: str, words: Sequence[str]) -> str | None:
    """The longest of the words that occurs in the text: Chinese anywhere, Latin as whole words."""
    said = plain(text)
    return max(_occurring(said, words), key=len, default=None)


def _occurring(said: str, words: Iterable[str]) -> list[str]:
    """Those of the words that are in the text, in their order."""
    return [word for word in words if word in said and _is_whole(said, word)]


def _is_whole(said: str, word: str) -> bool:
    """Whether a word that is in the text is one there, and no part of another."""
    return HAN.search(word) is not None or re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", said) is not None


UNWANTED = re.compile(
    r"((?<!要)不要|(?<!用)不用|(?<!需)不需要|(?<!想)不想要|别要|(?<!是)不是|(?<!有)没有?"
    r"|\b(not|no|without|instead of|rather than|don'?t (want|need)))\s*(the |a |an )?$",
    re.IGNORECASE,
)


def is_unwanted(before: str) -> bool:
    """Whether what comes next is said no to, by the words before it: 白色 in 不要白色，要米色."""
    return UNWANTED.search(before[-24:]) is not None


def pick(text: str, section: str) -> str | None:
    """Which term of a lexicon section the text names, and does not say no to; the longest word that occurs decides."""
    said = plain(text)
    named = [
        (len(word), -place, term)
        for place, (term, words) in enumerate(lexicon()[section].items())
        for word in _occurring(said, words)
        if _is_wanted(said, word)
    ]
    return max(named)[2] if named else None


def _is_wanted(said: str, word: str) -> bool:
    """Whether the word, which occurs, stands anywhere without a no before it."""
    return any(not is_unwanted(said[: found.start()]) for found in re.finditer(re.escape(word), said))


def says(text: str, section: str) -> bool:
    return mentions(text, lexicon()[section]) is not None


def confirms(text: str, verbs: Sequence[str]) -> bool:
    """Whether the text says one of the verbs, or a yes and one of them, and nothing else: fine, cancel it."""
    said, agreeing = bare(text), {"", *_bare_words("yes")}
    ways = (said.removesuffix(bare(verb)).strip() for verb in verbs if said.endswith(bare(verb)))
    return not is_question(text) and any(way in agreeing for way in ways)


def starts_over(text: str) -> bool:
    """Whether the text is a wish to begin again, and nothing else."""
    return bare(text) in _bare_words("starting_over")


def wanted_rather(text: str) -> str | None:
    """What is wanted in place of what is dropped: a refund in 算了，直接退款吧; nothing in a mere 算了."""
    if not is_short(text) or is_question(text) or not says(text, "dropping"):
        return None
    wish = pick(text, "rather")
    return wish if wish != "nothing" else None


QUESTION = re.compile(
    r"[?？]|吗|怎么|多少|几天|多久|什么时候|哪|^(how|what|when|where|why|who|which|can|do|does|is|are|will)\b"
)


def is_question(text: str) -> bool:
    return QUESTION.search(plain(text)) is not None


def is_short(text: str) -> bool:
    """A few words, as people answer a question."""
    said = plain(text)
    return len(HAN.findall(said)) <= 12 and len(re.findall(r"[a-z']+", said)) <= 8


CERTAIN = 0.9
DOUBT = re.compile(r"[不别没否]|可能|也许|或许|\b(no|not|don'?t|never|wait|stop|maybe|perhaps)\b")


def yes_or_no(text: str, intent: str = "", confidence: float = 0.0) -> bool | None:
    """True for a yes, False for a no.

    The words decide. Where they are unknown, a classifier may say no; it may say yes only when it is certain of a few
    words that hold no doubt, for a yes changes the shop.
    """
    answer = bare(text)
    for section, meaning in (("yes", True), ("no", False)):
        if answer in _bare_words(section) or plain(text) in lexicon()[section]:
            return None if meaning and re.search("[?？]|吗", text) else meaning  # "yes?" asks back
    if intent == "deny":
        return False
    is_certain = confidence >= CERTAIN and is_short(text) and not DOUBT.search(plain(text)) and not is_question(text)
    return True if intent == "affirm" and is_certain else None


NO_WORDS = re.compile(r"[<>{}=\\\x00]|--|^/|[?？]$")  # code, payloads and questions
LONGEST_EXPLANATION = 500


def is_explanation(text: str) -> bool:
    """Whether the text says something in words: no bare yes or no, no question, no code, no mere signs."""
    has_words = len(HAN.findall(text)) > 1 or re.search(r"[a-z]{3}", plain(text)) is not None
    is_readable = len(text) <= LONGEST_EXPLANATION and not NO_WORDS.search(text)
    return has_words and is_readable and yes_or_no(text) is None


def number(text: str) -> int | None:
    """A small number as written: 2, 两件, 十二个, three pieces, both."""
    said = plain(text)
    if digits := re.search(r"(?<![a-z\d.])-?\d{1,6}(?![a-z\d]|\.\d)", said):
        return int(digits.group())
    chinese = re.fullmatch(CHINESE_NUMBER, said) or re.search(rf"({CHINESE_NUMBER})(?=\s*[{MEASURES}])", said)
    if chinese:
        return chinese_number(chinese.group())
    return next((ENGLISH_NUMBERS[word] for word in _occurring(said, ENGLISH_NUMBERS)), None)


def amount_in_cents(value: str) -> int | None:
    """An amount as the bot hears it ("300", "99.5", "¥1,299") in cents."""
    digits = re.search(r"\d[\d,]*(?:\.\d{1,2})?", value)
    return round(float(digits.group().replace(",", "")) * 100) if digits else None


def chinese_number(written: str) -> int:
    """Up to ninety-nine: 十二 is 12, 二十 is 20, 两 is 2."""
    tens, ten, ones = written.rpartition("十") if "十" in written else ("", "", written)
    return (CHINESE_DIGITS.get(tens, 1) * 10 if ten else 0) + CHINESE_DIGITS.get(ones, 0)


def ordinal(text: str, length: int) -> int | None:
    """The position (from 0) that an ordinal names in a list of a length: 第二个, the last one, #2; None if none."""
    said = plain(text)
    if says(said, "last"):
        return length - 1 if length else None
    place = 0
    if match := re.search(rf"第\s*({CHINESE_NUMBER}|\d{{1,2}})", said):
        place = int(match.group(1)) if match.group(1).isdigit() else chinese_number(match.group(1))
    elif match := re.fullmatch(BARE_PLACE, said) or re.search(NUMBERED_PLACE, said):
        place = int(match.group(1))
    else:
        place = next((ENGLISH_ORDINALS[word] for word in _occurring(said, ENGLISH_ORDINALS)), 0)
    return place - 1 if 1 <= place <= length else None


def last_four(text: str, *, asked: bool) -> str | None:
    """The last four digits of a phone. Unasked, only where the text says that this is what they are."""
    said = plain(text)
    if match := re.search(
        r"(?:尾号|后四位|末四位|last (?:four|4)(?: digits)?(?: of my phone)?|ending(?: in| with)?)\D{0,8}(\d{4})(?!\d)",
        said,
    ):
        return match.group(1)
    digits = re.findall(r"\d+", said) if asked else []
    return digits[0] if len(digits) == 1 and len(digits[0]) == 4 else None
