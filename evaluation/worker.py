"""The work that is measured, in a process of its own: trains, or loads a model and answers, and writes what it took.

python -m evaluation.worker train CONFIG DATA FOLDER RESULT.json
python -m evaluation.worker answer ARCHIVE TEXTS.json RESULT.json

It runs in stock Rasa's environment too, so it imports nothing but Rasa and what comes with Python.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import resource
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

FALLBACK = "nlu_fallback"
WARM_UP, TIMED = 20, 1_000
KILOBYTES_PER_MEGABYTE = 1_000_000 / 1_024


def train(config: str, data: str, folder: str) -> dict[str, Any]:
    """Trains understanding alone; the clock starts when Rasa is imported."""
    from rasa.engine.recipes import default_components, default_recipe  # noqa: F401
    from rasa.model_training import train_nlu

    started = perf_counter()
    archive = train_nlu(config, data, folder)
    return {"archive": archive, "seconds": perf_counter() - started}


def answer(archive: str, texts: str) -> dict[str, Any]:
    """Loads a model and reads the texts with it, one at a time; the clock starts when Rasa is imported."""
    from rasa.core.agent import Agent

    started = perf_counter()
    agent = Agent.load(archive)
    seconds = perf_counter() - started
    answers, milliseconds = asyncio.run(_read(agent, json.loads(Path(texts).read_text(encoding="utf-8"))))
    return {
        "answers": answers,
        "seconds": seconds,
        "milliseconds": percentiles(milliseconds),
        "peak_memory_mb": peak_memory_mb(),
    }


async def _read(agent: Any, texts: Sequence[str]) -> tuple[list[dict[str, Any]], list[float]]:
    answers, milliseconds = [], []
    for text in texts:
        started = perf_counter()
        parsed = await agent.parse_message(text)
        milliseconds.append((perf_counter() - started) * 1_000)
        answers.append(answer_of(parsed))
    return answers, milliseconds[WARM_UP : WARM_UP + TIMED] or milliseconds


def answer_of(parsed: dict[str, Any]) -> dict[str, Any]:
    """The likeliest label (`intent`, or `faq/TOPIC`) before the fallback, whether that took it, and the entities."""
    ranking = [one["name"] for one in parsed.get("intent_ranking", []) if one["name"] != FALLBACK]
    intent = ranking[0] if ranking else str(parsed["intent"]["name"])
    selected = parsed.get("response_selector", {}).get(intent, {}).get("response", {})
    return {
        "label": selected.get("intent_response_key") or intent,
        "fell_back": parsed["intent"]["name"] == FALLBACK,
        "entities": [{key: entity[key] for key in ("entity", "start", "end")} for entity in parsed["entities"]],
    }


def percentiles(milliseconds: Sequence[float], shares: Sequence[int] = (50, 95)) -> dict[str, float]:
    """By nearest rank, so each is one that was measured; the shares are above 0."""
    ordered = sorted(milliseconds)
    return {f"p{share}": ordered[math.ceil(len(ordered) * share / 100) - 1] if ordered else 0.0 for share in shares}


def peak_memory_mb(process: int | str = "self") -> float:
    """The most memory a process has held. Linux's own word goes before: its `getrusage` counts in what the parent
    held before this program took its place."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return (kilobytes or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] / KILOBYTES_PER_MEGABYTE


def _quieten() -> None:
    """Rasa's logs show customers' messages unless it is told not to; libraries warn of each other past any filter."""
    warnings.showwarning = lambda *_arguments, **_options: None
    from rasa.utils.log_utils import configure_structlog

    logging.getLogger("rasa").setLevel(logging.ERROR)
    configure_structlog(logging.ERROR)


def main(arguments: Sequence[str]) -> None:
    task, *inputs, result = arguments
    tasks: dict[str, Callable[..., dict[str, Any]]] = {"train": train, "answer": answer}
    _quieten()
    Path(result).write_text(json.dumps(tasks[task](*inputs), ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
