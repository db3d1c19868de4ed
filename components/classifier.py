"""Tells what the customer wants: one linear model over all intents and, within `faq`, all topics."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Text

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import INTENT, INTENT_RESPONSE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from safetensors.numpy import load_file, save_file

from components import linear, ranking, sources, text, wording
from components.linear import LinearModel
from components.ranking import ranked, selected_responses
from components.wording import wording_of

LABELS_FILE, WEIGHTS_FILE = "labels.json", "weights.safetensors"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(GraphComponent, IntentClassifier):
    """A linear model over word and letter n-grams, with names and numbers replaced by what they are.

    A retrieval intent is as likely as all its topics together, and its likeliest topic is the selected response: a
    FAQ topic needs no second model. A message without a word has confidence 0, so that the fallback takes it.
    """

    @classmethod
    def required_components(cls) -> List[type]:
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        return ["sklearn"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"regularisation": 1.0, "ranking_length": 10}

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(text, wording, linear, ranking)

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Optional[LinearModel] = None,
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        labels = [example.get(INTENT_RESPONSE_KEY) or example.get(INTENT) for example in examples]
        wordings = [wording_of(example) for example in examples]
        self._model = linear.fit(wordings, labels, regularisation=self._config["regularisation"])
        with self._model_storage.write_to(self._resource) as folder:
            names = {"labels": self._model.labels, "features": self._model.features}
            (folder / LABELS_FILE).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
            save_file(self._model.tensors, str(folder / WEIGHTS_FILE))
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        with model_storage.read_from(resource) as folder:
            names = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))
            model = LinearModel(**names, tensors=load_file(str(folder / WEIGHTS_FILE)))
        return cls(config, model_storage, resource, model)

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            likelihoods = self._likelihoods(message)
            length, ordered = self._config["ranking_length"], ranked(likelihoods)
            message.set(INTENT, ordered[0] if ordered else {"name": None, "confidence": 0.0}, add_to_output=True)
            message.set("intent_ranking", ordered[:length], add_to_output=True)
            message.set("response_selector", selected_responses(likelihoods, length), add_to_output=True)
        return messages

    def _likelihoods(self, message: Message) -> Dict[Text, float]:
        if self._model is None:
            return {}
        features = wording_of(message)
        if not any(feature in self._model.index for feature in features):
            return {label: 0.0 for label in self._model.labels}
        return dict(zip(self._model.labels, map(float, self._model.likelihoods(features)), strict=True))
