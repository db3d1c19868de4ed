"""Starts a bot and lets it answer messages, in a process of its own, and writes where the time went.

python -m evaluation.profile_worker rasa|serving MODEL ACTION_SERVER MESSAGES.json RESULT.json

`rasa` is the same model in Rasa's own agent, with its own stores; `serving` is ours. Understanding runs in the profiled
thread on both sides, or it would not be seen.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from pyinstrument import Profiler
from pyinstrument.frame import Frame

# What answering a message consists of: the functions that each part is done in. The first that is met counts.
PARTS = {
    "reading with the encoders": {"MultilingualFeaturizer.process", "MultilingualFeaturizer._vectors_of_one"},
    "intent and entities": {"JointClassifier.process"},
    "the rest of understanding": {"_parse_message_with_graph", "Processor.parse_message"},
    "policies": {"_predict_next_with_tracker"},
    "checking the action server's answers": {"_validate_action_result"},
    "asking the action server": {"_action_call_format", "EndpointConfig.request", "ActionServer.request"},
    "reading the conversation": {"get_tracker"},
    "saving the conversation": {"save_tracker"},
}
REST = "waiting, and everything else"
PACKAGES = "site-packages"
ROOT = Path(__file__).resolve().parent.parent


class Inline(Executor):
    """Does at once what it is given, in the thread of whoever gives it."""

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*arguments, **named))
        return done


def profile(side: str, model: str, url: str, conversations: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What starting took by package, in seconds, and a message by what it consists of, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        with Profiler() as starting:
            agent = _rasas(model, url, folder) if side == "rasa" else _ours(model, url, folder)
        answering = Profiler(async_mode="enabled")
        asyncio.run(_talk(agent, conversations, answering))
    count = sum(map(len, conversations))
    return {
        "messages": count,
        "start": packages(_root(starting)),
        "answer": {part: spent / count * 1_000 for part, spent in parts(_root(answering)).items()},
    }


def _rasas(model: str, url: str, folder: str) -> Any:
    import rasa.core.run  # noqa: F401  # as `rasa run` does
    from rasa.core.agent import Agent
    from rasa.core.tracker_store import SQLTrackerStore
    from rasa.utils.endpoints import EndpointConfig

    _be_quiet()
    endpoint = EndpointConfig(url, enable_selective_domain=True)
    return Agent.load(model, tracker_store=SQLTrackerStore(db=f"{folder}/conversations.db"), action_endpoint=endpoint)


def _ours(model: str, url: str, folder: str) -> Any:
    from serving.left_out import left_out

    with left_out():
        from serving import server  # noqa: F401  # as `python -m serving` does
        from serving.action_calls import ActionServer
        from serving.agent import ServingAgent
        from serving.lock_store import FileLockStore
        from serving.tracker_store import RememberingTrackerStore

        _be_quiet()
        agent = ServingAgent(
            tracker_store=RememberingTrackerStore(db=f"{folder}/conversations.db"),
            lock_store=FileLockStore(),
            action_endpoint=ActionServer(url, enable_selective_domain=True),
        )
        agent.load_model(model)
        agent.processor._understanding = Inline()
    return agent


async def _talk(agent: Any, conversations: Sequence[Sequence[str]], profiler: Profiler) -> None:
    from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

    await agent.handle_message(UserMessage("hello", CollectingOutputChannel(), "warm-up"))
    with profiler:
        for number, texts in enumerate(conversations):
            for text in texts:
                message = UserMessage(text, CollectingOutputChannel(), f"customer {number}", input_channel="rest")
                await agent.handle_message(message)
    closing = getattr(agent.action_endpoint, "close", None)
    await closing() if closing else None


def parts(frame: Frame, within: str = REST) -> Counter[str]:
    """Seconds of each part under a frame: what a part calls that is a part of its own counts there."""
    name = next((part for part, functions in PARTS.items() if _names(frame) & functions), within)
    spent: Counter[str] = Counter({name: frame.time - sum(child.time for child in frame.children)})
    for child in frame.children:
        spent += parts(child, name)
    return spent


def packages(frame: Frame) -> Counter[str]:
    """Seconds in the code of each package, and in ours, under a frame; Python's own counts for whoever called it."""
    return _of_packages(frame, "Python")


def _of_packages(frame: Frame, caller: str) -> Counter[str]:
    path = Path(frame.file_path or "")
    package = path.parts[path.parts.index(PACKAGES) + 1].removesuffix(".py") if PACKAGES in path.parts else caller
    if path.is_relative_to(ROOT) and PACKAGES not in path.parts:
        package = path.relative_to(ROOT).parts[0]
    spent: Counter[str] = Counter({package: frame.time - sum(child.time for child in frame.children)})
    for child in frame.children:
        spent += _of_packages(child, package)
    return spent


def _names(frame: Frame) -> set[str]:
    """A function by its name, and by its class's and its own."""
    return {frame.function, f"{frame.class_name}.{frame.function}"}


def _root(profiler: Profiler) -> Frame:
    session = profiler.last_session
    frame = session.root_frame() if session else None
    assert frame is not None
    return frame


def _be_quiet() -> None:
    import structlog

    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def main(arguments: list[str]) -> None:
    side, model, url, messages, result = arguments
    warnings.simplefilter("ignore")
    found = profile(side, model, url, json.loads(Path(messages).read_text(encoding="utf-8")))
    Path(result).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
