"""The features that training sentences have, numbered in order, and sparse matrices of the numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, pairwise

import numpy as np
from scipy.sparse import csr_matrix

WORD = "word="  # begins the feature of a whole word; every other is of a piece of one or of several


class Vocabulary:
    """Knows a column for each feature that it has learnt; what it does not know, it leaves out."""

    def __init__(self, features: Sequence[str]) -> None:
        """Raises ValueError where the features are not texts, each once, in their order."""
        if not isinstance(features, list) or not all(isinstance(feature, str) for feature in features):
            raise ValueError("A vocabulary is a list of features.")
        if any(first >= second for first, second in pairwise(features)):
            raise ValueError("The features of a vocabulary stand in their order, each once.")
        self.features = features
        self._columns = {feature: column for column, feature in enumerate(features)}
        self._remembered: dict[tuple[str, ...], list[int]] = {}

    @classmethod
    def learn(
        cls, sentences: Iterable[Iterable[str]], *, min_words: int, min_pieces: int, limit: int | None
    ) -> Vocabulary:
        """The features of at least so many sentences; the most frequent of them where they are more than `limit`."""
        frequency = Counter(feature for sentence in sentences for feature in set(sentence))
        known = [
            feature
            for feature, count in frequency.items()
            if count >= (min_words if feature.startswith(WORD) else min_pieces)
        ]
        known.sort(key=lambda feature: (-frequency[feature], feature))
        return cls(sorted(known[:limit]))

    def __len__(self) -> int:
        return len(self.features)

    def columns(self, features: Iterable[str]) -> list[int]:
        """Of the features that are known, in their order, with repetition."""
        known = self._columns
        return [known[feature] for feature in features if feature in known]

    def columns_of_word(self, features_of: Callable[..., Iterable[str]], word: str, *form: str) -> list[int]:
        """As `columns`, remembered for the words of the training data; what customers write is not kept."""
        key = (word, *form)
        columns = self._remembered.get(key)
        if columns is None:
            columns = self.columns(features_of(word, *form))
            if WORD + word in self._columns:
                self._remembered[key] = columns
        return columns

    def presence(self, rows: Sequence[list[int]]) -> csr_matrix:
        """A 1 in each column that a row has. Shape: [rows, features]."""
        matrix = self._counts(rows)
        matrix.data.fill(1)
        return matrix

    def emphasis(self, columns: list[int]) -> csr_matrix:
        """1 + log(count) in each column: a tenth mention says little more than the first. Shape: [1, features]."""
        matrix = self._counts([columns])
        matrix.data = 1 + np.log(matrix.data)
        return matrix

    def _counts(self, rows: Sequence[list[int]]) -> csr_matrix:
        columns = np.fromiter(chain.from_iterable(rows), np.int32)
        ends = np.array([0, *accumulate(map(len, rows))], np.int32)
        matrix = csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(rows), len(self)))
        matrix.sum_duplicates()
        return matrix


def to_json(vocabularies: dict[str, Vocabulary]) -> str:
    lists = {name: vocabulary.features for name, vocabulary in vocabularies.items()}
    return json.dumps(lists, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str, names: Sequence[str]) -> dict[str, Vocabulary]:
    """Raises ValueError where the text is not what `to_json` wrote for vocabularies of these names."""
    lists = json.loads(text)
    if not isinstance(lists, dict) or sorted(lists) != sorted(names):
        raise ValueError(f"Expected the vocabularies {', '.join(names)}.")
    return {name: Vocabulary(lists[name]) for name in names}
