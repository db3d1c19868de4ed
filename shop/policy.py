"""The shop's policy: every window, fee and limit, in one place.

The rules in `shop` read these numbers and the help articles in `data/responses` quote them; a test holds the two
together. Change a number here, change its articles, and the bot promises what the shop does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Days are calendar days, money is cents (CNY)."""

    # before it ships
    payment_deadline_hours: int = 24  # an unpaid order is closed after this

    # shipping
    dispatch_hours: int = 48  # a paid order leaves the warehouse within this
    standard_shipping_days: tuple[int, int] = (2, 5)
    express_shipping_days: tuple[int, int] = (1, 2)
    international_shipping_days: tuple[int, int] = (7, 15)
    free_shipping_from_cents: int = 9_900
    standard_shipping_cents: int = 1_000
    express_shipping_cents: int = 2_500
    pickup_hold_days: int = 7

    # returns and exchanges
    return_window_days: int = 30  # from delivery
    exchange_window_days: int = 30
    send_back_within_days: int = 7  # after a return is opened
    return_shipping_cents: int = 1_200  # taken off the refund when the shop is not at fault
    refund_days: int = 5  # to the original payment, after the parcel is inspected
    gift_card_refund_days: int = 1
    cancellation_refund_days: int = 3

    # trouble
    report_damage_within_days: int = 14  # from delivery: damaged, wrong or short
    overdue_after_days: int = 7  # a parcel this late counts as lost
    not_received_after_days: int = 2  # "delivered" but not there: report after a look around
    ticket_answer_days: int = 2
    repair_days: int = 15

    # paying
    invoice_within_days: int = 365
    price_match_days: int = 15
    installments_from_cents: int = 50_000
    installment_months: tuple[int, ...] = (3, 6, 12)
    bulk_order_pieces: int = 20
    points_per_yuan: int = 1
    points_for_one_yuan: int = 100

    # proving an order to be one's own
    proof_attempts: int = 5  # misses of one visitor before a person takes over
    proof_attempts_per_order_a_day: int = 20  # misses aimed at one order, whoever they come from
    proof_lasts_minutes: int = 60  # since the visitor last wrote to the bot
    proof_lasts_with_agent_minutes: int = 120  # since they last wrote to a person, or had to wait for one

    # people
    service_hours: tuple[int, int] = (9, 21)  # every day, shop time
    agents_are_absent_after_minutes: int = 3  # whose desk has not shown itself for so long loses their conversations
    site: str = "https://haoke.example"  # where products are bought; a product's own address follows
    service_phone: str = "400-820-0618"
    service_email: str = "service@haoke.example"


POLICY = Policy()
