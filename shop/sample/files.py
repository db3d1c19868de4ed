"""Reads the sample's YAML files, which lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


def read(name: str) -> Any:
    """What a file of the sample holds."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((HERE / name).read_text(encoding="utf-8"), Loader=loader)


def cents(yuan: float) -> int:
    """The files speak yuan, as people do; the shop counts cents."""
    return round(yuan * 100)
