"""What a customer hears when a part of the house is down, and that nothing is half done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from deploy.bot import Bot, running_bot
from deploy.training import newest_model
from tests.conversations.conftest import UNHURRIED, Customer, Shop

UNAVAILABLE = "系统暂时没有响应"


@pytest.fixture(scope="module")
def lonely_bot(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bot, Path]]:
    """A bot with a shop of its own, whose parts a test may take away."""
    folder = tmp_path_factory.mktemp("lonely")
    database = folder / "shop.db"
    shutil.copy(shop.pristine, database)
    model = newest_model()
    assert model is not None, "There is no model: run `make train` first."
    with running_bot(model=model, folder=folder, shop_url=f"sqlite:///{database}", channel=UNHURRIED) as bot:
        yield bot, database


@pytest.fixture
def guest(lonely_bot: tuple[Bot, Path]) -> Iterator[Customer]:
    """Somebody who talks to that bot."""
    guest = Customer(lonely_bot[0].url)
    yield guest
    guest.leave()


def test_a_locked_database_is_waited_out_and_the_question_stays_open(customer: Customer, shop: Shop) -> None:
    customer.says("取消订单W2378156")
    assert "¥338" in customer.says("13812345678")
    before = shop.contents()
    lock = shop.engine.raw_connection()
    lock.execute("BEGIN EXCLUSIVE")
    try:
        assert UNAVAILABLE in customer.says("是")
    finally:
        lock.rollback()
        lock.close()
    assert shop.contents() == before
    assert "已取消" in customer.says("是")
    assert [o["state"] for o in shop.rows("orders") if o["number"] == "W2378156"] == ["cancelled"]
    assert len(shop.rows("refunds")) == len(before["refunds"]) + 1


def test_a_shop_that_is_gone_is_said_plainly_and_a_person_is_offered(
    lonely_bot: tuple[Bot, Path], guest: Customer
) -> None:
    _, database = lonely_bot
    hidden = database.with_suffix(".away")
    database.rename(hidden)
    try:
        heard = guest.says("我的订单W2378156到哪了")
    finally:
        hidden.rename(database)
    assert UNAVAILABLE in heard
    assert "转人工" in heard


def test_without_its_action_server_the_bot_says_so_and_a_person_can_still_be_had(
    lonely_bot: tuple[Bot, Path], guest: Customer
) -> None:
    bot, database = lonely_bot
    bot.actions.stop()
    heard = guest.says("取消订单W2378156")
    assert UNAVAILABLE in heard
    assert guest.says("转人工")
    with create_engine(f"sqlite:///{database}").connect() as connection:
        waiting = connection.execute(text("SELECT conversation, wish FROM handovers")).all()
        states = connection.execute(text("SELECT state FROM orders WHERE number = 'W2378156'")).all()
    assert guest.conversation in [conversation for conversation, _ in waiting]
    assert states == [("processing",)]
    assert guest.says("在吗") == ""
