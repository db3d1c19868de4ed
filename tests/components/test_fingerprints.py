"""Fingerprints that cost little, and still differ wherever what they are of does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import rasa.nlu.tokenizers.tokenizer as rasas
from rasa.shared.nlu.constants import ENTITIES, FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, INTENT, TEXT, TEXT_TOKENS
from scipy.sparse import csr_matrix

from components.fingerprints import Features, Message, Token

DENSE = np.arange(6, dtype=np.float32).reshape(2, 3)


def of(features: object, kind: str = FEATURE_TYPE_SEQUENCE, origin: str = "one") -> str:
    return Features(features, kind, TEXT, origin).fingerprint()  # type: ignore[arg-type]


@pytest.mark.parametrize("features", [DENSE, csr_matrix(DENSE)], ids=["dense", "sparse"])
def test_the_same_features_have_the_same_fingerprint(features: object) -> None:
    assert of(features) == of(features.copy())  # type: ignore[attr-defined]
    assert of(DENSE[:, ::2]) == of(np.ascontiguousarray(DENSE[:, ::2]))


@pytest.mark.parametrize(
    "other",
    [
        of(DENSE, FEATURE_TYPE_SENTENCE),
        of(DENSE, origin="another"),
        of(DENSE + np.float32(1e-6)),
        of(DENSE.reshape(3, 2)),
        of(DENSE.astype(np.float64)),
        of(csr_matrix(DENSE)),
    ],
)
def test_others_have_another(other: str) -> None:
    assert of(DENSE) != other


def test_sparse_ones_differ_by_place_and_by_value() -> None:
    moved, changed = csr_matrix(DENSE[::-1]), csr_matrix(DENSE * 2)
    assert len({of(csr_matrix(DENSE)), of(moved), of(changed)}) == 3


def test_a_change_is_seen() -> None:
    features = Features(DENSE, FEATURE_TYPE_SEQUENCE, TEXT, "one")
    before = features.fingerprint()
    features.combine_with_features(Features(DENSE, FEATURE_TYPE_SEQUENCE, TEXT, "two"))
    assert features.fingerprint() != before


def test_a_token_is_the_same_as_rasas() -> None:
    for token in (Token("red", 4, 7), Token("红", 0), Token("ran", 2, 5, lemma="run")):
        rasas_own = rasas.Token(token.text, token.start, token.end, lemma=token.lemma)
        assert token.fingerprint() == rasas_own.fingerprint()
    marked = Token("red", 4, 7)
    marked.set("pattern", True)
    assert marked.fingerprint() not in (Token("red", 4, 7).fingerprint(), Token("red", 5, 8).fingerprint())


def test_a_message_differs_by_all_that_it_has() -> None:
    data = {TEXT: "red", INTENT: "ask", ENTITIES: [{"start": 0, "end": 3}]}
    marked = Token("red", 0)
    marked.set("pattern", True)
    others = [
        Message(data),
        Message({**data, TEXT: "rot"}),
        Message({**data, ENTITIES: [{"start": 0, "end": 2}]}),
        Message({**data, TEXT_TOKENS: [Token("red", 0)]}),
        Message({**data, TEXT_TOKENS: [marked]}),
        Message(data, features=[Features(DENSE, FEATURE_TYPE_SEQUENCE, TEXT, "one")]),
        Message(data, features=[Features(DENSE * 2, FEATURE_TYPE_SEQUENCE, TEXT, "one")]),
    ]
    assert len({message.fingerprint() for message in others}) == len(others)
    assert Message(data) == Message(dict(reversed(data.items())))


def test_a_change_of_a_message_is_seen() -> None:
    message = Message({TEXT: "red", INTENT: "ask"})
    seen = [message.fingerprint()]
    message.set(INTENT, "ask")
    assert message.fingerprint() == seen[0]
    message.set(INTENT, "tell")
    seen.append(message.fingerprint())
    message.set(ENTITIES, [])
    seen.append(message.fingerprint())
    message.get(ENTITIES).append({"entity": "colour"})
    message.set(ENTITIES, message.get(ENTITIES))
    seen.append(message.fingerprint())
    message.add_features(Features(DENSE, FEATURE_TYPE_SEQUENCE, TEXT, "one"))
    seen.append(message.fingerprint())
    assert len(set(seen)) == len(seen)


def test_a_copy_of_a_message_is_its_own() -> None:
    message = Message({TEXT: "red", ENTITIES: [{"entity": "colour"}]}, output_properties={INTENT})
    copied = copy.deepcopy(message)
    assert copied == message
    assert copied.output_properties == message.output_properties
    copied.get(ENTITIES)[0]["entity"] = "size"
    copied.set(INTENT, "ask", add_to_output=True)
    assert message.get(ENTITIES) == [{"entity": "colour"}]
    assert message.get(INTENT) is None
    assert copied != message
