"""`python -m serving MODEL`: the bot's server, as `rasa run` is, started and answering in less time."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

import yaml

from serving.left_out import left_out

SECONDS_OF_A_THREAD = 0.0001  # after which another may have the interpreter: an encoder that is done waits 5 ms else


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    # Products of one message are so small that a second thread only waits for the first, on a busy machine for long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.setswitchinterval(SECONDS_OF_A_THREAD)
    sys.path.insert(0, os.getcwd())  # where the classes of the configuration lie
    with ExitStack() as importing:
        importing.enter_context(left_out(in_use(options.credentials, options.endpoints)))
        from serving import server  # which imports Rasa, so not before

        files = (options.model, options.credentials, options.endpoints)
        server.serve(*files, options.host, options.port, when_loaded=importing.close)


def in_use(*files: Path) -> Collection[str]:
    """The names of channels, stores and brokers that configuration files ask for."""
    names = set()
    for file in files:
        for name, settings in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).items():
            names |= {name, str((settings or {}).get("type", "")).lower()}
    return names


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__)
    parser.add_argument("model", type=Path, help="the trained model")
    parser.add_argument("--credentials", type=Path, default=Path("credentials.yml"))
    parser.add_argument("--endpoints", type=Path, default=Path("endpoints.yml"))
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=5005)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
