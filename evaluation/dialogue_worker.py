"""Teaches policies some stories and lets Rasa test them on others (`rasa test core`), in a process of its own.

python -m evaluation.dialogue_worker CONFIG DOMAIN LESSONS TEST RESULT.json

It runs in stock Rasa's environment too, so it imports nothing but Rasa and what comes with Python.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

AUGMENTATION = 50  # `rasa train`'s own; what makes no use of it leaves it alone


def measure(config: str, domain: str, lessons: str, test: str) -> dict[str, Any]:
    """Every next action of the test stories as Rasa compares it, and how long learning and predicting took."""
    from rasa.core.agent import Agent
    from rasa.core.test import test as test_core
    from rasa.model_training import train_core

    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        more = {"augmentation_factor": AUGMENTATION}
        archive = train_core(domain, config, lessons, f"{folder}/models", additional_arguments=more)
        trained = perf_counter()
        found = asyncio.run(test_core(test, Agent.load(str(archive)), disable_plotting=True, errors=False))
        tested = perf_counter()
    return {"actions": found["actions"], "seconds": trained - started, "test_seconds": tested - trained}


def main(arguments: list[str]) -> None:
    *given, result = arguments
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    Path(result).write_text(json.dumps(measure(*given)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
