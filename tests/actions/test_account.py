"""Account: the e-mail, phone or default address on file is changed once it is proven whose it is."""

from __future__ import annotations

import pytest

from tests.actions.conftest import Conversation, Shop


@pytest.mark.parametrize(
    ("first", "value", "entities", "column", "kept"),
    [
        ("my phone number changed", "13800138000", {"phone": "13800138000"}, "phone", "13800138000"),
        ("change my e-mail", "new@example.com", {"email": "new@example.com"}, "email", "new@example.com"),
    ],
)
def test_a_contact_is_said_back_and_changed_on_a_yes(
    emma: Conversation, shop: Shop, first: str, value: str, entities: dict[str, str], column: str, kept: str
) -> None:
    assert emma.says(first, "update_profile").replies == ["utter_ask_profile_value"]
    heard = emma.says(value, **entities)
    assert heard.replies == ["utter_ask_change_profile"]
    assert heard.fact("value") == kept
    assert not shop.rows("customers", **{column: kept})
    assert emma.says("yes", "affirm").replies == ["utter_changed_profile"]
    assert shop.row("customers", name="Emma Clarke")[column] == kept


def test_the_default_address_is_changed(siyuan: Conversation, shop: Shop) -> None:
    siyuan.says("改一下默认地址", "update_profile")
    heard = siyuan.says("上海市浦东新区世纪大道88号", address="世纪大道88号")
    assert heard.replies == ["utter_ask_change_profile"]
    siyuan.says("好的", "affirm")
    assert shop.rows("addresses", line="上海市浦东新区世纪大道88号", is_default=1)


def test_what_should_change_is_asked_where_it_was_not_said(emma: Conversation) -> None:
    assert emma.says("update my details", "update_profile").replies == ["utter_ask_profile_field"]
    assert emma.says("the phone").replies == ["utter_ask_profile_value"]


def test_nobody_changes_an_account_that_is_not_proven_theirs(talk: Conversation, shop: Shop) -> None:
    before = shop.contents()
    new = {"email": "thief@example.com"}
    assert talk.says("my new e-mail is thief@example.com", "update_profile", **new).replies == ["utter_ask_email"]
    talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    heard = talk.says("9999")
    assert heard.replies == ["utter_refuse_identity_not_proven", "utter_ask_email"]
    assert shop.contents() == before


def test_a_proven_order_is_no_proof_of_the_account(talk: Conversation) -> None:
    talk.says("where is W8264401", "track_order", order_number="W8264401")
    talk.says("200040")
    assert talk.says("change my phone", "update_profile").replies == ["utter_ask_email"]


def test_the_first_email_said_is_the_one_on_file_and_the_next_the_new_one(talk: Conversation, shop: Shop) -> None:
    talk.says("change my e-mail", "update_profile")
    talk.says("emma.clarke@example.com", email="emma.clarke@example.com")
    assert talk.says("0123").replies == ["utter_ask_profile_value"]
    heard = talk.says("new@example.com", email="new@example.com")
    assert heard.fact("value") == "new@example.com"
    talk.says("yes", "affirm")
    assert shop.row("customers", name="Emma Clarke")["email"] == "new@example.com"


@pytest.mark.parametrize(
    ("first", "value", "entities", "reply"),
    [
        ("change my e-mail", "not an address", {}, "utter_refuse_invalid_contact"),
        ("change my e-mail", "theirs", {"email": "wang.fang@example.com"}, "utter_refuse_invalid_contact"),
        ("change my phone", "12", {"phone": "12"}, "utter_refuse_invalid_contact"),
        ("change my phone", "x" * 10_000, {}, "utter_refuse_invalid_contact"),
        ("change my address", "<script>alert(1)</script>", {}, "utter_refuse_invalid_address"),
        ("change my address", "x" * 10_000, {}, "utter_refuse_invalid_address"),
    ],
    ids=["no e-mail", "taken", "short phone", "10 kB phone", "html", "10 kB address"],
)
def test_what_cannot_be_reached_is_refused_and_asked_again(
    emma: Conversation, shop: Shop, first: str, value: str, entities: dict[str, str], reply: str
) -> None:
    emma.says(first, "update_profile")
    before = shop.contents()
    assert emma.says(value, **entities).replies == [reply, "utter_ask_profile_value"]
    assert shop.contents() == before


def test_the_new_contact_is_corrected_after_it_was_said_back(emma: Conversation, shop: Shop) -> None:
    emma.says("my phone number changed", "update_profile")
    emma.says("13800138000", phone="13800138000")
    before = shop.contents()
    heard = emma.says("no, 13900139000", "deny", phone="13900139000")
    assert heard.replies == ["utter_ask_change_profile"]
    assert heard.fact("value") == "13900139000"
    assert shop.contents() == before
