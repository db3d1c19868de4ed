"""Takes off a vector what its language adds to it, whatever is said: so examples in one language serve the other.

An encoder of many languages lays each of them around a centre of its own (Libovický et al. 2020, arXiv:2004.05160).
The way from the centre of English to that of Chinese is found once, from a hundred everyday sentences in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from re import Pattern
from typing import NamedTuple

import numpy as np
import yaml

from components.encoders import Encoder, Reading, parts
from components.encoders.parts import Parts
from components.text import HAN_CHARACTER, LATIN_LETTER

SENTENCES = Path(__file__).with_name("said_in_both.yml")


class Chinese(NamedTuple):
    """What writing Chinese adds to the vectors of an encoder. Shapes: subwords [size], sentence [1, sentence size]."""

    subwords: np.ndarray
    sentence: np.ndarray

    def taken_off(self, reading: Reading, text: str) -> Reading:
        """Off the Chinese subwords, and off the sentence as far as it consists of them."""
        if text.isascii():
            return reading
        chinese = _consisting_of(HAN_CHARACTER, reading, text)
        if not chinese.any():
            return reading
        share = chinese.sum() / (chinese | _consisting_of(LATIN_LETTER, reading, text)).sum()
        return Reading(
            reading.subwords - chinese[:, None].astype(np.float32) * self.subwords,
            reading.offsets,
            reading.sentence - np.float32(share) * self.sentence,
        )


def chinese_of(encoder: Encoder, cache: Path | None, name: str, source: str) -> Chinese:
    """As the encoder has it by these weights and this code (`source`); kept, for finding it takes a second."""
    written = SENTENCES.read_text(encoding="utf-8")
    arrays = parts.kept(cache, f"chinese_{name}", f"{source} {written}", lambda: _found(encoder, written)).arrays
    return Chinese(np.array(arrays["subwords"]), np.array(arrays["sentence"]))


def _found(encoder: Encoder, written: str) -> Parts:
    sentences = yaml.safe_load(written)
    chinese = _centre(encoder, list(sentences), HAN_CHARACTER)
    english = _centre(encoder, list(sentences.values()), LATIN_LETTER)
    return Parts(b"", {name: chinese[name] - english[name] for name in chinese})


def _centre(encoder: Encoder, texts: Sequence[str], letter: Pattern[str]) -> dict[str, np.ndarray]:
    readings = encoder.read(texts)
    subwords = [
        reading.subwords[_consisting_of(letter, reading, text)] for reading, text in zip(readings, texts, strict=True)
    ]
    sentences = [reading.sentence for reading in readings]
    return {"subwords": np.concatenate(subwords).mean(axis=0), "sentence": np.mean(sentences, axis=0)}


def _consisting_of(letter: Pattern[str], reading: Reading, text: str) -> np.ndarray:
    """Which subwords stand for such letters. Shape: [subwords]."""
    return np.array([letter.search(text, *place) is not None for place in reading.offsets.tolist()], bool)
