"""Cuts texts into the subwords that an encoder was trained on: Unigram models (Kudo 2018, arXiv:1804.10959).

Plain Python on purpose: a vocabulary in a dictionary is there in a twentieth of a second, where the compiled libraries
need a third to a whole one and 50 to 250 MB; words are remembered, so that a message takes a few microseconds more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from components.encoders.normalisers import Normalised, Place

MARK = "▁"  # stands before a word, as SentencePiece writes it
NOWHERE = (0, 0)  # the place of what stands for no part of a text
WORD, WORD_OR_LAST_SPACE = re.compile("[^ ]+"), re.compile("[^ ]+| +$")
PLAIN = re.compile("[ -~\u4e00-\u9fff。、]*")  # what every normaliser leaves as it is
WORDS_REMEMBERED = 50_000
UNKNOWN_PENALTY = 10.0  # below the least likely piece, as in SentencePiece


class Cut(NamedTuple):
    """The subwords of a text and their places in it; a place is empty where a subword is a mark alone."""

    ids: list[int]
    offsets: list[Place]


class Subwords:
    """The likeliest pieces of each word. Equal, number for number, to the tokenizers that the packages carry."""

    def __init__(
        self,
        pieces: Sequence[str],
        scores: np.ndarray,
        normalise: Callable[[str], Normalised],
        *,
        unknown: int,
        nothing: int,
        last_space_counts: bool = False,
    ) -> None:
        """`unknown` stands for a character that no piece has, `nothing` for a text without a word."""
        self._ids = dict(zip(pieces, range(len(pieces))))  # noqa: B905 - a quarter of a million, at each start
        self._scores = memoryview(np.ascontiguousarray(scores))
        self._longest = max(map(len, pieces))
        self._normalise = normalise
        self._unknown, self._nothing = unknown, nothing
        self._unknown_score = float(scores.min()) - UNKNOWN_PENALTY
        self._words = WORD_OR_LAST_SPACE if last_space_counts else WORD
        self._pieces_of = lru_cache(WORDS_REMEMBERED)(self._likeliest_pieces)

    def cut(self, text: str, most: int) -> Cut:
        """At most so many subwords; what follows them is not read."""
        normalised = Normalised(text) if PLAIN.fullmatch(text) else self._normalise(text)
        ids: list[int] = []
        offsets: list[Place] = []
        for word in self._words.finditer(normalised.text):
            begin = word.start() - len(MARK)
            for number, length in self._pieces_of(MARK + word.group().rstrip(" ")):
                ids.append(number)
                offsets.append(normalised.place(max(begin, word.start()), begin + length))
                begin += length
            if len(ids) >= most:
                break
        return Cut(ids[:most], offsets[:most]) if ids else Cut([self._nothing], [NOWHERE])

    def _likeliest_pieces(self, word: str) -> tuple[tuple[int, int], ...]:
        """(id, length) of each; Viterbi's algorithm, where of equals the one that begins earlier wins."""
        scores: list[float] = [0.0] + [float("-inf")] * len(word)
        steps: list[tuple[int, int]] = [(self._unknown, 0)] * (len(word) + 1)
        for begin in range(len(word)):
            so_far = scores[begin]
            if so_far + self._unknown_score > scores[begin + 1]:
                scores[begin + 1], steps[begin + 1] = so_far + self._unknown_score, (self._unknown, 1)
            for end in range(begin + 1, min(begin + self._longest, len(word)) + 1):
                number = self._ids.get(word[begin:end])
                if number is not None and so_far + self._scores[number] > scores[end]:
                    scores[end], steps[end] = so_far + self._scores[number], (number, end - begin)
        return tuple(_backwards(steps))[::-1]


def _backwards(steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found, end = [], len(steps) - 1
    while end:
        found.append(steps[end])
        end -= steps[end][1]
    return found
