"""Everything here is compared with the sum or the maximum over all tag sequences, written out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from torch import Tensor

from components.crf import IMPOSSIBLE, best_path, marginals
from components.crf_net import ConditionalRandomField
from components.tags import may_end, may_follow, may_start, tag_names

NAMES = tag_names(["product"])
FOLLOWS, STARTS, ENDS = may_follow(NAMES), may_start(NAMES), may_end(NAMES)
LENGTHS = [4, 1, 3, 2]


def _field(seed: int = 0, names: list[str] = NAMES) -> ConditionalRandomField:
    """A random field with weights that are not zero."""
    torch.manual_seed(seed)
    field = ConditionalRandomField.of_tags(names)
    for weights in field.parameters():
        torch.nn.init.normal_(weights)
    return field


def _numbers(field: ConditionalRandomField) -> list[np.ndarray]:
    return [part.detach().double().numpy() for part in field.scores()]


def _sequences(length: int) -> Iterator[tuple[int, ...]]:
    """All allowed ones."""
    for path in itertools.product(range(len(NAMES)), repeat=length):
        if STARTS[path[0]] and ENDS[path[-1]] and all(FOLLOWS[pair] for pair in itertools.pairwise(path)):
            yield path


def _score(path: tuple[int, ...], emissions: np.ndarray, field: list[np.ndarray]) -> float:
    transitions, start, end = field
    moved = sum(transitions[pair] for pair in itertools.pairwise(path))
    emitted = sum(emissions[token, tag] for token, tag in enumerate(path))
    return float(start[path[0]] + emitted + moved + end[path[-1]])


def _sentences(seed: int = 1, strength: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Emissions, allowed tags and mask of four sentences; what stands behind a sentence's end is noise."""
    generator = np.random.default_rng(seed)
    emissions = generator.normal(0, strength, (len(LENGTHS), max(LENGTHS), len(NAMES))).astype(np.float32)
    tags = generator.integers(0, len(NAMES), (len(LENGTHS), max(LENGTHS)))
    for row, length in enumerate(LENGTHS):
        paths = list(_sequences(length))
        tags[row, :length] = paths[generator.integers(len(paths))]
    return emissions, tags, np.arange(max(LENGTHS))[None] < np.array(LENGTHS)[:, None]


def _loss(field: ConditionalRandomField, emissions: np.ndarray, tags: np.ndarray, mask: np.ndarray) -> Tensor:
    return field(torch.from_numpy(emissions), torch.from_numpy(tags), torch.from_numpy(mask))


def _losses_written_out(field: Any, emissions: np.ndarray, tags: np.ndarray) -> list[float]:
    numbers, losses = _numbers(field), []
    for row, length in enumerate(LENGTHS):
        of_all = [_score(path, emissions[row], numbers) for path in _sequences(length)]
        losses.append(float(logsumexp(of_all)) - _score(tuple(tags[row, :length]), emissions[row], numbers))
    return losses


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_likelihood_among_all_allowed_sequences(seed: int) -> None:
    field, (emissions, tags, mask) = _field(seed), _sentences(seed)
    found = _loss(field, emissions, tags, mask).detach().numpy()
    assert found == pytest.approx(_losses_written_out(field, emissions, tags), abs=1e-4)


def test_likelihoods_of_all_allowed_sequences_sum_to_one() -> None:
    field, (emissions, _, _) = _field(), _sentences()
    paths = np.array(list(_sequences(4)))
    batch = np.repeat(emissions[:1], len(paths), axis=0)
    losses = _loss(field, batch, paths, np.ones(paths.shape, bool))
    assert (-losses.detach()).exp().sum().item() == pytest.approx(1.0, abs=1e-4)


def test_what_stands_behind_a_sentences_end_does_not_change_its_loss() -> None:
    field, (emissions, tags, mask) = _field(), _sentences()
    before = _loss(field, emissions, tags, mask)
    noise = np.where(mask[..., None], emissions, 50.0).astype(np.float32)
    assert torch.allclose(before, _loss(field, noise, np.where(mask, tags, 3), mask), atol=1e-4)
    alone = [
        _loss(field, emissions[[row], :length], tags[[row], :length], mask[[row], :length])
        for row, length in enumerate(LENGTHS)
    ]
    assert torch.allclose(before, torch.cat(alone), atol=1e-4)


def test_the_loss_holds_where_a_net_is_very_sure() -> None:
    field, (emissions, tags, mask) = _field(), _sentences(strength=15.0)
    found = _loss(field, emissions, tags, mask).detach().numpy()
    assert found == pytest.approx(_losses_written_out(field, emissions, tags), rel=1e-3, abs=1e-3)


