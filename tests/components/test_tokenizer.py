from __future__ import annotations

from typing import Any

from rasa.shared.nlu.training_data.message import Message

from components.tokenizer import MixedTokenizer


def test_tokens_are_normalised_and_keep_the_places_of_the_original(workbench: Any) -> None:
    message = Message({"text": "订单：Ｗ２３７８１５６ 到哪了"})
    workbench.create(MixedTokenizer).process([message])
    tokens = message.get("text_tokens")
    number = next(token for token in tokens if token.text == "W2378156")
    assert message.get("text")[number.start : number.end] == "Ｗ２３７８１５６"


def test_an_intent_is_one_token(workbench: Any) -> None:
    message = Message({"text": "hi", "intent": "ask_product_info"})
    workbench.create(MixedTokenizer).process([message])
    assert [token.text for token in message.get("intent_tokens")] == ["ask_product_info"]
