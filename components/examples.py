"""The features of many sentences in a few large arrays, as nets and kernels want them, read from Rasa's messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.message import Message
from scipy.sparse import csr_matrix
from scipy.sparse import hstack as stack_columns
from scipy.sparse import vstack as stack_rows

from components.fingerprints import add_numbers


@dataclass(frozen=True)
class Shape:
    """How many features there are of each kind; 0 where a pipeline has none."""

    token_words: int
    token_dense: int
    sentence_words: int
    sentence_dense: int
    token_views: tuple[int, ...] = ()  # how many of `token_dense` each featurizer gave, in their order
    sentence_views: tuple[int, ...] = ()

    def of_words(self) -> Shape:
        """Without the dense ones."""
        return Shape(self.token_words, 0, self.sentence_words, 0)


@dataclass(frozen=True)
class Examples:
    """N sentences with M tokens altogether.

    Shape: token_words [M, V], token_dense [M, D], sentence_words [N, V'], sentence_dense [N, S]; sentence i has the
    rows `starts[i]:starts[i + 1]` of the tokens. The dense columns are the views of one featurizer after another; a
    featurizer that cannot read a sentence leaves its views of it zero.
    """

    token_words: csr_matrix
    token_dense: np.ndarray
    sentence_words: csr_matrix
    sentence_dense: np.ndarray
    starts: np.ndarray
    token_views: tuple[int, ...] = ()
    sentence_views: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    @property
    def shape(self) -> Shape:
        return Shape(
            self.token_words.shape[1],
            self.token_dense.shape[1],
            self.sentence_words.shape[1],
            self.sentence_dense.shape[1],
            self.token_views,
            self.sentence_views,
        )

    def digest(self) -> bytes:
        """Of all these numbers; the same for the same."""
        digest = hashlib.sha256()
        for features in (self.token_words, self.sentence_words, self.token_dense, self.sentence_dense):
            add_numbers(digest, features)
        return digest.digest()

    def of_sentences(self, indices: np.ndarray) -> Examples:
        """These sentences alone, without their tokens."""
        return Examples(
            self.token_words[:0],
            self.token_dense[:0],
            self.sentence_words[indices],
            self.sentence_dense[indices],
            np.zeros(len(indices) + 1, np.int64),
            self.token_views,
            self.sentence_views,
        )

    def of_words(self) -> Examples:
        """The same sentences without their dense features."""
        tokens, sentences = self.token_dense[:, :0], self.sentence_dense[:, :0]
        return replace(self, token_dense=tokens, sentence_dense=sentences, token_views=(), sentence_views=())

    def token_rows(self, indices: Iterable[int]) -> np.ndarray:
        return np.concatenate([np.arange(self.starts[i], self.starts[i + 1]) for i in indices] or [np.zeros(0, int)])


def read(messages: Sequence[Message], featurizers: Sequence[str], expected: Shape | None = None) -> Examples:
    """The features that `featurizers` (all, if none is named) gave these messages.

    Raises InvalidConfigException where a message has other features than the first, or than `expected`.
    """
    return _examples(messages, [_features_of(message, featurizers) for message in messages], featurizers, expected)


def read_words(message: Message, featurizers: Sequence[str], shape: Shape) -> Examples:
    """The same of one message without its dense features, which need not be computed for it: they have no columns."""
    found = _features_of(message, featurizers, are_dense_wanted=False)
    return _examples([message], [found], featurizers, shape.of_words())


def _examples(
    messages: Sequence[Message],
    parts: Sequence[tuple[Any, Any, Any, Any]],
    featurizers: Sequence[str],
    expected: Shape | None,
) -> Examples:
    shape = expected or _shape(parts)
    lengths = [_tokens_in(part) for part in parts]
    return Examples(
        token_words=_sparse([part[0] for part in parts], lengths, shape.token_words, "token"),
        token_dense=_dense([part[1] for part in parts], lengths, shape.token_dense, "token"),
        sentence_words=_sparse([part[2] for part in parts], [1] * len(parts), shape.sentence_words, "sentence"),
        sentence_dense=_dense([part[3] for part in parts], [1] * len(parts), shape.sentence_dense, "sentence"),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        token_views=expected.token_views if expected else _views(messages, featurizers, FEATURE_TYPE_SEQUENCE),
        sentence_views=expected.sentence_views if expected else _views(messages, featurizers, FEATURE_TYPE_SENTENCE),
    )


def _features_of(
    message: Message, featurizers: Sequence[str], *, are_dense_wanted: bool = True
) -> tuple[Any, Any, Any, Any]:
    """Words and dense features of the tokens, then of the sentence; None where there are none."""
    found: tuple[list[Any], ...] = ([], [], [], [])
    for features in message.features:
        if features.attribute == TEXT and (not featurizers or features.origin in featurizers):
            is_dense = features.is_dense()
            if are_dense_wanted or not is_dense:
                found[2 * (features.type == FEATURE_TYPE_SENTENCE) + is_dense].append(features.features)
    return tuple(map(_side_by_side, found))  # type: ignore[return-value]


def _side_by_side(parts: Sequence[Any]) -> Any:
    """What several featurizers gave; a single one's is not copied."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return np.concatenate(parts, axis=1) if isinstance(parts[0], np.ndarray) else stack_columns(parts)


def _views(messages: Sequence[Message], featurizers: Sequence[str], kind: str) -> tuple[int, ...]:
    """The widths of the dense features of that kind which each featurizer gave, of the first message that has any."""
    for message in messages:
        widths = tuple(
            features.features.shape[1]
            for features in message.features
            if features.attribute == TEXT
            and features.type == kind
            and features.is_dense()
            and (not featurizers or features.origin in featurizers)
        )
        if widths:
            return widths
    return ()


def _shape(parts: Sequence[tuple[Any, ...]]) -> Shape:
    widths = [next((part[kind].shape[1] for part in parts if part[kind] is not None), 0) for kind in range(4)]
    return Shape(*widths)


def _tokens_in(part: tuple[Any, ...]) -> int:
    return max((features.shape[0] for features in part[:2] if features is not None), default=0)


def _sparse(rows: Sequence[Any], heights: Sequence[int], width: int, what: str) -> csr_matrix:
    _refuse_other_widths(rows, width, what)
    filled = [
        csr_matrix((height, width), dtype=np.float32) if row is None else row.tocsr()
        for row, height in zip(rows, heights, strict=True)
    ]
    if len(filled) == 1:
        return filled[0]
    return stack_rows(filled, format="csr", dtype=np.float32) if filled else csr_matrix((0, width), dtype=np.float32)


def _dense(rows: Sequence[Any], heights: Sequence[int], width: int, what: str) -> np.ndarray:
    _refuse_other_widths(rows, width, what)
    filled = [
        np.zeros((height, width), np.float32) if row is None else np.asarray(row, np.float32)
        for row, height in zip(rows, heights, strict=True)
    ]
    return np.concatenate(filled) if filled else np.zeros((0, width), np.float32)


def _refuse_other_widths(rows: Sequence[Any], width: int, what: str) -> None:
    other = next((row.shape[1] for row in rows if row is not None and row.shape[1] != width), None)
    if other is not None:
        raise InvalidConfigException(
            f"A message has {other} {what} features where the model was trained with {width}. "
            "Train again after a change of the featurizers, and name each featurizer only once."
        )


def columns_of(views: Sequence[int], width: int) -> list[slice]:
    """Where each view stands among so many columns; there is always a first one, be it empty."""
    ends = np.cumsum(views or (width,)).tolist()
    return [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


def standard(features: np.ndarray, views: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, over what its view can read. Shape: [N, D] -> [D] twice."""
    parts = [features[:, columns] for columns in columns_of(views, features.shape[1])]
    scales = [centre_and_spread(part[part.any(axis=1)]) for part in parts]
    return np.concatenate([centre for centre, _ in scales]), np.concatenate([spread for _, spread in scales])


def standardised(features: np.ndarray, views: Sequence[int], centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Features around 0, about 1 apart; what a further view cannot read is 0, as its mean. Shape: [N, D] -> [N, D]."""
    result = (features - centre).astype(np.float32, copy=False)
    result /= spread
    for columns in columns_of(views, features.shape[1])[1:]:
        result[~features[:, columns].any(axis=1), columns] = 0.0
    return result


def centre_and_spread(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature; one that never changes is left as large as it is.

    Shape: [N, D] -> [D] twice.
    """
    if not len(features):
        return np.zeros(features.shape[1], np.float32), np.ones(features.shape[1], np.float32)
    spread = features.std(0)
    return features.mean(0), np.where(spread > 1e-4, spread, 1.0).astype(np.float32)
