"""Whole conversations over the REST channel of a running bot, judged by what the shop's database says afterwards.

They stand in the YAML files beside this one; `evaluation.conversations` says how they are written, and judges them.
"""

from __future__ import annotations

from typing import Any

import pytest

from evaluation import conversations
from tests.conversations.conftest import Customer, Shop


@pytest.mark.parametrize("dialogue", [pytest.param(told, id=name) for name, told in conversations.read()])
def test_dialogue(dialogue: dict[str, Any], customer: Customer, shop: Shop) -> None:
    before = shop.contents()
    transcript = ""
    for turn in dialogue["turns"]:
        heard = customer.says(str(turn["says"]))
        transcript += f"\n> {turn['says']}\n{heard}"
        assert not (reason := conversations.misheard(turn, heard, shop.filled_on)), reason + transcript
    assert not (reason := conversations.amiss(dialogue, before, shop)), reason + transcript
