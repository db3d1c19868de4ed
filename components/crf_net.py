"""The conditional random field's loss, in torch: what `crf.best_path` decodes is learnt here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from components.crf import IMPOSSIBLE
from components.tags import may_end, may_follow, may_start


class ConditionalRandomField(nn.Module):
    """Scores of tag sequences. `allowed` [tags, tags] says which tag may follow which, `may_start` and `may_end` [tags]
    which may be first and last: a sequence that breaks BILOU is impossible, not only unlikely.

    The forward algorithm sums over previous tags by a matrix product of exponentials: with 200 tags that is some
    hundred times less memory than summing logarithms pairwise.
    """

    transition_barrier: Tensor
    start_barrier: Tensor
    end_barrier: Tensor

    @classmethod
    def of_tags(cls, names: Sequence[str]) -> ConditionalRandomField:
        """A field over these tags, in which no sequence breaks BILOU."""
        allowed, first, last = (torch.from_numpy(rule(names)) for rule in (may_follow, may_start, may_end))
        return cls(allowed=allowed, may_start=first, may_end=last)

    def __init__(self, *, allowed: Tensor, may_start: Tensor, may_end: Tensor) -> None:
        super().__init__()
        tags = len(may_start)
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        self.register_buffer("transition_barrier", torch.where(allowed, 0.0, IMPOSSIBLE), persistent=False)
        self.register_buffer("start_barrier", torch.where(may_start, 0.0, IMPOSSIBLE), persistent=False)
        self.register_buffer("end_barrier", torch.where(may_end, 0.0, IMPOSSIBLE), persistent=False)

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Transitions [tags, tags], start [tags] and end [tags], with what is impossible far below the rest."""
        return (
            self.transitions + self.transition_barrier,
            self.start + self.start_barrier,
            self.end + self.end_barrier,
        )

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-likelihood of each sentence's tags.

        Shape: emissions [batch, tokens, tags], tags [batch, tokens], mask [batch, tokens] (true where a token is; the
        first always) -> [batch].
        """
        with torch.autocast(emissions.device.type, enabled=False):  # sums of likelihoods need the full range
            emissions = emissions.float()
            return self._normaliser(emissions, mask) - self._score(emissions, tags, mask)

    def _score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        transitions, start, end = self.scores()
        emitted = emissions.gather(2, tags.unsqueeze(2)).squeeze(2)  # [batch, tokens]
        moved = transitions[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]
        last = tags.gather(1, mask.long().sum(1, keepdim=True) - 1).squeeze(1)
        return start[tags[:, 0]] + (emitted * mask).sum(1) + moved.sum(1) + end[last]

    def _normaliser(self, emissions: Tensor, mask: Tensor) -> Tensor:
        transitions, start, end = self.scores()
        step = transitions.exp()
        alpha = start + emissions[:, 0]  # [batch, tags]
        for position in range(1, emissions.shape[1]):
            highest = alpha.detach().amax(1, keepdim=True)
            moved = ((alpha - highest).exp() @ step + 1e-30).log() + highest + emissions[:, position]
            alpha = torch.where(mask[:, position].unsqueeze(1), moved, alpha)
        return (alpha + end).logsumexp(1)
