"""Rasa fingerprints the source of a component's own class only; a component adds here the modules that it builds on."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from types import ModuleType


def fingerprint(*parts: ModuleType | str) -> str:
    """A hash of modules' sources and of any other text that changes what a component learns."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update((part if isinstance(part, str) else inspect.getsource(part)).encode())
    return digest.hexdigest()


def texts(*modules: str) -> list[str]:
    """The sources of modules of this package by name, without importing them: some import torch."""
    return [Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8") for module in modules]
