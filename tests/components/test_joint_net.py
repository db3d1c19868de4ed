from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import random as random_words
from torch import Tensor

from components.examples import Examples
from components.joint_net import JointNet, NetSize, RelativeSelfAttention
from components.joint_training import JointModel, Losses, Targets, predict
from components.tags import tag_names

ENTITY_TAGS = tag_names(["product"])
SIZE = NetSize(
    token_words=20,
    token_dense=5,
    sentence_dense=4,
    labels=3,
    tags=(len(ENTITY_TAGS), 3),
    width=16,
    layers=2,
    heads=4,
    bag_width=6,
    label_width=7,
    longest_distance=2,
)
LOSSES = Losses(label_smoothing=0.1, word_dropout=0.2, dense_dropout=0.2, masked_tokens=True)
ATTENTION: dict[str, Any] = {"width": 16, "heads": 4, "longest_distance": 2, "dropout": 0.0}


def _net(size: NetSize = SIZE) -> JointNet:
    torch.manual_seed(0)
    return _stirred(JointNet(size)).eval()


def _stirred(net: Any) -> Any:
    """With weights that are not zero, where some begin so."""
    for name, weights in net.named_parameters():
        if name.endswith("distance"):
            torch.nn.init.normal_(weights)
    return net


def _inputs(lengths: list[int], size: NetSize = SIZE, longest: int | None = None) -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    longest = longest or max(lengths)
    mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
    bags = torch.randn(len(lengths), longest, size.bag_width)
    dense = torch.randn(len(lengths), longest, size.token_dense)
    return bags * mask[..., None], dense * mask[..., None], torch.randn(len(lengths), size.sentence_dense), mask


def _examples(lengths: list[int], size: NetSize = SIZE) -> tuple[Examples, Targets]:
    generator, tokens = np.random.default_rng(2), sum(lengths)
    words = random_words(tokens, size.token_words, density=0.2, format="csr", dtype=np.float32, random_state=3)
    examples = Examples(
        token_words=words,
        token_dense=generator.normal(size=(tokens, size.token_dense)).astype(np.float32),
        sentence_words=words[: len(lengths)],
        sentence_dense=generator.normal(size=(len(lengths), size.sentence_dense)).astype(np.float32),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )
    outside_or_unit = generator.choice([0, ENTITY_TAGS.index("U-product")], tokens)
    return examples, Targets(np.arange(len(lengths)) % size.labels, (outside_or_unit, generator.integers(0, 3, tokens)))


def _model(size: NetSize = SIZE, losses: Losses = LOSSES) -> JointModel:
    torch.manual_seed(0)
    return _stirred(JointModel(size, ENTITY_TAGS if size.tags else [], losses, 0.1))


def test_there_is_a_score_of_each_label_and_of_each_tag_at_each_token() -> None:
    intents, *tags = _net()(*_inputs([3, 1, 5]))
    assert intents.shape == (3, 3)
    assert [part.shape for part in tags] == [(3, 5, 5), (3, 5, 3)]


@pytest.mark.parametrize(
    "missing",
    [
        {"token_words": 0},
        {"token_dense": 0},
        {"sentence_dense": 0},
        {"token_words": 0, "sentence_dense": 4},
        {"token_dense": 0, "sentence_dense": 0},
        {"labels": 0},
        {"tags": ()},
        {"similarity": False},
        {"layers": 0},
    ],
)
def test_it_does_without_features_labels_or_tags_that_there_are_none_of(missing: dict[str, Any]) -> None:
    size = replace(SIZE, **missing)
    intents, *tags = _net(size)(*_inputs([3, 2], size))
    assert intents.shape == (2, size.labels)
    assert len(tags) == len(size.tags)
    assert all(part.isfinite().all() for part in (intents, *tags))


def test_it_does_with_token_vectors_alone() -> None:
    size = replace(SIZE, token_words=0, sentence_dense=0)
    assert _net(size)(*_inputs([3, 2], size))[0].shape == (2, 3)


def test_a_sentence_is_read_alike_alone_and_beside_longer_ones() -> None:
    net, lengths = _net(), [3, 1, 5]
    bags, dense, sentence, mask = _inputs(lengths)
    intents, *tags = net(bags, dense, sentence, mask)
    for row, length in enumerate(lengths):
        alone = net(bags[[row], :length], dense[[row], :length], sentence[[row]], mask[[row], :length])
        assert torch.allclose(alone[0][0], intents[row], atol=1e-5)
        assert all(
            torch.allclose(one[0], many[row, :length], atol=1e-5) for one, many in zip(alone[1:], tags, strict=True)
        )


def test_what_stands_in_padding_changes_nothing() -> None:
    net, (bags, dense, sentence, mask) = _net(), _inputs([3, 1, 5])
    there = mask[..., None]
    noise = net(torch.where(there, bags, 9.0), torch.where(there, dense, -9.0), sentence, mask)
    for one, other in zip(net(bags, dense, sentence, mask), noise, strict=True):
        kept = mask if one.dim() == 3 else slice(None)
        assert torch.allclose(one[kept], other[kept], atol=1e-5)


def test_a_sentence_without_tokens_has_intents_all_the_same() -> None:
    intents, *_ = _net()(*_inputs([0, 2]))
    assert intents.isfinite().all()


def test_intents_hear_every_token_and_tags_the_sentence() -> None:
    bags, dense, sentence, mask = _inputs([4])
    for part in (bags, dense, sentence):
        part.requires_grad_()
    intents, *tags = _net()(bags, dense, sentence, mask)
    intents[0, 0].backward(retain_graph=True)
    assert all((part.grad.abs().sum(-1) > 0).all() for part in (bags, dense, sentence))
    sentence.grad = None
    tags[0][0, 2, 1].backward()
    assert sentence.grad.abs().sum() > 0


