"""Vectors in which a Chinese question lies beside its English twin, from encoders that packages carry: no model hub."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import compress
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any, Dict, List, NamedTuple, Text, Tuple, TypeVar

import numpy as np
import onnxruntime
from cachetools import LRUCache, cachedmethod
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES, TOKENS_NAMES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tqdm import tqdm

from components import encoders, pooling, processor, settings, sources, text
from components.encoders import Reading, e5, languages, minilm, universal
from components.encoders.e5 import E5Encoder
from components.encoders.minilm import MiniLMEncoder
from components.encoders.universal import UniversalEncoder
from components.encoders.weights import MissingWeights
from components.fingerprints import Features

ENCODERS = {"e5": E5Encoder, "universal": UniversalEncoder, "minilm": MiniLMEncoder}
SOURCES = {"e5": e5.source, "universal": universal.source, "minilm": minilm.source}
SENTENCE_SIZES = {"e5": e5.SIZE, "universal": universal.SENTENCE_SIZE, "minilm": minilm.SIZE}
TOKEN_SIZES = {"e5": e5.SUBWORD_SIZE, "universal": universal.SUBWORD_SIZE, "minilm": minilm.SIZE}
OF_ENGLISH = "minilm"
LONGEST_FIRST = ("minilm", "e5", "universal")  # to read: so two processors are done with all of them soonest
TEXTS_AT_ONCE, WORTH_A_BAR = 128, 1000
CHARACTERS_REMEMBERED = 8_000  # of the texts read last: some five hundred short messages, in 10 to 30 MB
LAST_LATIN_LETTER = "\u024f"
Item, Result = TypeVar("Item"), TypeVar("Result")


class Passage(NamedTuple):
    """A text and where its tokens stand: what decides its vectors."""

    text: Text
    spans: Tuple[Tuple[int, int], ...]


class Readings(NamedTuple):
    """What each encoder reads in a text; None where it cannot."""

    text: Text
    of_encoders: Dict[Text, Future[List[Reading | None]]]

    @property
    def size(self) -> int:
        return len(self.text)


class Vectors(NamedTuple):
    """What the encoders say of a text, in views: of all languages, then of English, zero where the text is not English.

    Shapes: tokens [tokens, 2 * 384 of e5, or else 512 of universal] and [tokens, 384 of minilm], sentence
    [1, 384 + 512 of those named] and [1, 384 of minilm].
    """

    tokens: Tuple[np.ndarray, ...]
    sentences: Tuple[np.ndarray, ...]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MultilingualFeaturizer(DenseFeaturizer, GraphComponent):
    """multilingual-e5-small and Google's Universal Sentence Encoder, side by side: better than either alone.

    A sentence's vector is both of theirs, less what writing Chinese adds to it. all-MiniLM-L6-v2 knows English better
    than they do: it gives what it can read a second sentence vector, features of their own, which stay zero for other
    languages. A token's vector is the mean of the subwords it consists of, in their context, as e5's middle layer and
    its last give them, and MiniLM's last. A text has the same vectors in training and in a conversation, bit for bit.
    """

    @classmethod
    def required_components(cls) -> List[type]:
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        return ["onnxruntime"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            **DenseFeaturizer.get_default_config(),
            "encoders": list(ENCODERS),
            "threads": None,  # texts encoded at once in training; none: as many as there are processors
            "cache": ".cache/encoders",  # folder of what is made of the packages' weights; null for none
        }

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Raises InvalidConfigException that names the setting and what it may be."""
        names, threads, cache = config["encoders"], config["threads"], config["cache"]
        known = isinstance(names, list) and bool(names) and all(name in ENCODERS for name in names)
        claims = {
            "encoders": (
                known and len(set(names)) == len(names),
                f"a list of {' and '.join(ENCODERS)}, or one of them",
            ),
            "threads": (threads is None or (type(threads) is int and threads > 0), "a number above 0 or null"),
            "cache": (cache is None or isinstance(cache, str), "a folder or null"),
        }
        settings.check(cls, config, claims)

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        config = {**cls.get_default_config(), **config}
        cls.validate_config(config)
        try:
            weights = [SOURCES[name]() for name in _ordered(config["encoders"])]
        except MissingWeights as error:
            raise InvalidConfigException(f"{cls.__name__}: {error}.") from error
        read = [onnxruntime.__version__, languages.SENTENCES.read_text(encoding="utf-8"), *weights]
        return sources.fingerprint(sys.modules[__name__], text, pooling, _code(), *read)

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        cache = Path(config["cache"]) if config["cache"] else None
        code = _code()
        try:
            self._encoders = {each: ENCODERS[each](cache, code) for each in _ordered(config["encoders"])}
            self._chinese = {
                each: languages.chinese_of(encoder, cache, each, f"{code} {SOURCES[each]()}")
                for each, encoder in self._encoders.items()
                if each != OF_ENGLISH
            }
        except MissingWeights as error:
            raise InvalidConfigException(f"{type(self).__name__}: {error}.") from error
        self._threads = ThreadPoolExecutor(2)  # a customer's message is read by two processors
        self._read_lately: LRUCache[Text, Readings] = LRUCache(CHARACTERS_REMEMBERED, attrgetter("size"))
        self._reading_on = Lock()  # of those who begin and those who go on

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MultilingualFeaturizer:
        return cls(config, execution_context.node_name)

    def begin(self, written: Text) -> None:
        """Starts to read the message that will be processed next, beside what is done until then."""
        self._reading(text.in_general(written))

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self._add_features(training_data.training_examples, self._config["threads"] or processor.count())
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        self._add_features(messages, threads=1)
        return messages

    def _add_features(self, messages: List[Message], threads: int) -> None:
        places = [
            (message, attribute, _passage(message, attribute))
            for message in messages
            for attribute in DENSE_FEATURIZABLE_ATTRIBUTES
            if message.get(TOKENS_NAMES[attribute]) is not None and message.get(attribute) is not None
        ]
        vectors = self._vectors(list(dict.fromkeys(passage for _, _, passage in places)), threads)
        features = {
            (attribute, passage): self._features(attribute, vectors[passage])
            for attribute, passage in dict.fromkeys((attribute, passage) for _, attribute, passage in places)
        }
        for message, attribute, passage in places:
            for each in features[attribute, passage]:  # shared, so that an answer to 60 questions is fingerprinted once
                message.add_features(each)

    def _features(self, attribute: Text, vectors: Vectors) -> List[Features]:
        kinds = zip((FEATURE_TYPE_SEQUENCE, FEATURE_TYPE_SENTENCE), vectors, strict=True)
        return [Features(view, kind, attribute, self._identifier) for kind, views in kinds for view in views]

    def _vectors(self, passages: Sequence[Passage], threads: int) -> Dict[Passage, Vectors]:
        if len(passages) == 1:
            return self._vectors_of(passages)
        waiting = sorted(passages, key=lambda passage: len(passage.text))  # texts of like length go together
        slices = [waiting[begin : begin + TEXTS_AT_ONCE] for begin in range(0, len(waiting), TEXTS_AT_ONCE)]
        found: Dict[Passage, Vectors] = {}
        with tqdm(total=len(passages), disable=len(passages) <= WORTH_A_BAR, desc="Encoding", unit="text") as bar:
            for vectors in _each(self._vectors_of, slices, threads):
                found.update(vectors)
                bar.update(len(vectors))
        return found

    def _vectors_of(self, passages: Sequence[Passage]) -> Dict[Passage, Vectors]:
        texts = [passage.text for passage in passages]
        readings = self._of_one(*texts) if len(texts) == 1 else self._of_several(texts)
        return {
            passage: _joined(passage, {name: of_all[index] for name, of_all in readings.items()})
            for index, passage in enumerate(passages)
        }

    def _of_several(self, texts: List[Text]) -> Dict[Text, List[Reading | None]]:
        return {name: self._readings(name, texts) for name in self._encoders}

    def _of_one(self, read: Text) -> Dict[Text, List[Reading | None]]:
        of_encoders = self._reading(read).of_encoders
        return {name: of_encoders[name].result() for name in self._encoders}

    @cachedmethod(attrgetter("_read_lately"), lock=attrgetter("_reading_on"))
    def _reading(self, read: Text) -> Readings:
        """By several encoders side by side. What customers say often (yes, 好的) is not read again."""
        names = sorted(self._encoders, key=LONGEST_FIRST.index)
        return Readings(read, {name: self._threads.submit(self._readings, name, [read]) for name in names})

    def _readings(self, name: Text, texts: Sequence[Text]) -> List[Reading | None]:
        """None for what an encoder cannot read."""
        reads = [name != OF_ENGLISH or _is_english(text) for text in texts]
        readable = list(compress(texts, reads))
        readings = iter(map(self._neutral(name), self._encoders[name].read(readable), readable))
        return [next(readings) if one else None for one in reads]

    def _neutral(self, name: Text) -> Callable[[Reading, Text], Reading]:
        """What takes off a reading what its language adds to it: nothing where an encoder reads English alone."""
        return self._chinese[name].taken_off if name in self._chinese else lambda reading, _: reading


