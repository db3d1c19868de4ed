"""The joint net of intents and entities, in torch alone, after DIET (Bunk et al. 2020, arXiv:2004.09936).

    token features  ->  project  \\
                                  transformer with relative attention  ->  tag scores  ->  conditional random field
    sentence features -> project /                                     ->  intent scores

Shapes: B sentences, T tokens, W width, K tags, L labels. The sentence stands before its tokens, at position 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.dropout import Dropout


@dataclass(frozen=True)
class NetSize:
    """All that is needed to build the net again."""

    token_words: int  # known sparse features of a token
    token_dense: int
    sentence_dense: int
    labels: int
    tags: tuple[int, ...]  # of entities, then of roles and of groups where there are any
    width: int = 256
    layers: int = 2
    heads: int = 4
    bag_width: int = 128
    label_width: int = 64
    inner: int = 2  # times the width, in the feed-forward nets
    longest_distance: int = 6
    similarity: bool = True


class RelativeSelfAttention(nn.Module):
    """Self-attention that knows how far apart two tokens are, not where they stand (Shaw et al. 2018).

    The distance adds a learnt number per head to the attention, as in Raffel et al. 2020; the sentence at position 0
    has no distance to its tokens and numbers of its own.
    """

    def __init__(self, *, width: int, heads: int, longest_distance: int, dropout: float) -> None:
        super().__init__()
        self.head_count, self.longest_distance, self.dropout = heads, longest_distance, Dropout(dropout)
        self.project = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * longest_distance + 3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shape: x [B, 1+T, W], mask [B, 1+T] -> [B, 1+T, W]."""
        batch, length, width = x.shape
        query, key, value = self.project(x).view(batch, length, 3, self.head_count, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width / self.head_count)  # [B, heads, 1+T, 1+T]
        scores = scores + self.distance[:, self._buckets(length, x.device)]
        scores = scores.masked_fill(~mask[:, None, None, :], -1e4)
        weights = self.dropout(scores.softmax(-1))
        return self.output((weights @ value).transpose(1, 2).reshape(batch, length, width))

    def _buckets(self, length: int, device: torch.device) -> Tensor:
        positions = torch.arange(length, device=device)
        farthest = self.longest_distance
        apart = (positions[None, :] - positions[:, None]).clamp(-farthest, farthest) + farthest
        from_sentence = (positions == 0)[:, None] & (positions >= 0)[None, :]
        to_sentence = (positions == 0)[None, :] & (positions > 0)[:, None]
        return apart.masked_fill(from_sentence, 2 * farthest + 1).masked_fill(to_sentence, 2 * farthest + 2)


class TransformerLayer(nn.Module):
    """Attention, then a feed-forward net, each after a layer norm and added to what it read (Xiong et al. 2020)."""

    def __init__(self, *, width: int, inner: int, heads: int, longest_distance: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = RelativeSelfAttention(
            width=width, heads=heads, longest_distance=longest_distance, dropout=dropout
        )
        self.feed_forward = nn.Sequential(nn.Linear(width, inner * width), nn.GELU(), nn.Linear(inner * width, width))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class JointNet(nn.Module):
    """From the features of tokens and sentence to intent scores and tag scores.

    A token's sparse features come summed already (`token_bags`): a table look-up needs no net, here nor when serving.
    """

    def __init__(self, size: NetSize, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.size = size
        width, bag = size.width, size.bag_width if size.token_words else 0
        self.token_bag, self.sentence_bag = _projection(bag, width), _projection(bag, width)
        self.token_dense = _projection(size.token_dense, width)
        self.sentence_dense = _projection(size.sentence_dense, width)
        self.input_norm, self.output_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            TransformerLayer(
                width=width, inner=size.inner, heads=size.heads, longest_distance=size.longest_distance, dropout=dropout
            )
            for _ in range(size.layers)
        )
        self.label_query = nn.Linear(width, size.label_width if size.similarity else size.labels)
        self.label_keys = nn.Parameter(torch.randn(size.labels, size.label_width)) if size.similarity else None
        self.sharpness = nn.Parameter(torch.tensor(2.5)) if size.similarity else None
        self.tags = nn.ModuleList(nn.Linear(2 * width, tags) for tags in size.tags)
        self.masked = nn.Parameter(0.1 * torch.randn(width))  # stands where a token is hidden
        self.dropout = Dropout(dropout)

    def forward(
        self, token_bags: Tensor, token_dense: Tensor, sentence_dense: Tensor, mask: Tensor
    ) -> tuple[Tensor, ...]:
        """Shape: token_bags [B, T, bag], token_dense [B, T, D], sentence_dense [B, S], mask [B, T]
        -> intent scores [B, L], then the tag scores [B, T, K] of each kind of tag.
        """
        inputs = self.inputs(token_bags, token_dense, sentence_dense, mask)
        return self.heads(inputs, self.contexts(inputs, mask))

    def inputs(self, token_bags: Tensor, token_dense: Tensor, sentence_dense: Tensor, mask: Tensor) -> Tensor:
        """What the transformer reads, the sentence before its tokens. Shape: -> [B, 1+T, W]."""
        nothing = self.masked.new_zeros(*mask.shape, self.size.width)  # for features that a pipeline does not have
        tokens = self.token_bag(token_bags) + self.token_dense(token_dense) + nothing
        there = mask.unsqueeze(2).to(token_bags.dtype)
        mean_bag = (token_bags * there).sum(1) / there.sum(1).clamp(min=1)
        sentence = self.sentence_bag(mean_bag) + self.sentence_dense(sentence_dense) + nothing[:, 0]
        return self.input_norm(torch.cat([sentence.unsqueeze(1), tokens], 1))

    def contexts(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Shape: inputs [B, 1+T, W] -> [B, 1+T, W], each having read the others."""
        seen = torch.cat([torch.ones_like(mask[:, :1]), mask], 1)
        x = self.dropout(inputs)
        for layer in self.layers:
            x = layer(x, seen)
        return self.output_norm(x)

    def heads(self, inputs: Tensor, contexts: Tensor) -> tuple[Tensor, ...]:
        """A tag is read from a token in its context and from the token by itself."""
        read = self.dropout(torch.cat([contexts, inputs], -1))[:, 1:]
        return (self._intents(contexts[:, 0]), *(tags(read) for tags in self.tags))

    def _intents(self, sentence: Tensor) -> Tensor:
        query = self.label_query(self.dropout(sentence))
        if self.label_keys is None or self.sharpness is None:
            return query
        return F.normalize(query, dim=-1) @ F.normalize(self.label_keys, dim=-1).T * self.sharpness.exp()


class _Nothing(nn.Module):
    """Stands for features that a pipeline does not have: adds nothing."""

    def forward(self, features: Tensor) -> Tensor:
        return features.new_zeros(())


def _projection(features: int, width: int) -> nn.Module:
    return nn.Linear(features, width) if features else _Nothing()
