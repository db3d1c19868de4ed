"""Records of the shop as JSON, for the people who run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from shop import clock, database, show
from shop.models import OrderLine, Remedy, Return, ReturnReason, ReturnState, TicketKind
from shop.sample import catalogue, people
from shop.sample.aftersales import a_return, a_ticket, an_invoice
from shop.sample.known_orders import known_orders
from shop.seed import SEED

NOON = datetime(2025, 6, 18, 12, tzinfo=clock.SHOP_TIME)
Show = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shop with the known customers and their orders, one of them with everything that an order can have."""
    url = f"sqlite:///{tmp_path_factory.mktemp('show')}/shop.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_source", lambda: NOON)
        database.migrate(url)
        with database.session_factory(database.connect(url))() as session:
            products, customers = catalogue.products(), people.known()
            session.add_all([*catalogue.option_values(), *products, *customers])
            orders, returns = known_orders(products, customers, Random(SEED))
            session.add_all([*orders, *returns])
            full = next(order for order in orders if order.number == "W8264406")
            full.invoice = an_invoice(full, Random(SEED), number="INV0000000001")
            words = "The left bud is silent."
            session.add(
                a_ticket(full, number="T1", kind=TicketKind.FAULT, remedy=Remedy.ADVICE, opened=9, description=words)
            )
            session.add(_exchange(next(order for order in orders if order.number == "W8264404").lines[0]))
            session.commit()
    return url


def _exchange(line: OrderLine) -> Return:
    bigger = next(v for v in line.variant.product.variants if v.options == {"colour": "white", "size": "40"})
    return a_return(
        line.order,
        [(line, 1)],
        number="R5500003",
        state=ReturnState.OPEN,
        reason=ReturnReason.WRONG_SIZE,
        opened=1,
        replacement=bigger,
    )


@pytest.fixture()
def shown(url: str, capsys: pytest.CaptureFixture[str]) -> Show:
    def run(*arguments: str, url: str = url) -> tuple[int, str, str]:
        code = show.main([*arguments, "--url", url])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_an_order_is_shown_with_all_that_belongs_to_it(shown: Show) -> None:
    code, out, _ = shown("order", "W8264406")
    order = json.loads(out)
    assert code == 0
    assert (order["number"], order["state"], order["customer"]) == ("W8264406", "delivered", "emma.clarke@example.com")
    assert [line["name_zh"] for line in order["lines"]] == ["陶瓷马克杯", "蓝牙耳机"]
    assert order["payments"][0]["last_four"] == "1881"
    assert order["shipment"]["events"][-1]["state"] == "delivered"
    assert order["returns"][0]["number"] == "R5500001"
    assert order["invoice"]["number"] == "INV0000000001"
    assert order["tickets"][0]["description"] == "The left bud is silent."


def test_an_order_without_parcel_or_invoice_says_null(shown: Show) -> None:
    order = json.loads(shown("order", "W8264401")[1])
    assert order["shipment"] is None and order["invoice"] is None and order["returns"] == []


def test_chinese_is_printed_as_it_is_written_and_moments_in_the_shops_time(shown: Show) -> None:
    out = shown("order", "W2378156")[1]
    assert "护眼台灯" in out
    assert json.loads(out)["placed_at"].startswith("2025-06-17T") and "+08:00" in out


@pytest.mark.parametrize("number", ["w2378156", "#W2378156", " Ｗ2378156 "])
def test_a_number_is_found_however_it_is_written(shown: Show, number: str) -> None:
    assert json.loads(shown("order", number)[1])["number"] == "W2378156"


def test_a_customer_is_shown_with_addresses_ways_to_pay_and_orders(shown: Show) -> None:
    customer = json.loads(shown("customer", "Emma.Clarke@example.com")[1])
    assert customer["name"] == "Emma Clarke"
    assert customer["addresses"][0]["postal_code"] == "200040"
    assert [method["balance_cents"] for method in customer["payment_methods"]] == [None, None, 5000, 200000]
    assert customer["orders"][0] == {"number": "W8264408", "state": "awaiting_payment"}
    assert len(customer["orders"]) == 8


def test_a_return_is_shown_with_its_trail_and_refund(shown: Show) -> None:
    found = json.loads(shown("return", "r5500002")[1])
    assert (found["order"], found["state"], found["refund"]["state"]) == ("W7700002", "completed", "paid")
    assert [event["state"] for event in found["events"]] == ["open", "sent_back", "received", "completed"]
    assert found["lines"][0]["replacement"] is None


def test_an_exchange_is_shown_with_its_replacement(shown: Show) -> None:
    found = json.loads(shown("return", "R5500003")[1])
    assert (found["kind"], found["refund"]) == ("exchange", None)
    assert found["lines"][0]["replacement"]["options"] == {"colour": "white", "size": "40"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("order", "W0000000"), ("order", ""), ("customer", "nobody@example.com"), ("return", "R' OR 1=1 --")],
)
def test_what_is_not_there_is_said_and_exits_with_one(shown: Show, kind: str, name: str) -> None:
    code, out, err = shown(kind, name)
    assert (code, out) == (1, "")
    assert err == f"There is no {kind} {name}.\n"


def test_a_shop_that_is_not_there_is_said_and_not_made(shown: Show, tmp_path: Path) -> None:
    code, out, err = shown("order", "W2378156", url=f"sqlite:///{tmp_path}/none.db")
    assert (code, out) == (1, "")
    assert "python -m shop.seed" in err
    assert list(tmp_path.iterdir()) == []
