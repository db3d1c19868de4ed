"""Several processors learn from one batch: each has a copy of the net, reads its share and brings its gradient.

Torch's own threads divide single operations, and those of a small net are too short for that. Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from components import chance, processor

MOST = 4  # beyond that a share is too small


def many_here() -> int:
    return min(MOST, processor.count())


class Hands:
    """Copies of `net`, of any precision, that learn side by side. What they draw by chance depends on torch's seed."""

    def __init__(
        self, net: nn.Module, copies: Sequence[nn.Module], loss_of: Callable[[nn.Module, Any], Tensor]
    ) -> None:
        self._weights = list(net.parameters())
        self._copies = [list(copy.parameters()) for copy in copies]
        self._nets, self._loss_of = copies, loss_of
        self._generators = [torch.Generator().manual_seed(int(torch.randint(2**31, ()))) for _ in copies]
        for weights in self._copies:
            for one, copied in zip(self._weights, weights, strict=True):
                if one.dtype == copied.dtype:
                    copied.data = one.data  # the same memory

    def __enter__(self) -> Hands:
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(len(self._nets), initializer=torch.set_num_threads, initargs=(1,))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown()
        torch.set_num_threads(self._threads)

    def learn(self, batch: Sequence[Any]) -> float:
        """Leaves the gradient of the batch in the net. Returns its loss."""
        shares = [batch[hand :: len(self._nets)] for hand in range(len(self._nets))]
        losses = list(self._pool.map(self._learn_share, range(len(shares)), shares, [len(batch)] * len(shares)))
        for weights, *copied in zip(self._weights, *self._copies, strict=True):
            weights.grad = None
            for gradient in (one.grad for one in copied if one.grad is not None):
                weights.grad = gradient.to(weights.dtype) if weights.grad is None else weights.grad.add_(gradient)
        return sum(losses)

    def _learn_share(self, hand: int, share: Sequence[Any], of: int) -> float:
        for one, copied in zip(self._weights, self._copies[hand], strict=True):
            copied.grad = None
            if one.dtype != copied.dtype:
                copied.data.copy_(one.data)
        if not len(share):
            return 0.0
        with chance.drawn_by(self._generators[hand]):
            loss = self._loss_of(self._nets[hand], share) * (len(share) / of)
        loss.backward()
        return loss.item()
