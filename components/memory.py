"""Remembers every training sentence: kernel ridge regression over sentence vectors and words.

The net generalises from its features; this part weighs a new sentence's likeness to each example it has seen
(Saunders et al. 1998). It is solved, not trained: some seconds for 10,000 examples. On few examples, and across
languages, it is the stronger half; it also knows how near the nearest example is, which tells what is out of scope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.sparse import csr_matrix

from components.examples import Examples, centre_and_spread

WORDS_SHARE = 0.3  # of the likeness, where there are sentence vectors too
SHARPNESS = 1.0
RIDGE = 0.1
DIRECTIONS = 320  # of the sentence vectors that are kept: the rest is noise, and costs time with each message
MOST_EXAMPLES = 16_000  # the kernel is square: beyond this, every label gives up the same share
NEAREST = 3
ROWS_AT_ONCE = 512
MOST_COMPARED = 2000


@dataclass(frozen=True)
class Recollection:
    """What the memory makes of N sentences: scores [N, labels] of about 0 to 1, likeness [N] to the nearest."""

    scores: np.ndarray
    likeness: np.ndarray


class Memory:
    """`tensors` is all it has learnt, by name."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors = tensors
        self._vectors = tensors["vectors"].astype(np.float32)
        self._weights = tensors["weights"].astype(np.float32)
        self._words = _matrix(tensors)
        self._words_by_feature = self._words.T.tocsr()

    def recall(self, examples: Examples) -> Recollection:
        """Reads the sentence features only."""
        likeness = self._likeness(examples)
        return Recollection(_kernel(likeness) @ self._weights + self.tensors["means"], _nearest(likeness))

    def _likeness(self, examples: Examples) -> np.ndarray:
        vectors = _vectors(examples.sentence_dense, self.tensors)
        words = _weighted(examples.sentence_words, self.tensors["rarity"])
        share = float(self.tensors["words_share"][0])
        likeness = (1 - share) * (vectors @ self._vectors.T)
        if share:
            likeness = likeness + share * (words @ self._words_by_feature).toarray()
        return likeness


def fit(
    examples: Examples, labels: np.ndarray, count: int, held_out: np.ndarray
) -> tuple[Memory, np.ndarray, np.ndarray]:
    """A memory of all examples; the scores of the `held_out` ones had it not seen them; the likeness of all to others.

    Shape: labels [N] in 0..count-1, held_out [K] indices -> memory, scores [K, labels], likeness [N']. The scores are
    exact and need no second fit: leaving a block out of a ridge regression changes its predictions by a closed form
    (Pahikkala et al. 2006).
    """
    kept, held_out = _kept(labels, held_out)
    tensors = _space(examples, kept)
    vectors = _vectors(examples.sentence_dense[kept], tensors)
    words = _weighted(examples.sentence_words[kept], tensors["rarity"])
    share = float(tensors["words_share"][0])
    likeness = (1 - share) * (vectors @ vectors.T)
    if share:
        _add_likeness_of_words(likeness, words, share)
    targets = np.eye(count, dtype=np.float32)[labels[kept]]
    means = targets.mean(0)
    system = _kernel(likeness)
    system[np.diag_indices_from(system)] += RIDGE
    factor = cho_factor(system, overwrite_a=True, check_finite=False)
    weights = cho_solve(factor, targets - means, check_finite=False)
    unseen = _leaving_out(factor, weights, targets, held_out)
    usual = _likeness_to_others(likeness)
    tensors |= {
        "vectors": vectors.astype(np.float16),
        "weights": weights.astype(np.float16),
        "means": means,
        "words_values": words.data.astype(np.float16),
        "words_columns": words.indices.astype(np.int32),
        "words_rows": words.indptr.astype(np.int64),
    }
    return Memory(tensors), unseen, usual


def _likeness_to_others(likeness: np.ndarray) -> np.ndarray:
    """What each of at most `MOST_COMPARED` examples has in likeness to its nearest, itself left out. Shape: -> [N']."""
    rows = np.unique(np.linspace(0, len(likeness) - 1, min(len(likeness), MOST_COMPARED)).astype(int))
    compared = likeness[rows]
    compared[np.arange(len(rows)), rows] = -np.inf
    return _nearest(compared) if likeness.shape[1] > NEAREST else np.zeros(0, np.float32)


