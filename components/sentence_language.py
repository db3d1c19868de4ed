"""The language of a sentence's frame: 'iPhone 13的case有red的吗' is Chinese, 'do you have 台灯 in stock' English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.text import ADDRESS_ON_THE_WEB, EMAIL, LATIN_LETTER, is_han, token_spans

CHINESE, ENGLISH = "zh", "en"
LANGUAGES = (CHINESE, ENGLISH)
SAID_IN_BOTH = (
    "ok okay okey kk vip usb app id pro max plus mini air xs xl xxl xxxl s m l cm mm kg ml gb tb mah w v ai pc tv wifi "
    "wi-fi bluetooth iphone ipad airpods macbook apple android huawei xiaomi nike adidas sony dyson samsung lego usb-c "
    "type-c visa mastercard paypal alipay wechat unionpay apple-pay sf ems ups dhl fedex jd emoji lol haha hahaha hmm "
    "emmm bug sku haoke visacard rmb cny x no hi bye phone tel email e-mail size"
)
CHINESE_FRAME = frozenset(
    "的了吗呢吧啊呀嘛我你您他她它们是不没有这那怎么什为啥谁哪几多能会要想可在给把被让就还都也和跟请帮说"
)
ENGLISH_FUNCTION_WORDS = (
    "a an the is are am was were be been do does did don't doesn't didn't can could can't will would won't i i'm i've "
    "i'd you your my me mine it its it's this that these those of for to in on at by from with and or but not yes "
    "what where when how why which who please pls want need have has had get got there here if any some"
)
NEUTRAL, ENGLISH_FRAME = frozenset(SAID_IN_BOTH.split()), frozenset(ENGLISH_FUNCTION_WORDS.split())
HAN_PER_WORD = 1.6  # an English word says about as much
FRAME_WEIGHT = 1.5
NAMED = re.compile(f"{ADDRESS_ON_THE_WEB}|{EMAIL}|[0-9]")


def language_of(plain: str, named: Sequence[tuple[int, int]] = ()) -> str | None:
    """'zh', 'en' or None where only names and numbers stand; `named` spans (products, codes) have no language."""
    words = [word for word in _words(plain) if not _is_within(word, named)] or _words(plain)
    written = [plain[start:end] for start, end in words]
    tokens = [] if len(written) == 1 and written[0].isupper() else [word.lower() for word in written]  # a code
    han = [token for token in tokens if is_han(token)]
    latin = [token for token in tokens if LATIN_LETTER.match(token) and token not in NEUTRAL and len(token) > 1]
    if not han and not latin:
        return CHINESE if any(is_han(word) for word in written) else None
    chinese = len(han) / HAN_PER_WORD + FRAME_WEIGHT * sum(token in CHINESE_FRAME for token in han)
    english = len(latin) + FRAME_WEIGHT * sum(token in ENGLISH_FRAME for token in latin)
    return CHINESE if chinese >= english else ENGLISH


def has_latin_word(plain: str) -> bool:
    return any(LATIN_LETTER.match(plain[start:end]) for start, end in _words(plain))


def _words(plain: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end in token_spans(plain) if not NAMED.search(plain[start:end])]


def _is_within(word: tuple[int, int], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= word[0] and word[1] <= end for start, end in spans)
