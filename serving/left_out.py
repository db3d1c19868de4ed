"""Leaves out of a server's start the libraries that Rasa imports for channels, stores and reports nobody has set up.

Rasa's server imports every channel and store that it knows, and scikit-learn for training: half of its start. While
this stands in `sys.meta_path`, their names can be imported, inherited from and annotated with; who calls one is told
where it is. A library that credentials.yml or endpoints.yml has a use for is left in.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What each is for: the names under which credentials.yml and endpoints.yml ask for it.
LIBRARIES: Mapping[str, AbstractSet[str]] = {
    "aio_pika": {"pika"},
    "aiogram": {"telegram"},
    "aiormq": {"pika"},
    "boto3": {"dynamo", "aws"},
    "botocore": {"dynamo", "aws"},
    "bson": {"mongod"},
    "cachecontrol": {"hangouts"},
    "fbmessenger": {"facebook"},
    "google.auth": {"hangouts"},
    "google.oauth2": {"hangouts"},
    "matplotlib": {"reports"},
    "prompt_toolkit": {"cmdline"},
    "pymongo": {"mongod"},
    "questionary": {"cmdline"},
    "redis": {"redis"},
    "sklearn": {"training"},
    "slack_sdk": {"slack"},
    "socketio": {"socketio"},
    "spacy.cli": {"commands"},
    "twilio": {"twilio", "twilio_voice"},
    "webexteamssdk": {"webexteams"},
}


class LeftOut(ImportError):
    """A library is called that this server was started without."""


class Name(type):
    """A name of a library that is left out: to inherit from, to annotate with, to take an attribute of."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _name(f"{cls.__qualname__}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise LeftOut(
            f"{cls.__qualname__} is left out of this server, which starts faster without it. Name what needs it in"
            " credentials.yml or endpoints.yml, or start the bot with `rasa run`."
        )


class LeftOutFinder(MetaPathFinder, Loader):
    """Finds the libraries that are left out, and gives an empty package for each."""

    def __init__(self, libraries: Collection[str]) -> None:
        self._libraries = libraries

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if not any(name == library or name.startswith(f"{library}.") for library in self._libraries):
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        def named(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return _name(f"{module.__name__}.{name}")

        module.__getattr__ = named  # type: ignore[method-assign]


@contextmanager
def left_out(in_use: Collection[str] = ()) -> Iterator[None]:
    """Within the block, what serves none of the names `in_use` is left out of all imports; after it, found again.

    Modules imported within the block keep the names that they took.
    """
    libraries = [
        library for library, uses in LIBRARIES.items() if library not in sys.modules and not uses & set(in_use)
    ]
    finder = LeftOutFinder(libraries)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if getattr(module, "__loader__", None) is finder]:
            del sys.modules[name]


def _name(path: str) -> Name:
    return Name(path.rpartition(".")[2], (), {"__qualname__": path})
