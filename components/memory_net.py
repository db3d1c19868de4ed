"""What a regression of the memory says (`memory.Solved`), in torch, to be exported: the same, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from components.memory import NEAREST, SHARPNESS


class MemoryNet(nn.Module):
    """Of one view, with all that it has learnt."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        for name in ("centre", "spread", "directions", "vectors", "weights", "means"):
            self.register_buffer(name, torch.from_numpy(tensors[name].astype(np.float32)))

    def forward(self, dense: Tensor, shares: Tensor, by_words: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: dense [N, S], shares [N, 1], by_words [N, examples] or [N, 1] -> scores [N, labels], nearest [N]."""
        sentences = (dense - self.centre) / self.spread
        sentences = sentences / (sentences.norm(dim=1, keepdim=True) + 1e-6)
        likeness = (1 - shares) * (sentences @ self.directions @ self.vectors.T) + by_words
        nearest = likeness.topk(min(NEAREST, len(self.vectors))).values.mean(1)
        return torch.exp(2 * SHARPNESS * (likeness - 1)) @ self.weights + self.means, nearest
