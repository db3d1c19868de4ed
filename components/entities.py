"""Reads from their context the entities that no pattern and no catalogue knows: reasons, ordinals, unknown products."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Text

import pycrfsuite
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import hints, sources, windows
from components.hints import hint_per_token
from components.windows import features_of

MODEL_FILE = "entities.crfsuite"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class EntityTagger(GraphComponent, EntityExtractorMixin):
    """A conditional random field (Lafferty et al., 2001) over windows of tokens and what was found before it.

    Rasa's own extractor learns anew whenever it is loaded, and knows no hints; this one keeps what it has learnt.
    It also says of every entity found before it how likely it looks here, so that a doubtful one can be dropped.
    """

    @classmethod
    def required_components(cls) -> List[type]:
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        return ["sklearn_crfsuite"]  # brings pycrfsuite, whose distribution has another name than its module

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"max_iterations": 60, "L1_c": 0.05, "L2_c": 0.01}

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(windows, hints)

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Optional[bytes] = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._open(model)

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EntityTagger:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        self.check_correct_entity_annotations(training_data)
        trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        trainer.set_params(
            {
                "c1": self._config["L1_c"],
                "c2": self._config["L2_c"],
                "max_iterations": self._config["max_iterations"],
                "feature.possible_transitions": True,
            }
        )
        for example in training_data.nlu_examples:
            self._show(trainer, example)
        with self._model_storage.write_to(self._resource) as folder:
            trainer.train(str(folder / MODEL_FILE))
            self._open((folder / MODEL_FILE).read_bytes())
        return self._resource

    def _open(self, model: Optional[bytes]) -> None:
        self._model = model  # the tagger reads in these very bytes and does not keep them alive
        self._tagger = None
        if model:
            self._tagger = pycrfsuite.Tagger()
            self._tagger.open_inmemory(model)

    def _show(self, trainer: pycrfsuite.Trainer, example: Message) -> None:
        tokens = example.get(TOKENS_NAMES[TEXT])
        if not tokens:
            return
        words = [token.text for token in tokens]
        labels = windows.labels_of([(token.start, token.end) for token in tokens], example.get(ENTITIES) or [])
        trainer.append(features_of(words, hint_per_token(example)), labels)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> EntityTagger:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, (folder / MODEL_FILE).read_bytes())

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            known = message.get(ENTITIES, [])
            found = self._tag(message, known)
            message.set(ENTITIES, known + self.add_extractor_name(found), add_to_output=True)
        return messages

    def _tag(self, message: Message, known: List[Dict[Text, Any]]) -> List[Dict[Text, Any]]:
        tokens: List[Token] = message.get(TOKENS_NAMES[TEXT]) or []
        if self._tagger is None or not tokens:
            return []
        self._tagger.set(features_of([token.text for token in tokens], hint_per_token(message)))
        for entity in known:
            inside = [i for i, token in enumerate(tokens) if entity["start"] <= token.start < entity["end"]]
            entity["confidence_entity"] = max((self._likelihood(entity["entity"], i) for i in inside), default=0.0)
        found = windows.entities_of(self._tagger.tag(), [(token.start, token.end) for token in tokens])
        for entity in found:
            first, last = entity.pop("tokens")
            entity["value"] = message.get(TEXT)[entity["start"] : entity["end"]]
            entity["confidence_entity"] = min(self._likelihood(entity["entity"], i) for i in range(first, last + 1))
        return found

    def _likelihood(self, entity: Text, index: int) -> float:
        labels = {f"B-{entity}", f"I-{entity}"} & set(self._tagger.labels())
        return float(sum(self._tagger.marginal(label, index) for label in labels))
