from __future__ import annotations

import json

import pytest

from components.ranking import ranked, selected_responses

LIKELIHOODS = {"greet": 0.3, "faq/fee": 0.2, "faq/gift": 0.25, "chat/joke": 0.15, "bye": 0.1}


def test_intents_stand_in_order_and_topics_count_together() -> None:
    assert ranked(LIKELIHOODS) == [
        {"name": "faq", "confidence": pytest.approx(0.45)},
        {"name": "greet", "confidence": 0.3},
        {"name": "chat", "confidence": 0.15},
        {"name": "bye", "confidence": 0.1},
    ]


def test_each_retrieval_intent_has_its_likeliest_response_and_its_ranking() -> None:
    selected = selected_responses(LIKELIHOODS, 10)
    assert selected["all_retrieval_intents"] == ["chat", "faq"]
    assert selected["faq"] == {
        "response": {
            "intent_response_key": "faq/gift",
            "confidence": 0.25,
            "responses": [],
            "utter_action": "utter_faq/gift",
        },
        "ranking": [
            {"intent_response_key": "faq/gift", "confidence": 0.25},
            {"intent_response_key": "faq/fee", "confidence": 0.2},
        ],
    }
    assert selected["chat"]["response"]["utter_action"] == "utter_chat/joke"


def test_a_ranking_of_topics_is_cut_to_its_length_and_the_best_stays() -> None:
    selected = selected_responses({f"faq/{number}": number / 100 for number in range(10)}, 3)
    assert [one["intent_response_key"] for one in selected["faq"]["ranking"]] == ["faq/9", "faq/8", "faq/7"]
    assert selected["faq"]["response"]["intent_response_key"] == "faq/9"


def test_sums_that_leave_the_range_by_rounding_come_back_into_it() -> None:
    assert ranked({"faq/a": 0.6, "faq/b": 0.4000001, "greet": -1e-9}) == [
        {"name": "faq", "confidence": 1.0},
        {"name": "greet", "confidence": 0.0},
    ]


def test_without_labels_there_is_no_ranking() -> None:
    assert ranked({}) == []
    assert selected_responses({}, 10) == {"all_retrieval_intents": []}


def test_what_it_says_can_be_written_as_json() -> None:
    json.dumps([ranked(LIKELIHOODS), selected_responses(LIKELIHOODS, 10)])
