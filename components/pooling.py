"""A transformer reads subwords, Rasa reads tokens: vectors of subwords become vectors of tokens, by their places.

Each is a weighted sum of subwords, and only its weights, the shares, are found here: so an encoder that is trained
further, in torch, is pooled as the vectors of a message are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MEAN, CLS = "mean", "cls"
POOLINGS = (MEAN, CLS)


def token_shares(offsets: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """How much of each token each subword is: all that overlap it alike; none of a token that no subword overlaps.

    Shapes: offsets [subwords, 2] -> [tokens, subwords]. A subword with an empty span (the marks that begin and end a
    text) belongs to no token.
    """
    if not len(spans):
        return np.zeros((0, len(offsets)), dtype=np.float32)
    begins, ends = np.asarray(offsets).reshape(-1, 2).T
    starts, stops = np.asarray(spans).T[:, :, None]
    overlap = ((begins < stops) & (ends > starts) & (ends > begins)).astype(np.float32)
    return overlap / np.maximum(overlap.sum(axis=1, keepdims=True), 1)


def sentence_shares(subwords: int, pooling: str) -> np.ndarray:
    """How much of a sentence each subword is: all alike (their marks too, as such encoders are trained), or the first.

    Shape: [1, subwords].
    """
    if pooling == CLS:
        return np.eye(1, subwords, dtype=np.float32)
    return np.full((1, subwords), 1 / subwords, dtype=np.float32)


def shares(offsets: np.ndarray, spans: Sequence[tuple[int, int]], pooling: str) -> np.ndarray:
    """Of the sentence, then of its tokens. A text without a token says nothing: its sentence is zeros.

    Shapes: offsets [subwords, 2] -> [1 + tokens, subwords].
    """
    sentence = sentence_shares(len(offsets), pooling) * bool(len(spans))
    return np.concatenate([sentence, token_shares(offsets, spans)]).astype(np.float32)


def token_vectors(subwords: np.ndarray, offsets: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Shapes: subwords [subwords, hidden], offsets [subwords, 2] -> [tokens, hidden]."""
    return (token_shares(offsets, spans) @ subwords).astype(np.float32)


def sentence_vector(subwords: np.ndarray, pooling: str) -> np.ndarray:
    """Shape: [subwords, hidden] -> [1, hidden]."""
    return (sentence_shares(len(subwords), pooling) @ subwords).astype(np.float32)
