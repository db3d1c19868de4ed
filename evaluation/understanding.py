"""What sentences mean, as they are annotated and as a trained model understands them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluation.measures import Span

NOT_MEASURED = {"language"}


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
    """The annotated sentences of a file or folder."""
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


def understood(gold: Understood, answer: dict[str, Any]) -> Understood:
    """A sentence as a model answered it, from what `evaluation.worker` wrote."""
    return replace(gold, label=answer["label"], spans=_spans(answer["entities"]), fell_back=answer["fell_back"])


def annotated_types(*data: Iterable[Understood]) -> set[str]:
    """The entity types that these sentences annotate."""
    return {span.entity for sentences in data for one in sentences for span in one.spans}


def only_types(sentences: Iterable[Understood], types: set[str]) -> list[Understood]:
    """The sentences with entities of these types alone: what a data set does not annotate, it cannot judge."""
    return [replace(one, spans=frozenset(span for span in one.spans if span.entity in types)) for one in sentences]
