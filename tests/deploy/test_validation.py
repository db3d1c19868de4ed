from __future__ import annotations

from deploy.validation import warnings_in


def test_a_warning_about_our_data_counts() -> None:
    printed = "io.py:100: UserWarning: Misaligned entity annotation in message 'x'\nmore\n"
    assert warnings_in(printed) == ["Misaligned entity annotation in message 'x'"]


def test_what_rasa_warns_of_in_every_project_does_not_count() -> None:
    printed = (
        "io.py:100: UserWarning: The utterance 'utter_hint' is not used in any story or rule.\n"
        "io.py:100: UserWarning: The following duplicated intents have been found across multiple domain files: faq\n"
    )
    assert warnings_in(printed) == []


def test_an_intent_that_no_rule_uses_counts() -> None:
    assert warnings_in("UserWarning: The intent 'greet' is not used in any story or rule.\n")
