"""Remembers every training sentence: kernel ridge regression over sentence vectors and words.

The net generalises from its features; this part weighs a new sentence's likeness to each example it has seen
(Saunders et al. 1998). It is solved, not trained: some seconds for 10,000 examples. On few examples, and across
languages, it is the stronger half; it also knows how near the nearest example is, which tells what is out of scope.

Each featurizer of sentences has a regression of its own, over the examples that it can read, and a message asks those
that can read it. So an encoder that knows only English makes English better and leaves Chinese as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.sparse import csr_matrix

from components.examples import Examples, centre_and_spread, columns_of

WORDS_SHARE = 0.3  # of the likeness, where there are sentence vectors too
SHARPNESS = 1.0
RIDGE = 0.1
DIRECTIONS = 96  # of the sentence vectors that are kept: the rest is noise (192 know half a point less of intents)
MOST_EXAMPLES = 16_000  # the kernel is square: beyond this, every label gives up the same share
FULLY_HEARD = 1 / 3  # of all examples: who has read fewer of them counts for less
HEARD_AT_ALL = 0.1
NEAREST = 3
ROWS_AT_ONCE = 512
MOST_COMPARED = 2000
Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]  # as `Solved` is called
BY_NUMPY: Mapping[int, Answer] = MappingProxyType({})


@dataclass(frozen=True)
class Recollection:
    """What the memory makes of N sentences: scores [N, labels] of about 0 to 1, and the likeness [N, views] to the
    nearest examples, not a number where a view cannot read the sentence.
    """

    scores: np.ndarray
    likeness: np.ndarray


class Memory:
    """One regression a view, of those views that have read enough. `tensors` is all it has learnt, by name; what
    `answers` has of a view does the work of its `Solved`.
    """

    def __init__(self, tensors: dict[str, np.ndarray], answers: Mapping[int, Answer] = BY_NUMPY) -> None:
        self.tensors = tensors
        self._heard = {int(view): heard for view, heard in zip(tensors["views"], tensors["heard"], strict=True)}
        self.regressions = {view: Regression(_of_view(tensors, view), answers.get(view)) for view in self._heard}

    def recall(self, examples: Examples) -> Recollection:
        """Reads the sentence features only."""
        likeness = np.full((len(examples), len(self.regressions)), np.nan, np.float32)
        said, weights = 0.0, np.zeros((len(examples), 1), np.float32)
        for column, (view, regression) in enumerate(self.regressions.items()):
            vectors, words, reads = _view(examples, view)
            if not reads.any():
                continue
            scores = np.zeros((len(examples), regression.labels), np.float32)
            if not reads.all():
                vectors, words = vectors[reads], words[reads]
            scores[reads], likeness[reads, column] = regression.recall(vectors, words)
            said, weights = said + self._heard[view] * scores, weights + self._heard[view] * reads[:, None]
        return Recollection(said / weights, likeness)


class Regression:
    """Of one view. `tensors` is all it has learnt, by name."""

    def __init__(self, tensors: dict[str, np.ndarray], answer: Answer | None = None) -> None:
        self.tensors = tensors
        self.labels = tensors["weights"].shape[1]
        self._words_by_feature = _matrix(tensors).T.tocsr()
        self._answer = answer or Solved(tensors)

    def recall(self, dense: np.ndarray, words: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """Shapes: dense [N, S], words [N, V] -> scores [N, labels], likeness to the nearest [N].

        A sentence without a known word, in a language that was never heard say, is alike by its vectors alone.
        """
        share = self.tensors["words_share"][0]
        if not share:
            nothing = np.zeros((len(dense), 1), np.float32)
            return self._answer(dense, nothing, nothing)
        shares = share * (np.diff(words.indptr) > 0)[:, None]
        by_words = (_weighted(words, self.tensors["rarity"]) @ self._words_by_feature).toarray()
        return self._answer(dense, shares, shares * by_words)


class Solved:
    """The regression itself, by numpy."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self._tensors = tensors
        self._vectors = tensors["vectors"].astype(np.float32)
        self._weights = tensors["weights"].astype(np.float32)

    def __call__(self, dense: np.ndarray, shares: np.ndarray, by_words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shapes: dense [N, S], the words' shares of the likeness [N, 1], what they add to it [N, examples] or [N, 1]
        -> scores [N, labels], likeness to the nearest [N]."""
        likeness = (1 - shares) * (_vectors(dense, self._tensors) @ self._vectors.T) + by_words
        return _kernel(likeness) @ self._weights + self._tensors["means"], _nearest(likeness)


@dataclass(frozen=True)
class Lesson:
    """What a memory is, what it would have said of held-out examples had it not seen them, and what is usual.

    Shapes: unseen [K, labels]; usual, a view: the likeness of [N'] examples to others.
    """

    memory: Memory
    unseen: np.ndarray
    usual: list[np.ndarray]


def fit(examples: Examples, labels: np.ndarray, count: int, held_out: np.ndarray) -> Lesson:
    """A memory of all examples.

    Shape: labels [N] in 0..count-1, held_out [K] indices. What it would have said of these is exact and needs no
    second fit: leaving a block out of a ridge regression changes its predictions by a closed form (Pahikkala et al.
    2006).
    """
    kept, held_out = _kept(labels, held_out)
    examples, labels = examples.of_sentences(kept), labels[kept]
    tensors: dict[str, np.ndarray] = {}
    heard: dict[int, float] = {}
    usual = []
    said, weights = np.zeros((len(held_out), count), np.float32), np.zeros((len(held_out), 1), np.float32)
    for view in range(max(1, len(examples.sentence_views))):
        vectors, words, reads = _view(examples, view)
        if reads.mean() < HEARD_AT_ALL:
            continue
        heard[view] = min(1.0, float(reads.mean()) / FULLY_HEARD)
        places, read_of_held_out = np.cumsum(reads)[held_out] - 1, reads[held_out]
        learnt, unseen, likeness = _regress(
            vectors[reads], words[reads], labels[reads], count, places[read_of_held_out]
        )
        tensors |= {f"{view}.{name}": part for name, part in learnt.items()}
        usual.append(likeness)
        said[read_of_held_out] += heard[view] * unseen
        weights[read_of_held_out] += heard[view]
    tensors |= {"views": np.array(list(heard), np.int64), "heard": np.array(list(heard.values()), np.float32)}
    return Lesson(Memory(tensors), said / weights, usual)


def _view(examples: Examples, view: int) -> tuple[np.ndarray, csr_matrix, np.ndarray]:
    """The vectors of a view, the words that go with it, and which sentences it can read.

    The words go with the first view, which therefore says something of every sentence.
    """
    dense = examples.sentence_dense[:, columns_of(examples.sentence_views, examples.sentence_dense.shape[1])[view]]
    if view == 0:
        return dense, examples.sentence_words, np.ones(len(dense), bool)
    return dense, csr_matrix((len(dense), 0), dtype=np.float32), dense.any(axis=1)


def _of_view(tensors: dict[str, np.ndarray], view: int) -> dict[str, np.ndarray]:
    prefix = f"{view}."
    return {name.removeprefix(prefix): part for name, part in tensors.items() if name.startswith(prefix)}


def _regress(
    dense: np.ndarray, counts: csr_matrix, labels: np.ndarray, count: int, held_out: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    tensors = _space(dense, counts)
    vectors = _vectors(dense, tensors)
    words = _weighted(counts, tensors["rarity"])
    share = float(tensors["words_share"][0])
    likeness = (1 - share) * (vectors @ vectors.T)
    if share:
        _add_likeness_of_words(likeness, words, share)
    targets = np.eye(count, dtype=np.float32)[labels]
    means = targets.mean(0)
    system = _kernel(likeness)
    system[np.diag_indices_from(system)] += RIDGE
    factor = cho_factor(system.T, overwrite_a=True, check_finite=False)  # the same, in the order LAPACK takes as it is
    weights = cho_solve(factor, targets - means, check_finite=False)
    unseen = _leaving_out(factor, weights, targets, held_out)
    tensors |= {
        "vectors": vectors.astype(np.float16),
        "weights": weights.astype(np.float16),
        "means": means,
        "words_values": words.data.astype(np.float16),
        "words_columns": words.indices.astype(np.int32),
        "words_rows": words.indptr.astype(np.int64),
    }
    return tensors, unseen, _likeness_to_others(likeness)


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


def _space(dense: np.ndarray, words: csr_matrix) -> dict[str, np.ndarray]:
    """The directions in which sentence vectors differ, and how rare each word is."""
    centre, spread = centre_and_spread(dense)
    frequency = np.bincount(words.indices, minlength=words.shape[1])
    rarity = np.log((1 + len(dense)) / (1 + frequency)) + 1
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
    kernel = likeness - 1
    kernel *= 2 * SHARPNESS
    return np.exp(kernel, out=kernel)


def _nearest(likeness: np.ndarray) -> np.ndarray:
    """The mean likeness to the few nearest examples. Shape: [N, examples] -> [N]."""
    count = min(NEAREST, likeness.shape[1])
    if not count:
        return np.zeros(len(likeness), np.float32)
    return np.partition(likeness, -count, axis=1)[:, -count:].mean(1)
