from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components import chance
from components.dropout import dropout
from components.hands import Hands

FEATURES = torch.arange(20.0).reshape(10, 2) / 20
WANTED = FEATURES @ torch.tensor([[1.0], [-2.0]])
EVERYTHING = list(range(10))


def _line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


def _loss(net: nn.Module, batch: list[int]) -> Tensor:
    precision = next(net.parameters()).dtype
    return ((net(FEATURES[batch].to(precision)) - WANTED[batch]) ** 2).mean()


def _learnt(net: nn.Module, hands: int, batch: list[int], loss_of: Any = _loss, **kind: torch.dtype) -> float:
    with Hands(net, [copy.deepcopy(net).to(**kind) for _ in range(hands)], loss_of) as at_work:
        return at_work.learn(batch)


def _gradients(net: nn.Module) -> list[Tensor]:
    return [weights.grad for weights in net.parameters() if weights.grad is not None]


@pytest.mark.parametrize("hands", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [EVERYTHING, EVERYTHING[:3], EVERYTHING[:1]])
def test_many_hands_bring_the_gradient_that_one_would(hands: int, batch: list[int]) -> None:
    net, alone = _line(), _line()
    loss = _loss(alone, batch)
    loss.backward()
    assert _learnt(net, hands, batch) == pytest.approx(loss.item(), rel=1e-5)
    for shared, whole in zip(_gradients(net), _gradients(alone), strict=True):
        assert torch.allclose(shared, whole, atol=1e-6)


def test_hands_of_half_precision_bring_nearly_the_same_to_a_net_of_full() -> None:
    net, alone = _line(), _line()
    _loss(alone, EVERYTHING).backward()
    _learnt(net, 2, EVERYTHING, dtype=torch.bfloat16)
    for half, whole in zip(_gradients(net), _gradients(alone), strict=True):
        assert half.dtype is torch.float32
        assert torch.allclose(half, whole, atol=0.05)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_every_hand_hears_of_a_step(kind: torch.dtype) -> None:
    net = _line()
    with Hands(net, [copy.deepcopy(net).to(kind) for _ in range(2)], _loss) as hands:
        before = hands.learn(EVERYTHING)
        with torch.no_grad():
            for weights in net.parameters():
                weights.add_(weights.grad, alpha=-0.5)  # type: ignore[arg-type]
        assert hands.learn(EVERYTHING) < before


def test_gradients_of_an_earlier_batch_are_gone() -> None:
    net = _line()
    with Hands(net, [copy.deepcopy(net) for _ in range(2)], _loss) as hands:
        hands.learn(EVERYTHING)
        first = [gradient.clone() for gradient in _gradients(net)]
        hands.learn(EVERYTHING)
    assert all(torch.equal(one, other) for one, other in zip(first, _gradients(net), strict=True))


def test_a_weight_that_nobody_used_has_no_gradient() -> None:
    net = _line()
    net.idle = nn.Parameter(torch.ones(2))
    _learnt(net, 2, EVERYTHING)
    assert net.idle.grad is None
    assert len(_gradients(net)) == 4


def test_what_is_drawn_by_chance_depends_on_the_seed_alone() -> None:
    def noisy(net: nn.Module, batch: list[int]) -> Tensor:
        drawn = chance.shares(len(batch), 1, device=FEATURES.device) + dropout(torch.ones(len(batch), 1), 0.5)
        return (net(FEATURES[batch]) * drawn).mean()

    found = []
    for seed in (1, 1, 2):
        net = _line()
        torch.manual_seed(seed)
        _learnt(net, 2, EVERYTHING, noisy)
        found.append(torch.cat([gradient.flatten() for gradient in _gradients(net)]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_hand_that_fails_fails_the_batch_and_torch_has_its_threads_again() -> None:
    def torn(net: nn.Module, batch: list[int]) -> Tensor:
        raise ValueError("torn")

    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="torn"):
        _learnt(_line(), 2, EVERYTHING, torn)
    assert torch.get_num_threads() == threads


def test_outside_of_a_hand_torch_draws() -> None:
    own = torch.Generator().manual_seed(3)
    torch.manual_seed(3)
    with chance.drawn_by(own):
        drawn = chance.number(1000), chance.generator() is own
    assert drawn == (chance.number(1000), True)
    assert chance.generator() is None
