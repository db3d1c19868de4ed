"""The policy is readable, cannot be changed at run time, and does not contradict itself."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from shop.policy import POLICY


def test_nobody_changes_the_policy_while_the_shop_is_open() -> None:
    with pytest.raises(FrozenInstanceError):
        POLICY.return_window_days = 3650  # type: ignore[misc]


@pytest.mark.parametrize(
    "field", [field for field in fields(POLICY) if field.type == "int"], ids=lambda field: field.name
)
def test_every_window_fee_and_limit_is_a_positive_whole_number(field: Any) -> None:
    assert type(getattr(POLICY, field.name)) is int
    assert getattr(POLICY, field.name) > 0


@pytest.mark.parametrize(
    "span", [POLICY.standard_shipping_days, POLICY.express_shipping_days, POLICY.international_shipping_days]
)
def test_every_span_of_days_begins_before_it_ends(span: tuple[int, int]) -> None:
    assert 0 < span[0] <= span[1]


def test_the_shop_opens_before_it_closes() -> None:
    opens, closes = POLICY.service_hours
    assert 0 <= opens < closes <= 24


def test_express_is_faster_and_dearer_than_standard() -> None:
    assert POLICY.express_shipping_days < POLICY.standard_shipping_days
    assert POLICY.express_shipping_cents > POLICY.standard_shipping_cents


def test_damage_is_reported_while_the_item_can_still_be_returned() -> None:
    assert POLICY.report_damage_within_days <= POLICY.return_window_days


def test_the_shops_own_gift_cards_are_refunded_fastest() -> None:
    assert POLICY.gift_card_refund_days <= min(POLICY.refund_days, POLICY.cancellation_refund_days)


def test_one_order_stands_more_guesses_than_one_visitor_has() -> None:
    assert POLICY.proof_attempts < POLICY.proof_attempts_per_order_a_day
