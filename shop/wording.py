"""The shop's facts in words, in the reader's language: money, dates, lists and labels as a person writes them (Babel).

The words themselves stand in `wording.yml`; whole sentences stand in `domain.yml`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal

from shop import clock

LOCALES = {"zh": Locale.parse("zh_Hans_CN"), "en": Locale.parse("en_GB")}
DAY = {"zh": "M月d日（EEE）", "en": "EEE d MMM"}
NEAR_DAY = {"zh": "M月d日 EEE", "en": "EEE d MMM"}  # beside its name: tomorrow (Mon 23 Nov)
DAY_OF_OTHER_YEAR = {"zh": "y年M月d日", "en": "d MMM y"}
MOMENT = {"zh": "M月d日 HH:mm", "en": "d MMM, HH:mm"}


@lru_cache(maxsize=1)
def words() -> Mapping[str, Any]:
    """The labels of `wording.yml`: section, then term, then language."""
    with open(Path(__file__).with_name("wording.yml"), encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


class Wording:
    """Words facts in one language, "zh" or "en"."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LOCALES else "en"
        self.locale = LOCALES[self.language]

    def term(self, section: str, name: str) -> str:
        """A label: `term("order_state", "shipped")`."""
        return str(words()[section][name][self.language])

    def label(self, value: enum.Enum) -> str:
        """The label of an enum's member; its section is the enum's name in snake_case."""
        kind = type(value).__name__
        section = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_")
        return self.term(section, str(value.value))

    def count(self, noun: str, number: int) -> str:
        """A number with its noun, in the right plural: 1 item, 2 items, 2件."""
        forms = words()["counts"][noun][self.language]
        form = self.locale.plural_form(number)
        return str(forms.get(form, forms["other"])).format(n=format_decimal(number, locale=self.locale))

    def money(self, cents: int) -> str:
        """Cents as yuan: 33800 is ¥338, 33850 is ¥338.50."""
        pattern = "¥#,##0;-¥#,##0" if cents % 100 == 0 else "¥#,##0.00;-¥#,##0.00"
        return str(format_decimal(Decimal(cents) / 100, format=pattern, locale=self.locale))

    def day(self, day: date) -> str:
        """A day, with today, tomorrow and yesterday by their names."""
        away = (day - clock.today()).days
        name = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(away)
        pattern = NEAR_DAY if name else DAY if abs(away) < 120 else DAY_OF_OTHER_YEAR
        written = str(format_date(day, pattern[self.language], locale=self.locale))
        return self.term("days", name).format(day=written) if name else written

    def moment(self, moment: datetime) -> str:
        return str(format_datetime(moment.astimezone(clock.SHOP_TIME), MOMENT[self.language], locale=self.locale))

    def listing(self, parts: Iterable[str]) -> str:
        """Parts as a sentence lists them: a, b and c; a、b和c."""
        return str(format_list(list(parts), locale=self.locale))

    def enumeration(self, parts: Iterable[str]) -> str:
        """Parts that are long themselves: Chinese keeps them apart by 、 alone."""
        return "、".join(parts) if self.language == "zh" else self.listing(parts)

    def named(self, thing: Any) -> str:
        """The name of anything that has one in each language."""
        return str(thing.name_zh if self.language == "zh" else thing.name_en)

    def options(self, thing: Any) -> str:
        return str(thing.options_zh if self.language == "zh" else thing.options_en)

    def item(self, line: Any, quantity: int | None = None) -> str:
        """An order line or variant's product with its options and number of pieces: Hoodie (grey · M) ×2."""
        options = self.options(line)
        pieces = line.quantity if quantity is None else quantity
        shown = self.named(line) + (self.term("marks", "options").format(options=options) if options else "")
        return shown + (self.term("marks", "pieces").format(n=pieces) if pieces > 1 else "")

    def payment(self, kind: enum.Enum, last_four: str = "") -> str:
        """A payment method: your Visa ending 4242."""
        name = self.label(kind)
        return self.term("marks", "ending").format(name=name, last_four=last_four) if last_four else name

    def facts(self, facts: Mapping[str, Any]) -> dict[str, str]:
        """The facts of a refusal, worded: cents as money, days as days, `_zh`/`_en` pairs as one name."""
        worded: dict[str, str] = {}
        for name, value in facts.items():
            if name.endswith(("_zh", "_en")):
                if name.endswith(f"_{self.language}"):
                    worded[name[:-3]] = str(value)
            elif name.endswith("_cents"):
                worded[name[: -len("_cents")]] = self.money(value)
            elif isinstance(value, enum.Enum):
                worded[name] = self.label(value)
            elif isinstance(value, date):
                worded[name] = self.day(value)
            else:
                worded[name] = self.term("marks", "unknown") if value is None else str(value)
        return worded
