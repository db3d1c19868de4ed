"""The transcripts in the README are what the bot says; dates and new numbers aside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from desk.hours import service_hours
from tests.conversations.conftest import Customer

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESPONSES = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"]
TRANSCRIPTS = re.findall(r"<!-- transcript -->\n```text\n(.*?)```", README, re.DOTALL)
CHANGES_DAILY = re.compile(
    r"\d+月\d+日 ?（?(周.）?)?|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w+|[RT]\d{7}"
    r"|明天|今天|昨天|today|tomorrow|yesterday|[（）()]"
)


def steady(text: str) -> str:
    return CHANGES_DAILY.sub("", by_day(text)).strip()


def by_day(text: str) -> str:
    """At night the bot says when its colleagues are back, where by day they are there."""
    hours = service_hours()
    replies = zip(RESPONSES["utter_handover_opened_after_hours"], RESPONSES["utter_handover_opened"], strict=True)
    for night, day in replies:
        text = text.replace(night["text"].format(opens=hours.opens, closes=hours.closes), day["text"])
    return text


def turns(transcript: str) -> list[tuple[str, str]]:
    """What the customer writes, and all that the bot answers to it."""
    found = re.findall(r"^> (.*)\n((?:(?!> ).*\n)*)", transcript, re.MULTILINE)
    return [(said, heard.strip()) for said, heard in found]


def test_there_is_a_transcript_in_each_language() -> None:
    assert len(TRANSCRIPTS) >= 2


@pytest.mark.parametrize("transcript", TRANSCRIPTS)
def test_the_bot_says_what_the_readme_shows(transcript: str, customer: Customer) -> None:
    for said, heard in turns(transcript):
        answer = "\n".join(reply.get("text", "") for reply in customer.write(said))
        assert steady(answer) == steady(heard)
