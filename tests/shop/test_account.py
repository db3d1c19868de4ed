"""Nobody sees an order or an account that is not proven theirs, and guessing ends soon."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from shop import database
from shop.account import (
    Shopper,
    attempts_left,
    change_profile,
    normalise_order_number,
    owned_order,
    preview_profile_change,
    profile,
    prove_identity,
    prove_order,
    recognise,
)
from shop.errors import IdentityNotProven, InvalidAddress, InvalidContact, OrderNotFound, TooManyAttempts
from shop.models import AccessGrant, Address, Customer, Order, ProofMiss
from shop.policy import POLICY
from tests.shop.conftest import SmallShop


@pytest.fixture
def order(small_shop: SmallShop) -> Order:
    (lamp,) = small_shop.product(10_000)
    emma = small_shop.customer(phone="+44 7700 900123")
    order = small_shop.order(emma, (lamp, 1), number="W8264401")
    order.email, order.phone, order.postal_code = "gift@example.com", "13812345678", "SW1A 1AA"
    small_shop.commit()
    return order


def miss(shop: SmallShop, visitor: str = "visitor", number: str = "W8264401") -> None:
    with pytest.raises(OrderNotFound):
        prove_order(shop.db, visitor, number, "wrong")


def statements(shop: SmallShop, do: Callable[[], Any]) -> list[str]:
    """The SQL that something runs."""
    seen: list[str] = []

    def listen(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = shop.db.get_bind()
    event.listen(engine, "before_cursor_execute", listen)
    do()
    event.remove(engine, "before_cursor_execute", listen)
    return seen


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("W2378156", "W2378156"),
        ("#w2378156", "W2378156"),
        ("订单号：W2378156", "W2378156"),
        ("订单w2378156怎么还没发货", "W2378156"),
        ("Ｗ２３７８１５６", "W2378156"),
        ("＃Ｗ２３７８１５６", "W2378156"),
        ("W 2378156", "W2378156"),
        ("order no.12345678, please", "12345678"),
        ("12345678", "12345678"),
        ("2378156", "W2378156"),
        ("not 12345678 but W2378156", "W2378156"),
    ],
)
def test_an_order_number_is_recognised_however_it_is_written(text: str, number: str) -> None:
    assert normalise_order_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "W1042",
        "W12345678",
        "123456",
        "123456789",
        "13812345678",
        "R5500001",
        "R 5500001",
        "T1234567",
        "1234567@qq.com",
        "+12345678",
        "021-12345678",
        "¥1234567.50",
        "x" * 10_000,
        "٢٣٧٨١٥٦",
    ],
)
def test_what_is_no_order_number_is_not_taken_for_one(text: str) -> None:
    assert normalise_order_number(text) is None


def test_an_order_number_alone_proves_nothing(small_shop: SmallShop, order: Order) -> None:
    for proof in ["", "W8264401", "8264401", " "]:
        with pytest.raises(OrderNotFound):
            prove_order(small_shop.db, "visitor", order.number, proof)


@pytest.mark.parametrize(
    "proof",
    [
        "gift@example.com",
        " GIFT@Example.COM ",
        "ｇｉｆｔ@example.com",
        "13812345678",
        "+86 138 1234 5678",
        "0086-138-1234-5678",
        "8613812345678",
        "１３８１２３４５６７８",
        "5678",
        "５６７８",
        "SW1A 1AA",
        "sw1a1aa",
    ],
)
def test_what_stands_on_the_order_proves_that_order_only(small_shop: SmallShop, order: Order, proof: str) -> None:
    shopper = prove_order(small_shop.db, "visitor", "#w8264401", proof)
    assert (shopper.customer_id, shopper.order_ids) == (None, frozenset({order.id}))
    assert (shopper.name, shopper.language) == ("Emma Clarke", "en")
    assert owned_order(small_shop.db, shopper, order.number).id == order.id


def test_the_e_mail_of_the_account_proves_the_account(small_shop: SmallShop, order: Order) -> None:
    shopper = prove_order(small_shop.db, "visitor", order.number, "EMMA@example.com")
    assert shopper.customer_id == order.customer_id


@pytest.mark.parametrize(
    "proof",
    ["5679", "345678", "678", "15678", "+44 7700 900123", "0123", "567 8", "200040", "emma", "@example.com", "a5678"],
)
def test_what_does_not_stand_on_the_order_is_a_miss(small_shop: SmallShop, order: Order, proof: str) -> None:
    with pytest.raises(OrderNotFound):
        prove_order(small_shop.db, "visitor", order.number, proof)
    assert small_shop.one(ProofMiss).aimed_at == order.number
    assert small_shop.all(AccessGrant) == []


@pytest.mark.parametrize(
    "claimed", ["+44 7700 900123", "07700 900123", "00447700900123", "7700900123", "+44 (0)7700 900123"]
)
def test_a_foreign_phone_may_be_given_with_or_without_its_country(
    small_shop: SmallShop, order: Order, claimed: str
) -> None:
    assert prove_identity(small_shop.db, "visitor", "emma@example.com", claimed).customer_id == order.customer_id


@pytest.mark.parametrize("phone", ["0123", "07700 900123"])
def test_e_mail_and_phone_together_prove_the_account(small_shop: SmallShop, order: Order, phone: str) -> None:
    shopper = prove_identity(small_shop.db, "visitor", "Emma@Example.com", phone)
    assert shopper.customer_id == order.customer_id
    assert shopper.is_known
    assert owned_order(small_shop.db, shopper, order.number).id == order.id


@pytest.mark.parametrize(
    ("email", "phone"),
    [
        ("emma@example.com", "5678"),
        ("emma@example.com", "900123"),
        ("emma@example.com", ""),
        ("nobody@example.com", "0123"),
        ("nobody@haoke.invalid", "0000"),
        ("nobody@haoke.invalid", "10000000000"),
        ("", ""),
        ("\ud800", "\ud800"),
    ],
)
def test_an_e_mail_and_phone_of_no_one_account_prove_nothing(
    small_shop: SmallShop, order: Order, email: str, phone: str
) -> None:
    with pytest.raises(IdentityNotProven):
        prove_identity(small_shop.db, "visitor", email, phone)
    assert len(small_shop.all(ProofMiss)) == 1


def test_a_wrong_pair_and_an_absent_order_are_one_answer_after_the_same_queries(
    small_shop: SmallShop, order: Order
) -> None:
    wrong = statements(small_shop, lambda: miss(small_shop, "visitor-1", "W8264401"))
    absent = statements(small_shop, lambda: miss(small_shop, "visitor-1", "W9999999"))
    assert wrong == absent


@pytest.mark.parametrize("proof", ["nobody@haoke.invalid", "10000000000", "0000", "000000"])
def test_an_absent_order_cannot_be_proven_by_its_stand_in(small_shop: SmallShop, order: Order, proof: str) -> None:
    with pytest.raises(OrderNotFound):
        prove_order(small_shop.db, "visitor", "W9999999", proof)


def test_nonsense_for_a_number_is_an_order_not_found(small_shop: SmallShop, order: Order) -> None:
    for number in ["", "'; DROP TABLE orders; --", "😀" * 5_000, "\ud800"]:
        with pytest.raises(OrderNotFound):
            prove_order(small_shop.db, "visitor", number, "wrong")
        with pytest.raises(OrderNotFound):
            owned_order(small_shop.db, small_shop.guest(order), number)
    assert small_shop.one(Order).number == "W8264401"


def test_five_misses_close_the_attempt_even_to_the_right_proof(small_shop: SmallShop, order: Order) -> None:
    for left in (4, 3, 2, 1, 0):
        miss(small_shop)
        assert attempts_left(small_shop.db, "visitor") == left
    with pytest.raises(TooManyAttempts):
        prove_order(small_shop.db, "visitor", order.number, "gift@example.com")
    with pytest.raises(TooManyAttempts):
        prove_identity(small_shop.db, "visitor", "emma@example.com", "0123")
    assert len(small_shop.all(ProofMiss)) == POLICY.proof_attempts


def test_misses_of_both_kinds_count_together(small_shop: SmallShop, order: Order) -> None:
    miss(small_shop)
    with pytest.raises(IdentityNotProven):
        prove_identity(small_shop.db, "visitor", "emma@example.com", "1111")
    assert attempts_left(small_shop.db, "visitor") == 3


def test_after_a_long_enough_silence_a_visitor_may_try_again(small_shop: SmallShop, order: Order) -> None:
    for _ in range(5):
        miss(small_shop)
        small_shop.time.forward(minutes=1)
    small_shop.time.forward(minutes=POLICY.proof_lasts_minutes - 2)
    with pytest.raises(TooManyAttempts):
        prove_order(small_shop.db, "visitor", order.number, "gift@example.com")
    small_shop.time.forward(minutes=1)
    assert attempts_left(small_shop.db, "visitor") == 5
    assert prove_order(small_shop.db, "visitor", order.number, "gift@example.com").is_known


def test_slow_guessing_is_counted_like_fast_guessing(small_shop: SmallShop, order: Order) -> None:
    for _ in range(5):
        miss(small_shop)
        small_shop.time.forward(minutes=POLICY.proof_lasts_minutes - 1)
    with pytest.raises(TooManyAttempts):
        prove_order(small_shop.db, "visitor", order.number, "gift@example.com")


def test_a_right_proof_does_not_buy_new_guesses(small_shop: SmallShop, order: Order) -> None:
    for _ in range(4):
        miss(small_shop)
    prove_order(small_shop.db, "visitor", order.number, "gift@example.com")
    assert attempts_left(small_shop.db, "visitor") == 1


def test_one_visitors_misses_do_not_close_the_door_to_another(small_shop: SmallShop, order: Order) -> None:
    for _ in range(5):
        miss(small_shop)
    assert prove_order(small_shop.db, "someone else", order.number, "5678").is_known


def test_misses_aimed_at_one_order_are_limited_for_a_day_whoever_they_come_from(
    small_shop: SmallShop, order: Order
) -> None:
    for guess in range(POLICY.proof_attempts_per_order_a_day):
        miss(small_shop, visitor=f"visitor-{guess}")
    with pytest.raises(TooManyAttempts):
        prove_order(small_shop.db, "newcomer", order.number, "gift@example.com")
    small_shop.time.forward(days=1)
    assert prove_order(small_shop.db, "newcomer", order.number, "gift@example.com").is_known


def test_the_daily_limit_holds_for_orders_that_do_not_exist_too(small_shop: SmallShop, order: Order) -> None:
    for guess in range(POLICY.proof_attempts_per_order_a_day):
        miss(small_shop, visitor=f"visitor-{guess}", number="W9999999")
    with pytest.raises(TooManyAttempts):
        prove_order(small_shop.db, "newcomer", "W9999999", "gift@example.com")


def test_guesses_made_at_once_are_all_counted(small_shop: SmallShop, order: Order) -> None:
    small_shop.db.rollback()
    sessions = database.session_factory(database.connect(small_shop.url))
    together = threading.Barrier(8)

    def guess(_: int) -> str:
        with sessions() as session:
            together.wait()
            try:
                prove_order(session, "visitor", "W8264401", "wrong")
            except (OrderNotFound, TooManyAttempts) as refusal:
                return type(refusal).__name__
        return "proven"

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(guess, range(8)))
    assert answers == ["OrderNotFound"] * 5 + ["TooManyAttempts"] * 3


def test_a_visitor_is_recognised_while_the_proof_lasts(small_shop: SmallShop, order: Order) -> None:
    proven = prove_order(small_shop.db, "visitor", order.number, "5678")
    assert recognise(small_shop.db, "visitor") == proven
    assert recognise(small_shop.db, "someone else") == Shopper("someone else", None, frozenset(), None, None)
    small_shop.time.forward(minutes=POLICY.proof_lasts_minutes)
    assert not recognise(small_shop.db, "visitor").is_known


def test_a_proof_lasts_as_long_as_it_is_used(small_shop: SmallShop, order: Order) -> None:
    prove_order(small_shop.db, "visitor", order.number, "5678")
    for _ in range(4):
        small_shop.time.forward(minutes=POLICY.proof_lasts_minutes - 10)
        assert recognise(small_shop.db, "visitor").is_known


def test_a_visitor_keeps_all_the_orders_they_have_proven(small_shop: SmallShop, order: Order) -> None:
    (lamp,) = small_shop.product(10_000)
    other = small_shop.order(small_shop.customer("other@example.com", phone="13900001111"), (lamp, 1))
    prove_order(small_shop.db, "visitor", order.number, "5678")
    shopper = prove_order(small_shop.db, "visitor", other.number, "1111")
    assert shopper.order_ids == {order.id, other.id}


def test_a_second_proof_of_the_same_leaves_one_grant(small_shop: SmallShop, order: Order) -> None:
    for proof in ("5678", "SW1A 1AA"):
        prove_order(small_shop.db, "visitor", order.number, proof)
    assert len(small_shop.all(AccessGrant)) == 1


def test_an_order_of_someone_else_is_an_order_not_found(small_shop: SmallShop, order: Order) -> None:
    stranger = small_shop.shopper(small_shop.customer("other@example.com"))
    for shopper in (stranger, small_shop.guest()):
        with pytest.raises(OrderNotFound) as refusal:
            owned_order(small_shop.db, shopper, order.number)
        assert refusal.value.facts == {"number": "W8264401"}


def test_the_profile_shows_what_is_on_file(small_shop: SmallShop, order: Order) -> None:
    seen = profile(small_shop.db, small_shop.shopper(order.customer))
    assert (seen.name, seen.email, seen.phone) == ("Emma Clarke", "emma@example.com", "+44 7700 900123")
    assert (seen.address, seen.postal_code) == ("1 Harbour Road, Shanghai", "200040")


def test_a_proven_order_does_not_open_the_profile(small_shop: SmallShop, order: Order) -> None:
    guest = small_shop.guest(order)
    with pytest.raises(IdentityNotProven):
        profile(small_shop.db, guest)
    with pytest.raises(IdentityNotProven):
        preview_profile_change(small_shop.db, guest, "phone", "13900002222")
    with pytest.raises(IdentityNotProven):
        change_profile(small_shop.db, guest, "phone", "13900002222", key="yes")
    assert small_shop.trail() == []


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("email", " Emma.New@Example.com", "emma.new@example.com"),
        ("phone", "+86 139-0000-1111", "13900001111"),
        ("phone", "+44 20 7946 0958", "+44 20 7946 0958"),
    ],
)
def test_a_contact_is_previewed_then_changed_once(
    small_shop: SmallShop, order: Order, field: Any, value: str, kept: str
) -> None:
    emma = small_shop.shopper(order.customer)
    before = getattr(order.customer, field)
    preview = preview_profile_change(small_shop.db, emma, field, value)
    assert (preview.old, preview.new) == (before, kept)
    assert getattr(small_shop.one(Customer), field) == before
    for _ in range(2):
        assert change_profile(small_shop.db, emma, field, value, key="yes") == preview
    assert getattr(small_shop.one(Customer), field) == kept
    assert small_shop.trail() == [("visitor", "change_profile", str(order.customer_id))]


def test_the_default_address_moves_and_keeps_its_postal_code_unless_given(small_shop: SmallShop, order: Order) -> None:
    emma = small_shop.shopper(order.customer)
    change_profile(small_shop.db, emma, "address", "南京西路 1266 号 恒隆广场", key="one")
    assert small_shop.one(Address).line == "南京西路 1266 号 恒隆广场"
    assert small_shop.one(Address).postal_code == "200040"
    change_profile(small_shop.db, emma, "address", "10 Downing Street", "sw1a 2aa", key="two")
    assert small_shop.one(Address).postal_code == "SW1A 2AA"


def test_a_customer_without_an_address_gets_their_first(small_shop: SmallShop, order: Order) -> None:
    small_shop.db.delete(small_shop.one(Address))
    small_shop.commit()
    change_profile(small_shop.db, small_shop.shopper(order.customer), "address", "南京西路 1266 号", key="yes")
    assert (small_shop.one(Address).line, small_shop.one(Address).is_default) == ("南京西路 1266 号", True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "emma"),
        ("email", "emma@example"),
        ("email", "a@b.c"),
        ("email", "emma@exa mple.com"),
        ("email", "emma..x@example.com"),
        ("email", "<script>@example.com"),
        ("email", "e" * 130 + "@example.com"),
        ("email", "other@example.com"),
        ("email", "OTHER@example.com"),
        ("phone", "12345"),
        ("phone", "1234567890123456"),
        ("phone", "call me"),
        ("phone", "139a00001111"),
        ("phone", ""),
    ],
)
def test_a_contact_that_cannot_be_reached_or_is_taken_is_refused(
    small_shop: SmallShop, order: Order, field: Any, value: str
) -> None:
    small_shop.customer("other@example.com")
    with pytest.raises(InvalidContact):
        change_profile(small_shop.db, small_shop.shopper(order.customer), field, value, key="yes")
    assert small_shop.trail() == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "上海",
        "12345 6789",
        "x" * 201,
        "<b>1 Harbour Road</b>",
        "1 Road'; DROP TABLE orders; --",
        "a\x00bcdefgh",
        "😀😀😀😀😀",
    ],
)
def test_what_is_no_address_is_refused(small_shop: SmallShop, order: Order, value: str) -> None:
    with pytest.raises(InvalidAddress):
        change_profile(small_shop.db, small_shop.shopper(order.customer), "address", value, key="yes")
    assert small_shop.one(Address).line == "1 Harbour Road, Shanghai"


@pytest.mark.parametrize("code", ["", "x", "ABCDEF", "200040-200040-200040", "2000<40"])
def test_what_is_no_postal_code_is_refused(small_shop: SmallShop, order: Order, code: str) -> None:
    with pytest.raises(InvalidAddress):
        preview_profile_change(small_shop.db, small_shop.shopper(order.customer), "address", "南京西路 1266 号", code)


def test_a_proof_tells_what_the_visitor_is_recognised_by_from_then_on(small_shop: SmallShop, order: Order) -> None:
    of_order = prove_order(small_shop.db, "visitor", order.number, order.phone)
    assert of_order == recognise(small_shop.db, "visitor") and of_order.name == order.recipient
    of_account = prove_order(small_shop.db, "visitor", order.number, "emma@example.com")
    assert of_account == recognise(small_shop.db, "visitor") and of_account.name == order.customer.name


def test_whoever_has_proven_nothing_sees_no_order_there_or_not(small_shop: SmallShop, order: Order) -> None:
    nobody = recognise(small_shop.db, "visitor")
    for number in (order.number, "W9999999"):
        with pytest.raises(OrderNotFound):
            owned_order(small_shop.db, nobody, number)
