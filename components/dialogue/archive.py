"""A trained dialogue policy on disk and in a running bot: ONNX Runtime answers, without torch."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.dialogue.states import Layout

if TYPE_CHECKING:
    from components.dialogue.net import DialogueNet

DESCRIPTION, WEIGHTS, EXPORT = "dialogue.json", "net.safetensors", "net.onnx"
OPSET = 17


@dataclass(frozen=True)
class Description:
    """All of a policy but its numbers. Of the intents' columns `known_intents` tells which any story has, and
    `opening_intents` which any story begins with."""

    layout: Layout
    known_intents: list[bool]
    opening_intents: list[bool]
    actions: list[str]
    size: dict[str, Any]

    def write(self, folder: Path) -> None:
        (folder / DESCRIPTION).write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Description:
        parts = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return cls(**{**parts, "layout": Layout(**parts["layout"])})


def save(folder: Path, description: Description, net: DialogueNet) -> None:
    import torch
    from safetensors.torch import save_file

    description.write(folder)
    save_file({name: part.contiguous() for name, part in net.state_dict().items()}, str(folder / WEIGHTS))
    states = torch.zeros(2, 3, description.layout.width)
    axes = {0: "dialogues", 1: "states"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is older than its successor, which needs more packages
        torch.onnx.export(
            net.eval(),
            (states, states[..., 0] > -1),
            str(folder / EXPORT),
            dynamo=False,
            opset_version=OPSET,
            input_names=["states", "mask"],
            output_names=["scores"],
            dynamic_axes={"states": axes, "mask": axes, "scores": axes},
        )


def weights(folder: Path) -> dict[str, Any]:
    """The net's, to go on learning from."""
    from safetensors.torch import load_file

    return dict(load_file(str(folder / WEIGHTS)))


class Net:
    """The exported net."""

    def __init__(self, folder: Path) -> None:
        from components.encoders import runtime

        self._session = runtime.session((folder / EXPORT).read_bytes())

    def scores(self, states: np.ndarray) -> np.ndarray:
        """Of all actions after the last state. Shape: states [T, D] -> [A]."""
        (scores,) = self._session.run(None, {"states": states[None], "mask": np.ones((1, len(states)), bool)})
        last: np.ndarray = scores[0, -1]
        return last
