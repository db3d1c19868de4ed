"""What writing Chinese adds to the vectors of the real encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.encoders import Reading
from components.encoders.e5 import E5Encoder
from components.encoders.languages import Chinese, chinese_of
from components.encoders.universal import UniversalEncoder

TWINS = {  # none of them is among the sentences by which the way was found
    "这道菜放点盐会更好": "this dish would be better with some salt",
    "图书馆周日开不开": "is the library open on Sundays",
    "我的猫不肯吃东西": "my cat refuses to eat",
    "把窗户关上，外面太吵": "close the window, it is too noisy outside",
    "这趟车在哪里换乘": "where do I change on this line",
    "合同还没签": "the contract has not been signed yet",
}
ENCODERS = {"e5": E5Encoder, "universal": UniversalEncoder}


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request: pytest.FixtureRequest) -> E5Encoder | UniversalEncoder:
    return ENCODERS[request.param](None, "")


@pytest.fixture(scope="module")
def chinese(encoder: E5Encoder | UniversalEncoder) -> Chinese:
    return chinese_of(encoder, None, "any", "weights 1")


def _apart(ours: list[Reading], theirs: list[Reading]) -> float:
    return float(np.mean([np.linalg.norm(a.sentence - b.sentence) for a, b in zip(ours, theirs, strict=True)]))


def test_a_sentence_comes_nearer_to_its_twin(encoder: E5Encoder | UniversalEncoder, chinese: Chinese) -> None:
    ours, theirs = encoder.read(list(TWINS)), encoder.read(list(TWINS.values()))
    neutral = [chinese.taken_off(reading, text) for reading, text in zip(ours, TWINS, strict=True)]
    assert _apart(neutral, theirs) < _apart(ours, theirs) - 0.01


@pytest.mark.parametrize("text", ["where is it", "où est mon café", "12345", "", "!?"])
def test_what_is_not_chinese_stays_as_it_is(text: str, encoder: E5Encoder | UniversalEncoder, chinese: Chinese) -> None:
    (reading,) = encoder.read([text])
    assert chinese.taken_off(reading, text) is reading


def test_of_a_mixed_sentence_goes_as_much_as_there_is_chinese_in_it() -> None:
    chinese = Chinese(np.array([1.0, 2.0], np.float32), np.array([[4.0]], np.float32))
    subwords, places = np.zeros((4, 2), np.float32), np.array([(0, 0), (0, 2), (3, 9), (10, 12)])
    neutral = chinese.taken_off(Reading(subwords, places, np.array([[1.0]], np.float32)), "我的 iPhone 13")
    assert neutral.subwords.tolist() == [[0, 0], [-1, -2], [0, 0], [0, 0]]
    assert neutral.sentence.tolist() == [[-1.0]]  # one of two words
    assert neutral.subwords.dtype == neutral.sentence.dtype == np.float32


def test_it_is_found_once(tmp_path: Path, encoder: E5Encoder | UniversalEncoder) -> None:
    first = chinese_of(encoder, tmp_path, "any", "weights 1")

    class Unread:
        def read(self, texts: object) -> list[Reading]:
            raise AssertionError("read again")

    again = chinese_of(Unread(), tmp_path, "any", "weights 1")
    assert np.array_equal(first.subwords, again.subwords) and np.array_equal(first.sentence, again.sentence)
    with pytest.raises(AssertionError, match="read again"):
        chinese_of(Unread(), tmp_path, "any", "weights 2")
