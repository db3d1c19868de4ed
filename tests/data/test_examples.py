"""There is enough to learn from, in both languages."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
AT_LEAST, AT_LEAST_A_TOPIC = 25, 8


@lru_cache(maxsize=1)
def counts() -> dict[str, Counter[str]]:
    """Examples by intent or FAQ topic, and by language; Chinese is what holds a Chinese character."""
    found: dict[str, Counter[str]] = {}
    for path in (ROOT / "data/nlu").glob("*.yml"):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            if "intent" in block:
                texts = [line[2:] for line in block["examples"].splitlines() if line.startswith("- ")]
                found.setdefault(block["intent"], Counter()).update("zh" if HAN.search(t) else "en" for t in texts)
    return found


@pytest.mark.parametrize("intent", sorted(counts()))
def test_there_are_enough_examples_in_both_languages(intent: str) -> None:
    wanted = AT_LEAST_A_TOPIC if intent.startswith("faq/") else AT_LEAST
    assert min(counts()[intent][language] for language in ("zh", "en")) >= wanted


def test_every_intent_of_the_domain_has_examples() -> None:
    declared = {
        name for entry in yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["intents"] for name in entry
    }
    assert declared - {"faq", "nlu_fallback"} == {intent for intent in counts() if not intent.startswith("faq/")}
