"""What a pretrained transformer makes of a message: a vector of each token in its context, and one of the whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List, Optional, Text

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tqdm import tqdm

from components import checkpoint, checkpoint_files, pooling, processor, settings, sources, text, vector_memory
from components.checkpoint import Encoder, open_checkpoint
from components.checkpoint_files import digest_of, locate
from components.vector_memory import Reading, VectorMemory

WORTH_A_BAR = 1000  # texts
SHAPES_THE_VECTORS = ("layer", "pooling", "prefix", "max_length")
TRAINS_WITH = (
    "fine_tuning",
    "joint_learning",
    "joint_training",
    "training_loop",
    "hands",
    "chance",
    "dropout",
    "crf",
    "crf_net",
    "tags",
)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class TransformerFeaturizer(DenseFeaturizer, GraphComponent):
    """Features of any encoder that Hugging Face's transformers know, from a checkpoint on this machine's disk.

    The checkpoint stays where it is: a bot that was trained with it needs it to run. With `fine_tune` above 0 its
    encoder is first trained further on the bot's own examples, and the model's archive carries it whole. What customers
    write is never kept: only the vectors of training examples are.
    """

    @classmethod
    def required_components(cls) -> List[type]:
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        return ["transformers", "torch"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            **DenseFeaturizer.get_default_config(),
            "model": None,  # a folder, the hub's name of what is downloaded already, or package:NAME
            "pooling": pooling.MEAN,  # of the sentence's vector: mean or cls
            "layer": -1,  # of the network, whose states are the vectors; 0 is before the first
            "prefix": "",  # what the checkpoint was trained to see before a text, such as "query: " of e5
            "batch_size": 64,
            "max_length": 256,  # subwords; the tokens after them get zeros
            "precision": processor.AUTO,  # or float32, bfloat16, float16
            "cache": ".cache/transformer",  # folder of the training examples' vectors; null for none
            "fine_tune": 0,  # epochs of training the encoder itself; 0 leaves it as it was published
            "fine_tune_learning_rate": 1e-4,  # as suits 6 layers; 12 and more want 2e-5 to 5e-5
            "fine_tune_batch_size": 32,
            "held_out": 0.05,  # share of the examples that choose its best epoch: the same as the classifier's, as is
            "random_seed": 1,  # the seed, so that the classifier judges itself on sentences that are new to the encoder
        }

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Raises InvalidConfigException that names the setting and what it may be."""
        epochs, rate, size = (config[f"fine_tune{end}"] for end in ("", "_learning_rate", "_batch_size"))
        held_out, seed = config["held_out"], config["random_seed"]
        claims = {
            "model": (isinstance(config["model"], str) and bool(config["model"]), "the name or folder of a checkpoint"),
            "pooling": (config["pooling"] in pooling.POOLINGS, f"one of {', '.join(pooling.POOLINGS)}"),
            "layer": (type(config["layer"]) is int, "a number of a layer"),
            "prefix": (isinstance(config["prefix"], str), "a text"),
            "batch_size": (type(config["batch_size"]) is int and config["batch_size"] > 0, "a number above 0"),
            "max_length": (type(config["max_length"]) is int and config["max_length"] > 2, "a number above 2"),
            "precision": (config["precision"] in processor.PRECISIONS, f"one of {', '.join(processor.PRECISIONS)}"),
            "cache": (config["cache"] is None or isinstance(config["cache"], str), "a folder or null"),
            "fine_tune": (type(epochs) is int and epochs >= 0, "a number of epochs, or 0 for none"),
            "fine_tune_learning_rate": (type(rate) in (int, float) and 0 < rate < 1, "a number above 0 and below 1"),
            "fine_tune_batch_size": (type(size) is int and size > 0, "a number above 0"),
            "held_out": (type(held_out) in (int, float) and 0 <= held_out < 0.5, "a share from 0 to below 0.5"),
            "random_seed": (type(seed) is int and seed >= 0, "a whole number from 0"),
        }
        settings.check(cls, config, claims)

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        """Refuses no setting: Rasa also asks where a cached result takes the component's place, with that one's."""
        config = {**cls.get_default_config(), **config}
        digest = digest_of(locate(config["model"])) if isinstance(config["model"], str) else ""
        modules = (sys.modules[__name__], checkpoint, checkpoint_files, pooling, processor, text, vector_memory)
        trains_with = sources.texts(*TRAINS_WITH) if config["fine_tune"] else []
        return sources.fingerprint(*modules, *trains_with, digest)

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        super().__init__(execution_context.node_name, config)
        self._model_storage = model_storage
        self._resource = resource
        self._is_finetuning = execution_context.is_finetuning
        self._encoder: Optional[Encoder] = None

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TransformerFeaturizer:
        component = cls(config, model_storage, resource, execution_context)
        locate(config["model"])  # refuses now, not after minutes of training
        return component

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TransformerFeaturizer:
        """Raises InvalidConfigException where the checkpoint, or what training made of it, is missing or not whole."""
        component = cls(config, model_storage, resource, execution_context)
        component._ready_encoder()  # so that the first customer does not wait for it
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Trains the encoder further where that is wanted, and writes it; `--finetune` goes on from the older one."""
        if not self._config["fine_tune"]:
            return self._resource
        from components import fine_tuning

        self._encoder = None
        messages = [message for message in training_data.nlu_examples if message.get(TEXT)]
        with self._model_storage.write_to(self._resource) as folder:
            source = folder if self._is_finetuning else locate(self._config["model"])
            fine_tuning.tune(source, messages, self._config).save(folder)
        return self._resource

    @property
    def texts_encoded(self) -> int:
        """How many texts went through the network: those that were not remembered."""
        return self._encoder.texts_encoded if self._encoder else 0

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self._add_features(training_data.training_examples, self._vectors_remembered)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        self._add_features(messages, self._vectors_computed)
        return messages

    def _add_features(self, messages: List[Message], vectors_of: Any) -> None:
        places = [
            (message, attribute, Reading.of(message, attribute))
            for message in messages
            for attribute in DENSE_FEATURIZABLE_ATTRIBUTES
            if message.get(TOKENS_NAMES[attribute]) is not None and message.get(attribute) is not None
        ]
        vectors = vectors_of(list(dict.fromkeys(reading for _, _, reading in places)))
        for message, attribute, reading in places:
            rows = vectors[reading]
            self.add_features_to_message(rows[1:], rows[:1], attribute, message)

    def _vectors_computed(self, readings: Sequence[Reading]) -> Dict[Reading, np.ndarray]:
        return {reading: rows for batch in self._batches(readings) for reading, rows in batch.items()}

    def _vectors_remembered(self, readings: Sequence[Reading]) -> Dict[Reading, np.ndarray]:
        """As computed, but what an earlier training computed alike is read from the cache, and the rest put there."""
        if self._config["cache"] is None or not readings:
            return self._vectors_computed(readings)
        memory = self._memory()
        vectors = memory.read(readings)
        for batch in self._batches([reading for reading in readings if reading not in vectors]):
            memory.write(batch)
            vectors.update(batch)
        return vectors

    def _batches(self, readings: Sequence[Reading]) -> Iterator[Dict[Reading, np.ndarray]]:
        if not readings:
            return
        encoder = self._ready_encoder()
        with tqdm(total=len(readings), disable=len(readings) <= WORTH_A_BAR, desc="Encoding", unit="text") as bar:
            for batch in encoder.encode([reading.text for reading in readings]):
                yield {readings[index]: self._rows(readings[index], *subwords) for index, subwords in batch}
                bar.update(len(batch))

    def _rows(self, reading: Reading, subwords: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        return pooling.shares(offsets, reading.spans, self._config["pooling"]) @ subwords

    def _ready_encoder(self) -> Encoder:
        if self._encoder is None:
            names = ("layer", "prefix", "batch_size", "max_length", "precision")
            with self._checkpoint_folder() as folder:
                self._encoder = Encoder(open_checkpoint(folder), **{name: self._config[name] for name in names})
        return self._encoder

    @contextmanager
    def _checkpoint_folder(self) -> Iterator[Path]:
        """Where the encoder is that computes the vectors: the model's own where it was fine-tuned."""
        if not self._config["fine_tune"]:
            yield locate(self._config["model"])
            return
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(self._model_storage.read_from(self._resource))
            except ValueError as error:
                raise InvalidConfigException("This model has no fine-tuned encoder. Train it again.") from error
            checkpoint_files.refuse_torn(folder)
            yield folder

    def _memory(self) -> VectorMemory:
        with self._checkpoint_folder() as folder:
            digest = digest_of(folder)
        facts = {name: self._config[name] for name in SHAPES_THE_VECTORS}
        facts["precision"] = processor.precision_here(self._config["precision"], processor.device_here())
        facts["code"] = sources.fingerprint(checkpoint, pooling, digest, version("transformers"))
        return VectorMemory(self._memory_file(digest), json.dumps(facts, sort_keys=True))

    def _memory_file(self, digest: Text) -> Path:
        """One file a checkpoint, and one for all that is made of it: the vectors of an older one are not kept."""
        folder = Path(self._config["cache"])
        if not self._config["fine_tune"]:
            return folder / f"{digest[:16]}.sqlite"
        name = digest_of(locate(self._config["model"]))[:16]
        file = folder / f"{name}-{digest[:16]}.sqlite"
        for older in set(folder.glob(f"{name}-*.sqlite")) - {file}:
            older.unlink(missing_ok=True)
        return file
