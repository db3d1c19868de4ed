"""Messages, tokens and features whose fingerprints cost little: Rasa takes them of all before and after a component.

Rasa's own writes every number of a vector out as text first, and hashes each token anew each time: a third of a
training's time would pass with it.
"""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from functools import lru_cache
from typing import Any

import numpy as np
import rasa.nlu.tokenizers.tokenizer as rasas
import rasa.shared.nlu.training_data.features as rasas_features
import rasa.shared.nlu.training_data.message as rasas_message
from rasa.shared.utils.io import deep_container_fingerprint

TOKENS_KEPT = 200_000
UNCHANGING = {str, int, float, bool, type(None)}


class Message(rasas_message.Message):
    """Rasa's message; its fingerprint is of its data as JSON, and a copy of it keeps the one that it has."""

    def set(self, prop: str, info: Any, add_to_output: bool = False) -> None:
        """A text that is set to what it is, as Rasa does whenever messages come together, changes no fingerprint."""
        same = isinstance(info, str) and self.data.get(prop) == info
        kept = self._cached_fingerprint if same else None
        super().set(prop, info, add_to_output)
        self._cached_fingerprint = kept

    def fingerprint(self) -> str:
        if self._cached_fingerprint is None:
            self._cached_fingerprint = _of_json([self.data, self.features])
        return str(self._cached_fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __deepcopy__(self, memo: dict[int, Any]) -> Message:
        copied = Message.__new__(Message)
        parts = {"data": _copied(self.data, memo), "features": _copied(self.features, memo)}
        copied.__dict__ = {**self.__dict__, **parts, "output_properties": set(self.output_properties)}
        return copied


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy, without the search for what stands in it twice."""
    if type(value) in UNCHANGING:
        return value
    if type(value) is dict:
        return {key: _copied(each, memo) for key, each in value.items()}
    if type(value) is list:
        return [_copied(each, memo) for each in value]
    return deepcopy(value, memo)


class Token(rasas.Token):
    """Rasa's token; where it holds nothing but its place in the text, its fingerprint is remembered."""

    def fingerprint(self) -> str:
        if self.data:
            return _of_json(_said_by(self))
        return _of_place(self.text, self.start, self.end, self.lemma)


class Features(rasas_features.Features):
    """Rasa's features; their fingerprint is of their bytes."""

    def fingerprint(self) -> str:
        if self._cached_fingerprint is None:
            about = (self.type, self.origin, self.attribute, self.features.shape, str(self.features.dtype))
            digest = hashlib.sha256(repr(about).encode())
            add_numbers(digest, self.features)
            self._cached_fingerprint = digest.hexdigest()
        return str(self._cached_fingerprint)


def add_numbers(digest: Any, features: Any) -> None:
    """Adds all numbers of a dense or a sparse matrix to a digest of hashlib's."""
    for part in _parts(features):
        digest.update(np.ascontiguousarray(part).data)


def _parts(features: Any) -> tuple[np.ndarray, ...]:
    if isinstance(features, np.ndarray):
        return (features,)
    rows = features.tocsr()
    return (rows.data, rows.indices, rows.indptr)


@lru_cache(TOKENS_KEPT)
def _of_place(*place: object) -> str:
    return str(deep_container_fingerprint([*place, {}]))


def _of_json(value: Any) -> str:
    written = json.dumps(value, sort_keys=True, default=_said_by)
    return hashlib.sha256(written.encode()).hexdigest()


def _said_by(part: Any) -> Any:
    """What stands in JSON for that which JSON does not know: a token in full, of all else its fingerprint."""
    if isinstance(part, rasas.Token):
        return part.text, part.start, part.end, part.lemma, part.data
    return deep_container_fingerprint(part)
