"""What sentences mean, as they are annotated and as a trained model understands them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.measures import Span

NOT_MEASURED = {"language"}
FALLBACK = "nlu_fallback"


@dataclass(frozen=True)
class Understood:
    """One sentence: its label (`intent`, or `faq/TOPIC`) and its entities."""

    text: str
    language: str
    label: str
    spans: frozenset[Span]
    fell_back: bool = False

    @property
    def intent(self) -> str:
        return self.label.split("/")[0]


def read_gold(path: str) -> list[Understood]:
    from rasa.shared.nlu.training_data.loading import load_data

    return [_gold_of(example) for example in load_data(path).nlu_examples if example.get("intent")]


def _gold_of(example: Any) -> Understood:
    text = example.get("text")
    label = example.get("intent_response_key") or example.get("intent")
    metadata = example.get("metadata") or {}
    noted = {**(metadata.get("intent") or {}), **(metadata.get("example") or {})}.get("language")
    return Understood(text, noted or language_of(text), label, _spans(example.get("entities") or []))


def language_of(text: str) -> str:
    """zh, en or mixed, by the words a sentence is made of."""
    from components.text import LATIN_LETTER, is_han, tokens_of

    tokens = tokens_of(text)
    has_han = any(map(is_han, tokens))
    has_words = any(token.isalpha() and len(token) > 2 for token in tokens if LATIN_LETTER.match(token))
    return "mixed" if has_han and has_words else "zh" if has_han else "en"


def _spans(entities: Sequence[dict[str, Any]]) -> frozenset[Span]:
    return frozenset(
        Span(entity["entity"], entity["start"], entity["end"])
        for entity in entities
        if entity["entity"] not in NOT_MEASURED
    )


async def predict(model: str, gold: Sequence[Understood]) -> list[Understood]:
    from rasa.core.agent import Agent

    agent = Agent.load(model)
    return [_prediction_of(await agent.parse_message(one.text), one) for one in gold]


def _prediction_of(parsed: dict[str, Any], gold: Understood) -> Understood:
    ranking = [one["name"] for one in parsed.get("intent_ranking", []) if one["name"] != FALLBACK]
    intent = ranking[0] if ranking else str(parsed["intent"]["name"])
    selected = parsed.get("response_selector", {}).get(intent, {}).get("response", {})
    label = selected.get("intent_response_key") or intent
    fell_back = parsed["intent"]["name"] == FALLBACK
    return Understood(gold.text, gold.language, label, _spans(parsed["entities"]), fell_back)
