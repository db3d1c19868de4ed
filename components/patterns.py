"""Finds what is recognised by how it is written, order numbers before all, so that no classifier has to invent them."""

from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import notations, sources, text
from components.hints import add_hints


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR],
    is_trainable=False,
)
class PatternExtractor(GraphComponent, EntityExtractorMixin):
    """Emits numbers, e-mails, phones, amounts and scores in one canonical form, where they stand in the original text.

    It counts as a featurizer too, for what it finds in the training data is a hint to the components that learn.
    """

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> PatternExtractor:
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(text, notations)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        for example in training_data.training_examples:
            if example.get(TEXT):
                add_hints(example, self._extract(example))
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            found = self._extract(message)
            add_hints(message, found)
            message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name(found), add_to_output=True)
        return messages

    @staticmethod
    def _extract(message: Message) -> List[Dict[Text, Any]]:
        readings = notations.read(text.normalise(message.get(TEXT) or ""))
        return [
            {"entity": found.entity, "start": found.start, "end": found.end, "value": found.value} for found in readings
        ]
