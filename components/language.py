"""Hears whether a customer writes Chinese or English, so that every reply is in the language of the last message."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from components import sentence_language, sources, text
from components.hints import hints_of
from components.sentence_language import ENGLISH, LANGUAGES, has_latin_word, language_of

LANGUAGE, LANGUAGE_CHOICE = "language", "language_choice"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class LanguageDetector(GraphComponent, EntityExtractorMixin):
    """Emits the entity `language`, which fills the slot of that name without an action.

    A language that the customer asked for (slot `language_choice`) stays. Outside of a conversation (a parse request,
    a measure, a story test) there is no slot to fill and nothing is emitted.
    """

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageDetector:
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(text, sentence_language)

    def process(self, messages: List[Message], tracker: Optional[DialogueStateTracker] = None) -> List[Message]:
        if tracker is None or not tracker.slots:
            return messages
        for message in messages:
            heard = self._language_of(message, tracker)
            entity = {"entity": LANGUAGE, "start": 0, "end": len(message.get(TEXT) or ""), "value": heard}
            message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name([entity]), add_to_output=True)
        return messages

    @staticmethod
    def _language_of(message: Message, tracker: DialogueStateTracker) -> Text:
        chosen, spoken = (_slot(tracker, name) for name in (LANGUAGE_CHOICE, LANGUAGE))
        plain = text.normalise(message.get(TEXT) or "")
        named = [(start, end) for _, start, end in hints_of(message)]
        heard = chosen or language_of(plain, named) or spoken
        return heard or (ENGLISH if has_latin_word(plain) else "zh")


def _slot(tracker: DialogueStateTracker, name: Text) -> Optional[Text]:
    slot = tracker.slots.get(name)
    return slot.value if slot is not None and slot.value in LANGUAGES else None
