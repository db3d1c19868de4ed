from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.classifier import LinearIntentClassifier

SAID = ("intent", "intent_ranking", "response_selector")


@pytest.fixture
def parsed(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message]
) -> Callable[[str], dict[str, Any]]:
    classifier = workbench.create(LinearIntentClassifier)
    classifier.train(lessons)
    return lambda text: understood(text, classifier).data


def test_what_was_learnt_is_kept_and_gives_the_same_answers(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message], parsed: Any
) -> None:
    loaded = workbench.load(LinearIntentClassifier)
    for text in ("取消这个订单", "where is the parcel", "gift card balance?", "🙂", ""):
        again = understood(text, loaded).data
        assert [parsed(text)[key] for key in SAID] == [again[key] for key in SAID]


def test_it_tells_what_the_customer_wants_in_both_languages(parsed: Any) -> None:
    assert parsed("帮我取消订单")["intent"]["name"] == "cancel_order"
    assert parsed("where's my package")["intent"]["name"] == "track_order"


def test_a_retrieval_intent_is_as_likely_as_its_topics_together(parsed: Any) -> None:
    message = parsed("礼品卡余额怎么查")
    assert message["intent"]["name"] == "faq"
    topics = message["response_selector"]["faq"]["ranking"]
    assert message["intent"]["confidence"] == pytest.approx(sum(topic["confidence"] for topic in topics))


def test_the_likeliest_topic_is_the_selected_response(parsed: Any) -> None:
    selector = parsed("how much is shipping")["response_selector"]
    assert selector["all_retrieval_intents"] == ["faq"]
    assert selector["faq"]["response"]["intent_response_key"] == "faq/shipping_fee"
    assert selector["faq"]["response"]["utter_action"] == "utter_faq/shipping_fee"


def test_the_likelihoods_of_all_intents_sum_to_one(parsed: Any) -> None:
    assert sum(one["confidence"] for one in parsed("取消")["intent_ranking"]) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "   ", "🙂🙂", "……", "?!", "\u200b", "ыва"])
def test_a_message_without_a_known_word_is_left_to_the_fallback(parsed: Any, text: str) -> None:
    assert parsed(text)["intent"]["confidence"] == 0.0


def test_the_answer_can_be_stored_as_json(parsed: Any) -> None:
    message = parsed("取消订单")
    json.dumps({key: message[key] for key in SAID})


def test_a_broken_archive_is_not_loaded_as_an_untrained_classifier(workbench: Any) -> None:
    with pytest.raises(ValueError, match="LinearIntentClassifier"):
        workbench.load(LinearIntentClassifier)
