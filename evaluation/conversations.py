"""Whole dialogues as tests/conversations tells them, and their judge: what is heard, and what the shop's database says.

A dialogue stands in a YAML file, filed by what the customer does:

    - dialogue: an order that has not shipped is cancelled
      turns:
        - says: 取消订单W2378156           # what the customer writes
          hears: [邮箱]                    # what the answer must contain, each of them
        - says: chen.siyuan@example.com
          hears: [¥, 确定吗]
          never: [13812345678]             # what it must not contain
        - says: 什么时候退款
          hears: ["{day +2}"]              # a day, counted from the one on which the shop was filled
        - says: 是
      shop:                                # the rows that must be there, by table; others of the table don't matter
        orders: {number: W2378156, state: cancelled}
      adds: {refunds: 1}                   # how many rows each table gained; a table not named gained none
      changes: nothing                     # or: the shop is exactly as before

A turn without `hears` may be answered by anything but silence; `silence: true` demands silence.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from evaluation.pipelines import ROOT
from evaluation.sample_shop import BOOKKEEPING, Contents, Shop

FOLDER = ROOT / "tests/conversations"
UNAVAILABLE = ("系统暂时没有响应", "isn't answering right now")
DAY = re.compile(r"\{day ([+-]\d+)\}")
NOTES = {"audit_trail", "receipts"}  # written with every change: counted only where a dialogue names them
LANGUAGES = ("zh", "en")
LONGEST, SEED = 500, 1
Dialogue = dict[str, Any]


def read(folder: Path = FOLDER) -> Iterator[tuple[str, Dialogue]]:
    """Every dialogue under its file's name and its own."""
    for path in sorted(path for path in folder.glob("*.yml") if not path.name.startswith("test_")):
        for dialogue in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
            yield f"{path.stem}: {dialogue['dialogue']}", dialogue


def chosen(count: int, folder: Path = FOLDER) -> list[tuple[str, Dialogue]]:
    """So many dialogues for any bot, the same every time: half Chinese, half English, taking turns.

    What only a channel of ours answers is left out: blank, overlong and commanding messages, and what is judged by its
    record of what is said. A handover's language is not judged: not every bot is told it. Raises ValueError where
    there are too few.
    """
    fit = [(name, _without_language(told)) for name, told in read(folder) if _is_for_any_bot(told)]
    of_languages = ([one for one in fit if one[0].startswith(f"{language}_")] for language in LANGUAGES)
    drawn = [random.Random(SEED).sample(those, count // len(LANGUAGES)) for those in of_languages]
    return [one for pair in zip(*drawn, strict=True) for one in pair]


def shown(replies: list[dict[str, Any]]) -> str:
    """What a customer sees of the bot's replies: their texts, with the titles of their buttons."""
    return "\n".join(r.get("text", "") + " ".join(f" [{b['title']}]" for b in r.get("buttons") or []) for r in replies)


def misheard(turn: dict[str, Any], heard: str, today: date) -> str | None:
    """What is wrong with the answer to a turn, or None."""
    if turn.get("silence"):
        return f"not silent: {heard}" if heard else None
    if not heard:
        return "silence"
    if any(words in heard for words in UNAVAILABLE) and not turn.get("unavailable"):
        return "unavailable"
    for words in turn.get("hears", []):
        wordings = _wordings(str(words), today)
        if not any(wording.lower() in heard.lower() for wording in wordings):
            return f"not heard: {wordings}"
    for words in turn.get("never", []):
        if str(words).lower() in heard.lower():
            return f"must not be heard: {words}"
    return None


def changes_shop(dialogue: Dialogue) -> bool:
    """Whether something is to be another way at the end; a bot that does nothing ends all others right."""
    return dialogue.get("changes") != "nothing"


def amiss(dialogue: Dialogue, before: Contents, shop: Shop) -> str | None:
    """What is wrong with the shop at the end of a dialogue, or None."""
    after = shop.contents()
    if dialogue.get("changes") == "nothing":
        changed = [table for table in after if after[table] != before[table]]
        return f"changed: {changed}" if changed else None
    for table, wanted in dialogue.get("shop", {}).items():
        rows = shop.rows(table)
        for row in wanted if isinstance(wanted, list) else [wanted]:
            if not _has(rows, row):
                return f"no {row} in {table}"
    gained = {table: len(after[table]) - len(before[table]) for table in after if table not in NOTES}
    gained = {table: number for table, number in gained.items() if number}
    wanted = dialogue.get("adds", {})
    return None if gained == wanted else f"added: {gained}, to be added: {wanted}"


def _is_for_any_bot(dialogue: Dialogue) -> bool:
    said = [str(turn["says"]).strip() for turn in dialogue["turns"]]
    is_ordinary = all(text and len(text) <= LONGEST and not text.startswith("/") for text in said)
    return is_ordinary and not BOOKKEEPING & dialogue.get("shop", {}).keys()


def _without_language(dialogue: Dialogue) -> Dialogue:
    if "handovers" not in dialogue.get("shop", {}):
        return dialogue
    handovers = {name: value for name, value in dialogue["shop"]["handovers"].items() if name != "language"}
    return {**dialogue, "shop": {**dialogue["shop"], "handovers": handovers}}


def _wordings(words: str, today: date) -> list[str]:
    """What may be heard for these words: a day as either language writes it, anything else as it stands."""
    english = chinese = words
    for found in DAY.finditer(words):
        day = today + timedelta(days=int(found[1]))
        english = english.replace(found[0], f"{day:%-d %b}")
        chinese = chinese.replace(found[0], f"{day.month}月{day.day}日")
    return [english, chinese]


def _has(rows: list[dict[str, Any]], wanted: dict[str, Any]) -> bool:
    return any(all(row.get(name) == value for name, value in wanted.items()) for row in rows)
