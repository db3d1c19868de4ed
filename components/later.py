"""Features that are waited for only by who needs them: a classifier may be sure of a message without, and in training
other components go on meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from components.fingerprints import Features


class LaterFeatures(Features):
    """Dense features. `compute` gives them, shape [tokens or 1, width]; `told` is all that decides what they are."""

    def __init__(
        self, compute: Callable[[], np.ndarray], kind: str, attribute: str, origin: str, told: tuple[object, ...]
    ) -> None:
        self._compute = compute
        self._told = told
        self.type, self.attribute, self.origin = kind, attribute, origin
        self._cached_fingerprint = None

    @cached_property
    def features(self) -> np.ndarray:  # type: ignore[override]
        return self._compute()

    def is_sparse(self) -> bool:
        return False

    def fingerprint(self) -> str:
        if self._cached_fingerprint is None:
            about = (self.type, self.attribute, self.origin, *self._told)
            self._cached_fingerprint = hashlib.sha256(repr(about).encode()).hexdigest()
        return str(self._cached_fingerprint)

    def __deepcopy__(self, memo: dict[int, Any]) -> Features:
        return Features(self.features.copy(), self.type, self.attribute, self.origin)
