"""What the replies in `domain.yml` promise is what `shop.policy` says, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.policy import POLICY

ROOT = Path(__file__).resolve().parents[2]
QUOTES = {
    "utter_order_awaiting_payment": {POLICY.dispatch_hours},
    "utter_refuse_already_shipped": {POLICY.return_window_days},
    "utter_ask_refund_to": {POLICY.refund_days, POLICY.gift_card_refund_days},
    "utter_return_received": {POLICY.refund_days},
    "utter_no_promotions": {POLICY.free_shipping_from_cents // 100},
}
# Replies whose digits are no promise: guided steps, examples of what to type, scores, the form of an order number.
NO_PROMISE = re.compile(
    r"utter_(help_|goodbye_and_ask_rating|refuse_invalid_rating|ask_order_number|hint_|not_understood|refuse_invalid_quantity|product_info)"
)


def responses() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))["responses"])


def numbers_in(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", re.sub(r"{\w+}", "", text))}


@pytest.mark.parametrize("reply", sorted(QUOTES))
def test_a_reply_promises_what_policy_says(reply: str) -> None:
    for variation in responses()[reply]:
        assert numbers_in(variation["text"]) == QUOTES[reply]


def test_no_other_reply_quotes_a_number() -> None:
    for reply, variations in responses().items():
        if reply not in QUOTES and not NO_PROMISE.match(reply):
            for variation in variations:
                assert not numbers_in(variation["text"]), reply
