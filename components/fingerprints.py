"""Tokens and features whose fingerprints cost little: Rasa takes them of everything before and after each component.

Rasa's own writes every number of a vector out as text first, and hashes each token anew each time: a third of a
training's time would pass with it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import rasa.nlu.tokenizers.tokenizer as rasas
import rasa.shared.nlu.training_data.features as rasas_features
from rasa.shared.utils.io import deep_container_fingerprint

TOKENS_KEPT = 200_000


class Token(rasas.Token):
    """Rasa's token; where it holds nothing but its place in the text, its fingerprint is remembered."""

    def fingerprint(self) -> str:
        if self.data:
            return str(super().fingerprint())
        return _of_place(self.text, self.start, self.end, self.lemma)


class Features(rasas_features.Features):
    """Rasa's features; their fingerprint is of their bytes."""

    def fingerprint(self) -> str:
        if self._cached_fingerprint is None:
            about = (self.type, self.origin, self.attribute, self.features.shape, str(self.features.dtype))
            digest = hashlib.sha256(repr(about).encode())
            for part in _parts(self.features):
                digest.update(np.ascontiguousarray(part).data)
            self._cached_fingerprint = digest.hexdigest()
        return str(self._cached_fingerprint)


def _parts(features: Any) -> tuple[np.ndarray, ...]:
    if isinstance(features, np.ndarray):
        return (features,)
    rows = features.tocsr()
    return (rows.data, rows.indices, rows.indptr)


@lru_cache(TOKENS_KEPT)
def _of_place(*place: object) -> str:
    return str(deep_container_fingerprint([*place, {}]))
