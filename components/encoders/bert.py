"""What encoders share that are BERTs in the measures of MiniLM (Wang et al. 2020, arXiv:2002.10957).

How texts go through together, and how their layers are written as a graph of 8-bit products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # a serving process needs no onnx
    from components.encoders.graphs import Bytes, Graph

SIZE, INNER = 384, 1536
HEADS = 12
EPSILON = 1e-12
SUBWORDS_AT_ONCE = 256
SPREAD_OF_NORMALISED = 3.0  # standard deviations: how large a normalised value may well be
Range = tuple[float, float]


def of_one_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Which texts have equally many subwords, in groups that stay small enough for the processor's cache."""
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, alike in groupby(by_length, key=lengths.__getitem__):
        most = max(SUBWORDS_AT_ONCE // length, 1)
        waiting = list(alike)
        for begin in range(0, len(waiting), most):
            yield waiting[begin : begin + most]


class Weights(NamedTuple):
    """Of a product or of a normalisation. Shapes: weight [out, in] or [size], bias [out] or [size]."""

    weight: np.ndarray
    bias: np.ndarray


class Layer(NamedTuple):
    """The weights of one layer: its attention, the product of what that found, two wide products, two norms."""

    queries: Weights
    keys: Weights
    values: Weights
    found: Weights
    found_norm: Weights
    outer: Weights
    inner: Weights
    norm: Weights


class Ranges(NamedTuple):
    """What the inputs of a layer's products reach over, divided by their spreads where they have any.

    `loud` names channels by how many times the others they become: measured, where the weights alone do not tell;
    `full` names channels of the inner product that are too loud for 8 bits.
    """

    input: Range
    context: Range
    outer: Range
    inner: Range
    loud_input: Mapping[int, float] = {}
    loud_outer: Mapping[int, float] = {}
    full: Sequence[int] = ()


def write_embeddings(graph: Graph, norm: Weights) -> str:
    """Adds up the inputs `words` and `positions`. Shapes: 2 * [texts, subwords, 384] -> the same."""
    return _write_norm(graph, "emb.ln", "words", "positions", norm)


def write_layers(graph: Graph, x: str, layers: Iterable[Layer], ranges: Iterable[Ranges]) -> list[str]:
    """The names of each layer's states. Shapes: x [texts, subwords, 384] -> each the same."""
    states = [x]
    for number, (layer, reach) in enumerate(zip(layers, ranges, strict=True)):
        states.append(_write_layer(graph, f"l{number}", states[-1], layer, reach))
    return states[1:]


def _write_layer(graph: Graph, name: str, x: str, layer: Layer, ranges: Ranges) -> str:
    seen = graph.bytes_of(x, ranges.input, spread_of(ranges.loud_input) if ranges.loud_input else None)
    asked = zip("qkv", (layer.queries, layer.keys, layer.values), strict=True)
    queries, keys, values = (_write_linear(graph, f"{name}.{part}", seen, weights) for part, weights in asked)
    context = graph.fused("MultiHeadAttention", queries, keys, values, num_heads=HEADS)
    found = _write_linear(graph, f"{name}.ao", graph.bytes_of(context, ranges.context), layer.found)
    x = _write_norm(graph, f"{name}.aln", found, x, layer.found_norm)
    outer, inner = spreads(layer, ranges.loud_outer)
    wide = _write_linear(graph, f"{name}.fi", graph.bytes_of(x, ranges.outer, outer), layer.outer)
    active = graph.bytes_of(graph.fused("Gelu", wide), ranges.inner, inner, ranges.full)
    return _write_norm(graph, f"{name}.oln", _write_linear(graph, f"{name}.fo", active, layer.inner), x, layer.norm)


def _write_linear(graph: Graph, name: str, x: Bytes, weights: Weights) -> str:
    return graph.linear_of_bytes(name, x, weights.weight.T, weights.bias)


def _write_norm(graph: Graph, name: str, x: str, beside: str, weights: Weights) -> str:
    weight, bias = graph.constant(f"{name}.w", weights.weight), graph.constant(f"{name}.b", weights.bias)
    return graph.fused("SkipLayerNormalization", x, beside, weight, bias, epsilon=EPSILON)


def spread_of(loud: Mapping[int, float]) -> np.ndarray:
    """Shape: [384], one for each channel that is not loud."""
    return np.array([loud.get(channel, 1.0) for channel in range(SIZE)])


def spreads(layer: Layer, loud: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """How large the inputs of a layer's two wide products may become: judged by the weights alone, or as measured.

    These models drive a few channels, and one mark of each text, to dozens of times the rest. Shapes: [384], [1536].
    """
    scale, shift = np.abs(layer.found_norm.weight), layer.found_norm.bias
    outer = SPREAD_OF_NORMALISED * scale + np.abs(shift)
    weight = layer.outer.weight
    mean = np.abs(weight @ shift + layer.outer.bias)
    inner = np.maximum(mean + SPREAD_OF_NORMALISED * np.linalg.norm(weight * scale, axis=1), 0.1)
    largest_weights = np.abs(layer.inner.weight).max(axis=0)
    return spread_of(loud) if loud else outer, inner**0.9 / np.maximum(largest_weights, 1e-6) ** 0.1
