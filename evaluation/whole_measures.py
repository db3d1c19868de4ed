"""What is measured of the two bots, which take turns, so that whatever else happens on the machine hits both alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from components.text import in_general
from evaluation.conversations import LANGUAGES, chosen
from evaluation.replay import SAYINGS, Crowd, Customer, Heard, Talk, alone, at_once, for_long, http
from evaluation.sides import SIDES, Models, Running, both, opened
from evaluation.starts import first_answer
from evaluation.worker import percentiles

SHOWN, DRAWN = (50, 95, 99), range(1, 101)
EDGE = 20  # turns at the beginning and at the end of a long conversation
One = TypeVar("One")


@dataclass(frozen=True)
class Size:
    """How much is measured: conversations, in blocks of so many for each side in turn; starts; crowds, each of them
    with all conversations so many times; turns of a long conversation, so many for each side in turn."""

    conversations: int = 200
    block: int = 20
    starts: int = 5
    crowds: tuple[int, ...] = (16, 32)
    rounds: int = 2
    turns: int = 300
    turns_at_once: int = 20


def start(models: Models, folder: Path, size: Size) -> dict[str, Any]:
    """Seconds from the start of the bot's server to its first answer; its action server and its shop are there."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(size.starts):
        for side in SIDES:
            with opened(side, models[side], folder / f"{number}/{side}") as bot:
                found[side].append(first_answer(bot))
    return {
        side: {
            "seconds": median(one["seconds"] for one in those),
            "each": [round(one["seconds"], 2) for one in those],
            "right": sum(one["is_right"] for one in those),
        }
        for side, those in found.items()
    }


def conversations(models: Models, folder: Path, size: Size) -> dict[str, Any]:
    """One customer after the other: milliseconds a message, and how the dialogues end."""
    talks: dict[str, list[Talk]] = {side: [] for side in SIDES}

    async def talk(bots: Sequence[Running]) -> None:
        async with http() as connections:
            await _warm_up(bots, connections)
            for block in _blocks(chosen(size.conversations), size.block):
                for bot in bots:
                    for name, dialogue in block:
                        customer = bot.customer(connections, bot.url)
                        talks[bot.side].append(await alone(customer, name, dialogue, bot.shop))

    with both(models, folder) as bots:
        asyncio.run(talk(bots))
        memory = {bot.side: bot.peak_memory_mb() for bot in bots}
    return {side: {**of_talks(those), "peak_memory_mb": memory[side]} for side, those in talks.items()}


def crowd(models: Models, folder: Path, size: Size) -> dict[str, Any]:
    """Many customers at once: milliseconds a message, and messages a second, by how many they are."""
    crowds: dict[str, dict[int, list[Crowd]]] = {side: {count: [] for count in size.crowds} for side in SIDES}
    told = [dialogue for _, dialogue in chosen(size.conversations)]

    async def talk(bots: Sequence[Running], count: int) -> None:
        async with http() as connections:
            await _warm_up(bots, connections)
            for bot in bots:
                bot.shop.restore()
                crowds[bot.side][count].append(await at_once(_customers(bot, connections), told, count))

    memory = dict.fromkeys(SIDES, 0.0)
    for count in size.crowds:
        for number in range(size.rounds):
            with both(models, folder / f"{count}/{number}") as bots:  # new ones: they have heard none of it before
                asyncio.run(talk(bots, count))
                memory = {bot.side: max(memory[bot.side], bot.peak_memory_mb()) for bot in bots}
    return {side: {**of_crowds(those), "peak_memory_mb": memory[side]} for side, those in crowds.items()}


