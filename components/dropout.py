"""Dropout several times faster than torch's on a CPU: eight random bits decide on a number, not a draw of its own.

Its masks are a tenth of the time of a training step otherwise. Shares are kept to within 1/512.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OF_A_BYTE = 256
LOWEST = -(2**63)


def dropout(x: Tensor, share: float) -> Tensor:
    """x with this share of its numbers zero and the rest larger to make up for them. Shape: any -> the same."""
    if not x.is_cpu:
        return F.dropout(x, share)
    dropped = round(OF_A_BYTE * share)
    if not dropped:
        return x
    drawn = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(LOWEST, None)
    kept = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
    return x * kept * (OF_A_BYTE / (OF_A_BYTE - dropped))


class Dropout(nn.Module):
    """`dropout` while it trains, nothing otherwise."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.share) if self.training else x
