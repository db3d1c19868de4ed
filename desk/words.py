"""The desk's own words, in the reader's language; they stand in `words.yml`. Facts are worded by `shop.wording`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from shop.wording import Wording

LANGUAGES = ("zh", "en")


@lru_cache(maxsize=1)
def table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Section, then word, then language."""
    with open(Path(__file__).with_name("words.yml"), encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


class Words(Wording):
    """Everything the desk says to somebody who reads this language."""

    def say(self, section: str, name: str, /, **facts: Any) -> str:
        """A word or sentence: `say("summary", "topic", topic=...)`."""
        return table()[section][name][self.language].format(**facts)

    def has(self, section: str, name: str) -> bool:
        return name in table()[section]

    def topic(self, name: str) -> str:
        return self.say("topic", name if self.has("topic", name) else "something_else")

    def refusal(self, error: Exception) -> str:
        """Why something was not done: by the refusal's name, with its facts."""
        facts = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        return self.say("refusal", refusal_name(error), **facts)


def refusal_name(error: Exception) -> str:
    """OrderNotFound is order_not_found."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
