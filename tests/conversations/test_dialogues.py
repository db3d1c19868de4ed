"""Whole conversations over the REST channel of a running bot, judged by what the shop's database says afterwards.

A dialogue stands in a YAML file beside this one, filed by what the customer does:

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

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conversations.conftest import Customer, Shop

FOLDER = Path(__file__).parent
UNAVAILABLE = ("系统暂时没有响应", "isn't answering right now")
DAY = re.compile(r"\{day ([+-]\d+)\}")
NOTES = {"audit_trail", "receipts"}  # written with every change: counted only where a dialogue names them


def dialogues() -> list[Any]:
    found = []
    for path in sorted(path for path in FOLDER.glob("*.yml") if not path.name.startswith("test_")):
        for dialogue in yaml.safe_load(path.read_text(encoding="utf-8")) or []:
            found.append(pytest.param(dialogue, id=f"{path.stem}: {dialogue['dialogue']}"))
    return found


@pytest.mark.parametrize("dialogue", dialogues())
def test_dialogue(dialogue: dict[str, Any], customer: Customer, shop: Shop) -> None:
    before = shop.contents()
    transcript: list[str] = []
    for turn in dialogue["turns"]:
        said = str(turn["says"])
        heard = customer.says(said)
        transcript.append(f"> {said}\n{heard}")
        _judge_turn(turn, heard, shop.filled_on, "\n".join(transcript))
    named = {table: shop.rows(table) for table in dialogue.get("shop", {})}
    _judge_shop(dialogue, before, shop.contents(), named, "\n".join(transcript))


def _judge_turn(turn: dict[str, Any], heard: str, today: date, transcript: str) -> None:
    if turn.get("silence"):
        assert heard == "", transcript
        return
    assert heard, f"silence:\n{transcript}"
    assert not any(words in heard for words in UNAVAILABLE) or turn.get("unavailable"), transcript
    for words in turn.get("hears", []):
        wordings = _wordings(str(words), today)
        assert any(wording.lower() in heard.lower() for wording in wordings), f"not heard: {wordings}\n{transcript}"
    for words in turn.get("never", []):
        assert str(words).lower() not in heard.lower(), f"must not be heard: {words}\n{transcript}"


def _wordings(words: str, today: date) -> list[str]:
    """What may be heard for these words: a day as either language writes it, anything else as it stands."""
    english = chinese = words
    for found in DAY.finditer(words):
        day = today + timedelta(days=int(found[1]))
        english = english.replace(found[0], f"{day:%-d %b}")
        chinese = chinese.replace(found[0], f"{day.month}月{day.day}日")
    return [english, chinese]


def _judge_shop(
    dialogue: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    named: dict[str, Any],
    transcript: str,
) -> None:
    if dialogue.get("changes") == "nothing":
        assert after == before, transcript
        return
    for table, wanted in dialogue.get("shop", {}).items():
        for row in wanted if isinstance(wanted, list) else [wanted]:
            assert _has(named[table], row), f"no {row} in {table}\n{transcript}"
    gained = {table: len(after[table]) - len(before[table]) for table in after if table not in NOTES}
    assert {table: n for table, n in gained.items() if n} == dialogue.get("adds", {}), transcript


def _has(rows: list[dict[str, Any]], wanted: dict[str, Any]) -> bool:
    return any(all(row.get(name) == value for name, value in wanted.items()) for row in rows)
