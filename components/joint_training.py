"""How the joint net learns: its losses, its batches and its held-out scores. Torch; only training imports it."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components import chance, hands
from components.crf import best_path
from components.crf_net import ConditionalRandomField
from components.dropout import dropout
from components.examples import Examples, columns_of
from components.joint_net import JointNet, NetSize
from components.tags import Spans, span_f1, spans_of
from components.training_loop import History, Schedule, chunks, fit, in_buckets

UNLABELLED = -1
MASKED_SHARE = 0.15
VIEW_DROPOUT = 0.2  # of the sentences, of every view but the first
OF_WORDS_ALONE = 0.15  # of the sentences, where the net shall know them at a glance too
LARGEST_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Targets:
    """What the net shall say of N sentences with M tokens: labels [N], tags [M] of each kind, -1 where unknown."""

    labels: np.ndarray
    tags: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Losses:
    label_smoothing: float
    word_dropout: float
    dense_dropout: float
    masked_tokens: bool
    glances: bool = False  # whether the net learns to do without any dense features


class JointModel(nn.Module):
    """The net with the table of its sparse features and the random field over its tags."""

    def __init__(self, size: NetSize, entity_tags: Sequence[str], losses: Losses, dropout: float) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(max(1, size.token_words), size.bag_width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        self.net = JointNet(size, dropout=dropout)
        self.field = ConditionalRandomField.of_tags(entity_tags) if size.tags else None
        self.losses = losses

    def copied(self, precision: torch.dtype) -> JointModel:
        """The same weights, those of the net in this precision: the table is only read, and likelihoods need it all."""
        copied = copy.deepcopy(self)
        copied.net.to(precision)
        return copied

    def features(self, examples: Examples, indices: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The net's inputs for these sentences, dropping some while it trains. What stands in padding is any token's.

        Shape: -> token bags [B, T, bag], token_dense [B, T, D], sentence_dense [B, S], mask [B, T].
        """
        device, precision = self.table.weight.device, self.net.masked.dtype
        lengths = torch.from_numpy(examples.lengths[indices])
        places = torch.arange(max(1, int(lengths.max())) if len(lengths) else 1)
        mask = (places[None] < lengths[:, None]).to(device)
        bags = _spread(self._bags(examples, examples.token_rows(indices)).to(precision), mask)
        rows = torch.from_numpy(examples.starts[indices])[:, None] + places
        dense = _rows(examples.token_dense, rows, self.net.size.token_dense).to(device, precision)
        sentence = _rows(examples.sentence_dense, torch.from_numpy(indices), self.net.size.sentence_dense)
        sentence = sentence.to(device, precision)
        if self.training:
            self._drop_views(dense, sentence, examples)
            dense = dropout(dense, self.losses.dense_dropout)
            sentence = dropout(sentence, self.losses.dense_dropout)
        return bags, dense, sentence, mask

    def _drop_views(self, dense: Tensor, sentence: Tensor, examples: Examples) -> None:
        """Hides, in place, what only some messages have, and of some all, so that the net learns to do without it."""
        hidden = chance.shares(len(sentence), device=dense.device) < VIEW_DROPOUT
        for columns in columns_of(examples.token_views, dense.shape[-1])[1:]:
            dense[hidden, :, columns] = 0.0
        for columns in columns_of(examples.sentence_views, sentence.shape[1])[1:]:
            sentence[hidden, columns] = 0.0
        if self.losses.glances:
            of_words = chance.shares(len(sentence), device=dense.device) < OF_WORDS_ALONE
            dense[of_words], sentence[of_words] = 0.0, 0.0

    def _bags(self, examples: Examples, rows: np.ndarray) -> Tensor:
        """Shape: rows [M'] -> [M', bag]. Whole words are dropped too, so that it learns to do with the context."""
        device = self.table.weight.device
        words = examples.token_words[rows]
        if not words.shape[1]:
            return torch.zeros(len(rows), self.table.embedding_dim, device=device)
        weights = torch.from_numpy(words.data.astype(np.float32)).to(device)
        if self.training:
            weights = dropout(weights, self.losses.word_dropout)
        columns, starts = (torch.from_numpy(part.astype(np.int64)).to(device) for part in (words.indices, words.indptr))
        bags = self.table(columns, starts[:-1], per_sample_weights=weights)
        if self.training:
            bags = bags * (chance.shares(len(bags), 1, device=device) > self.losses.word_dropout / 2)
        return bags

    def loss(self, examples: Examples, targets: Targets, indices: np.ndarray) -> Tensor:
        """The sum of what intents, tags and, where wanted, hidden tokens cost. Shape: indices [B] -> []."""
        *features, mask = self.features(examples, indices)
        inputs = self.net.inputs(*features, mask)
        read, hidden = self._with_hidden(inputs, mask)
        contexts = self.net.contexts(read, mask)
        intents, *tags = self.net.heads(read, contexts)
        rows = examples.token_rows(indices)
        loss = self._intent_loss(intents, targets.labels[indices])
        for number, scores in enumerate(tags):
            wanted = torch.full(mask.shape, UNLABELLED, device=mask.device)
            wanted[mask] = torch.from_numpy(targets.tags[number][rows]).to(mask.device)
            loss = loss + (self._entity_loss(scores, wanted, mask) if number == 0 else _token_loss(scores, wanted))
        return loss + self._masking_loss(inputs, contexts, hidden) if hidden is not None else loss

    def _intent_loss(self, scores: Tensor, labels: np.ndarray) -> Tensor:
        wanted = torch.from_numpy(labels).to(scores.device)
        if not scores.shape[1] or bool((wanted == UNLABELLED).all()):
            return scores.sum() * 0.0
        return F.cross_entropy(
            scores.float(), wanted, ignore_index=UNLABELLED, label_smoothing=self.losses.label_smoothing
        )

    def _entity_loss(self, scores: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
        assert self.field is not None
        has_tokens = mask[:, 0]
        if not has_tokens.any():
            return scores.sum() * 0.0
        return self.field(scores[has_tokens], wanted[has_tokens].clamp(min=0), mask[has_tokens]).mean()

    def _with_hidden(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Hides some tokens, as DIET does for its masked-token loss. Shape: hidden [B, 1+T]."""
        if not (self.training and self.losses.masked_tokens):
            return inputs, None
        hidden = chance.shares(*mask.shape, device=mask.device).lt(MASKED_SHARE) & mask
        hidden = torch.cat([torch.zeros_like(mask[:, :1]), hidden], 1)
        return torch.where(hidden.unsqueeze(2), self.net.masked, inputs), hidden

    def _masking_loss(self, inputs: Tensor, contexts: Tensor, hidden: Tensor) -> Tensor:
        """A hidden token shall be nearer to what stood there than to what stood elsewhere in the batch."""
        if not hidden.any():
            return contexts.sum() * 0.0
        guessed, stood = F.normalize(contexts[hidden], dim=-1), F.normalize(inputs[hidden].detach(), dim=-1)
        likeness = (guessed @ stood.T * 10).float()
        return F.cross_entropy(likeness, torch.arange(len(likeness), device=likeness.device))


def train(
    model: JointModel,
    examples: Examples,
    targets: Targets,
    held_out: np.ndarray,
    *,
    tag_names: Sequence[str],
    schedule: Schedule,
    precision: torch.dtype,
    batch_size: int,
    seed: int,
) -> History:
    """Trains in place on all but the `held_out` examples, which choose the best epoch; computes in this precision."""
    kept = np.setdiff1d(np.arange(len(examples)), held_out)
    lengths, device = examples.lengths[kept], model.table.weight.device.type
    lessons = _in_precision(examples, precision)

    def batches(epoch: int) -> list[np.ndarray]:
        generator = np.random.default_rng([seed, epoch])
        return [kept[np.array(batch)] for batch in in_buckets(lengths, batch_size, generator)]

    def score_of(net: nn.Module) -> dict[str, float]:
        return scores(net, examples, targets, held_out, tag_names)

    return fit(
        model,
        loss_of=lambda net, batch: net.loss(lessons, targets, batch),
        batches=batches,
        schedule=schedule,
        score_of=score_of if len(held_out) else None,
        copies=[model.copied(precision) for _ in range(hands.many_here() if device == "cpu" else 1)],
    )


def scores(
    model: nn.Module, examples: Examples, targets: Targets, indices: np.ndarray, tag_names: Sequence[str]
) -> dict[str, float]:
    """Intent accuracy and, where there are entities, their exact-span F1."""
    intents, tags = predict(model, examples, indices)
    labels = targets.labels[indices]
    known = labels != UNLABELLED
    result = {}
    if known.any():
        result["intent"] = float((intents[known].argmax(1) == labels[known]).mean())
    if tags is not None and targets.tags:
        result["entity"] = span_f1(_spans(model, examples, targets.tags[0], indices, tags, tag_names))
    return result


@torch.no_grad()
def predict(model: nn.Module, examples: Examples, indices: np.ndarray) -> tuple[np.ndarray, list[np.ndarray] | None]:
    """Intent scores [K, L] and each sentence's entity tag scores [tokens, tags], in the order of `indices`."""
    by_length = np.argsort(examples.lengths[indices], kind="stable")
    intents: list[np.ndarray | None] = [None] * len(indices)
    tags: list[np.ndarray] = [np.zeros((0, 0))] * len(indices)
    has_tags = False
    for batch in chunks(by_length, LARGEST_EVALUATION_BATCH):
        places = np.array(batch)
        *features, mask = model.features(examples, indices[places])
        scored, *tagged = model.net(*features, mask)
        has_tags = bool(tagged)
        for row, place in enumerate(places):
            intents[place] = scored[row].float().cpu().numpy()
            if tagged:
                tags[place] = tagged[0][row, : examples.lengths[indices[place]]].float().cpu().numpy()
    return np.stack(intents), tags if has_tags else None


def _spans(
    model: JointModel,
    examples: Examples,
    gold: np.ndarray,
    indices: np.ndarray,
    tags: Sequence[np.ndarray],
    tag_names: Sequence[str],
) -> Iterator[tuple[Spans, Spans]]:
    """Of each sentence the entities that it has, and those that its tag scores say."""
    field = [part.detach().cpu().numpy() for part in model.field.scores()]
    for index, scored in zip(indices, tags, strict=True):
        wanted = gold[examples.starts[index] : examples.starts[index + 1]]
        has, found = (spans_of([tag_names[tag] for tag in path]) for path in (wanted, best_path(scored, *field)))
        yield has, found


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _spread(rows: Tensor, mask: Tensor) -> Tensor:
    """Shape: rows [M', W], mask [B, T] with M' true -> [B, T, W], zero where no token is."""
    spread = rows.new_zeros(*mask.shape, rows.shape[1])
    spread[mask] = rows
    return spread


def _rows(features: np.ndarray | Tensor, rows: Tensor, width: int) -> Tensor:
    """Shape: features [N, D], rows of any shape -> the same, D. What is beyond the last row is the last row.

    Zeros of this width, which is D, where there are no features: nothing was read, or words alone.
    """
    if not len(features) or features.shape[1] != width:
        return torch.zeros(*rows.shape, width)
    return torch.as_tensor(features)[rows.clamp(max=len(features) - 1)]


def _in_precision(examples: Examples, precision: torch.dtype) -> Examples:
    """The same, dense features as tensors: in half the bytes they are fetched in half the time, in every batch anew."""
    token_dense, sentence_dense = (
        torch.from_numpy(part).to(precision) for part in (examples.token_dense, examples.sentence_dense)
    )
    return replace(examples, token_dense=token_dense, sentence_dense=sentence_dense)


def _token_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    if bool((wanted == UNLABELLED).all()):
        return scores.sum() * 0.0
    return F.cross_entropy(scores.float().flatten(0, 1), wanted.flatten(), ignore_index=UNLABELLED)
