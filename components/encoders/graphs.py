"""Writes ONNX graphs layer by layer. Imported only where one has to be made: a serving process needs no onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPERATIONS, IR = 17, 9
FUSED = "com.microsoft"  # ONNX Runtime's own operations
FLOAT, INTEGER = TensorProto.FLOAT, TensorProto.INT64
LARGEST_OF_BYTE = 255
LARGEST = 127  # of a signed byte; its negative twin is the smallest used, so that zero stays in the middle


class Bytes(NamedTuple):
    """Names of what stands for numbers in 8 bits, what their channels were divided by, and which are kept in full."""

    values: str
    scale: str
    zero: str
    spread: np.ndarray | None
    full: str
    channels: Sequence[int]


class Graph:
    """Each method adds an operation and returns the name of its output."""

    def __init__(self) -> None:
        self._constants: dict[str, Any] = {}
        self._nodes: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(self, operation: str, *inputs: str, **settings: Any) -> str:
        return self.several(operation, inputs, 1, **settings)[0]

    def fused(self, operation: str, *inputs: str, **settings: Any) -> str:
        return self.add(operation, *inputs, domain=FUSED, **settings)

    def several(self, operation: str, inputs: Sequence[str], count: int, **settings: Any) -> list[str]:
        outputs = [f"{operation}_{len(self._nodes)}_{index}" for index in range(count)]
        self._nodes.append(helper.make_node(operation, inputs, outputs, **settings))
        return outputs

    def linear(self, name: str, x: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """A product in full precision. Shapes: x [..., in], weight [in, out]."""
        product = self.add("MatMul", x, self.constant(f"{name}.weight", weight))
        return product if bias is None else self.add("Add", product, self.constant(f"{name}.bias", bias))

    def bytes_of(
        self, x: str, span: tuple[float, float], spread: np.ndarray | None = None, channels: Sequence[int] = ()
    ) -> Bytes:
        """x in 8 bits that reach over the span given; what lies outside is cut off.

        Where a few channels are far larger than the rest, the rest would vanish in that one scale. `spread` says how
        large each is: x is divided by it here and the weights are multiplied (SmoothQuant, Xiao et al. 2023,
        arXiv:2211.10438). The channels named, too large even for that, are kept in full beside the others, whose
        span is theirs alone (LLM.int8, Dettmers et al. 2022, arXiv:2208.07339). Shapes: x [..., in], spread [in].
        """
        full = self._only(x, channels) if channels else ""
        if spread is not None:
            spread = (spread / np.exp(np.log(spread).mean())).astype(np.float32)
            x = self.add("Mul", x, self.constant(f"{x}.spread", 1 / spread))
        lowest, largest = span
        step = np.float32((largest - lowest) / LARGEST_OF_BYTE)
        scale = self.constant(f"{x}.scale", np.array(step))
        zero = self.constant(f"{x}.zero", np.array(round(-lowest / step), dtype=np.uint8))
        return Bytes(self.add("QuantizeLinear", x, scale, zero), scale, zero, spread, full, channels)

    def linear_of_bytes(self, name: str, x: Bytes, weight: np.ndarray, bias: np.ndarray) -> str:
        """A product of 8-bit integers, the weight scaled column by column. Shapes: x [..., in], weight [in, out]."""
        in_bytes = weight.copy() if x.spread is None else weight * x.spread[:, None]
        in_bytes[list(x.channels)] = 0
        whole, scale, zero = self._weight_in_bytes(name, in_bytes)
        values = (x.values, whole, x.scale, scale, x.zero, zero)
        product = self.fused("MatMulIntegerToFloat", *values, self.constant(f"{name}.bias", bias))
        if not x.channels:
            return product
        return self.add("Add", product, self.linear(f"{name}.full", x.full, weight[list(x.channels)]))

    def _only(self, x: str, channels: Sequence[int]) -> str:
        """Shapes: x [..., in] -> [..., channels]."""
        return self.add("Gather", x, self.constant(f"{x}.channels", np.array(channels)), axis=-1)

    def linear_in_bytes(self, name: str, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """The same, but x is scaled as a whole by its own largest value, when it is known."""
        whole, scale, zero = self._weight_in_bytes(name, weight)
        return self.fused("DynamicQuantizeMatMul", x, whole, scale, zero, self.constant(f"{name}.bias", bias))

    def _weight_in_bytes(self, name: str, weight: np.ndarray) -> tuple[str, str, str]:
        scale = (np.abs(weight).max(axis=0) / LARGEST).astype(np.float32)
        whole = np.clip(np.rint(weight / scale), -LARGEST, LARGEST).astype(np.int8)
        zero = np.zeros(len(scale), dtype=np.int8)
        return (
            self.constant(f"{name}.weight", whole),
            self.constant(f"{name}.scale", scale),
            self.constant(f"{name}.zero", zero),
        )

    def serialised(self, inputs: Mapping[str, tuple[int, list[Any]]], outputs: Mapping[str, list[Any]]) -> bytes:
        """The model: inputs by name with type and shape, outputs by the name of what was added with their shape."""
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
            list(self._constants.values()),
        )
        versions = [helper.make_opsetid("", OPERATIONS), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=versions, ir_version=IR).SerializeToString()
