"""Rasa fingerprints the source of a component's own class only; a component adds here the modules that it builds on."""

from __future__ import annotations

import hashlib
import inspect
from types import ModuleType


def fingerprint(*parts: ModuleType | str) -> str:
    """A hash of modules' sources and of any other text that changes what a component learns."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update((part if isinstance(part, str) else inspect.getsource(part)).encode())
    return digest.hexdigest()
