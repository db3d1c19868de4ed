"""Understands a message at once: what the customer wants, which FAQ topic, and the entities, with honest confidence.

A drop-in for Rasa's DIETClassifier (and, for retrieval intents, its ResponseSelector). docs/model.md explains it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Text, Tuple, Type

import numpy as np
from cachetools import LRUCache, cachedmethod
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import (
    calibration,
    crf,
    examples,
    fingerprints,
    joint_archive,
    joint_learning,
    memory,
    processor,
    ranking,
    sources,
    tags,
    text,
)
from components.calibration import Calibration
from components.crf import best_path, marginals
from components.examples import Examples
from components.joint_archive import Description, Net
from components.memory import Memory, Recollection
from components.ranking import ranked, selected_responses
from components.text import scripts_of

logger = logging.getLogger(__name__)

ANSWERS_REMEMBERED = 4_000  # of some kilobytes each; a message not known at a glance has two
SURE_OF_A_TAG = 0.9
OF_TRAINING = (  # modules that import torch
    "chance",
    "crf_net",
    "dropout",
    "hands",
    "joint_net",
    "joint_training",
    "memory_net",
    "training_loop",
)


class Answer(NamedTuple):
    """What net and memory say of one message. Shapes: likelihoods [labels]; scores [tokens, tags] of each kind of tag;
    shares [tokens, tags], how likely each tag of an entity is, where there are any."""

    likelihoods: np.ndarray
    scores: List[np.ndarray]
    shares: Optional[np.ndarray]


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR],
    is_trainable=True,
)
class JointClassifier(GraphComponent, IntentClassifier, EntityExtractorMixin):
    """A transformer with a random field for entities, and a memory of all examples beside it for intents."""

    @classmethod
    def required_components(cls) -> List[Type]:
        return [Featurizer]

    @staticmethod
    def required_packages() -> List[Text]:
        return ["torch", "onnxruntime", "safetensors"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return dict(joint_learning.DEFAULTS)

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        modules = (
            calibration,
            crf,
            examples,
            fingerprints,
            joint_archive,
            joint_learning,
            memory,
            processor,
            ranking,
            tags,
            text,
        )
        return sources.fingerprint(
            *modules,
            *sources.texts(*OF_TRAINING),
        )

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        joint_learning.check(config)
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._is_finetuning = execution_context.is_finetuning
        self._description: Optional[Description] = None
        self._net: Optional[Net] = None
        self._memory: Optional[Memory] = None
        self._memory_of_words: Optional[Memory] = None
        self._answered_lately: LRUCache[bytes, Optional[Answer]] = LRUCache(ANSWERS_REMEMBERED)

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> JointClassifier:
        return cls(config, model_storage, resource, execution_context)

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the sentences' features. With nothing to learn it stays silent, as Rasa's own does."""
        messages = [message for message in training_data.nlu_examples if message.get(TEXT)]
        if not messages:
            return self._resource
        if self._config["entity_recognition"]:
            self.check_correct_entity_annotations(training_data)
        older = None
        if self._is_finetuning:
            with _written(self._model_storage, self._resource) as folder:
                older = joint_learning.remembered(folder) if folder is not None else None
        learnt = joint_learning.learn(messages, self._config, older)
        if learnt is None:
            return self._resource
        with self._model_storage.write_to(self._resource) as folder:
            joint_archive.save(folder, *learnt)
            self._read(folder)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> JointClassifier:
        component = cls(config, model_storage, resource, execution_context)
        with _written(model_storage, resource) as folder:
            if folder is not None:
                component._read(folder)
        return component

    def _read(self, folder: Any) -> None:
        self._description = Description.read(folder)
        self._net = Net(folder, self._description)
        self._memory = joint_archive.load_memory(folder, self._description)
        self._memory_of_words = joint_archive.load_memory_of_words(folder, self._description)
        self._answered_lately.clear()  # another net, another answer

    def process(self, messages: List[Message]) -> List[Message]:
        for message in messages:
            self._understand(message)
        return messages

    def _understand(self, message: Message) -> None:
        likelihoods: Dict[Text, float] = {}
        found: List[Dict[Text, Any]] = []
        known = message.get(ENTITIES, [])
        if self._net is not None and self._description is not None and message.get(TEXT):
            features, answer = self._answer(message)
            likelihoods = dict(zip(self._description.labels, answer.likelihoods.tolist(), strict=True))
            if self._means_nothing(message.get(TEXT), features):
                likelihoods = dict.fromkeys(likelihoods, 0.0)
            if answer.shares is not None:
                found = self._entities(message, known, answer.scores, answer.shares)
        if self._config["intent_classification"]:
            self._say(message, likelihoods)
        message.set(ENTITIES, known + self.add_extractor_name(found), add_to_output=True)

    def _answer(self, message: Message) -> Tuple[Examples, Answer]:
        """What was read of it, its words alone where they are enough, and what that says."""
        assert self._description is not None
        featurizers, shape = self._config["featurizers"], self._description.shape
        if self._memory_of_words is not None:
            words = examples.read_words(message, featurizers, shape)
            glance = self._at_a_glance(words)
            if glance is not None:
                return words, glance
        features = examples.read([message], featurizers, shape)
        return features, self._in_full(features)

    @cachedmethod(attrgetter("_answered_lately"), key=lambda _, words: words.digest())
    def _at_a_glance(self, words: Examples) -> Optional[Answer]:
        """None where net and memory disagree, or are not nearly certain of the label and of each token's tag."""
        assert self._net is not None and self._memory_of_words is not None
        assert self._description is not None and self._description.of_words is not None
        intents, scores = self._net.scores(words)
        recalled = self._memory_of_words.recall(words)
        answer = self._judged(words, intents, scores, recalled, self._description.of_words)
        likeliest = int(answer.likelihoods.argmax())
        is_agreed = intents.argmax() == recalled.scores.argmax() == likeliest
        is_sure = answer.likelihoods[likeliest] >= self._config["glance"]
        if not (is_agreed and is_sure):
            return None
        if answer.shares is not None and (answer.shares.max(axis=1) < SURE_OF_A_TAG).any():
            return None
        return answer

    @cachedmethod(attrgetter("_answered_lately"), key=lambda _, features: features.digest())
    def _in_full(self, features: Examples) -> Answer:
        assert self._net is not None and self._description is not None
        recalled = self._memory.recall(features) if self._memory is not None else None
        return self._judged(features, *self._net.scores(features), recalled, self._description.calibration)

    def _judged(
        self,
        features: Examples,
        intents: np.ndarray,
        scores: List[np.ndarray],
        recalled: Optional[Recollection],
        calibration: Calibration,
    ) -> Answer:
        assert self._net is not None and self._description is not None
        likelihoods = np.zeros(0, np.float32)
        if self._description.labels:
            likelihoods = calibration.probabilities(intents, None if recalled is None else recalled.scores)[0]
        if recalled is not None:
            likelihoods = likelihoods * calibration.in_scope(recalled.likeness)[0]
        scores = [part[0, : int(features.lengths[0])] for part in scores]
        shares = marginals(scores[0], *self._net.field) if self._net.field is not None and scores else None
        return Answer(likelihoods, scores, shares)

    def _means_nothing(self, written: Text, features: Examples) -> bool:
        """Whether no word of it, nor a piece of one, is known, though it is of signs alone, or of letters like the
        examples': of other letters, the encoders may know the language."""
        assert self._description is not None
        words = features.sentence_words
        if words.nnz or any(map(str.isnumeric, written)):
            return False
        scripts = scripts_of(written)
        return not scripts or (words.shape[1] > 0 and scripts <= set(self._description.scripts))

    def _say(self, message: Message, likelihoods: Dict[Text, float]) -> None:
        ordered = ranked(likelihoods)
        message.set(INTENT, ordered[0] if ordered else {"name": None, "confidence": 0.0}, add_to_output=True)
        message.set("intent_ranking", ordered[: self._config["ranking_length"] or None], add_to_output=True)
        if any(ranking.TOPIC_MARK in label for label in likelihoods):
            selected = selected_responses(likelihoods, self._config["ranking_length"])
            message.set("response_selector", selected, add_to_output=True)

    def _entities(
        self, message: Message, known: List[Dict[Text, Any]], scores: List[np.ndarray], shares: np.ndarray
    ) -> List[Dict[Text, Any]]:
        """Entities as Rasa has them. It also says of those found before it how likely they look here."""
        assert self._net is not None and self._net.field is not None and self._description is not None
        tokens = message.get(TOKENS_NAMES[TEXT]) or []
        names = self._description.tags["entity"]
        spans = tags.spans_of([names[tag] for tag in best_path(scores[0], *self._net.field)])
        if not spans and not known:
            return []
        likely = _Likelihoods(shares, names)
        for entity in known:
            inside = [i for i, token in enumerate(tokens) if entity["start"] <= token.start < entity["end"]]
            entity["confidence_entity"] = max((likely(entity["entity"], i) for i in inside), default=0.0)
        found = []
        for name, first, last in spans:
            start, end = tokens[first].start, tokens[last].end
            value = message.get(TEXT)[start:end]
            confidence = min(likely(name, i) for i in range(first, last + 1))
            entity = {"entity": name, "start": start, "end": end, "confidence_entity": confidence, "value": value}
            found.append({**entity, **self._parts(scores[1:], first, last)})
        return found

    def _parts(self, scores: List[np.ndarray], first: int, last: int) -> Dict[Text, Any]:
        """Role and group, where the training data has any: what the entity's tokens say together."""
        assert self._description is not None
        parts: Dict[Text, Any] = {}
        kinds = [kind for kind in self._description.tags if kind != "entity"]
        for kind, scored in zip(kinds, scores, strict=True):
            shares = np.exp(scored[first : last + 1] - scored[first : last + 1].max(1, keepdims=True))
            shares = (shares / shares.sum(1, keepdims=True)).mean(0)
            best = int(shares.argmax())
            if self._description.tags[kind][best] != tags.OUTSIDE:
                parts |= {kind: self._description.tags[kind][best], f"confidence_{kind}": float(shares[best])}
        return parts


@contextmanager
def _written(storage: ModelStorage, resource: Resource) -> Iterator[Optional[Path]]:
    """The folder that training wrote; None where it had nothing to learn from, and so wrote none."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(storage.read_from(resource))
        except ValueError:
            logger.warning("JointClassifier was trained without any example, and says nothing.")
            folder = None
        yield folder


class _Likelihoods:
    """How likely a token is part of an entity of a type, by the marginals of the random field."""

    def __init__(self, shares: np.ndarray, names: List[Text]) -> None:
        self._shares = shares
        self._columns: Dict[Text, List[int]] = {}
        for column, name in enumerate(names):
            self._columns.setdefault(name[2:], []).append(column)

    def __call__(self, entity: Text, token: int) -> float:
        return float(self._shares[token, self._columns[entity]].sum()) if entity in self._columns else 0.0
