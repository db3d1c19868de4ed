"""Products and parcels are shown, not only told."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from deploy.bot import Bot
from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.test_chat import Look, chat_page
from tests.conversations.conftest import Shop


@pytest.fixture(autouse=True)
def as_filled(shop: Shop) -> None:
    shop.restore()


def test_products_have_pictures_and_pages_and_are_not_listed_twice(bot: Bot, browse: OpenContext, look: Look) -> None:
    chat = chat_page(browse(PHONE), bot)
    chat.write("有没有台灯")
    expect(chat.page.locator(".card")).to_have_count(3)
    expect(chat.page.locator(".card img").first).to_have_js_property("complete", True)
    assert chat.page.locator(".card img").first.evaluate("picture => picture.naturalWidth") > 0
    expect(chat.page.locator(".said.bot .bubble").last).not_to_contain_text("¥79")
    look(chat.page, "phone-zh-products")
    chat.take("充电夹式台灯")
    chat.hears("¥79")
    assert "/products/" in str(chat.page.locator(".card a").last.get_attribute("href"))


def test_a_parcel_shows_how_far_it_has_come(bot: Bot, browse: OpenContext, look: Look) -> None:
    chat = chat_page(browse(DESKTOP, language="en-GB"), bot)
    chat.write("where is W8264403")
    chat.write("emma.clarke@example.com")
    expect(chat.page.locator(".progress li")).to_have_count(5)
    expect(chat.page.locator(".progress [aria-current=step]")).to_contain_text("In transit")
    look(chat.page, "desktop-en-parcel")
