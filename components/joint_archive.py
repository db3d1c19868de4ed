"""What a trained joint model is made of, on disk and in a running bot: ONNX Runtime answers, without torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save_file

from components.calibration import Calibration
from components.crf import IMPOSSIBLE
from components.examples import Examples, Shape, standardised
from components.memory import Answer, Memory, Regression
from components.tags import may_end, may_follow, may_start

if TYPE_CHECKING:
    import onnxruntime
    import torch
    from torch import nn

    from components.joint_training import JointModel

DESCRIPTION, WEIGHTS, EXPORT, MEMORY = "joint.json", "net.safetensors", "net.onnx", "memory.safetensors"
MEMORY_OF_WORDS = "memory_of_words.safetensors"
MEMORY_EXPORT = "memory_{view}.onnx"
INPUTS = ("token_bags", "token_dense", "sentence_dense", "mask")
TABLE = "table.weight"  # half of all the weights; 16 bits each lose nothing that can be measured
OPSET = 17
MEMORY_INPUTS, MEMORY_OUTPUTS = ("dense", "shares", "by_words"), ("scores", "nearest")
PRODUCTS = ("MatMul", "Gemm")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Description:
    """All of a model but its numbers. `tags` are the names of each kind: of entities, roles and groups."""

    shape: Shape
    size: dict[str, Any]
    labels: list[str]
    tags: dict[str, list[str]]
    centre: list[float]
    spread: list[float]
    calibration: Calibration
    has_memory: bool
    of_words: Calibration | None = None  # of what is said of words alone, where it may answer at a glance
    scripts: list[str] = field(default_factory=list)  # in which not a few of the examples are written

    def write(self, folder: Path) -> None:
        (folder / DESCRIPTION).write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Description:
        parts = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        views = {name: tuple(parts["shape"][name]) for name in ("token_views", "sentence_views")}
        shape = Shape(**{**parts["shape"], **views})
        judged = {name: _calibration(parts[name]) for name in ("calibration", "of_words")}
        return cls(**{**parts, "shape": shape, **judged})


def _calibration(parts: dict[str, Any] | None) -> Calibration | None:
    if parts is None:
        return None
    sharpness, *likeness = parts.values()
    return Calibration(sharpness, *map(tuple, likeness))


def save(
    folder: Path, description: Description, model: JointModel, memory: Memory | None, of_words: Memory | None = None
) -> None:
    from safetensors.torch import save_file as save_weights

    description.write(folder)
    model.table.half().float()  # what is kept is what is used, here as in a running bot
    tensors = {name: part.half() if name == TABLE else part for name, part in model.state_dict().items()}
    save_weights({name: part.contiguous() for name, part in tensors.items()}, str(folder / WEIGHTS))
    for kept, name in ((memory, MEMORY), (of_words, MEMORY_OF_WORDS)):
        if kept is not None:
            save_file({key: np.ascontiguousarray(part) for key, part in kept.tensors.items()}, str(folder / name))
    if memory is not None:
        for view, regression in memory.regressions.items():
            export_regression(regression, folder / MEMORY_EXPORT.format(view=view))
    export(model, folder / EXPORT)


def export(model: JointModel, path: Path) -> None:
    """The net as ONNX, for any number of sentences and tokens, the weights of its products in 8 bits.

    They are read from the machine's memory with each message, which takes a quarter of the time then. With a scale for
    each column they say the same: no held-out message was understood otherwise.
    """
    import torch

    size = model.net.size
    bags = torch.randn(2, 3, size.bag_width)
    inputs = (bags, torch.randn(2, 3, size.token_dense), torch.randn(2, size.sentence_dense), bags[..., 0] > -9)
    names = ["intents", *(f"tags_{number}" for number in range(len(size.tags)))]
    axes = {name: {0: "sentences"} | ({1: "tokens"} if "sentence" not in name else {}) for name in INPUTS}
    axes |= {"intents": {0: "sentences"}} | {name: {0: "sentences", 1: "tokens"} for name in names[1:]}
    _export(model.net.to("cpu").eval(), inputs, INPUTS, names, axes, path)


def export_regression(regression: Regression, path: Path) -> None:
    """A regression of the memory as ONNX, for any number of sentences; none where it has words alone.

    The weights of its last product keep their 32 bits: most of what they add up to cancels out.
    """
    import torch

    from components.memory_net import MemoryNet

    net = MemoryNet(regression.tensors).eval()
    examples, directions = net.vectors.shape
    if not directions:
        return
    inputs = (torch.randn(2, len(net.centre)), torch.rand(2, 1), torch.rand(2, examples))
    axes = {name: {0: "sentences"} for name in (*MEMORY_INPUTS, *MEMORY_OUTPUTS)}
    axes["by_words"] |= {1: "examples"}
    _export(net, inputs, MEMORY_INPUTS, MEMORY_OUTPUTS, axes, path, in_full=1)


def _export(
    net: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    axes: dict[str, dict[int, str]],
    path: Path,
    *,
    in_full: int = 0,
) -> None:
    """Traced with these inputs; all products but the last `in_full` have weights of 8 bits."""
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is older than its successor, which needs more packages
        torch.onnx.export(
            net,
            inputs,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(input_names),
            output_names=list(output_names),
            dynamic_axes=axes,
        )
    exported = onnx.load(path)
    add_pre_process_metadata(exported)  # there is nothing in it to be prepared, and no need to be warned of that
    products = [node.name for node in exported.graph.node if node.op_type in PRODUCTS]
    quantize_dynamic(
        exported,
        path,
        list(PRODUCTS),
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=products[len(products) - in_full :],
    )


def load_memory(folder: Path, description: Description) -> Memory | None:
    """Answers with the exports, or by numpy where one is missing."""
    if not description.has_memory:
        return None
    tensors = load_file(str(folder / MEMORY))
    exports = {int(view): folder / MEMORY_EXPORT.format(view=view) for view in tensors["views"]}
    return Memory(tensors, {view: _answer_of(path) for view, path in exports.items() if path.exists()})


def load_memory_of_words(folder: Path, description: Description) -> Memory | None:
    return Memory(load_file(str(folder / MEMORY_OF_WORDS))) if description.of_words else None


def _answer_of(path: Path) -> Answer:
    session = _session_of(path)

    def answer(dense: np.ndarray, shares: np.ndarray, by_words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs = {"dense": np.asarray(dense, np.float32), "shares": shares, "by_words": by_words}
        scores, nearest = session.run(None, inputs)
        return scores, nearest

    return answer


class Net:
    """Answers with the exported net, or with torch where the export is missing.

    `scores` takes the features as they come from the pipeline, of any number of sentences, or their words alone.
    """

    def __init__(self, folder: Path, description: Description) -> None:
        weights = load_file(str(folder / WEIGHTS))
        self._table = weights[TABLE].astype(np.float32)
        self._centre = np.array(description.centre, np.float32)
        self._spread = np.array(description.spread, np.float32)
        self._shape = description.shape
        self.field = _field(weights, description.tags.get("entity"))
        self._answer, self._reads = _session(folder, description)

    def scores(self, examples: Examples) -> tuple[np.ndarray, list[np.ndarray]]:
        """Intent scores [N, L], then the tag scores [N, T, K] of each kind of tag."""
        lengths = examples.lengths
        mask = np.arange(max(1, int(lengths.max(initial=1))))[None] < lengths[:, None]
        bags = (
            examples.token_words @ self._table
            if self._shape.token_words
            else np.zeros((mask.sum(), self._table.shape[1]))
        )
        tokens = standardised_tokens(examples, self._centre, self._spread)
        sentences = standardised_sentences(examples, self._centre, self._spread)
        inputs = {
            "token_bags": _spread(np.asarray(bags, np.float32), mask),
            "token_dense": _spread(_or_noughts(tokens, self._shape.token_dense), mask),
            "sentence_dense": _or_noughts(sentences, self._shape.sentence_dense),
            "mask": mask,
        }
        intents, *tags = self._answer({name: value for name, value in inputs.items() if name in self._reads})
        return intents, tags


def standardised_tokens(examples: Examples, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """`centre` and `spread` are of the tokens' features first, then of the sentences'."""
    width = examples.token_dense.shape[1]
    return standardised(examples.token_dense, examples.token_views, centre[:width], spread[:width])


def standardised_sentences(examples: Examples, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    first = len(centre) - examples.sentence_dense.shape[1]
    return standardised(examples.sentence_dense, examples.sentence_views, centre[first:], spread[first:])


def _session(folder: Path, description: Description) -> tuple[Any, set[str]]:
    if (folder / EXPORT).exists():
        session = _session_of(folder / EXPORT)
        return (lambda inputs: session.run(None, inputs)), {one.name for one in session.get_inputs()}
    logger.warning("The model has no export for ONNX Runtime (%s): torch answers, which takes more memory.", EXPORT)
    return _torch_session(folder, description), set(INPUTS)


def _session_of(path: Path) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a message is too short to share out
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _torch_session(folder: Path, description: Description) -> Any:
    import torch
    from safetensors.torch import load_file as load_weights

    from components.joint_net import JointNet, NetSize

    net = JointNet(NetSize(**{**description.size, "tags": tuple(description.size["tags"])})).eval()
    prefix = "net."
    weights = load_weights(str(folder / WEIGHTS))
    net.load_state_dict({name.removeprefix(prefix): part for name, part in weights.items() if name.startswith(prefix)})

    def answer(inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        with torch.inference_mode():
            return [part.numpy() for part in net(*(torch.from_numpy(inputs[name]) for name in INPUTS))]

    return answer


def _field(weights: dict[str, np.ndarray], names: list[str] | None) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Transitions, start and end of the random field, with what is impossible far below the rest."""
    if not names:
        return None
    barriers = (may_follow(names), may_start(names), may_end(names))
    parts = (weights[f"field.{part}"] for part in ("transitions", "start", "end"))
    return tuple(  # type: ignore[return-value]
        part + np.where(allowed, 0.0, IMPOSSIBLE).astype(np.float32)
        for part, allowed in zip(parts, barriers, strict=True)
    )


def _or_noughts(rows: np.ndarray, width: int) -> np.ndarray:
    """So many noughts a row where it has no columns: of words alone."""
    return rows if rows.shape[1] else np.zeros((len(rows), width), np.float32)


def _spread(rows: np.ndarray, mask: np.ndarray) -> np.ndarray:
    spread = np.zeros((*mask.shape, rows.shape[1]), np.float32)
    spread[mask] = rows
    return spread
