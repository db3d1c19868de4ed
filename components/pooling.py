"""A transformer reads subwords, Rasa reads tokens: vectors of subwords become vectors of tokens, by their places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MEAN, CLS = "mean", "cls"
POOLINGS = (MEAN, CLS)


def token_vectors(subwords: np.ndarray, offsets: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """The mean of the subwords that overlap each token; zeros for a token that no subword overlaps.

    Shapes: subwords [subwords, hidden], offsets [subwords, 2] -> [tokens, hidden]. A subword with an empty span (the
    marks that begin and end a text) belongs to no token.
    """
    if not len(spans):
        return np.zeros((0, subwords.shape[1]), dtype=np.float32)
    begins, ends = np.asarray(offsets).reshape(-1, 2).T
    starts, stops = np.asarray(spans).T[:, :, None]
    overlap = ((begins < stops) & (ends > starts) & (ends > begins)).astype(np.float32)
    return (overlap @ subwords / np.maximum(overlap.sum(axis=1, keepdims=True), 1)).astype(np.float32)


def sentence_vector(subwords: np.ndarray, pooling: str) -> np.ndarray:
    """One vector of a text: the mean of its subwords (their marks too, as such encoders are trained) or the first mark.

    Shapes: [subwords, hidden] -> [1, hidden].
    """
    return subwords[:1] if pooling == CLS else subwords.mean(axis=0, keepdims=True, dtype=np.float32)