def long(models: Models, folder: Path, size: Size) -> dict[str, Any]:
    """One conversation of very many turns: milliseconds of each, and how its end compares with its beginning."""
    heard: dict[str, list[Heard]] = {side: [] for side in SIDES}

    async def talk(bots: Sequence[Running]) -> None:
        async with http() as connections:
            await _warm_up(bots, connections)
            customers = {bot.side: bot.customer(connections, bot.url) for bot in bots}
            for customer in customers.values():
                await customer.arrive()
            for turns in _blocks(range(size.turns), size.turns_at_once):
                for side, customer in customers.items():
                    heard[side] += await for_long(customer, turns)

    with both(models, folder) as bots:
        asyncio.run(talk(bots))
        memory = {bot.side: bot.peak_memory_mb() for bot in bots}
    return {side: {**of_turns(those), "peak_memory_mb": memory[side]} for side, those in heard.items()}


def of_talks(talks: Sequence[Talk]) -> dict[str, Any]:
    """The figures of conversations: how many ended as they should, in each language and of those that are to change
    the shop, and what was heard."""
    heard = [heard for one in talks for heard in one.heard]
    of_languages = {language: [one for one in talks if one.name.startswith(f"{language}_")] for language in LANGUAGES}
    return {
        **_ended(talks),
        "by_language": {language: _ended(those) for language, those in of_languages.items()},
        "to_change_shop": _ended([one for one in talks if one.changes_shop]),
        "heard_right": sum(one.heard_right for one in talks),
        "ended_wrong": {one.name: one.amiss for one in talks if one.amiss is not None},
        **of_heard(heard),
        "said_first": of_heard(said_first(heard)),
    }


def said_first(heard: Sequence[Heard]) -> list[Heard]:
    """The answers to what nobody has said before, be it with another number or address: a bot may know the others."""
    known = set(map(in_general, SAYINGS))
    first = []
    for one in heard:
        said = in_general(one.said)
        if said not in known:
            known.add(said)
            first.append(one)
    return first


def _ended(talks: Sequence[Talk]) -> dict[str, int]:
    return {"conversations": len(talks), "ended_right": sum(one.amiss is None for one in talks)}


def of_crowds(crowds: dict[int, list[Crowd]]) -> dict[str, Any]:
    """The figures by how many customers there were, and the most messages a second that any crowd got answered."""
    by_count = {
        str(count): {
            **of_heard([heard for one in those for heard in one.heard]),
            "messages_a_second": sum(len(one.heard) for one in those) / sum(one.seconds for one in those),
        }
        for count, those in crowds.items()
    }
    return {"customers": by_count, "messages_a_second": max(one["messages_a_second"] for one in by_count.values())}


def of_turns(heard: Sequence[Heard]) -> dict[str, Any]:
    """The figures of a long conversation, turn by turn."""
    series = [round(one.milliseconds, 1) for one in heard]
    edges = {"first": median(series[:EDGE]), "last": median(series[-EDGE:])}
    return {"turns": len(series), **edges, "growth": edges["last"] / edges["first"], "series": series} | _unanswered(
        heard
    )


def of_heard(heard: Sequence[Heard]) -> dict[str, Any]:
    """How long messages took: what a table shows, and the curve that a plot draws."""
    milliseconds = [one.milliseconds for one in heard]
    curve = [round(value, 1) for value in percentiles(milliseconds, DRAWN).values()]
    return {"messages": len(heard), "milliseconds": percentiles(milliseconds, SHOWN), "curve": curve} | _unanswered(
        heard
    )


def _unanswered(heard: Sequence[Heard]) -> dict[str, int]:
    return {"unanswered": sum(not one.is_answered for one in heard)}


async def _warm_up(bots: Sequence[Running], connections: Any) -> None:
    """One of everything that is said in a long conversation: what is loaded at its first use is there then."""
    for bot in bots:
        customer = bot.customer(connections, bot.url)
        await customer.arrive()
        await for_long(customer, range(len(SAYINGS)))


def _customers(bot: Running, connections: Any) -> Iterator[Customer]:
    while True:
        yield bot.customer(connections, bot.url)


def _blocks(items: Sequence[One], size: int) -> Iterator[Sequence[One]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))
