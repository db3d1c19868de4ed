"""What a pretrained transformer makes of a message: a vector of each token in its context, and one of the whole."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Text, Tuple

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tqdm import tqdm

from components import checkpoint, pooling, processor, settings, sources
from components.checkpoint import Encoder

logger = logging.getLogger(__name__)

WORTH_A_BAR = 1000  # texts
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, as a broken JSON can carry: no tokenizer takes it
REPLACEMENT = "\ufffd"
SHAPES_THE_VECTORS = ("layer", "pooling", "prefix", "max_length")


class Reading(NamedTuple):
    """A text and where its tokens stand: what decides its vectors. Their shape: [sentence and tokens, hidden]."""

    text: Text
    spans: Tuple[Tuple[int, int], ...]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class TransformerFeaturizer(DenseFeaturizer, GraphComponent):
    """Features of any encoder that Hugging Face's transformers know, from a checkpoint on this machine's disk.

    The checkpoint stays where it is: a bot that was trained with it needs it to run. What customers write is never
    kept: only the vectors of training examples are.
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
        }

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Raises InvalidConfigException that names the setting and what it may be."""
        claims = {
            "model": (isinstance(config["model"], str) and bool(config["model"]), "the name or folder of a checkpoint"),
            "pooling": (config["pooling"] in pooling.POOLINGS, f"one of {', '.join(pooling.POOLINGS)}"),
            "layer": (type(config["layer"]) is int, "a number of a layer"),
            "prefix": (isinstance(config["prefix"], str), "a text"),
            "batch_size": (type(config["batch_size"]) is int and config["batch_size"] > 0, "a number above 0"),
            "max_length": (type(config["max_length"]) is int and config["max_length"] > 2, "a number above 2"),
            "precision": (config["precision"] in processor.PRECISIONS, f"one of {', '.join(processor.PRECISIONS)}"),
            "cache": (config["cache"] is None or isinstance(config["cache"], str), "a folder or null"),
        }
        settings.check(cls, config, claims)

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        config = {**cls.get_default_config(), **config}
        cls.validate_config(config)
        digest = checkpoint.digest_of(checkpoint.locate(config["model"]))
        return sources.fingerprint(sys.modules[__name__], checkpoint, pooling, digest)

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        checkpoint.locate(config["model"])  # refuses now, not at the first message
        self._encoder: Optional[Encoder] = None

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TransformerFeaturizer:
        return cls(config, execution_context.node_name)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TransformerFeaturizer:
        component = cls(config, execution_context.node_name)
        component._ready_encoder()  # so that the first customer does not wait for it
        return component

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
            (message, attribute, _reading(message, attribute))
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
        sentence = pooling.sentence_vector(subwords, self._config["pooling"])
        if not reading.spans:
            sentence = np.zeros_like(sentence)  # a text without a token says nothing
        return np.concatenate([sentence, pooling.token_vectors(subwords, offsets, reading.spans)])

    def _ready_encoder(self) -> Encoder:
        if self._encoder is None:
            settings = ("layer", "prefix", "batch_size", "max_length", "precision")
            loaded = checkpoint.load_checkpoint(self._config["model"])
            self._encoder = Encoder(loaded, **{name: self._config[name] for name in settings})
        return self._encoder

    def _memory(self) -> VectorMemory:
        digest = checkpoint.digest_of(checkpoint.locate(self._config["model"]))
        facts = {name: self._config[name] for name in SHAPES_THE_VECTORS}
        facts["precision"] = processor.precision_here(self._config["precision"], processor.device_here())
        facts["code"] = sources.fingerprint(checkpoint, pooling, digest, version("transformers"))
        return VectorMemory(Path(self._config["cache"]) / f"{digest[:16]}.sqlite", json.dumps(facts, sort_keys=True))


class VectorMemory:
    """Vectors by what they were computed from, in a file that is never trusted: what is broken there was never known.

    A file holds the vectors of one checkpoint; it may be deleted at any time. A folder that cannot be written to costs
    time, not the training.
    """

    def __init__(self, file: Path, settings: Text) -> None:
        self._file = file
        self._settings = settings

    def read(self, readings: Sequence[Reading]) -> Dict[Reading, np.ndarray]:
        if not self._file.exists():
            return {}
        found: Dict[Reading, np.ndarray] = {}
        try:
            with closing(self._open()) as table:
                for reading in readings:
                    entry = table.execute("SELECT sum, rows FROM vectors WHERE key = ?", (self._key(reading),))
                    rows = _whole_rows(entry.fetchone(), len(reading.spans) + 1)
                    if rows is not None:
                        found[reading] = rows
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
        return found

    def write(self, vectors: Dict[Reading, np.ndarray]) -> None:
        entries = [(self._key(reading), rows.astype("<f4").tobytes()) for reading, rows in vectors.items()]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as table, table:
                table.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                    [(key, zlib.crc32(rows), rows) for key, rows in entries],
                )
        except (sqlite3.Error, OSError) as error:
            self._complain(error)

    def _open(self) -> sqlite3.Connection:
        table = sqlite3.connect(self._file, timeout=30)
        try:
            table.execute("CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, sum INTEGER, rows BLOB)")
        except sqlite3.Error:
            table.close()
            raise
        return table

    def _key(self, reading: Reading) -> Text:
        return hashlib.sha256(json.dumps([self._settings, *reading]).encode()).hexdigest()

    def _complain(self, error: Exception) -> None:
        logger.warning(f"The vectors in {self._file} cannot be used ({error}).")
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self._file.unlink(missing_ok=True)  # no database, or a damaged one


def _whole_rows(entry: Optional[Tuple[Any, Any]], count: int) -> Optional[np.ndarray]:
    """Shape: [count, hidden]; None where the entry is missing or not what was written."""
    if entry is None or not isinstance(entry[1], bytes) or not entry[1]:
        return None
    if zlib.crc32(entry[1]) != entry[0] or len(entry[1]) % (4 * count):
        return None
    return np.frombuffer(entry[1], "<f4").reshape(count, -1).astype(np.float32)


def _reading(message: Message, attribute: Text) -> Reading:
    spans = tuple((token.start, token.end) for token in message.get(TOKENS_NAMES[attribute]))
    return Reading(LONE_SURROGATE.sub(REPLACEMENT, message.get(attribute)), spans)
