"""Vectors in which a Chinese question lies beside its English twin, from encoders that packages carry: no model hub."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from itertools import compress
from operator import attrgetter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Text, Tuple

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
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tqdm import tqdm

from components import encoders, pooling, processor, settings, sources, text
from components.encoders import Reading, e5, languages, minilm, universal
from components.encoders.e5 import E5Encoder
from components.encoders.minilm import MiniLMEncoder
from components.encoders.universal import UniversalEncoder
from components.encoders.weights import MissingWeights
from components.later import LaterFeatures

ENCODERS = {"e5": E5Encoder, "universal": UniversalEncoder, "minilm": MiniLMEncoder}
SOURCES = {"e5": e5.source, "universal": universal.source, "minilm": minilm.source}
SENTENCE_SIZES = {"e5": e5.SIZE, "universal": universal.SENTENCE_SIZE, "minilm": minilm.SIZE}
TOKEN_SIZES = {"e5": e5.SUBWORD_SIZE, "universal": universal.SUBWORD_SIZE, "minilm": minilm.SIZE}
OF_ENGLISH = "minilm"
LONGEST_FIRST = ("minilm", "e5", "universal")  # to read: so two processors are done with all of them soonest
TEXTS_AT_ONCE, WORTH_A_BAR = 128, 1000
CHARACTERS_REMEMBERED = 8_000  # of the texts read last: some five hundred short messages, in 10 to 30 MB
LAST_LATIN_LETTER = "\u024f"


class Passage(NamedTuple):
    """A text and where its tokens stand: what decides its vectors."""

    text: Text
    spans: Tuple[Tuple[int, int], ...]


class Readings(NamedTuple):
    """What each encoder reads in a text; None where it cannot."""

    text: Text
    of_encoders: Dict[Text, Reading | None]

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
        folder = Path(config["cache"]) if config["cache"] else None
        code = _code()
        try:
            self._encoders = {each: ENCODERS[each](folder, code) for each in _ordered(config["encoders"])}
            self._chinese = {
                each: languages.chinese_of(encoder, folder, each, f"{code} {SOURCES[each]()}")
                for each, encoder in self._encoders.items()
                if each != OF_ENGLISH
            }
        except MissingWeights as error:
            raise InvalidConfigException(f"{type(self).__name__}: {error}.") from error
        self._views = len({each == OF_ENGLISH for each in self._encoders})
        self._threads = ThreadPoolExecutor(2, initializer=processor.use_all)  # a message is read by two processors
        self._read_lately: LRUCache[Text, Readings] = LRUCache(CHARACTERS_REMEMBERED, attrgetter("size"))

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MultilingualFeaturizer:
        return cls(config, execution_context.node_name)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Begins to read all texts; who asks for features of one waits for them. Replies are read if anybody asks."""
        places = list(_passages(training_data.training_examples))
        begun = self._begin(dict.fromkeys(passage for _, attribute, passage in places if attribute == TEXT))
        settings = self.fingerprint_addon(self._config)
        features = {}
        for attribute, passage in dict.fromkeys((attribute, passage) for _, attribute, passage in places):
            read = partial(_part_of, begun[passage]) if attribute == TEXT else self._vectors_of_one
            vectors = cache(partial(read, passage))
            features[attribute, passage] = self._features(attribute, vectors, (settings, *passage))
        for message, attribute, passage in places:
            for each in features[attribute, passage]:  # shared, so that an answer to 60 questions is fingerprinted once
                message.add_features(each)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Reads a message when somebody asks for its features: who is sure without them need not wait."""
        for message, attribute, passage in _passages(messages):
            for each in self._features(attribute, cache(partial(self._vectors_of_one, passage)), passage):
                message.add_features(each)
        return messages

    def _features(
        self, attribute: Text, vectors: Callable[[], Vectors], told: Tuple[object, ...]
    ) -> List[LaterFeatures]:
        return [
            LaterFeatures(partial(_view_of, vectors, which, view), kind, attribute, self._identifier, (view, *told))
            for kind, which in ((FEATURE_TYPE_SEQUENCE, "tokens"), (FEATURE_TYPE_SENTENCE, "sentences"))
            for view in range(self._views)
        ]

    def _begin(self, passages: Iterable[Passage]) -> Dict[Passage, Future[Dict[Passage, Vectors]]]:
        """The vectors to come of all passages, some of which are read together."""
        waiting = sorted(passages, key=lambda passage: len(passage.text))  # texts of like length go together
        slices = [waiting[first : first + TEXTS_AT_ONCE] for first in range(0, len(waiting), TEXTS_AT_ONCE)]
        bar = tqdm(total=len(waiting), disable=len(waiting) <= WORTH_A_BAR, desc="Encoding", unit="text")
        pool = ThreadPoolExecutor(self._config["threads"] or processor.count())
        begun: Dict[Passage, Future[Dict[Passage, Vectors]]] = {}
        for some in slices:
            vectors = pool.submit(self._vectors_of, some)
            vectors.add_done_callback(partial(_advance, bar, len(some)))
            begun |= dict.fromkeys(some, vectors)
        pool.shutdown(wait=False)  # once all is read
        return begun

    def _vectors_of(self, passages: Sequence[Passage]) -> Dict[Passage, Vectors]:
        texts = [passage.text for passage in passages]
        readings = {name: self._readings(name, texts) for name in self._encoders}
        return {
            passage: _joined(passage, {name: of_all[index] for name, of_all in readings.items()})
            for index, passage in enumerate(passages)
        }

    def _vectors_of_one(self, passage: Passage) -> Vectors:
        of_encoders = self._reading(passage.text).of_encoders
        return _joined(passage, {name: of_encoders[name] for name in self._encoders})

    @cachedmethod(attrgetter("_read_lately"))
    def _reading(self, read: Text) -> Readings:
        """By several encoders side by side. What customers say often (yes, 好的) is not read again."""
        names = sorted(self._encoders, key=LONGEST_FIRST.index)
        begun = {name: self._threads.submit(self._readings, name, [read]) for name in names}
        return Readings(read, {name: readings.result()[0] for name, readings in begun.items()})

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


def _passages(messages: Sequence[Message]) -> Iterator[Tuple[Message, Text, Passage]]:
    """What is to be read of each message: its text, and in training its replies, where they have tokens."""
    for message in messages:
        for attribute in DENSE_FEATURIZABLE_ATTRIBUTES:
            if message.get(TOKENS_NAMES[attribute]) is not None and message.get(attribute) is not None:
                yield message, attribute, _passage(message, attribute)


def _advance(bar: tqdm[Any], number: int, _: object) -> None:
    bar.update(number)
    if bar.n == bar.total:
        bar.close()


def _part_of(vectors: Future[Dict[Passage, Vectors]], passage: Passage) -> Vectors:
    return vectors.result()[passage]


def _view_of(vectors: Callable[[], Vectors], which: Text, view: int) -> np.ndarray:
    return getattr(vectors(), which)[view]


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
