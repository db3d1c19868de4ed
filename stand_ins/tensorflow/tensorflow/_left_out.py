"""Names of what is left out: imported, inherited from and annotated with, they say who they are when called."""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Sequence
from types import ModuleType
from typing import Any


def left_out(name: str) -> Exception:
    """The error for whoever calls `name`; where Rasa is at hand, one that its commands print as a sentence."""
    component = _component()
    who = f"{component} is built on TensorFlow" if component else f"{name} is a part of TensorFlow"
    sentence = (
        f"{who}, which this environment leaves out to start fast. Take another component in config.yml,"
        " or use an environment with Rasa's own dependencies."
    )
    rasa = sys.modules.get("rasa.shared.exceptions")
    bases = (TensorFlowLeftOut, rasa.RasaException) if rasa is not None else (TensorFlowLeftOut,)
    return type("TensorFlowLeftOut", bases, {"__module__": __name__})(sentence)


class TensorFlowLeftOut(ImportError):
    """Something needs the real TensorFlow."""


class Name(ABCMeta):
    """A name of TensorFlow's: to inherit from, to annotate with, to take an attribute of, not to call."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{cls.__qualname__}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise left_out(cls.__qualname__)


def absent(name: str) -> Name:
    """The name of something that is not here."""
    return Name(name.rpartition(".")[2], (), {"__qualname__": name, "__module__": __name__})


def unchanged(*given: Any, **_: Any) -> Any:
    """A decorator, with or without settings, that leaves alone what it decorates."""
    if len(given) == 1 and callable(given[0]):
        return given[0]
    return lambda decorated: decorated


def _component() -> str | None:
    """The component of Rasa's whose code is running, of the innermost frame that belongs to one."""
    graph = sys.modules.get("rasa.engine.graph")
    frame = sys._getframe() if graph is not None else None
    while frame is not None:
        owner = frame.f_locals.get("self", frame.f_locals.get("cls"))
        kind = owner if isinstance(owner, type) else type(owner)
        if isinstance(kind, type) and issubclass(kind, graph.GraphComponent):
            return kind.__name__
        frame = frame.f_back
    return None


def provide(package: str, submodules: Sequence[str]) -> None:
    """Make a package hold names that are absent, and these submodules too, each after the one above it.

    Only these can be imported: who asks for another, to see what is installed, finds that it is not.
    """
    _fill(sys.modules[package], "")
    for path in submodules:
        above, _, last = f"{package}.{path}".rpartition(".")
        module = ModuleType(f"{above}.{last}")
        module.__path__ = []  # a package
        _fill(module, f"{path}.")
        sys.modules[module.__name__] = module
        setattr(sys.modules[above], last, module)


def _fill(module: ModuleType, prefix: str) -> None:
    def named(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(f"{prefix}{name}")

    module.__getattr__ = named  # type: ignore[method-assign]
