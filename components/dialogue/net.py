"""The net of the dialogue policy, in torch alone, after TED (Vlasov et al. 2019, arXiv:1910.00486).

    each attribute of a state -> project -> sum  ->  transformer over the states before  ->  similarity to each action
                                                                                         ->  pointer to a loop before

Shapes: B dialogues, T states, D numbers of a state, W width, A actions, L loops.
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

    attributes: tuple[int, ...]  # how many numbers of a state each takes
    actions: int
    action_numbers: int = 0  # of what an action says, where stories tell it
    width: int = 96
    layers: int = 1
    heads: int = 4
    inner: int = 2  # times the width, in the feed-forward nets
    key_width: int = 48
    longest_distance: int = 16
    first_loop: int = 0  # where in a state's numbers the active loop stands
    loops: tuple[int, ...] = ()  # the action that each loop is


class BackwardAttention(nn.Module):
    """Self-attention of each state to itself and those before it, which knows how far back they are."""

    def __init__(self, size: NetSize, dropout: float) -> None:
        super().__init__()
        self.heads, self.longest_distance = size.heads, size.longest_distance
        self.project, self.output = nn.Linear(size.width, 3 * size.width), nn.Linear(size.width, size.width)
        self.distance = nn.Parameter(torch.zeros(size.heads, size.longest_distance + 1))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shape: x [B, T, W], mask [B, T] -> [B, T, W]."""
        batch, length, width = x.shape
        query, key, value = self.project(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        back = _states_back(length, x.device)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width / self.heads)
        scores = scores + self.distance[:, back.clamp(0, self.longest_distance)]
        is_seen = (back >= 0)[None, None] & mask[:, None, None, :]
        weights = self.dropout(scores.masked_fill(~is_seen, -1e4).softmax(-1))
        return self.output((weights @ value).transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """Attention, then a feed-forward net, each after a layer norm and added to what it read."""

    def __init__(self, size: NetSize, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.attention = BackwardAttention(size, dropout)
        inner = size.inner * size.width
        self.feed_forward = nn.Sequential(nn.Linear(size.width, inner), nn.GELU(), nn.Linear(inner, size.width))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class LoopPointer(nn.Module):
    """Points at a state before, for the loop that was active there (Vinyals et al. 2015), as far as the moment asks
    for it (gated as in See et al. 2017).

    After "no, go on" comes the form that was open, whichever it is. Without it that would have to be learnt of each
    form by itself, and would be wrong for a form of which no story tells it.
    """

    loops: Tensor

    def __init__(self, size: NetSize) -> None:
        super().__init__()
        self.scale, self.longest_distance = math.sqrt(size.key_width), size.longest_distance
        self.query, self.key = nn.Linear(size.width, size.key_width), nn.Linear(size.width, size.key_width)
        self.distance = nn.Parameter(torch.zeros(size.longest_distance + 1))
        self.gate = nn.Linear(size.width, 1)
        self.register_buffer("loops", torch.eye(size.actions)[list(size.loops)], persistent=False)

    def forward(self, contexts: Tensor, inputs: Tensor, active: Tensor, mask: Tensor) -> Tensor:
        """Shape: contexts and inputs [B, T, W], active [B, T, L] with a 1 for the active loop, mask [B, T]
        -> [B, T, A]."""
        back = _states_back(contexts.shape[1], contexts.device)
        scores = self.query(contexts) @ self.key(inputs).transpose(-1, -2) / self.scale
        scores = scores + self.distance[back.clamp(0, self.longest_distance)]
        is_seen = (back >= 0)[None] & (mask & (active.sum(-1) > 0))[:, None]
        pointed = scores.masked_fill(~is_seen, -1e4).softmax(-1) * is_seen
        return self.gate(contexts) * (pointed @ active @ self.loops)


class DialogueNet(nn.Module):
    """From the states of dialogues to the scores of all actions after each state.

    `said` [A, N] are the numbers of what each action says, where stories tell it.
    """

    def __init__(self, size: NetSize, said: Tensor | None = None, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.size = size
        self.attributes = nn.ModuleList(_Projection(width, size.width, dropout) for width in size.attributes)
        self.input_norm, self.output_norm = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.layers = nn.ModuleList(Layer(size, dropout) for _ in range(size.layers))
        self.query = nn.Linear(size.width, size.key_width)
        self.keys = nn.Parameter(torch.randn(size.actions, size.key_width))
        self.said_key = nn.Linear(size.action_numbers, size.key_width, bias=False) if size.action_numbers else None
        self.register_buffer("said", said if said is not None else torch.zeros(size.actions, size.action_numbers))
        self.sharpness = nn.Parameter(torch.tensor(2.0))
        self.pointer = LoopPointer(size) if size.loops else None
        self.dropout = Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Shape: states [B, T, D], mask [B, T] -> [B, T, A]."""
        parts = states.split(self.size.attributes, -1)
        x = torch.stack([project(part) for project, part in zip(self.attributes, parts, strict=True)]).sum(0)
        x = inputs = self.input_norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        contexts = self.dropout(self.output_norm(x))
        keys = self.keys if self.said_key is None else self.keys + self.said_key(self.said)
        scores = F.normalize(self.query(contexts), dim=-1) @ F.normalize(keys, dim=-1).T
        if self.pointer is not None:
            active = states[..., self.size.first_loop : self.size.first_loop + len(self.size.loops)]
            scores = scores + self.pointer(contexts, inputs, active, mask)
        return self.sharpness.exp() * scores


def _states_back(length: int, device: torch.device) -> Tensor:
    """How many states one lies behind another, below 0 where it is yet to come. Shape: -> [length, length]."""
    places = torch.arange(length, device=device)
    return places[:, None] - places[None, :]


class _Projection(nn.Module):
    """An attribute's numbers to the width of the net. In training, some of the numbers are hidden, and now and then
    the whole attribute: what to do next has to follow from more than one thing."""

    def __init__(self, numbers: int, width: int, dropout: float) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(numbers, width), nn.Linear(width, width)
        self.hidden = dropout

    def forward(self, numbers: Tensor) -> Tensor:
        if self.training and self.hidden:
            kept = torch.rand(numbers.shape[:-1], device=numbers.device)[..., None] >= self.hidden
            numbers = F.dropout(numbers, self.hidden) * kept
        return self.outer(F.gelu(self.inner(numbers)))
