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
from torch.optim.adamw import adamw
from tqdm import tqdm

from components.hands import Hands

AVERAGED_EVERY = 4  # steps; each of them would give the same average, at the cost of reading all weights once more


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
    optimizer, average = Optimizer(net, schedule), Average(net, schedule.averaging)
    total = sum(len(batches(epoch)) for epoch in range(schedule.epochs)) or 1
    history, best, since_best, steps = History(), None, 0, 0
    bar = tqdm(range(schedule.epochs), desc="Epochs", disable=not schedule.show_progress, mininterval=1.0)
    with _learning(net, loss_of, copies, schedule) as learn:
        for epoch in bar:
            net.train()
            losses = []
            for batch in batches(epoch):
                losses.append(learn(batch))
                optimizer.step(schedule.learning_rate * _rate(steps, total, schedule.warm_up))
                steps += 1
                if steps % AVERAGED_EVERY == 0:
                    average.take(steps)
            average.take(steps)
            history.losses.append(sum(losses) / max(len(losses), 1))
            shown = {"loss": f"{history.losses[-1]:.3f}"}
            if score_of is not None:
                scores = score_of(average.net)
                history.scores.append(sum(scores.values()) / max(len(scores), 1))
                shown |= {name: f"{value:.3f}" for name, value in scores.items()}
                if history.scores[-1] >= max(history.scores):
                    best, since_best = copy.deepcopy(average.net.state_dict()), 0
                else:
                    since_best += 1
            bar.set_postfix(shown)
            if schedule.patience and since_best >= schedule.patience:
                break
    net.load_state_dict(best if best is not None else average.net.state_dict())
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


class Optimizer:
    """AdamW (Loshchilov and Hutter 2019) by torch's function: its class imports torch's compiler, which takes seconds.

    Gradients that are too large together are made smaller in passing. Weight decay is for matrices: it would only pull
    norms, biases and single numbers off their place.
    """

    def __init__(self, net: nn.Module, schedule: Schedule) -> None:
        weights = [weight for weight in net.parameters() if weight.requires_grad]
        matrices, others = ([_Moments.of(one) for one in weights if (one.dim() > 1) is it] for it in (True, False))
        self._groups = [(matrices, schedule.weight_decay), (others, 0.0)]
        self._largest_gradient = schedule.largest_gradient

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Weights that have no gradient stay as they are."""
        for_each = [
            [(one, one.weight.grad) for one in group if one.weight.grad is not None] for group, _ in self._groups
        ]
        length = nn.utils.get_total_norm([gradient for group in for_each for _, gradient in group])
        too_long = (length / self._largest_gradient).clamp(min=1.0)
        for group, (_, weight_decay) in zip(for_each, self._groups, strict=True):
            adamw(
                [one.weight for one, _ in group],
                [gradient for _, gradient in group],
                [one.mean for one, _ in group],
                [one.square for one, _ in group],
                [],
                [one.steps for one, _ in group],
                fused=True,
                grad_scale=too_long,
                amsgrad=False,
                beta1=0.9,
                beta2=0.98,
                lr=rate,
                weight_decay=weight_decay,
                eps=1e-8,
                maximize=False,
            )


@dataclass(frozen=True)
class _Moments:
    """What AdamW remembers of a weight's gradients."""

    weight: Tensor
    mean: Tensor
    square: Tensor
    steps: Tensor

    @classmethod
    def of(cls, weight: Tensor) -> _Moments:
        return cls(weight, torch.zeros_like(weight), torch.zeros_like(weight), weight.new_zeros(()))


class Average:
    """A net of the weights' exponential average over the steps."""

    def __init__(self, net: nn.Module, keeps: float) -> None:
        self._learning, self._keeps, self._taken = net, keeps, 0
        self.net = copy.deepcopy(net).eval()

    @torch.no_grad()
    def take(self, steps: int) -> None:
        """Bring it up to the weights after so many steps; in the first of them it forgets faster."""
        kept = math.prod(min(self._keeps, step / (step + 10)) for step in range(self._taken + 1, steps + 1))
        torch._foreach_lerp_(_tensors(self.net), _tensors(self._learning), 1 - kept)
        self._taken = steps


def _rate(step: int, total: int, warm_up: float) -> float:
    """Up in a line, then down along half a cosine to a fiftieth."""
    warming = max(1, int(warm_up * total))
    if step < warming:
        return (step + 1) / warming
    done = (step - warming) / max(1, total - warming)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


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
