"""How numbers, e-mails, phones, codes, amounts and scores are written, and what each of them says.

The notations stand in order of trust: a span that an earlier one has claimed is not read again by a later one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from components.text import ADDRESS_ON_THE_WEB, EMAIL

START = r"(?<![A-Za-z0-9_@])(?<![A-Za-z0-9][-.])(?<!\d[,/])"  # never inside a longer code, number or address
END = r"(?![A-Za-z0-9_@])(?![-.][A-Za-z0-9])(?!,\d{3}(?!\d))"
IS = r"(?:\s*(?:是|为|就是|is|are|was|=|:|,))*\s*"
NOT_MONEY_OR_TIME = (
    r"(?!\s*(?:元|块|年|月|日|号楼|个|件|rmb\b|cny\b|yuan\b|dollars?\b|bucks\b|pieces?\b|pcs\b|items?\b))"
)
A_DATE = r"(?:20[0-3]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
ORDER_WORD = r"(?:订单号?码?|单号|order(?:\s*(?:number|no\.?|num|id|ref))?)"
AFTER_AN_ORDER = r"(?<![A-Za-z\d])[WR]\d{7}[\s,，:：]{1,3}"  # digits that follow its number prove that it is theirs
ORDER_NUMBER_WORD = r"(?:订单号码?|订单编号|order\s*(?:number|no\.?|num|id|ref))"
PHONE_WORD = r"(?:电话|座机|手机号?码?|号码是|phone(?:\s*(?:number|no\.?))?|mobile|tel|call me (?:on|at))"
POSTCODE_WORD = r"(?:邮编|邮政编码|post\s?code|postal(?:\s?code)?|zip(?:\s?code)?)"
ADDRESS_SIGN = r"(?:路|街|巷|弄|号|室|区|市|楼|座|院|\b(?:road|rd|street|st|avenue|ave|lane|apartment|district)\b)"
LAST_FOUR_WORD = r"(?:尾号|后四位|末四位|后4位|last (?:four|4)(?: digits)?(?: of [a-z ]{1,20}?)?|ending(?: in| with)?)"
CODE_WORD = r"(?:code|coupon|voucher|优惠码|优惠券码?|折扣码|促销码|券码|兑换码|口令)"
HAN_DIGITS = "零一二三四五六七八九"
HAN_NUMBER = f"[{HAN_DIGITS}两十百千万]"
AT_MOST = r"(?:under|below|less than|cheaper than|at most|up to|no more than|不超过|不高于|不要超过|低于|最多|预算)"
PRICE = r"(?:\d{1,3}(?:,\d{3})+|\d{2,5})(?:\.\d{1,2})?"
NO_PRICE = (  # what stands behind a number that counts something else
    r"(?!\s*(?:-|to\b|~|%|percent|days?|hours?|hrs?|weeks?|months?|years?|minutes?|mins?|pieces?|pcs|items?|people|kg|g|cm|mm|km"
    r"|ml|l|mah|gb|tb|inch(?:es)?|stars?)(?![A-Za-z])|\s*(?:天|日|号|点|小时|分|周|个|月|年|岁|件|条|双|斤|公斤|克|厘米|米|度|人|次|码|毫安))"
)
CURRENCY = r"(?:元整?|块钱?|人民币|美元|美金|欧元|英镑|刀|rmb|cny|yuan|kuai|dollars?|bucks?|usd|eur|euros?|gbp|pounds?)"
WORD_SCORES = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "ten": "10"}
SCORE = rf"(?:10|[0-9](?:\.[05])?|{'|'.join(WORD_SCORES)})"


@dataclass(frozen=True)
class Notation:
    """A regular expression over normalised text; its group `span`, where it has one, is the entity."""

    entity: str | None  # None: claimed, so that nothing is read in it
    expression: re.Pattern[str]
    canonical: Callable[[str], str]


@dataclass(frozen=True)
class Reading:
    entity: str
    start: int
    end: int
    value: str


def order_number(written: str) -> str:
    code = re.sub(r"[\s#-]", "", written).upper()
    return f"W{code}" if re.fullmatch(r"\d{7}", code) else code


def without_gaps(written: str) -> str:
    return re.sub(r"[\s-]", "", written).upper()


def phone_number(written: str) -> str:
    digits = re.sub(r"\D", "", written)
    return re.sub(r"^(?:00)?86(?=1\d{10}$)", "", digits)


def number_of(written: str) -> str:
    """'1,299.00', '五百' or '5k' as plain digits."""
    match = re.search(r"\d[\d,]*(?:\.\d+)?", written)
    if match:
        digits = match.group().replace(",", "")
        if not re.search(r"[万千kw](?![A-Za-z])", written[match.end() :], re.IGNORECASE):
            return digits
        factor = 10_000 if re.search(r"[万w](?![A-Za-z])", written[match.end() :], re.IGNORECASE) else 1_000
        return f"{float(digits) * factor:.0f}"
    return str(han_number(written))


def han_number(written: str) -> int:
    """'两百五十' is 250: a digit waits until its unit comes, and 万 multiplies all that stands before it."""
    total, waiting = 0, 0
    for sign in written:
        if sign in HAN_DIGITS or sign == "两":
            waiting = 2 if sign == "两" else HAN_DIGITS.index(sign)
        elif sign == "万":
            total, waiting = (total + waiting) * 10_000, 0
        elif sign in "十百千":
            total, waiting = total + (waiting or 1) * {"十": 10, "百": 100, "千": 1_000}[sign], 0
    return total + waiting


def score(written: str) -> str:
    """A rating on the shop's scale of five: '4 out of 5', '五星' and '8/10' are 4, 5 and 4."""
    if "满分" in written:
        return "5"
    parts = re.findall(rf"\d+(?:\.\d+)?|{'|'.join(WORD_SCORES)}", written.lower())
    given = [float(WORD_SCORES.get(part, part)) for part in parts] or [float(han_number(written))]
    of_five = given[0] / 2 if len(given) > 1 and given[1] == 10 else given[0]
    return f"{of_five:g}"


