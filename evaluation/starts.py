"""How long a bot's server takes from its start to its first answer, for a customer who tries until there is one."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import aiohttp
import yaml

from deploy.processes import Child, LaunchError, start, stop
from evaluation.pipelines import ROOT
from evaluation.replay import http
from evaluation.sides import Opened

FIRST, REPLY = "hello", "utter_greet"
SECONDS_TO_START, SECONDS_BETWEEN = 600.0, 0.05


def first_answer(bot: Opened) -> dict[str, Any]:
    """Seconds, and whether the answer was the right one. Raises LaunchError where there is none."""
    server = bot.server
    started = perf_counter()
    child = start(server.name, server.command, server.log, server.environment, server.python)
    try:
        text = asyncio.run(_first_answer(bot, child, started + SECONDS_TO_START))
        if text is None:
            raise LaunchError(f"The {child.name} has not answered. {child.last_words}")
        return {"seconds": perf_counter() - started, "is_right": is_right(text)}
    finally:
        stop([child])


def is_right(text: str) -> bool:
    """Whether a greeting was greeted, in either language."""
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    return any(wording["text"] in text for wording in domain["responses"][REPLY])


async def _first_answer(bot: Opened, child: Child, deadline: float) -> str | None:
    async with http(SECONDS_TO_START) as connections:
        while perf_counter() < deadline:
            child.check()
            customer = bot.customer(connections, bot.url)
            try:
                await customer.arrive()
                if text := (await customer.says(FIRST)).text:
                    return text
            except aiohttp.ClientError:
                pass  # it does not listen yet
            await asyncio.sleep(SECONDS_BETWEEN)
    return None
