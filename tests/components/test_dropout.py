from __future__ import annotations

import pytest
import torch

from components.dropout import Dropout, dropout


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_is_dropped_and_the_rest_makes_up_for_it(share: float) -> None:
    torch.manual_seed(0)
    ones = torch.ones(200, 501)
    dropped = dropout(ones, share)
    assert float((dropped == 0).float().mean()) == pytest.approx(share, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)
    assert len(dropped.unique()) == 2


def test_every_place_is_as_likely_to_be_dropped() -> None:
    torch.manual_seed(0)
    kept = sum((dropout(torch.ones(64), 0.5) > 0).float() for _ in range(2000)) / 2000
    assert float((kept - 0.5).abs().max()) < 0.06


def test_a_seed_decides() -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropout(torch.ones(1000), 0.3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_gradients_flow_through_what_is_kept_alone() -> None:
    x = torch.ones(1000, requires_grad=True)
    dropped = dropout(x, 0.25)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_kind_of_number_stays(kind: torch.dtype) -> None:
    assert dropout(torch.ones(3, 5, dtype=kind), 0.2).dtype is kind


def test_nothing_is_dropped_where_nothing_shall_be() -> None:
    x = torch.randn(7, 3)
    assert dropout(x, 0.0) is x
    assert Dropout(0.5).eval()(x) is x
    assert (Dropout(0.5).train()(torch.ones(1000)) == 0).any()
    assert dropout(torch.ones(0, 4), 0.5).shape == (0, 4)
