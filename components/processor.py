"""What the machine that a net runs on can do: a graphics processor, half precision. Imports torch only when asked."""

from __future__ import annotations

import ctypes
import logging
import os
from contextlib import suppress

AUTO, FLOAT32, BFLOAT16, FLOAT16 = "auto", "float32", "bfloat16", "float16"
PRECISIONS = (AUTO, FLOAT32, BFLOAT16, FLOAT16)
ALL = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None  # as this process began
GIVEN_BACK_FROM, OWN_PIECES_FROM = -1, -3  # of mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD: in bytes
LARGEST = 2**31 - 1
logger = logging.getLogger(__name__)


def precision_here(wanted: str, device: str) -> str:
    """The precision to compute in: a half one only where the processor has instructions for it, else float32."""
    fast = _half_precisions(device)
    if wanted == AUTO:
        return fast[0] if fast else FLOAT32
    if wanted == FLOAT32 or wanted in fast:
        return wanted
    logger.info(f"This processor has no fast {wanted}: it computes in {FLOAT32}.")
    return FLOAT32


def count() -> int:
    """How many processors this process may use."""
    return len(ALL) if ALL else os.cpu_count() or 1


def use_all() -> None:
    """Let this thread run on every processor that the process began with, though whoever started it keeps to one."""
    if ALL:
        with suppress(OSError):  # a system may forbid it
            os.sched_setaffinity(0, ALL)


def keep_memory() -> None:
    """Let this process keep the memory that it frees, for the next time: else each step of a training has the system
    take it back and make it anew, full of noughts. Where the C library is another than GNU's, nothing changes."""
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(OWN_PIECES_FROM, LARGEST)
        library.mallopt(GIVEN_BACK_FROM, LARGEST)


def device_here() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _half_precisions(device: str) -> list[str]:
    """The half precisions that a device computes fast in, the best first."""
    import torch

    if device == "cuda":
        generation = torch.cuda.get_device_capability()
        return [name for name, since in ((FLOAT16, (7, 0)), (BFLOAT16, (8, 0))) if generation >= since]
    can = torch.cpu.get_capabilities()
    instructions = {BFLOAT16: ("avx512_bf16", "amx_bf16"), FLOAT16: ("avx512_fp16", "amx_fp16")}
    return [name for name, sets in instructions.items() if any(can.get(one) for one in sets)]
