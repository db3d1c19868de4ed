"""A linear support vector machine over TF-IDF weights, with honest probabilities, kept as names and arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

SEEN_AT_LEAST = 2  # a feature of one sentence alone teaches nothing about others
FOLDS = 4
DEFAULT_SHARPNESS = 3.0  # where there is too little to measure it


@dataclass
class LinearModel:
    """tensors: `idf` [features], `weights` [labels, features], `bias` [labels]."""

    labels: list[str]
    features: list[str]
    tensors: dict[str, np.ndarray]
    index: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.index = {feature: position for position, feature in enumerate(self.features)}

    def likelihoods(self, wording: Sequence[str]) -> np.ndarray:
        """Shape: [labels]; they sum to 1."""
        positions, values = _weighted(wording, self.index, self.tensors["idf"])
        scores = self.tensors["weights"][:, positions].astype(np.float32) @ values + self.tensors["bias"]
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()


def fit(wordings: Sequence[Sequence[str]], labels: Sequence[str], *, regularisation: float) -> LinearModel:
    """Learns which features speak for which label, and how far its own margins are to be believed."""
    frequency = Counter(feature for wording in wordings for feature in set(wording))
    features = sorted(feature for feature, count in frequency.items() if count >= SEEN_AT_LEAST)
    idf = np.log((1 + len(wordings)) / (1 + np.array([frequency[feature] for feature in features]))) + 1
    index = {feature: position for position, feature in enumerate(features)}
    matrix = _matrix([_weighted(wording, index, idf) for wording in wordings], len(features))
    machine = LinearSVC(C=1 / regularisation, random_state=0).fit(matrix, labels)
    weights, bias = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:  # scikit-learn keeps one row for two labels
        weights, bias = np.vstack([-weights, weights]), np.append(-bias, bias)
    sharpness = _sharpness(matrix, np.array(labels), regularisation)
    tensors = {
        "idf": idf.astype(np.float32),
        "weights": (weights * sharpness).astype(np.float16),
        "bias": (bias * sharpness).astype(np.float32),
    }
    return LinearModel([str(label) for label in machine.classes_], features, tensors)


def _sharpness(matrix: csr_matrix, labels: np.ndarray, regularisation: float) -> float:
    """The factor that makes margins on unseen sentences honest as probabilities (Guo et al., 2017: temperature)."""
    counts = Counter(labels.tolist())
    known = np.array([counts[label] >= FOLDS for label in labels.tolist()])
    if len({label for label, count in counts.items() if count >= FOLDS}) < 3:
        return DEFAULT_SHARPNESS
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    machine = LinearSVC(C=1 / regularisation, random_state=0)
    margins = cross_val_predict(machine, matrix[known], labels[known], cv=folds, method="decision_function")
    target = np.unique(labels[known], return_inverse=True)[1]
    losses = {factor: _log_loss(margins * factor, target) for factor in np.arange(1.0, 8.1, 0.25)}
    return float(min(losses, key=lambda factor: losses[factor]))


def _log_loss(scores: np.ndarray, target: np.ndarray) -> float:
    highest = scores.max(axis=1)
    totals = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    return float(np.mean(totals - scores[np.arange(len(target)), target]))


def _matrix(rows: Sequence[tuple[np.ndarray, np.ndarray]], width: int) -> csr_matrix:
    values = np.concatenate([values for _, values in rows])
    positions = np.concatenate([positions for positions, _ in rows])
    ends = np.cumsum([0, *(len(positions) for positions, _ in rows)])
    return csr_matrix((values, positions, ends), shape=(len(rows), width))


def _weighted(wording: Sequence[str], index: dict[str, int], idf: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and TF-IDF values of the features that are known, of length 1 together."""
    counts = Counter(feature for feature in wording if feature in index)
    positions = np.array([index[feature] for feature in counts], dtype=np.int64)
    values = (1 + np.log(np.array(list(counts.values()), dtype=np.float32))) * idf[positions]
    return positions, values.astype(np.float32) / (np.linalg.norm(values) or 1.0)
