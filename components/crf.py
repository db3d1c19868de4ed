"""A linear-chain conditional random field over tags (Lafferty et al., 2001): the loss in torch, Viterbi in numpy.

Serving decodes with `best_path`, which needs no torch; `ConditionalRandomField` is imported where one trains.
"""

from __future__ import annotations

import numpy as np

IMPOSSIBLE = -1e4


def best_path(scores: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> list[int]:
    """The likeliest tags of one sentence (Viterbi, 1967).

    Shape: scores [tokens, tags], transitions [tags (from), tags (to)], start [tags], end [tags].
    """
    if not len(scores):
        return []
    best = start + scores[0]
    arriving = np.ascontiguousarray(transitions.T)  # a search along rows that lie together is some times faster
    targets = np.arange(len(best))
    came_from = []
    for score in scores[1:]:
        through = arriving + best
        came_from.append(through.argmax(axis=1))
        best = through[targets, came_from[-1]] + score
    path = [int((best + end).argmax())]
    for pointers in reversed(came_from):
        path.append(int(pointers[path[-1]]))
    return path[::-1]


def marginals(scores: np.ndarray, transitions: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How likely each tag is at each token, given the whole sentence. Shape: [tokens, tags] -> [tokens, tags]."""
    if not len(scores):
        return np.zeros_like(scores)
    step = np.exp(transitions)
    forward, backward = [_scaled(start + scores[0])], [_scaled(end)]
    for score in scores[1:]:
        forward.append(_scaled(score + np.log(forward[-1] @ step + 1e-30)))
    for score in scores[:0:-1]:
        backward.append(_scaled(np.log(step @ (np.exp(score - score.max()) * backward[-1]) + 1e-30)))
    product = np.stack(forward) * np.stack(backward[::-1])
    return product / product.sum(axis=1, keepdims=True)


def _scaled(logarithms: np.ndarray) -> np.ndarray:
    return np.exp(logarithms - logarithms.max())
