"""The server itself: channels of credentials.yml in front of an agent that is ready before its port opens."""

from __future__ import annotations

import gc
import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from rasa.constants import ENV_SANIC_BACKLOG, ENV_SANIC_WORKERS
from rasa.core.run import close_resources, configure_app, create_http_input_channels
from rasa.core.utils import (
    AvailableEndpoints,
    _lock_store_is_multi_worker_compatible,
    number_of_sanic_workers,
)
from rasa.utils.common import configure_logging_and_warnings, update_sanic_log_level
from rasa.utils.endpoints import EndpointConfig
from rasa.utils.io import configure_colored_logging
from rasa.utils.log_utils import configure_structlog
from sanic import Sanic

from machine import cores, huge_pages
from serving import agent
from serving.model import Loaded, load

MOST_WORKERS = 4  # unless SANIC_WORKERS says so: what each of them adds to the memory is small, but not nothing


def serve(
    model: Path, credentials: Path, endpoints: Path, host: str, port: int, *, when_loaded: Callable[[], None]
) -> None:
    """Answer until ended by a signal. Raises what is wrong with the model or the configuration."""
    configure_logging_and_warnings()
    configure_colored_logging(None)
    configure_structlog()
    known = AvailableEndpoints.read_endpoints(str(endpoints))
    channels = create_http_input_channels(None, str(credentials))
    app = configure_app(channels, enable_api=False, port=port, endpoints=known)
    workers = _workers(known.lock_store)
    loaded = _load_for_all(model) if workers > 1 else None
    app.register_listener(partial(_load, model, known, loaded, when_loaded), "before_server_start")
    app.register_listener(_close, "after_server_stop")
    update_sanic_log_level()
    backlog = int(os.environ.get(ENV_SANIC_BACKLOG, "100"))
    app.run(host=host, port=port, backlog=backlog, workers=workers)


def _workers(lock_store: EndpointConfig | None) -> int:
    """As SANIC_WORKERS says; else one a core, a few at most, where the system knows which cores are ours and the lock
    store keeps the order of a conversation's messages among several."""
    is_free = ENV_SANIC_WORKERS not in os.environ and hasattr(os, "sched_getaffinity")
    if is_free and _lock_store_is_multi_worker_compatible(lock_store):
        return min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    return int(number_of_sanic_workers(lock_store))


def _load_for_all(model: Path) -> Loaded:
    """The model before the workers part: what none of them changes is in memory once."""
    loaded = load(model)
    huge_pages.gather()
    gc.freeze()  # garbage collection would write into all of it
    numbers = count()
    os.register_at_fork(before=lambda: next(numbers), after_in_child=lambda: _begin_worker(next(numbers)))
    return loaded


def _begin_worker(number: int) -> None:
    # Until it has a handler of its own, a worker would have Sanic's for the first process, and would not end by it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cores.keep_to(number)


async def _load(
    model: Path,
    endpoints: AvailableEndpoints,
    loaded: Loaded | None,
    when_loaded: Callable[[], None],
    app: Sanic,
    _: AbstractEventLoop,
) -> None:
    app.ctx.agent = await agent.load(model, endpoints, loaded)
    if loaded is None:
        huge_pages.gather()
    else:
        huge_pages.gather_own()
    when_loaded()


async def _close(app: Sanic, loop: AbstractEventLoop) -> None:
    await close_resources(app, loop)
    server = app.ctx.agent.action_endpoint if hasattr(app.ctx, "agent") else None
    if server is not None:
        await server.close()
