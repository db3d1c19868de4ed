"""How dialogues are chosen for any bot, and how what is heard and what is in the shop at the end are judged."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.conversations import amiss, chosen, misheard, read, shown
from evaluation.sample_shop import BOOKKEEPING, Shop

TODAY = date(2026, 11, 23)


class FakeShop(Shop):
    """A shop that holds what it is given."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self.tables = tables

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.tables[table]

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        return dict(self.tables)


def test_the_choice_is_the_same_every_time_and_half_of_each_language() -> None:
    names = [name for name, _ in chosen(200)]
    assert names == [name for name, _ in chosen(200)]
    assert len(set(names)) == 200
    assert [name[:3] for name in names] == ["zh_", "en_"] * 100


def test_what_only_our_channel_answers_is_not_chosen() -> None:
    everything = dict(read())
    said = [str(turn["says"]) for _, dialogue in chosen(200) for turn in dialogue["turns"]]
    assert all(text.strip() and len(text) <= 500 and not text.startswith("/") for text in said)
    assert all(not BOOKKEEPING & dialogue.get("shop", {}).keys() for _, dialogue in chosen(200))
    assert all(everything[name]["turns"] == dialogue["turns"] for name, dialogue in chosen(200))


def test_the_language_of_a_handover_is_not_judged_but_all_else_of_it(tmp_path: Path) -> None:
    for language in ("zh", "en"):
        handovers = {"state": "waiting", "language": language}
        told = {"dialogue": "agent", "turns": [{"says": "hi"}], "shop": {"handovers": handovers}}
        (tmp_path / f"{language}_handovers.yml").write_text(yaml.safe_dump([told]), encoding="utf-8")
    assert [dialogue["shop"] for _, dialogue in chosen(2, tmp_path)] == [{"handovers": {"state": "waiting"}}] * 2
    with pytest.raises(ValueError):
        chosen(4, tmp_path)


@pytest.mark.parametrize(
    ("turn", "heard", "wrong"),
    [
        ({}, "anything", None),
        ({}, "", "silence"),
        ({"silence": True}, "", None),
        ({"silence": True}, "still here", "not silent"),
        ({"hears": ["E-Mail"]}, "your e-mail?", None),
        ({"hears": ["e-mail", "phone"]}, "your e-mail?", "not heard"),
        ({"never": ["Done"]}, "done.", "must not be heard"),
        ({"hears": ["{day +2}"]}, "by Wed 25 Nov", None),
        ({"hears": ["{day +2}"]}, "11月25日前", None),
        ({"hears": ["{day +2}"]}, "11月24日前", "not heard"),
        ({}, "It isn't answering right now", "unavailable"),
    ],
)
def test_an_answer_is_right_or_it_is_said_what_is_wrong(turn: dict[str, Any], heard: str, wrong: str | None) -> None:
    found = misheard(turn, heard, TODAY)
    assert found is None if wrong is None else found and found.startswith(wrong)


def test_the_end_of_a_dialogue_is_what_the_shop_holds() -> None:
    open_order, cancelled = {"number": "W1", "state": "processing"}, {"number": "W1", "state": "cancelled"}
    before = FakeShop(orders=[open_order], refunds=[], audit_trail=[]).contents()
    after = FakeShop(orders=[cancelled], refunds=[{"id": 1}], audit_trail=[{"id": 1}])
    told = {"shop": {"orders": {"state": "cancelled"}}, "adds": {"refunds": 1}}
    assert amiss(told, before, after) is None
    assert amiss({"changes": "nothing"}, before, after) == "changed: ['orders', 'refunds', 'audit_trail']"
    assert "no {'state': 'open'}" in str(amiss({"shop": {"orders": [{"state": "open"}]}}, before, after))
    assert str(amiss({}, before, after)).startswith("added: {'refunds': 1}")


def test_a_customer_sees_texts_and_the_titles_of_buttons() -> None:
    replies = [{"text": "Sure?", "buttons": [{"title": "Yes", "payload": "/affirm"}]}, {"custom": {}}, {"text": "Bye"}]
    assert shown(replies) == "Sure? [Yes]\n\nBye"
