from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.core.slots import CategoricalSlot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message

from components.language import LanguageDetector
from components.sentence_language import language_of
from components.text import normalise

LANGUAGES = ["zh", "en"]


def tracker(spoken: str | None = None, chosen: str | None = None) -> DialogueStateTracker:
    slots = {"language": spoken, "language_choice": chosen}
    return DialogueStateTracker(
        "visitor", [CategoricalSlot(name, [], initial_value=value, values=LANGUAGES) for name, value in slots.items()]
    )


def heard(workbench: Any, text: str, conversation: DialogueStateTracker | None) -> str | None:
    message = Message({"text": text})
    workbench.create(LanguageDetector).process([message], conversation)
    return next((one["value"] for one in message.get("entities", []) if one["entity"] == "language"), None)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的订单怎么还没发货？", "zh"),
        ("where's my package", "en"),
        ("iPhone 13的case有red的吗", "zh"),
        ("do you have 台灯 in stock", "en"),
        ("这个backpack waterproof吗", "zh"),
        ("is this 面膜 ok for sensitive skin", "en"),
        ("有XL吗", "zh"),
        ("yes", "en"),
        ("好的", "zh"),
        ("台灯", "zh"),
        ("hello", "en"),
        ("W2378156", None),
        ("chen.siyuan@example.com", None),
        ("13812345678", None),
        ("ok", None),
        ("no 44", None),
        ("phone 13812345678", None),
        ("no thanks", "en"),
        ("XL", None),
        ("👍", None),
        ("", None),
    ],
)
def test_the_frame_of_a_sentence_has_the_language(text: str, language: str | None) -> None:
    assert language_of(normalise(text)) == language


def test_a_language_that_was_asked_for_stays(workbench: Any) -> None:
    assert heard(workbench, "我的订单呢", tracker(spoken="zh", chosen="en")) == "en"


def test_a_number_is_answered_in_the_language_spoken_before(workbench: Any) -> None:
    assert heard(workbench, "W2378156", tracker(spoken="en")) == "en"


def test_a_number_to_begin_with_is_answered_in_chinese_and_an_ok_in_english(workbench: Any) -> None:
    assert heard(workbench, "W2378156", tracker()) == "zh"
    assert heard(workbench, "ok", tracker()) == "en"


def test_the_last_message_counts_and_not_the_ones_before(workbench: Any) -> None:
    assert heard(workbench, "where is it", tracker(spoken="zh")) == "en"


def test_outside_of_a_conversation_nothing_is_emitted(workbench: Any) -> None:
    assert heard(workbench, "你好", None) is None
    assert heard(workbench, "你好", DialogueStateTracker.from_events("parse request", [])) is None
