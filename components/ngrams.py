"""Words and their pieces as sparse features, of each token and of the message: what a small shop learns most from.

Pretrained vectors know languages; these features know the words, codes and turns of this bot's own training data, and
what patterns and catalogue found in a message.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Dict, List, Optional, Text
from unicodedata import category

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.featurizers.sparse_featurizer.sparse_featurizer import SparseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix

from components import hints, sources, text, vocabulary
from components.fingerprints import Features
from components.hints import hint_per_token
from components.text import HAN, HAN_CHARACTER, normalise, without_particulars
from components.vocabulary import WORD, Vocabulary

VOCABULARY_FILE = "vocabulary.json"
SEQUENCE, SENTENCE = "sequence", "sentence"

HAN_RUN = re.compile(f"[{HAN}]+")
DIGITS = re.compile(r"\d+")
NUMBER = re.compile(r"\d[\d.,:/]*")
HAN_NUMERALS = frozenset("零〇一二两三四五六七八九十百千万")
BEGIN, END = "^", "$"
NO_HINT = "O"
NO_HINTS = [NO_HINT] * 3
APART = " "  # stands between words that are no neighbours; it is in no word
LETTERS_TOGETHER = 3, 4  # 5 letters, or 3 Han characters, made a linear classifier worse on unseen sentences
CHARACTERS_TOGETHER = 1, 2
CODE_LIKE = 5  # digits of a number that hardly comes twice, so that learning it by heart would be of no use
LONGEST_MESSAGE = 400  # tokens; nobody's wish begins later
LONGEST_WORD = 40  # characters of which pieces are taken


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class NgramFeaturizer(SparseFeaturizer, GraphComponent):
    """Learns which words, pieces of words and neighbours occur, and marks them where they occur again.

    It takes the tokens of any tokenizer, and the hints of PatternExtractor and CatalogueMatcher where they stand before
    it. Nothing is weighted by how rare it is: that is for the classifier to learn.
    """

    @classmethod
    def required_components(cls) -> List[type]:
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {
            **SparseFeaturizer.get_default_config(),
            "min_word_frequency": 1,  # in how many training sentences a word has to be, to be known
            "min_piece_frequency": 2,  # the same for letters, pairs, neighbours and all else
            "max_sequence_features": None,  # the most frequent this many features of tokens; null for all
            "max_sentence_features": None,  # the same of sentences
        }

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Raises InvalidConfigException that names the setting and what it may be."""
        for name in ("min_word_frequency", "min_piece_frequency", "max_sequence_features", "max_sentence_features"):
            value, may_be_null = config[name], name.startswith("max_")
            if not (type(value) is int and value > 0) and not (value is None and may_be_null):
                allowed = "a number above 0" + (" or null" if may_be_null else "")
                raise InvalidConfigException(f"{cls.__name__}: `{name}` is {value!r}; it has to be {allowed}.")
        unknown = sorted(set(config) - set(cls.get_default_config()))
        if unknown:
            raise InvalidConfigException(f"{cls.__name__} has no setting {', '.join(unknown)}.")

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(sys.modules[__name__], vocabulary, hints, text)

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        learnt: Optional[Dict[Text, Vocabulary]] = None,
    ) -> None:
        super().__init__(execution_context.node_name, config)
        self._model_storage = model_storage
        self._resource = resource
        self._is_finetuning = execution_context.is_finetuning
        self._learnt = learnt

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> NgramFeaturizer:
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> NgramFeaturizer:
        """Raises ValueError where there is nothing to load or it is not whole."""
        with model_storage.read_from(resource) as folder:
            written = (folder / VOCABULARY_FILE).read_text(encoding="utf-8")
        try:
            learnt = vocabulary.from_json(written, [SEQUENCE, SENTENCE])
        except ValueError as error:
            raise ValueError(f"What {cls.__name__} has learnt cannot be read: {error}") from error
        return cls(config, model_storage, resource, execution_context, learnt)

    def train(self, training_data: TrainingData) -> Resource:
        """Learns the vocabulary. Finetuning leaves it as it is: an older model's weights belong to its columns."""
        if not (self._is_finetuning and self._learnt):
            self._learnt = self._learn(training_data.training_examples)
        with self._model_storage.write_to(self._resource) as folder:
            (folder / VOCABULARY_FILE).write_text(vocabulary.to_json(self._learnt), encoding="utf-8")
        return self._resource

    def _learn(self, examples: List[Message]) -> Dict[Text, Vocabulary]:
        read = [(_words(example), hint_per_token(example)) for example in examples if _has_tokens(example)]
        rare = {
            "min_words": self._config["min_word_frequency"],
            "min_pieces": self._config["min_piece_frequency"],
        }
        of_tokens = (chain.from_iterable(token_features(*words)) for words in read)
        of_sentences = (sentence_features(*words) for words in read)
        return {
            SEQUENCE: Vocabulary.learn(of_tokens, **rare, limit=self._config["max_sequence_features"]),
            SENTENCE: Vocabulary.learn(of_sentences, **rare, limit=self._config["max_sentence_features"]),
        }

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Adds features to every message with tokens; untrained, it adds none."""
        if self._learnt is None:
            return messages
        for message in filter(_has_tokens, messages):
            words, marks = _words(message), hint_per_token(message)
            sequence = _sequence_matrix(self._learnt[SEQUENCE], words, marks)
            sentence = _sentence_matrix(self._learnt[SENTENCE], words, marks)
            for kind, features in ((FEATURE_TYPE_SEQUENCE, sequence), (FEATURE_TYPE_SENTENCE, sentence)):
                message.add_features(Features(features, kind, TEXT, self._identifier))
        return messages


def _sequence_matrix(known: Vocabulary, words: Sequence[str], marks: Sequence[str]) -> csr_matrix:
    return known.presence(
        [
            known.columns_of_word(_of_word, word, form) + known.columns(around)
            for word, form, around in _places(words, marks)
        ]
    )


def _sentence_matrix(known: Vocabulary, words: Sequence[str], marks: Sequence[str]) -> csr_matrix:
    features, spelt = _phrases(words, marks)
    columns = known.columns(features)
    for word in spelt:
        columns += known.columns_of_word(_letters, word)
    return known.emphasis(columns)


def _has_tokens(message: Message) -> bool:
    return message.get(TOKENS_NAMES[TEXT]) is not None


def _words(message: Message) -> List[str]:
    """The tokens, normalised and without particulars, in their own case."""
    return [without_particulars(normalise(token.text)) for token in message.get(TOKENS_NAMES[TEXT])]


def token_features(words: Sequence[str], marks: Sequence[str]) -> List[List[str]]:
    """What each token is made of, what stands beside it, and what was found there. Shape: [tokens, its features]."""
    return [[*_of_word(word, form), *around] for word, form, around in _places(words, marks)]


def _places(words: Sequence[str], marks: Sequence[str]) -> Iterator[tuple[str, str, List[str]]]:
    """Each token in lower case, its shape, and the features it has for where it stands.

    Before the first word stands '^' and after the last '$', so that their neighbours know that they are first and last.
    """
    lower = [BEGIN, *(word.lower() for word in words), END]
    shapes = [BEGIN, *map(shape, words), END]
    marks = [NO_HINT, *marks, NO_HINT]
    for here in range(1, len(words) + 1):
        around = _of_neighbours(*lower[here - 1 : here + 2], shapes[here - 1], shapes[here + 1])
        if marks[here - 1 : here + 2] != NO_HINTS:
            around += _of_hints(*marks[here - 1 : here + 2], shapes[here])
        yield lower[here], shapes[here], around


def _of_word(word: str, form: str) -> Iterator[str]:
    digits = sum(letter.isdigit() for letter in word)
    yield WORD + (word if digits < CODE_LIKE else DIGITS.sub("0", word))
    yield f"shape={form}"
    yield f"length={_length_class(len(word))}"
    if digits:
        yield f"digits={min(digits, 20)}"
        yield f"digits={'all' if digits == len(word) else 'some'}"
    for length in range(1, min(4, len(word))):
        yield f"begins={word[:length]}"
        yield f"ends={word[-length:]}"
    if not HAN_CHARACTER.search(word):
        yield from _letters(word)
    elif len(word) > 1:  # a word of another tokenizer
        yield from _runs([word])


def _of_neighbours(before: str, word: str, after: str, shape_before: str, shape_after: str) -> List[str]:
    features = [f"left={before}", f"right={after}", f"leftshape={shape_before}", f"rightshape={shape_after}"]
    if HAN_CHARACTER.match(word):  # a character is seldom a word: its neighbours tell which word it is in
        features += [f"leftpair={before}|{word}", f"rightpair={word}|{after}"]
    return features


def _of_hints(before: str, mark: str, after: str, form: str) -> List[str]:
    """None for a token that lies in nothing found: projects without hints have no features of them."""
    features = [f"hint={mark}", f"hint={mark}|{form}"] if mark != NO_HINT else []
    features += [f"hintleft={before}"] if before != NO_HINT else []
    features += [f"hintright={after}"] if after != NO_HINT else []
    return features


def shape(word: str) -> str:
    """'Xx' for Lamp, 'X9' for W2378156, '9x' for 500ml, '9.9' for 42.5, 'han', 'han9' for 三, '?' for any sign."""
    if HAN_CHARACTER.match(word):
        return "han9" if HAN_NUMERALS.issuperset(word) else "han"
    if word.isalpha() and word.islower():
        return "x"  # as below, in less time
    forms: List[str] = []
    for letter in word[:LONGEST_WORD]:
        form = _form(letter)
        if not forms or forms[-1] != form:
            forms.append(form)
    return "".join(forms[:6]) if any(form in "Xx9" for form in forms) else "?"


def _form(letter: str) -> str:
    if letter.isdigit():
        return "9"
    if letter.isalpha():
        return "X" if letter.isupper() else "x"
    return letter


def _length_class(length: int) -> str:
    return str(length) if length < 5 else "5-6" if length < 7 else "7-9" if length < 10 else "10+"


def sentence_features(words: Sequence[str], marks: Sequence[str]) -> List[str]:
    """Words, pairs, Han n-grams and letters, as often as they occur; none for a message of signs only."""
    features, spelt = _phrases(words, marks)
    return [*features, *chain.from_iterable(map(_letters, spelt))]


def _phrases(words: Sequence[str], marks: Sequence[str]) -> tuple[List[str], List[str]]:
    """All sentence features but the letters, and the words whose letters are the others."""
    words = [word.lower() for word in words[:LONGEST_MESSAGE]]
    if not any(map(_says_something, words)):
        return [], []
    told, beside = _told(words, marks[:LONGEST_MESSAGE])
    spelt = [word for word in (*told, *beside) if word != APART and not _is_character(word)]
    features = [WORD + word for word in spelt]
    for first, second in pairwise([BEGIN, *told, END]):
        if not (_is_character(first) and _is_character(second)):
            features.append(f"pair={first} {second}")
    return [*features, *_runs([*told, APART, *beside])], spelt


def _told(words: Sequence[str], marks: Sequence[str]) -> tuple[List[str], List[str]]:
    """The message with names and numbers replaced by what they are, and what was replaced, less the numbers.

    'where is W2378156 , my lamp' is told as 'where is <order_number> , my <product>'; beside it stands 'w0' and 'lamp'.
    """
    told: List[str] = []
    beside: List[str] = []
    former = ""
    for word, mark in zip(words, marks, strict=True):
        place, _, entity = mark.partition("-")
        general = DIGITS.sub("0", word)
        is_number = NUMBER.fullmatch(word) is not None
        if entity:
            if place == "B" or entity != former:
                told.append(f"<{entity}>")
                beside.append(APART)
            beside += [] if is_number else [general]
        else:
            told.append("0" if is_number else general)
            beside += [] if is_number or general == word else [APART, word]
        former = entity
    return told, beside


def _says_something(word: str) -> bool:
    return any(letter.isalnum() or category(letter) == "So" for letter in word)  # So: 👍


def _is_character(word: str) -> bool:
    return len(word) == 1 and HAN_CHARACTER.match(word) is not None


def _runs(words: Sequence[str]) -> Iterator[str]:
    """The n-grams of Han characters that stand together, in one token or in several; a single one is a word."""
    for run in HAN_RUN.findall("".join(words)):
        for length in CHARACTERS_TOGETHER:
            kind = WORD if length == 1 else "han="
            for start in range(len(run) - length + 1):
                yield kind + run[start : start + length]


def _letters(word: str) -> Iterator[str]:
    """Pieces of a word of an alphabet, which survive a misspelling; brackets stand where it begins and ends."""
    if not word[:1].isalpha() or HAN_CHARACTER.search(word):
        return
    framed = f"({word[:LONGEST_WORD]})"
    for length in LETTERS_TOGETHER:
        for start in range(len(framed) - length + 1):
            yield f"letters={framed[start : start + length]}"
