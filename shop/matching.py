"""How close what a shopper wrote comes to a product's names, in Chinese, English, or both in one breath.

Names and phrases are compared by their *words*: runs of Latin letters or digits (in the singular) and runs of Chinese
characters. Spaces, punctuation, case, full-width forms and filler such as 的 or "the" don't count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz

LONGEST_PHRASE = 80  # characters; a product phrase is shorter, and ten thousand of them are not one
CLOSE_ENOUGH = 72.0  # of 100; below this the shop has nothing like it
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|[\u3400-\u9fff]+")
CHINESE = re.compile(r"[\u3400-\u9fff]+")
PLURALS = (("ies", "y"), ("knives", "knife"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))
FILLER_WORDS = {"the", "a", "an", "my", "your", "some", "any", "for", "of", "please", "one", "ones", "pair", "set"}
FILLER_CHARACTERS = re.compile(
    r"(?:这|那|哪)(?:款|个|种|双|件|台|盏|只)|[的了吗呢啊呀]|一[个款双件台盏只条]|你们|有没有|请问"
)


def words(text: str) -> tuple[str, ...]:
    """The words that count: "The iPhone 13的cases" -> iphone, 13, case."""
    plain = unicodedata.normalize("NFKC", text[: 4 * LONGEST_PHRASE]).casefold()[:LONGEST_PHRASE]
    plain = FILLER_CHARACTERS.sub(" ", plain.replace("-", "").replace("’", "'"))
    found = [_singular(word) for word in WORD.findall(plain)]
    return tuple(word for word in found if word not in FILLER_WORDS) or tuple(found)


def is_called(wanted: tuple[str, ...], names: Iterable[tuple[str, ...]]) -> bool:
    """Whether one of the names is the very one that is wanted, however its words are set apart."""
    joined = "".join(wanted)
    return bool(joined) and any(joined == "".join(name) for name in names)


def closeness(wanted: tuple[str, ...], names: Iterable[tuple[str, ...]]) -> float:
    """0 to 100: how well the wanted words fit a product that goes by these names. 100 is the very name."""
    names = [name for name in names if name]
    if not wanted or _is_another_model(wanted, names):
        return 0.0
    best = max((_to_one_name(wanted, name) for name in names), default=0.0)
    return max(best, _to_all_names(wanted, [word for name in names for word in name]))


def _to_one_name(wanted: tuple[str, ...], name: tuple[str, ...]) -> float:
    ours, theirs = "".join(wanted), "".join(name)
    share = min(len(ours), len(theirs)) / max(len(ours), len(theirs))
    if ours == theirs:
        return 100.0
    if _is_part(wanted, name):
        return 90.0 + 8.0 * share  # "耳机" of 蓝牙耳机
    if len(ours) > 1 and all(any(_is_same_word(word, other) for other in name) for word in wanted):
        return 84.0 + 8.0 * share  # "bluetoth"
    if len(ours) == 1 and _is_chinese(ours) and theirs.endswith(ours):
        return 80.0 + 8.0 * share  # "茶" of 绿茶: the noun comes last
    if _is_part(name, wanted):
        return 75.0 + 20.0 * share  # "黑色的蓝牙耳机" says more than the name
    is_long_enough = min(len(ours), len(theirs)) >= (3 if _is_chinese(ours) else 4)
    return 0.95 * float(fuzz.ratio(ours, theirs)) if is_long_enough else 0.0


def _to_all_names(wanted: tuple[str, ...], known: list[str]) -> float:
    """How much of what is wanted any of the names knows, by length: for "earphones 蓝牙" and "iPhone 13的壳"."""
    if len(wanted) < 2:
        return 0.0
    found = sum(len(word) for word in wanted if any(_is_same_word(word, other) for other in known))
    share = found / sum(map(len, wanted))
    return 96.0 if share == 1.0 else 88.0 * share


def _is_another_model(wanted: tuple[str, ...], names: list[tuple[str, ...]]) -> bool:
    """Whether a model's number is wanted that the product doesn't have: no iPhone 13 for an iPhone 15."""
    theirs = {number for name in names for number in _model_numbers(name)}
    ours = _model_numbers(wanted)
    return bool(ours and theirs and not ours & theirs)


def _model_numbers(words_of_name: tuple[str, ...]) -> set[str]:
    """Small figures after a word: the 13 of "iPhone 13", not the 128 of its gigabytes."""
    return {word for word in words_of_name[1:] if word.isdigit() and len(word) <= 2}


def _is_part(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether all words of one are in the other, or one stands in the other's Chinese."""
    joined = "".join(part)
    return len(joined) > 1 and (set(part) <= set(whole) or _is_chinese_part(joined, "".join(whole)))


def _is_same_word(word: str, other: str) -> bool:
    if word == other or (_is_chinese(word) and word in other):
        return True
    is_english = len(word) >= 4 and word.isascii() and word.isalpha()
    return is_english and word[0] == other[0] and fuzz.ratio(word, other) >= 84  # typos spare the first letter


def _is_chinese_part(part: str, whole: str) -> bool:
    return _is_chinese(part) and len(part) > 1 and part in whole


def _is_chinese(text: str) -> bool:
    return CHINESE.fullmatch(text) is not None


def _singular(word: str) -> str:
    """Good enough for goods: dresses, knives, batteries, shoes. Words that end in s by nature lose it on both sides."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.isascii() or not word.endswith("s") or word.endswith("ss"):
        return word
    for plural, singular in PLURALS:
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word[:-1]
