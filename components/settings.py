"""One way to refuse a component's settings: by the setting's name, with what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa.shared.exceptions import InvalidConfigException


def check(component: Any, config: Mapping[str, Any], claims: Mapping[str, tuple[bool, str]]) -> None:
    """`claims` says of a setting whether it is right, and what it may be. Raises InvalidConfigException."""
    for name, (holds, allowed) in claims.items():
        if not holds:
            raise InvalidConfigException(f"{component.__name__}: `{name}` is {config[name]!r}; it has to be {allowed}.")
    unknown = sorted(set(config) - set(component.get_default_config()))
    if unknown:
        raise InvalidConfigException(f"{component.__name__} has no setting {', '.join(unknown)}.")
