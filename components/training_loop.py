"""One loop that trains any net here: AdamW with a warm-up, averaged weights, the best epoch on held-out examples."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from components.hands import Hands


@dataclass(frozen=True)
class Schedule:
    epochs: int
    learning_rate: float
    warm_up: float = 0.1  # share of all steps
    weight_decay: float = 0.01
    largest_gradient: float = 1.0
    averaging: float = 0.98  # of the weights' past, a step (Polyak and Juditsky 1992, with exponential weights)
    patience: int = 4  # epochs without a better held-out score before it stops; 0 for never
    precision: str = "float32"
    show_progress: bool = True


@dataclass
class History:
    """Of each epoch: the mean loss in training, and the held-out score of the averaged weights."""

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def fit(
    net: nn.Module,
    *,
    loss_of: Callable[[nn.Module, Any], Tensor],
    batches: Callable[[int], Sequence[Any]],
    schedule: Schedule,
    score_of: Callable[[nn.Module], dict[str, float]] | None = None,
    copies: Sequence[nn.Module] = (),
) -> History:
    """Trains `net` in place and leaves in it the averaged weights of the best epoch.

    `batches` gives the batches of an epoch by its number, `score_of` the held-out scores (their mean decides; the
    more the better). Without held-out examples the last epoch's weights stay. Where there are `copies` of the net, they
    learn side by side, each from its share of a batch.
    """
    averaged = copy.deepcopy(net).eval()
    optimizer = _optimizer(net, schedule)
    total = sum(len(batches(epoch)) for epoch in range(schedule.epochs)) or 1
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total, schedule.warm_up))
    history, best, since_best, steps = History(), None, 0, 0
    bar = tqdm(range(schedule.epochs), desc="Epochs", disable=not schedule.show_progress, mininterval=1.0)
    with _learning(net, loss_of, copies, schedule) as learn:
        for epoch in bar:
            net.train()
            losses = []
            for batch in batches(epoch):
                losses.append(learn(batch))
                nn.utils.clip_grad_norm_(net.parameters(), schedule.largest_gradient)
                optimizer.step()
                rate.step()
                steps += 1
                _average(averaged, net, min(schedule.averaging, steps / (steps + 10)))
            history.losses.append(sum(losses) / max(len(losses), 1))
            shown = {"loss": f"{history.losses[-1]:.3f}"}
            if score_of is not None:
                scores = score_of(averaged)
                history.scores.append(sum(scores.values()) / max(len(scores), 1))
                shown |= {name: f"{value:.3f}" for name, value in scores.items()}
                if history.scores[-1] >= max(history.scores):
                    best, since_best = copy.deepcopy(averaged.state_dict()), 0
                else:
                    since_best += 1
            bar.set_postfix(shown)
            if schedule.patience and since_best >= schedule.patience:
                break
    net.load_state_dict(best if best is not None else averaged.state_dict())
    net.eval()
    return history


@contextmanager
def _learning(
    net: nn.Module, loss_of: Callable[[nn.Module, Any], Tensor], copies: Sequence[nn.Module], schedule: Schedule
) -> Iterator[Callable[[Any], float]]:
    """What leaves the gradient of a batch in the net, and returns its loss."""
    if copies:
        with Hands(net, copies, loss_of) as hands:
            yield hands.learn
        return
    device, dtype = next(net.parameters()).device.type, getattr(torch, schedule.precision)

    def learn(batch: Any) -> float:
        with torch.autocast(device, dtype=dtype, enabled=dtype is not torch.float32):
            loss = loss_of(net, batch)
        net.zero_grad(set_to_none=True)
        loss.backward()
        return loss.item()

    yield learn


def _optimizer(net: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """Weight decay is for matrices: it would only pull norms, biases and single numbers off their place."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in parameters if one.dim() > 1], "weight_decay": schedule.weight_decay},
        {"params": [one for one in parameters if one.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98), fused=True)


def _rate(step: int, total: int, warm_up: float) -> float:
    """Up in a line, then down along half a cosine to a fiftieth."""
    warming = max(1, int(warm_up * total))
    if step < warming:
        return (step + 1) / warming
    done = (step - warming) / max(1, total - warming)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def _average(averaged: nn.Module, net: nn.Module, weight: float) -> None:
    torch._foreach_lerp_(_tensors(averaged), _tensors(net), 1 - weight)


def _tensors(net: nn.Module) -> list[Tensor]:
    return [parameter.data for parameter in net.parameters()]


def in_buckets(lengths: Sequence[int], batch_size: int, generator: Any) -> list[list[int]]:
    """Batches of examples of nearly the same length, in random order: little padding, and yet every epoch new.

    `generator` is a numpy random generator.
    """
    noisy = [length + generator.random() * 1.5 for length in lengths]
    order = sorted(range(len(lengths)), key=noisy.__getitem__)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    generator.shuffle(batches)
    return batches


def chunks(indices: Iterable[int], size: int) -> list[list[int]]:
    listed = list(indices)
    return [listed[start : start + size] for start in range(0, len(listed), size)]
