"""Pretrained sentence encoders whose weights packages carry, run by ONNX Runtime alone: no torch, no model hub.

A text has the same vectors in training and in a conversation, whatever else is read beside it: nothing is padded, and
no scale is shared between texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

MOST_SUBWORDS = 510  # of a text that are read: what multilingual-e5 has positions for, less its two marks


class Reading(NamedTuple):
    """What an encoder made of one text.

    Shapes: subwords [subwords, size], offsets [subwords, 2] (their places in the text; a mark's place is empty),
    sentence [1, sentence size], of length 1.
    """

    subwords: np.ndarray
    offsets: np.ndarray
    sentence: np.ndarray


class Encoder(Protocol):
    """Turns texts into vectors; several threads may call it at once."""

    def read(self, texts: Sequence[str]) -> list[Reading]: ...


def unit(vector: np.ndarray) -> np.ndarray:
    """The same direction with length 1. Shapes: [1, size] -> [1, size]."""
    return (vector / max(float(np.sqrt(np.vdot(vector, vector))), 1e-12)).astype(np.float32)
