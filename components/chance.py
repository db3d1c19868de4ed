"""What is drawn by chance in training, thread by thread: nets that learn side by side learn the same every time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_here = threading.local()


@contextmanager
def drawn_by(generator: torch.Generator) -> Iterator[None]:
    """What this thread draws in the meantime, on the processor, this generator draws, instead of torch's."""
    _here.generator = generator
    try:
        yield
    finally:
        del _here.generator


def generator() -> torch.Generator | None:
    return getattr(_here, "generator", None)


def shares(*shape: int, device: torch.device) -> Tensor:
    """Numbers from 0 to 1."""
    return torch.rand(shape, generator=generator() if device.type == "cpu" else None, device=device)


def number(below: int) -> int:
    return int(torch.randint(below, (), generator=generator()))
