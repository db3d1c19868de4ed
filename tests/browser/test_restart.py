"""The server stops in the middle of a chat and comes back: nothing is lost, and nothing is said twice."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

from deploy.bot import running_bot
from deploy.processes import free_port
from deploy.training import newest_model
from tests.browser.conftest import PHONE, OpenContext
from tests.browser.test_chat import chat_page
from tests.conversations.conftest import UNHURRIED, Shop


def test_a_restart_in_the_middle_of_a_chat_loses_nothing(shop: Shop, browse: OpenContext, tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    shutil.copy(shop.pristine, database)
    model = newest_model()
    assert model is not None, "There is no model: run `make train` first."
    place = {"folder": tmp_path, "shop_url": f"sqlite:///{database}", "port": free_port(), "channel": UNHURRIED}
    with running_bot(model=model, **place) as bot:  # type: ignore[arg-type]
        chat = chat_page(browse(PHONE), bot)
        chat.write("取消订单W2378156")
        chat.hears("手机号")
    expect(chat.page.locator("#state.down")).to_be_visible(timeout=60_000)
    chat.write("13812345678")
    expect(chat.page.locator(".mark-sent")).to_contain_text("自动发送")
    with running_bot(model=model, **place):  # type: ignore[arg-type]
        expect(chat.page.locator(".said.bot", has_text="确定吗")).to_have_count(1, timeout=60_000)
        chat.has_said("13812345678")
        chat.has_said("取消订单W2378156")
        chat.hears("手机号", count=1)
        chat.page.reload()
        chat.take("是")
        chat.hears("已取消", count=1)
