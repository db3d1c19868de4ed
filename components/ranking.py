"""Likelihoods of labels as Rasa reads them: a ranking of intents, and a chosen response per retrieval intent."""

from __future__ import annotations

from typing import Any

from rasa.shared.nlu.constants import INTENT_RESPONSE_KEY

TOPIC_MARK = "/"


def ranked(likelihoods: dict[str, float]) -> list[dict[str, Any]]:
    """Intents by falling confidence; a retrieval intent is as likely as all its topics together."""
    summed: dict[str, float] = {}
    for label, likelihood in likelihoods.items():
        intent = label.split(TOPIC_MARK)[0]
        summed[intent] = summed.get(intent, 0.0) + likelihood
    return _in_order(summed, "name")


def selected_responses(likelihoods: dict[str, float], length: int) -> dict[str, Any]:
    """What Rasa's own selector would say, less the texts of the reply: they are looked up by its name.

    `length` of each ranking, 0 for all.
    """
    topics: dict[str, dict[str, float]] = {}
    for label, likelihood in likelihoods.items():
        if TOPIC_MARK in label:
            topics.setdefault(label.split(TOPIC_MARK)[0], {})[label] = likelihood
    selected: dict[str, Any] = {"all_retrieval_intents": sorted(topics)}
    for intent, of_topic in topics.items():
        ranking = _in_order(of_topic, INTENT_RESPONSE_KEY)
        best = {**ranking[0], "responses": [], "utter_action": f"utter_{ranking[0][INTENT_RESPONSE_KEY]}"}
        selected[intent] = {"response": best, "ranking": ranking[: length or None]}
    return selected


def _in_order(likelihoods: dict[str, float], key: str) -> list[dict[str, Any]]:
    ordered = sorted(likelihoods.items(), key=lambda item: -item[1])
    return [{key: name, "confidence": min(1.0, max(0.0, float(likelihood)))} for name, likelihood in ordered]
