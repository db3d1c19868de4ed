"""Everybody can use it: axe-core finds nothing against WCAG 2.2 A and AA, by day and by night, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from deploy.bot import Bot, Desk
from tests.browser.conftest import DESKTOP, NARROW, OpenContext, Seat
from tests.browser.test_chat import A_PERSON, Chat, chat_page

LEVELS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def faults(page: Page) -> list[str]:
    found = Axe().run(page, options=LEVELS).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, DESKTOP], ids=["320 wide", "desktop"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_the_chat_in_all_its_states(bot: Bot, browse: OpenContext, size: Any, scheme: str, language: str) -> None:
    context = browse(size, scheme=scheme, language=language)
    chat = chat_page(context, bot)
    assert faults(chat.page) == []
    chat.write("取消订单W2378156" if language == "zh-CN" else "cancel order W2378156")
    chat.write("13812345678")
    expect(chat.side.locator(".choices button").first).to_be_visible()
    assert faults(chat.page) == []
    chat.write("转人工" if language == "zh-CN" else "talk to a person")
    chat.hears(A_PERSON)
    context.set_offline(True)
    chat.write("?")
    expect(chat.page.locator("#state.down")).to_be_visible()
    assert faults(chat.page) == []
    context.set_offline(False)
    chat.page.locator("#restart").click()
    assert faults(chat.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_shops_page_with_the_chat_open(bot: Bot, browse: OpenContext, scheme: str) -> None:
    page = browse(DESKTOP, scheme=scheme).new_page()
    page.goto(f"{bot.url}/demo")
    assert faults(page) == []
    page.get_by_role("button", name="在线客服").click()
    Chat(page, page.frame_locator("haoke-chat iframe")).write("你好")
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, DESKTOP], ids=["320 wide", "desktop"])
@pytest.mark.parametrize(("name", "language"), [("王姐", "zh-CN"), ("Mei", "en-GB")])
def test_the_desk_in_all_its_states(
    bot: Bot, desk: Desk, staff: Session, browse: OpenContext, size: Any, scheme: str, name: str, language: str
) -> None:
    chat = chat_page(browse(language="zh-CN"), bot)
    chat.write("取消订单W2378156")
    chat.hears("手机号")
    chat.write("13812345678")
    chat.hears("确定吗")
    page = browse(size, scheme=scheme, language=language).new_page()
    page.goto(desk.url)
    expect(page.locator("#sign-in")).to_be_visible()
    assert faults(page) == []
    seat = Seat(page)
    seat.sign_in(name)
    expect(page.locator("#queue-empty")).to_be_visible()
    assert faults(page) == []
    chat.write("转人工")
    expect(page.locator(".row")).to_have_count(1)
    assert faults(page) == []
    page.locator(".row").click()
    assert faults(page) == []
    seat.take()
    seat.write("您好")
    assert faults(page) == []
    page.locator("#tab-customer").click()
    assert faults(page) == []
    page.locator("#tab-orders").click()
    page.locator("#orders .order").first.click()
    expect(page.locator("#orders [data-act]").first).to_be_visible()
    assert faults(page) == []
    page.locator("#orders [data-act=change_item]").click()
    assert faults(page) == []
    for how in ("pass", "hand-back", "close"):
        page.locator(f"#{how}").click()
        expect(page.locator(f"#{how}-dialog")).to_be_visible()
        assert faults(page) == []
        page.keyboard.press("Escape")
    if page.locator("#back").is_visible():
        page.locator("#back").click()
    for lead in ("manage-replies", "today"):
        if name == "王姐":
            page.locator(f"#{lead}").click()
            assert faults(page) == []
            page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_faults_are_found_where_there_are_some(browse: OpenContext) -> None:
    page = browse().new_page()
    page.set_content("<img src='x.png'><button></button>")

    assert len(faults(page)) >= 2
