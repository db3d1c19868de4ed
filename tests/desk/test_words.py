"""The desk has a word for everything that it may have to say."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from desk import acts, agents, errors, showing, words
from desk.web import pages
from desk.words import Words, refusal_name
from shop import errors as shop_errors
from shop import orders, returns, trouble
from shop.models import CloseReason

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
CHINESE = re.compile("[\u4e00-\u9fff]")
NAMES_ONLY = {"score_button", "score"}


def test_every_word_is_there_in_both_languages_and_says_the_same_facts() -> None:
    for section, entries in words.table().items():
        for name, said in entries.items():
            assert set(said) == {"zh", "en"}, (section, name)
            assert set(re.findall(r"{(\w+)}", said["zh"])) == set(re.findall(r"{(\w+)}", said["en"])), (section, name)
            assert CHINESE.search(said["zh"]), (section, name)
            assert not CHINESE.search(said["en"]), (section, name)


def test_every_word_of_the_pages_is_there_in_both_languages() -> None:
    for name, said in pages.table().items():
        assert set(said) == {"zh", "en"}, name
        assert set(re.findall(r"{(\w+)}", said["zh"])) == set(re.findall(r"{(\w+)}", said["en"])), name


def test_every_intent_is_a_topic_or_something_else() -> None:
    small_talk = {
        *("greet", "goodbye", "thank", "affirm", "deny", "inform", "stop", "repeat", "ask_help", "bot_challenge"),
        *("switch_language", "chitchat", "out_of_scope", "nlu_fallback"),
    }
    intents = {next(iter(one)) if isinstance(one, dict) else one for one in DOMAIN["intents"]}
    assert intents - small_talk == set(words.table()["topic"]) - {"something_else"}
    assert Words("en").topic("nlu_fallback") == "something else"


def test_every_refusal_of_shop_and_desk_has_its_sentence() -> None:
    kinds = [
        *(kind for kind in vars(shop_errors).values() if _is(kind, shop_errors.ShopError)),
        *(kind for kind in vars(errors).values() if _is(kind, errors.DeskError)),
        agents.NotSignedIn,
    ]
    for kind in kinds:
        assert refusal_name(kind.__new__(kind)) in words.table()["refusal"], kind


def test_every_refusal_that_the_server_names_has_its_sentence() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "desk/web").glob("*.py"))
    named = set(re.findall(r'Refused\(\d+, "(\w+)"', code))
    assert named and named <= set(words.table()["refusal"])


def test_every_deed_of_the_bot_that_agents_hear_of_is_a_reply() -> None:
    replies = set(DOMAIN["responses"])
    assert {f"utter_{deed}" for deed in words.table()["deed"]} <= replies
    refusals = {name.removeprefix("utter_refuse_") for name in replies if name.startswith("utter_refuse_")}
    assert refusals <= set(words.table()["refusal"])


def test_every_act_and_its_fields_have_their_words() -> None:
    names = {act.name for act in acts.ACTS}
    assert names == set(words.table()["act"]) == set(words.table()["done"]) - {"cancel_unpaid"}


@pytest.mark.parametrize(
    "view",
    [
        *(orders.CancellationView, orders.AddressChange, orders.ItemChange, orders.PaymentChange, orders.InvoiceView),
        *(returns.ReturnPreview, returns.ExchangePreview, returns.ReturnView),
        *(trouble.ReportPreview, trouble.RepairPreview, trouble.TicketView),
    ],
)
def test_everything_that_a_preview_says_has_its_label(view: type) -> None:
    names = {field.name for field in fields(view)} - showing.TOLD_OTHERWISE
    assert names <= set(words.table()["preview"])


def test_every_reason_of_closing_says_goodbye_or_is_meant_to_be_silent() -> None:
    assert {reason.value for reason in CloseReason} - {"abuse"} <= set(words.table()["to_customer"])


def _is(kind: object, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base) and kind is not base