def _add_likeness_of_words(likeness: np.ndarray, words: csr_matrix, share: float) -> None:
    """Adds in place, some rows at a time: the whole product as a sparse matrix would take gigabytes."""
    by_feature = words.T.tocsr()
    for first in range(0, len(likeness), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        likeness[rows] += share * (words[rows] @ by_feature).toarray()


def _kept(labels: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which examples fit into the kernel (all, up to a limit), and where the held-out ones stand among them."""
    if len(labels) <= MOST_EXAMPLES:
        return np.arange(len(labels)), held_out
    generator = np.random.default_rng(0)
    chosen = np.zeros(len(labels), bool)
    chosen[held_out] = True
    for label in np.unique(labels):
        of_label = generator.permutation(np.flatnonzero(labels == label))
        chosen[of_label[: max(1, len(of_label) * MOST_EXAMPLES // len(labels))]] = True
    kept = np.flatnonzero(chosen)
    return kept, np.searchsorted(kept, held_out)


def _leaving_out(factor: object, weights: np.ndarray, targets: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    if not len(held_out):
        return np.zeros((0, targets.shape[1]), np.float32)
    unit = np.zeros((len(weights), len(held_out)), np.float32)
    unit[held_out, np.arange(len(held_out))] = 1
    inverse = cho_solve(factor, unit, check_finite=False)[held_out]
    return targets[held_out] - np.linalg.solve(inverse, weights[held_out])


def _space(examples: Examples, kept: np.ndarray) -> dict[str, np.ndarray]:
    """The directions in which sentence vectors differ, and how rare each word is."""
    dense, words = examples.sentence_dense[kept], examples.sentence_words[kept]
    centre, spread = centre_and_spread(dense)
    frequency = np.bincount(words.indices, minlength=words.shape[1])
    rarity = np.log((1 + len(kept)) / (1 + frequency)) + 1
    share = 1.0 if not dense.shape[1] else WORDS_SHARE if words.shape[1] else 0.0
    return {
        "centre": centre,
        "spread": spread,
        "directions": _directions(_unit((dense - centre) / spread)),
        "rarity": rarity.astype(np.float32),
        "words_share": np.array([share], np.float32),
    }


def _directions(vectors: np.ndarray) -> np.ndarray:
    """The principal components. Shape: [N, S] -> [S, kept]."""
    width = vectors.shape[1]
    if not width:
        return np.zeros((0, 0), np.float32)
    _, components = eigh(vectors.T @ vectors, subset_by_index=[max(0, width - DIRECTIONS), width - 1])
    return np.ascontiguousarray(components[:, ::-1], dtype=np.float32)


def _vectors(dense: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    return _unit((dense - tensors["centre"]) / tensors["spread"]) @ tensors["directions"]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6)


def _weighted(words: csr_matrix, rarity: np.ndarray) -> csr_matrix:
    """Term frequency by inverse document frequency, each sentence of length 1."""
    values = words.data * rarity[words.indices]
    sentences = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
    lengths = np.sqrt(np.bincount(sentences, values**2, minlength=words.shape[0])) + 1e-6
    weighted = (values / lengths[sentences]).astype(np.float32)
    return csr_matrix((weighted, words.indices, words.indptr), shape=words.shape)


def _matrix(tensors: dict[str, np.ndarray]) -> csr_matrix:
    values, columns, rows = (tensors[f"words_{part}"] for part in ("values", "columns", "rows"))
    return csr_matrix((values.astype(np.float32), columns, rows), shape=(len(rows) - 1, len(tensors["rarity"])))


def _kernel(likeness: np.ndarray) -> np.ndarray:
    return np.exp(2 * SHARPNESS * (likeness - 1))


def _nearest(likeness: np.ndarray) -> np.ndarray:
    """The mean likeness to the few nearest examples. Shape: [N, examples] -> [N]."""
    count = min(NEAREST, likeness.shape[1])
    if not count:
        return np.zeros(len(likeness), np.float32)
    return np.partition(likeness, -count, axis=1)[:, -count:].mean(1)
