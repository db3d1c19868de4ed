from __future__ import annotations

import copy
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.training_loop import Average, History, Optimizer, Schedule, chunks, fit, in_buckets

FEATURES = torch.arange(12.0).reshape(6, 2) / 12
WANTED = FEATURES @ torch.tensor([[1.0], [-2.0]])


def _line(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(2, 1)


def _loss(net: nn.Module, batch: list[int]) -> Tensor:
    return ((net(FEATURES[batch]) - WANTED[batch]) ** 2).mean()


def _trained(net: nn.Module, *, score_of: Any = None, loss_of: Any = _loss, **settings: Any) -> History:
    schedule = Schedule(**{"epochs": 6, "learning_rate": 0.1, "show_progress": False, **settings})
    return fit(net, loss_of=loss_of, batches=lambda epoch: chunks(range(6), 2), schedule=schedule, score_of=score_of)


class _Judge:
    """Gives the held-out scores of a list, and remembers the weights that it was shown with each."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.shown = list(scores), list[Tensor]()

    def __call__(self, net: nn.Module) -> dict[str, float]:
        self.shown.append(net.weight.detach().clone())  # type: ignore[operator, union-attr]
        return {"intent": self.scores[len(self.shown) - 1]}


def test_a_net_learns_and_its_losses_are_told() -> None:
    history = _trained(_line(), epochs=60)
    assert len(history.losses) == 60
    assert history.scores == []
    assert history.losses[-1] < 0.1 * history.losses[0]


def test_the_weights_of_the_best_epoch_stay() -> None:
    net, judge = _line(), _Judge(0.1, 0.9, 0.5, 0.3, 0.2, 0.1)
    history = _trained(net, score_of=judge, patience=0)
    assert history.scores == judge.scores
    assert torch.equal(net.weight, judge.shown[1])
    assert not torch.equal(net.weight, judge.shown[-1])


def test_of_epochs_that_are_equally_good_the_last_stays() -> None:
    net, judge = _line(), _Judge(0.5, 0.9, 0.9, 0.9, 0.5, 0.5)
    _trained(net, score_of=judge, patience=0)
    assert torch.equal(net.weight, judge.shown[3])


def test_the_mean_of_the_scores_decides() -> None:
    net, shown = _line(), list[Tensor]()

    def score_of(averaged: nn.Module) -> dict[str, float]:
        shown.append(averaged.weight.detach().clone())  # type: ignore[operator, union-attr]
        return [{"intent": 1.0, "entity": 0.0}, {"intent": 0.7, "entity": 0.7}, {"intent": 0.1, "entity": 1.0}][
            len(shown) - 1
        ]

    assert _trained(net, score_of=score_of, epochs=3).scores == pytest.approx([0.5, 0.7, 0.55])
    assert torch.equal(net.weight, shown[1])


def test_it_stops_when_patience_ends_and_keeps_the_best() -> None:
    net, judge = _line(), _Judge(0.1, 0.8, 0.7, 0.6, 0.9, 1.0)
    assert len(_trained(net, score_of=judge, patience=2).losses) == 4
    assert torch.equal(net.weight, judge.shown[1])


def test_without_patience_or_held_out_examples_it_goes_to_the_end() -> None:
    assert len(_trained(_line(), score_of=_Judge(*[0.9, *[0.1] * 5]), patience=0).losses) == 6
    assert len(_trained(_line(), patience=1).losses) == 6


def test_the_weights_are_an_average_of_those_of_many_steps() -> None:
    """A net that is pushed to and fro stands nearly still in the average."""
    net, signs, judge = _line(), itertools.cycle([1, -1]), _Judge(*[0.5] * 60)
    weights = []

    def pushed(one: nn.Module, batch: list[int]) -> Tensor:
        weights.append(one.weight.detach().clone())  # type: ignore[operator, union-attr]
        return one.weight.sum() * next(signs)  # type: ignore[operator, union-attr]

    _trained(net, loss_of=pushed, score_of=judge, epochs=60, learning_rate=0.5, warm_up=0.0, patience=0)
    moved = torch.stack(weights[30:]).diff(dim=0).abs().mean()
    of_the_average = torch.stack(judge.shown[10:]).diff(dim=0).abs().mean()
    assert of_the_average < 0.5 * moved


def test_the_first_steps_do_not_stick_to_the_weights_it_began_with() -> None:
    net = _line()
    began = net.weight.detach().clone()
    _trained(net, epochs=40)
    assert (net.weight - began).abs().max() > 0.2
    assert _loss(net, list(range(6))) < 0.01


def test_the_held_out_examples_are_judged_without_dropout() -> None:
    modes = []

    def score_of(averaged: nn.Module) -> dict[str, float]:
        modes.append(averaged.training)
        return {"intent": 0.0}

    net = _line()
    _trained(net, score_of=score_of, epochs=2)
    assert modes == [False, False]
    assert not net.training


def test_its_steps_are_those_of_adamw_with_clipped_gradients() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    other = copy.deepcopy(net)
    ours = Optimizer(net, Schedule(1, 0.1, weight_decay=0.5, largest_gradient=0.5))
    matrices, vectors = ([one for one in other.parameters() if (one.dim() > 1) is it] for it in (True, False))
    groups = [{"params": matrices, "weight_decay": 0.5}, {"params": vectors, "weight_decay": 0.0}]
    torchs = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    for step in range(20):
        batch = torch.randn(4, 5) * (3 if step % 2 else 0.01)  # too large, and small enough
        for one in (net, other):
            one.zero_grad()
            one(batch).square().sum().backward()
        for group in torchs.param_groups:
            group["lr"] = 0.1 / (step + 1)
        nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        torchs.step()
        ours.step(0.1 / (step + 1))
    for one, wanted in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, wanted, atol=1e-6)


def test_training_does_not_wait_for_torchs_compiler() -> None:
    code = """
import sys, torch
from components.training_loop import Schedule, fit
net = torch.nn.Linear(2, 1)
fit(net, loss_of=lambda net, batch: net(batch).sum(), batches=lambda _: [torch.ones(2)], schedule=Schedule(1, 0.1))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_average_of_several_steps_forgets_as_much_as_their_averages() -> None:
    net = _line()
    seldom, often = Average(net, 0.98), Average(net, 0.98)
    with torch.no_grad():
        net.weight.zero_()
    for step in range(1, 601):
        often.take(step)
        if step % 7 == 0 or step == 600:
            seldom.take(step)
            seldom.take(step)
        assert seldom.net.weight.abs().sum() >= often.net.weight.abs().sum()
    assert torch.allclose(seldom.net.weight, often.net.weight)


def test_weights_that_are_frozen_stay() -> None:
    net = _line()
    net.bias.requires_grad_(False)  # type: ignore[union-attr]
    before = net.bias.detach().clone()
    _trained(net)
    assert torch.equal(net.bias, before)


def test_norms_and_biases_do_not_decay() -> None:
    net = _line()
    before = net.weight.detach().clone(), net.bias.detach().clone()
    _trained(net, loss_of=lambda one, batch: (one.weight.sum() + one.bias.sum()) * 0.0, weight_decay=0.5)
    assert torch.equal(net.bias, before[1])
    assert (net.weight.abs() < before[0].abs()).all()


def test_an_enormous_loss_does_not_throw_the_weights_away() -> None:
    net = _line()
    before = net.weight.detach().clone()
    _trained(net, loss_of=lambda one, batch: 1e6 * _loss(one, batch), epochs=1, learning_rate=0.01)
    assert (net.weight - before).abs().max() < 0.1


def test_zero_epochs_leave_the_net_as_it_is() -> None:
    net = _line()
    before = net.weight.detach().clone()
    assert _trained(net, epochs=0).losses == []
    assert torch.equal(net.weight, before)


@pytest.mark.parametrize("batch_size", [1, 4, 7, 64])
def test_buckets_cover_every_example_once(batch_size: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 30, 50).tolist()
    batches = in_buckets(lengths, batch_size, np.random.default_rng(1))
    assert sorted(index for batch in batches for index in batch) == list(range(50))
    assert max(len(batch) for batch in batches) <= batch_size
    assert len(batches) == -(-50 // batch_size)


def test_buckets_are_the_same_for_a_seed_and_others_for_another() -> None:
    lengths = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3] * 5
    first, again, other = (in_buckets(lengths, 8, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_sentences_of_a_bucket_are_of_nearly_the_same_length_and_buckets_in_no_order() -> None:
    lengths = np.repeat(np.arange(1, 41), 8).tolist()
    batches = in_buckets(lengths, 16, np.random.default_rng(0))
    assert max(max(lengths[one] for one in batch) - min(lengths[one] for one in batch) for batch in batches) <= 4
    shortest = [min(lengths[one] for one in batch) for batch in batches]
    assert shortest not in (sorted(shortest), sorted(shortest, reverse=True))


def test_no_example_makes_no_bucket() -> None:
    assert in_buckets([], 8, np.random.default_rng(0)) == []


def test_chunks_are_in_order_and_the_last_may_be_short() -> None:
    assert chunks(range(5), 2) == [[0, 1], [2, 3], [4]]
    assert chunks([], 2) == []
