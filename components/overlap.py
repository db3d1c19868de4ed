"""Leaves one clean list of entities where pattern, catalogue and tagger each found their own."""

from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message

from components import sources, text
from components.text import tokens_of

PATTERNS, CATALOGUE = "PatternExtractor", "CatalogueMatcher"
TRUST = {PATTERNS: 2, CATALOGUE: 1}
KNOWN_BY_THEIR_FORM = {"order_number", "tracking_number", "email", "phone"}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class OverlapResolver(GraphComponent):
    """Keeps the longer of two overlapping entities of one type, and of two types the one from the surer source.

    Two kinds go before that: a number, e-mail or phone that only the tagger saw (it would be invented), and a short
    name in the catalogue that the tagger thinks very unlikely here (手机 in 手机号, "case" in "in that case").
    """

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"least_likelihood": 0.3}

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(text)

    def __init__(self, config: Dict[Text, Any]) -> None:
        self._least_likelihood = config["least_likelihood"]

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> OverlapResolver:
        return cls(config)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            believed = [entity for entity in message.get(ENTITIES, []) if self._is_believed(entity)]
            message.set(ENTITIES, resolve(believed), add_to_output=True)
        return messages

    def _is_believed(self, entity: Dict[Text, Any]) -> bool:
        if entity.get("extractor") == CATALOGUE:
            return is_telling(entity["value"]) or entity.get("confidence_entity", 1.0) >= self._least_likelihood
        return entity.get("extractor") == PATTERNS or entity["entity"] not in KNOWN_BY_THEIR_FORM


def is_telling(name: str) -> bool:
    """A name of two words, or of four Han characters, is no accident."""
    tokens = tokens_of(name)
    return len(tokens) >= (4 if text.HAN_CHARACTER.search(name) else 2)


def resolve(entities: List[Dict[Text, Any]]) -> List[Dict[Text, Any]]:
    """The entities without overlaps, in the order of the text."""
    kept: List[Dict[Text, Any]] = []
    for entity in sorted(entities, key=_rank, reverse=True):
        if _is_outgrown(entity, entities) or any(_overlap(entity, other) for other in kept):
            continue
        kept.append(entity)
    return sorted(kept, key=lambda entity: entity["start"])


def _rank(entity: Dict[Text, Any]) -> tuple[int, int, int]:
    return _trust(entity), _length(entity), -entity["start"]


def _trust(entity: Dict[Text, Any]) -> int:
    return TRUST.get(entity.get("extractor", ""), 0)


def _is_outgrown(entity: Dict[Text, Any], entities: List[Dict[Text, Any]]) -> bool:
    """Whether there is a longer one of its type, which itself may stay."""
    return entity.get("extractor") != PATTERNS and any(
        other["entity"] == entity["entity"]
        and _overlap(entity, other)
        and _length(other) > _length(entity)
        and not _is_contested(other, entities)
        for other in entities
    )


def _is_contested(entity: Dict[Text, Any], entities: List[Dict[Text, Any]]) -> bool:
    """Whether a surer source found another type in it: "red lamp" is no product where red is a colour of the shop's."""
    return any(
        other["entity"] != entity["entity"] and _trust(other) > _trust(entity) and _overlap(entity, other)
        for other in entities
    )


def _overlap(one: Dict[Text, Any], other: Dict[Text, Any]) -> bool:
    return one["start"] < other["end"] and other["start"] < one["end"]


def _length(entity: Dict[Text, Any]) -> int:
    return int(entity["end"] - entity["start"])
