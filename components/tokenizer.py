"""One tokenizer for Chinese, English and the mix, so that no entity begins or ends inside a token."""

from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.training_data.message import Message

from components import sources, text
from components.fingerprints import Token


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class MixedTokenizer(Tokenizer):
    """Makes a token of each Han character and of each Latin word, number, code or e-mail; spaces are none."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_"}

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        return sources.fingerprint(text)

    def tokenize(self, message: Message, attribute: Text) -> List[Token]:
        plain = text.normalise(message.get(attribute))
        return [Token(plain[start:end], start, end) for start, end in text.token_spans(plain)]