def test_an_impossible_sequence_costs_more_than_any_allowed_one() -> None:
    field, (emissions, _, _) = _field(), _sentences()
    tags = np.array([[NAMES.index(name) for name in ("I-product", "O", "B-product", "U-product")]])
    loss = _loss(field, emissions[:1], tags, np.ones((1, 4), bool))
    assert loss.item() > -IMPOSSIBLE


def test_every_weight_learns_but_those_of_impossible_steps_stay_as_they_are() -> None:
    field, (emissions, tags, mask) = _field(), _sentences()
    _loss(field, emissions, tags, mask).sum().backward()
    for weights, allowed in ((field.transitions, FOLLOWS), (field.start, STARTS), (field.end, ENDS)):
        moved = weights.grad.numpy() != 0
        assert moved[allowed].all()
        assert not moved[~allowed].any()


def test_barriers_are_no_weights_and_are_not_kept() -> None:
    assert set(_field().state_dict()) == {"transitions", "start", "end"}


def test_learning_makes_the_wanted_sequence_the_best() -> None:
    field, (emissions, tags, mask) = _field(), _sentences()
    scores = torch.from_numpy(emissions).requires_grad_()
    optimizer = torch.optim.Adam([scores, *field.parameters()], lr=0.2)
    for _ in range(40):
        optimizer.zero_grad()
        field(scores, torch.from_numpy(tags), torch.from_numpy(mask)).sum().backward()
        optimizer.step()
    learnt = scores.detach().numpy()
    for row, length in enumerate(LENGTHS):
        assert best_path(learnt[row, :length], *_numbers(field)) == tags[row, :length].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all_allowed_sequences(seed: int) -> None:
    field, (emissions, _, _) = _numbers(_field(seed)), _sentences(seed)
    for row, length in enumerate(LENGTHS):
        scores = emissions[row, :length]
        assert tuple(best_path(scores, *field)) == max(_sequences(length), key=lambda path: _score(path, scores, field))


def test_an_impossible_step_is_never_taken_whatever_the_scores() -> None:
    field = _numbers(_field())
    generator = np.random.default_rng(4)
    for _ in range(200):
        length = int(generator.integers(1, 9))
        path = best_path(generator.normal(0, 300, (length, len(NAMES))), *field)
        assert STARTS[path[0]]
        assert ENDS[path[-1]]
        assert all(FOLLOWS[pair] for pair in itertools.pairwise(path))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_marginals_are_the_shares_of_all_allowed_sequences(seed: int, kind: Any) -> None:
    field, (emissions, _, _) = _numbers(_field(seed)), _sentences(seed)
    for row, length in enumerate(LENGTHS):
        scores = emissions[row, :length]
        expected = np.zeros((length, len(NAMES)))
        paths = list(_sequences(length))
        of_all = np.array([_score(path, scores, field) for path in paths])
        for path, share in zip(paths, np.exp(of_all - logsumexp(of_all)), strict=True):
            expected[np.arange(length), path] += share
        found = marginals(scores.astype(kind), *(part.astype(kind) for part in field))
        assert found == pytest.approx(expected, abs=1e-5)
        assert found.sum(axis=1) == pytest.approx(np.ones(length), abs=1e-6)


def test_marginals_of_a_long_sentence_neither_vanish_nor_overflow() -> None:
    field, generator = _numbers(_field()), np.random.default_rng(0)
    scores = generator.normal(0, 10, (400, len(NAMES))).astype(np.float32)
    found = marginals(scores, *(part.astype(np.float32) for part in field))
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(400), abs=1e-5)
    assert (found >= 0).all()


def test_a_sentence_without_tokens_has_no_path_and_no_marginals() -> None:
    nothing = np.zeros((0, len(NAMES)), np.float32)
    assert best_path(nothing, *_numbers(_field())) == []
    assert marginals(nothing, *_numbers(_field())).shape == (0, len(NAMES))


def test_half_precision_around_it_does_not_touch_its_sums() -> None:
    field, (emissions, tags, mask) = _field(), _sentences()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = _loss(field, emissions, tags, mask).detach()
    assert found.numpy() == pytest.approx(_losses_written_out(field, emissions, tags), abs=1e-4)


def test_in_half_precision_it_can_still_be_learnt_from_a_sure_net() -> None:
    field, (emissions, tags, mask) = _field(), _sentences(strength=15.0)
    with torch.autocast("cpu", dtype=torch.float16):
        loss = _loss(field, emissions, tags, mask).mean()
    loss.backward()
    assert all(weights.grad.isfinite().all() for weights in field.parameters())