def test_attention_knows_distances_not_places() -> None:
    """The same tokens two places on, with strangers unseen before them, are read alike."""
    torch.manual_seed(0)
    attention = _stirred(RelativeSelfAttention(**ATTENTION))
    sentence, tokens, strangers = torch.randn(1, 1, 16), torch.randn(1, 4, 16), torch.randn(1, 2, 16)
    seen = torch.tensor([[True] * 5])
    shifted = torch.tensor([[True] + [False] * 2 + [True] * 4])
    first = attention(torch.cat([sentence, tokens], 1), seen)
    second = attention(torch.cat([sentence, strangers, tokens], 1), shifted)
    assert torch.allclose(first[:, 1:], second[:, 3:], atol=1e-5)
    assert torch.allclose(first[:, 0], second[:, 0], atol=1e-5)


def test_attention_hears_the_order_of_tokens() -> None:
    torch.manual_seed(0)
    attention = _stirred(RelativeSelfAttention(**ATTENTION))
    x, mask = torch.randn(1, 5, 16), torch.ones(1, 5, dtype=torch.bool)
    turned = attention(x[:, [0, 4, 3, 2, 1]], mask)[:, [0, 4, 3, 2, 1]]
    assert not torch.allclose(attention(x, mask), turned, atol=1e-3)


def test_far_tokens_are_all_equally_far_and_the_sentence_has_numbers_of_its_own() -> None:
    attention = RelativeSelfAttention(**ATTENTION)
    assert attention._buckets(6, torch.device("cpu")).tolist() == [
        [5, 5, 5, 5, 5, 5],
        [6, 2, 3, 4, 4, 4],
        [6, 1, 2, 3, 4, 4],
        [6, 0, 1, 2, 3, 4],
        [6, 0, 0, 1, 2, 3],
        [6, 0, 0, 0, 1, 2],
    ]


def test_with_every_loss_every_weight_learns() -> None:
    model = _model().train()
    examples, targets = _examples([4, 6, 3, 5] * 6)
    torch.manual_seed(5)
    model.loss(examples, targets, np.arange(24)).backward()
    resting = [name for name, weights in model.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert resting == []


def test_without_tags_or_labels_the_other_loss_is_the_whole() -> None:
    examples, targets = _examples([4, 2, 3])
    unlabelled = Targets(np.full(3, -1), targets.tags)
    model = _model(losses=replace(LOSSES, masked_tokens=False)).eval()
    everything = Targets(targets.labels, targets.tags)
    of_tags = model.loss(examples, unlabelled, np.arange(3)).item()
    of_intents = model._intent_loss(model.net(*model.features(examples, np.arange(3)))[0], targets.labels).item()
    assert model.loss(examples, everything, np.arange(3)).item() == pytest.approx(of_tags + of_intents, abs=1e-4)
    no_tags = _model(replace(SIZE, tags=())).eval()
    assert no_tags.field is None
    assert no_tags.loss(examples, Targets(targets.labels, ()), np.arange(3)).item() > 0


def test_sentences_without_tokens_cost_nothing_as_to_tags() -> None:
    examples, targets = _examples([0, 3, 0])
    model = _model().eval()
    assert model.loss(examples, targets, np.arange(3)).isfinite()
    assert model.loss(examples, Targets(np.full(3, -1), targets.tags), np.array([0, 2])).item() == 0.0


def test_a_token_whose_role_is_not_known_is_not_asked_for_it() -> None:
    examples, targets = _examples([4, 2])
    model = _model().eval()
    unknown = Targets(targets.labels, (targets.tags[0], np.full(6, -1)))
    partly = Targets(targets.labels, (targets.tags[0], np.array([1, -1, -1, -1, -1, -1])))
    without, with_one = (model.loss(examples, one, np.arange(2)).item() for one in (unknown, partly))
    assert np.isfinite(without)
    assert with_one > without


def test_features_are_dropped_in_training_only() -> None:
    model, (examples, _) = _model(), _examples([4, 2, 7])
    still = [model.eval().features(examples, np.arange(3)) for _ in range(2)]
    dropped = [model.train().features(examples, np.arange(3)) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*still, strict=True))
    assert not any(torch.equal(one, other) for one, other in list(zip(*dropped, strict=True))[:3])


def test_a_token_is_the_sum_of_its_sparse_features() -> None:
    model, (examples, _) = _model().eval(), _examples([4, 2])
    bags, *_, mask = model.features(examples, np.array([1, 0]))
    expected = examples.token_words.toarray() @ model.table.weight.detach().numpy()
    assert bags[0, :2].detach().numpy() == pytest.approx(expected[4:], abs=1e-5)
    assert bags[1].detach().numpy() == pytest.approx(expected[:4], abs=1e-5)
    assert not bags[~mask].any()


def test_predictions_stand_in_the_order_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.joint_training.LARGEST_EVALUATION_BATCH", 2)
    model, (examples, _) = _model().eval(), _examples([5, 1, 3, 2, 4])
    order = np.array([3, 0, 4, 1])
    intents, tags = predict(model, examples, order)
    assert tags is not None
    for place, index in enumerate(order):
        alone, alone_tags = predict(model, examples, np.array([index]))
        assert alone_tags is not None
        assert intents[place] == pytest.approx(alone[0], abs=1e-5)
        assert tags[place] == pytest.approx(alone_tags[0], abs=1e-5)
        assert tags[place].shape == (examples.lengths[index], len(ENTITY_TAGS))
