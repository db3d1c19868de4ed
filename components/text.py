"""Text as shoppers type it: Chinese, English and both at once, cut into tokens that every entity can align with."""

from __future__ import annotations

import re
import unicodedata

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
INVISIBLE = "\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff"
HAN_CHARACTER = re.compile(f"[{HAN}]")
LONE_SURROGATE, REPLACEMENT = re.compile("[\ud800-\udfff]"), "\ufffd"
LATIN_LETTER = re.compile("[A-Za-zÀ-ɏ]")

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
LOOKALIKES = {"\u3000": " ", "\u00a0": " ", "￥": "¥", "’": "'", "‘": "'", "“": '"', "”": '"'}
ONE_FOR_ONE = {**FULL_WIDTH, **{ord(written): plain for written, plain in LOOKALIKES.items()}}

EMAIL = r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,}"
ADDRESS_ON_THE_WEB = r"(?:https?://|www\.)[A-Za-z0-9.\-_~:/?#\[\]@!$&()*+,;=%]+"
AN_EMAIL, LONG_NUMBER = re.compile(EMAIL), re.compile(r"\d{5,}")
ANYBODY, DOMAINS = "customer", ("@example.com", "@a.co")
LETTERS_AND_DIGITS = f"(?:(?![{HAN}{INVISIBLE}_])\\w)"
LETTER = f"(?:(?![{HAN}_\\d])\\w)"
TOKEN = re.compile(
    "|".join(
        (
            ADDRESS_ON_THE_WEB,
            EMAIL,
            rf"[xX](?=\d{{1,3}}(?!{LETTERS_AND_DIGITS}))",  # x2: how many of them
            r"\d+(?=(?:pcs?|pieces?|x)(?![A-Za-z0-9]))",  # 2pcs, 2x
            rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!{LETTERS_AND_DIGITS})",  # 1,299.00
            rf"\d+\.\d+{LETTER}*",  # 42.5, 1.5L
            rf"{LETTER}+(?='s(?!{LETTERS_AND_DIGITS}))",  # Emma|'s
            rf"'s(?!{LETTERS_AND_DIGITS})",
            rf"{LETTER}+(?:['-]{LETTER}+)+",  # don't, t-shirt
            rf"{LETTERS_AND_DIGITS}+(?:_{LETTERS_AND_DIGITS}+)*",  # order, W2378156, 500ml, SAVE_10
            rf"[{HAN}]",
            rf"[^\s{INVISIBLE}]",
        )
    )
)


def normalise(text: str) -> str:
    """The same text with full-width letters, digits and signs made ASCII, one for one, so that offsets stay true."""
    return text.translate(ONE_FOR_ONE)


def without_particulars(plain: str) -> str:
    """The same normalised text, one for one, with one e-mail address for all of its length and long numbers of noughts.

    Which address, phone or order it is says nothing of what is wanted: so messages of one make are alike.
    """
    return LONG_NUMBER.sub(lambda found: "0" * len(found[0]), AN_EMAIL.sub(_any_email, plain))


def in_general(written: str) -> str:
    """What the encoders read of a text: without particulars, and without the spaces at its end, of which they would
    make something. Offsets stay true."""
    return without_particulars(normalise(without_half_characters(written))).rstrip()


def _any_email(found: re.Match[str]) -> str:
    length = len(found[0])
    domain = next(domain for domain in DOMAINS if len(domain) < length)
    return (ANYBODY * length)[: length - len(domain)] + domain


def without_half_characters(text: str) -> str:
    """The same text, one for one, with a sign for each half of a character: a broken JSON has them, no encoder does."""
    return LONE_SURROGATE.sub(REPLACEMENT, text)


def token_spans(text: str) -> list[tuple[int, int]]:
    """Where the tokens of a normalised text stand: a Han character each, words, numbers, codes and e-mails whole."""
    return [match.span() for match in TOKEN.finditer(text)]


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, normalised, in their own case."""
    plain = normalise(text)
    return [plain[start:end] for start, end in token_spans(plain)]


def scripts_of(text: str) -> set[str]:
    """What its letters are written in, by Unicode's names: LATIN, CJK, CYRILLIC."""
    return {unicodedata.name(letter, "").partition(" ")[0] for letter in normalise(text) if letter.isalpha()}


def is_han(token: str) -> bool:
    return bool(HAN_CHARACTER.match(token))
