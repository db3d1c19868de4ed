"""Knows the shop's products and options by name: they are read from its database whenever the bot is trained."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import phrases, sources, text
from components.hints import add_hints
from components.phrases import GOODS, Phrase, PhraseBook, read_goods, read_phrases

PHRASES_FILE = "phrases.json"


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR],
    is_trainable=True,
)
class CatalogueMatcher(GraphComponent, EntityExtractorMixin):
    """Emits `product` and `option` for every name in the catalogue; a new product is known after the next training.

    It counts as a featurizer too, for what it finds in the training data is a hint to the components that learn.
    """

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"database": "sqlite:///var/shop.db"}

    @staticmethod
    def required_packages() -> List[Text]:
        return ["spacy", "sqlalchemy"]

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        try:
            known = json.dumps([*read_phrases(_database(config)), *read_goods()], ensure_ascii=False)
        except InvalidConfigException:
            known = "no catalogue"  # the training itself says so
        return sources.fingerprint(text, phrases, known)

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        known: Optional[List[Phrase]] = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._book = PhraseBook(known or [])

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CatalogueMatcher:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Reads the catalogue; the sentences it is trained with teach it nothing."""
        known = [*read_phrases(_database(self._config)), *read_goods()]
        self._book = PhraseBook(known)
        with self._model_storage.write_to(self._resource) as folder:
            (folder / PHRASES_FILE).write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CatalogueMatcher:
        with model_storage.read_from(resource) as folder:
            known = json.loads((folder / PHRASES_FILE).read_text(encoding="utf-8"))
        return cls(config, model_storage, resource, [Phrase(*phrase) for phrase in known])

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        for example in training_data.training_examples:
            if example.get(TEXT):
                add_hints(example, self._book.find(text.normalise(example.get(TEXT))))
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            found = self._book.find(text.normalise(message.get(TEXT) or ""))
            add_hints(message, found)
            found = [entity for entity in found if entity["entity"] != GOODS]
            message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name(found), add_to_output=True)
        return messages


def _database(config: Dict[Text, Any]) -> Text:
    named = config.get("database") or CatalogueMatcher.get_default_config()["database"]  # a node may be given no config
    return os.environ.get("SHOP_DATABASE_URL") or named
