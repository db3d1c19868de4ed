"""How the dialogue policy learns: batches of dialogues, the loss of every action that follows, honest confidence.

Imports torch; a running bot does not come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rasa.shared.core.constants import ACTIVE_LOOP
from rasa.shared.exceptions import InvalidConfigException
from torch import Tensor, nn
from torch.nn import functional as F

from components import training_loop
from components.dialogue.net import DialogueNet, NetSize
from components.dialogue.states import Dialogues, Layout
from components.training_loop import Schedule

NOTHING = -1  # there is no label here


@dataclass(frozen=True)
class Task:
    """Dialogues to learn from; `said` [A, N] are the numbers of what each action says; `loops` the action of each."""

    dialogues: Dialogues
    layout: Layout
    said: np.ndarray
    loops: tuple[int, ...]


def learn(task: Task, config: Mapping[str, Any], weights: Mapping[str, Tensor] | None = None) -> DialogueNet:
    """A trained net; with `weights` it goes on from these. The same seed gives the same net on the same machine.

    Raises InvalidConfigException where the weights are of a net with other inputs, actions or parts.
    """
    seed = config["random_seed"]
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    actions, numbers = task.said.shape
    size = NetSize(
        tuple(task.layout.widths.values()),
        actions,
        numbers,
        width=config["width"],
        layers=config["layers"],
        heads=config["heads"],
        key_width=config["key_width"],
        first_loop=task.layout.columns(ACTIVE_LOOP).start,
        loops=task.loops if ACTIVE_LOOP in task.layout.widths else (),
    )
    net = DialogueNet(size, torch.from_numpy(task.said), dropout=config["dropout"])
    if weights is not None:
        try:
            net.load_state_dict(dict(weights))
        except RuntimeError as error:
            raise InvalidConfigException(
                "DialoguePolicy: the older model has other actions, slots or forms, or another net: "
                "train anew, without --finetune."
            ) from error
    lengths = task.dialogues.lengths.tolist()

    def batches(epoch: int) -> list[list[int]]:
        return training_loop.in_buckets(lengths, config["batch_size"], generator)

    schedule = Schedule(
        epochs=config["epochs"],
        learning_rate=config["learning_rate"],
        weight_decay=config["weight_decay"],
        patience=0,
        show_progress=config["show_progress"],
    )
    training_loop.fit(
        net,
        loss_of=lambda net, batch: loss(net, task.dialogues.some(batch), config["label_smoothing"]),
        batches=batches,
        schedule=schedule,
    )
    return net


def loss(net: nn.Module, dialogues: Dialogues, smoothing: float) -> Tensor:
    """The mean cross-entropy of the actions that follow, over all actions there are."""
    rows = torch.from_numpy(dialogues.rows)
    table = torch.from_numpy(dialogues.table)
    mask = rows >= 0
    scores = net(table[rows.clamp(min=0)] * mask[..., None], mask)
    labels = torch.from_numpy(dialogues.labels)
    scores = scores[:, -labels.shape[1] :]
    return F.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=NOTHING, label_smoothing=smoothing)