def _of(entity: str | None, expression: str, canonical: Callable[[str], str], flags: int = re.IGNORECASE) -> Notation:
    return Notation(entity, re.compile(expression, flags), canonical)


NOTATIONS = (
    _of("email", rf"(?<![A-Za-z0-9._%+-]){EMAIL}", str.lower),
    _of(None, ADDRESS_ON_THE_WEB, str),
    _of("tracking_number", rf"{START}(?:1Z[A-Z0-9]{{16}}|[A-Z]{{2,5}}-?\d{{9,18}}(?:[A-Z]{{2}})?){END}", without_gaps),
    _of("order_number", rf"{START}(?:#\s?)?[WR](?:\d{{4,10}}|[\s-]\d{{7,8}}){END}", order_number),
    _of("order_number", rf"{START}#\s?\d{{4,12}}{END}", order_number),
    _of("phone", rf"{START}(?:(?:\+|00)?86[\s-]?)?1[3-9]\d(?:[\s-]?\d{{4}}){{2}}{END}", phone_number),
    _of("phone", rf"{START}\+\d{{1,3}}(?:[\s.-]{{0,2}}\(?\d{{2,5}}\)?){{2,5}}{END}", phone_number),
    _of("phone", rf"{START}(?:\(\d{{3}}\)\s?|\d{{3}}[\s-])\d{{3}}[\s-]\d{{4}}{END}", phone_number),
    _of("phone", rf"{START}(?:0\d{{2,3}}-\d{{7,8}}|0\d{{4}}\s\d{{6}}|0\d{{9,10}}){END}", phone_number),
    _of("phone", rf"{PHONE_WORD}{IS}(?P<span>\d[\d\s-]{{5,13}}\d){END}", phone_number),
    _of("phone", rf"(?<!visa )(?<!card )(?<!订单)(?<!卡){LAST_FOUR_WORD}{IS}(?P<span>\d{{4}}){END}", phone_number),
    _of("phone", r"^\s*(?P<span>\d{4})\s*[.!。]?\s*$", phone_number),
    _of("phone", rf"{AFTER_AN_ORDER}(?P<span>\d{{4}})\s*[.!。]?\s*$", phone_number),
    _of("tracking_number", rf"{START}(?:\d{{12,15}}|\d{{20,22}}){END}", without_gaps),
    _of("order_number", rf"{ORDER_NUMBER_WORD}{IS}(?P<span>\d{{4,12}}){END}{NOT_MONEY_OR_TIME}", order_number),
    _of("order_number", rf"{ORDER_WORD}{IS}(?P<span>\d{{7,12}}){END}{NOT_MONEY_OR_TIME}", order_number),
    _of("amount", rf"{START}[¥$€£]\s?\d[\d,]*(?:\.\d{{1,2}})?(?:\s?[万千kw](?![A-Za-z]))?", number_of),
    _of("amount", rf"{START}\d[\d,]*(?:\.\d{{1,2}})?\s?[万千]?\s?{CURRENCY}(?![A-Za-z])", number_of),
    _of("amount", rf"{AT_MOST}\s?(?P<span>{PRICE}){END}{NO_PRICE}", number_of),
    _of("amount", rf"{START}(?P<span>{PRICE})(?:以内|以下|之内|左右|上下)", number_of),
    _of("amount", rf"{HAN_NUMBER}{{0,6}}[十百千万]{HAN_NUMBER}{{0,9}}\s?(?:元整?|块钱?|人民币)", number_of),
    _of("order_number", rf"{START}(?!{A_DATE}(?!\d))\d{{7,8}}{END}{NOT_MONEY_OR_TIME}", order_number),
    _of(
        "postal_code",
        rf"{POSTCODE_WORD}{IS}(?P<span>[A-Z]{{1,2}}\d[A-Z\d]?\s?\d[A-Z]{{2}}|\d{{5,6}}){END}",
        without_gaps,
    ),
    _of("postal_code", r"^\s*(?P<span>\d{6})\s*[.!。]?\s*$", without_gaps),
    _of("postal_code", rf"{AFTER_AN_ORDER}(?P<span>\d{{6}})\s*[.!。]?\s*$", without_gaps),
    _of("postal_code", rf"{ADDRESS_SIGN}.{{0,30}}?{START}(?P<span>\d{{6}}){END}{NOT_MONEY_OR_TIME}", without_gaps),
    _of("rating", rf"{START}{SCORE}\s?(?:out of|/)\s?(?:5|10|five|ten){END}", score),
    _of("rating", rf"{START}{SCORE}[\s-]?stars?(?![A-Za-z])", score),
    _of("rating", rf"{START}(?:10|[0-9](?:\.[05])?)\s?分(?![钟之期类析享店辨贝给])", score),
    _of("rating", rf"{START}[0-9]\s?颗?星(?![期座球])", score),
    _of("rating", r"[一二两三四五]颗星|(?<=[打给评])[一二两三四五]星|[一二两四五]星(?![期座球巴级空光辰])", score),
    _of(
        "rating",
        r"(?:(?<=[打给评个就])|(?<![^,.!?。，！？\s]))[零一二两三四五六七八九]分(?![钟之期类析享店辨贝给秒])",
        score,
    ),
    _of("rating", r"(?<=[打给评个])满分|(?<!\S)满分(?=吧|了|[,.!?。，！？\s]|$)", score),
    _of("coupon_code", rf"{CODE_WORD}{IS}(?P<span>(?=[A-Z0-9_]*[A-Z])(?=[A-Z_]*\d)[A-Z0-9_]{{4,16}}){END}", str.upper),
    _of("coupon_code", rf"{START}(?!IPHONE|IPAD|HDMI)[A-Z]{{4,12}}\d{{1,3}}{END}", str.upper, flags=0),
)


def read(plain: str) -> list[Reading]:
    """All that is written in a normalised text in one of the notations, without overlaps, in the order of the text."""
    claimed = bytearray(len(plain))
    readings: list[Reading] = []
    for notation in NOTATIONS:
        for start, end in _spans(notation, plain):
            if any(claimed[start:end]):
                continue
            claimed[start:end] = b"\x01" * (end - start)
            if notation.entity:
                readings.append(Reading(notation.entity, start, end, notation.canonical(plain[start:end])))
    return sorted(readings, key=lambda reading: reading.start)


def _spans(notation: Notation, plain: str) -> Iterator[tuple[int, int]]:
    group = "span" if "span" in notation.expression.groupindex else 0
    return (match.span(group) for match in notation.expression.finditer(plain))