def _joined(passage: Passage, readings: Mapping[Text, Reading | None]) -> Vectors:
    """What the encoders made of a text; a text without a token says nothing."""
    sentences = {name: _sentence(name, reading, passage) for name, reading in readings.items()}
    english = [sentences.pop(OF_ENGLISH)] if OF_ENGLISH in sentences else []
    of_tokens = [*list(sentences)[:1], *([OF_ENGLISH] if english else [])]
    together = [np.concatenate(list(sentences.values()), axis=1)] if sentences else []
    return Vectors(tuple(_tokens(name, readings[name], passage) for name in of_tokens), (*together, *english))


def _tokens(name: Text, reading: Reading | None, passage: Passage) -> np.ndarray:
    if reading is None:
        return np.zeros((len(passage.spans), TOKEN_SIZES[name]), np.float32)
    return pooling.token_vectors(reading.subwords, reading.offsets, passage.spans)


def _sentence(name: Text, reading: Reading | None, passage: Passage) -> np.ndarray:
    if reading is None or not passage.spans:
        return np.zeros((1, SENTENCE_SIZES[name]), np.float32)
    return reading.sentence


def _is_english(written: Text) -> bool:
    """Whether it has letters, and none of another alphabet."""
    if written.isascii():
        return any(map(str.isalpha, written))
    letters = [character for character in written if character.isalpha()]
    return bool(letters) and max(letters) <= LAST_LATIN_LETTER


def _each(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> Iterator[Result]:
    """The results in order; a single item is worked on right here."""
    if threads == 1 or len(items) <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, items)


def _passage(message: Message, attribute: Text) -> Passage:
    spans = tuple((token.start, token.end) for token in message.get(TOKENS_NAMES[attribute]))
    return Passage(text.in_general(message.get(attribute)), spans)


def _ordered(names: Iterable[Text]) -> List[Text]:
    """However they are named, e5 comes first."""
    return [name for name in ENCODERS if name in names]


def _code() -> Text:
    """The sources of the encoders, of which some are imported only to make a graph."""
    folder = Path(encoders.__file__).parent
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
