"""Customers in a browser: whole stories, on phone and desktop, in both languages, and what goes wrong meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Frame, FrameLocator, Page, Route, expect
from sqlalchemy.orm import Session

from deploy.bot import Bot
from desk import conversations, queue, work
from shop import database
from shop.models import Sender
from tests.browser.conftest import DESKTOP, NARROW, PHONE, OpenContext
from tests.conversations.conftest import Shop
from tests.desk.test_pictures import photo

A_PERSON = re.compile("人工|colleague|our team")  # by day, and at night
Look = Callable[[Page, str], None]
Side = Page | FrameLocator | Frame


@pytest.fixture(autouse=True)
def as_filled(shop: Shop) -> None:
    shop.restore()


@pytest.fixture
def records(shop: Shop) -> Iterator[Session]:
    with database.session_factory(shop.engine)() as session:
        yield session


class Chat:
    """What a customer does with the chat, on its own page or in a shop's."""

    def __init__(self, page: Page, side: Side | None = None) -> None:
        self.page = page
        self.side = side or page

    def write(self, text: str) -> None:
        self.side.locator("#text").fill(text)
        self.side.locator("#text").press("Enter")

    def hears(self, text: str | re.Pattern[str], *, count: int | None = None) -> None:
        found = self.side.locator(".said:not(.customer)", has_text=text)
        expect(found.last).to_be_visible()
        if count is not None:
            expect(found).to_have_count(count)

    def has_said(self, text: str) -> None:
        expect(self.side.locator(".said.customer .bubble", has_text=text)).to_have_count(1)

    def take(self, choice: str) -> None:
        self.side.locator(".choices button", has_text=choice).last.click()

    def conversation(self) -> str:
        token = self.page.evaluate("JSON.parse(localStorage.getItem('haoke.chat')).token")
        return str(_claims(token)["sub"])


def _claims(token: str) -> dict[str, Any]:
    import jwt

    return dict(jwt.decode(token, options={"verify_signature": False}))


def chat_page(context: Any, bot: Bot, *, prepared: Callable[[Page], object] = lambda page: None) -> Chat:
    page = context.new_page()
    prepared(page)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.errors = problems  # type: ignore[attr-defined]
    page.goto(f"{bot.url}/chat")
    expect(page.locator("#state")).not_to_have_text(re.compile("断开|offline|正在连接|Connecting"))
    return Chat(page)


def test_a_customer_on_a_phone_cancels_an_order_in_chinese(
    bot: Bot, shop: Shop, browse: OpenContext, look: Look
) -> None:
    chat = chat_page(browse(PHONE, touch=True), bot)
    look(chat.page, "phone-zh-welcome")
    chat.write("我的订单怎么还没发货？")
    chat.hears("订单号")
    chat.write("W2378156")
    chat.hears("手机号")
    chat.write("13812345678")
    chat.hears("正在备货")
    chat.write("那取消吧")
    chat.hears("确定吗")
    look(chat.page, "phone-zh-choices")
    chat.take("是")
    chat.hears("已取消")
    chat.has_said("是")
    look(chat.page, "phone-zh-cancelled")
    assert [row["state"] for row in shop.rows("orders") if row["number"] == "W2378156"] == ["cancelled"]
    assert not chat.page.errors  # type: ignore[attr-defined]


def test_a_reload_shows_what_was_said_once_and_the_talk_goes_on(bot: Bot, browse: OpenContext, look: Look) -> None:
    chat = chat_page(browse(DESKTOP, language="en-GB"), bot)
    chat.write("I want to send back the lamp from #W2378158")
    chat.hears("postal code")
    chat.page.reload()
    chat.has_said("I want to send back the lamp from #W2378158")
    chat.hears("postal code", count=1)
    chat.write("5678")
    chat.hears("Why is it going back?", count=1)
    look(chat.page, "desktop-en-after-reload")


def test_two_windows_of_one_customer_show_the_same(bot: Bot, browse: OpenContext) -> None:
    context = browse(language="en-GB")
    first, second = chat_page(context, bot), chat_page(context, bot)
    first.write("hello")
    second.has_said("hello")
    second.write("talk to a person")
    first.has_said("talk to a person")
    first.hears(A_PERSON)


def test_what_is_written_without_a_network_is_sent_once_when_it_is_back(
    bot: Bot, browse: OpenContext, look: Look, records: Session
) -> None:
    context = browse(PHONE, language="en-GB")
    chat = chat_page(context, bot)
    chat.write("hello")
    chat.hears("assistant")
    context.set_offline(True)
    chat.write("where is my parcel W2378156")
    expect(chat.page.locator("#state")).to_have_text("You are offline")
    expect(chat.page.locator(".mark-sent")).to_contain_text("Waiting for your connection")
    look(chat.page, "phone-en-offline")
    context.set_offline(False)
    chat.hears("postal code", count=1)
    chat.has_said("where is my parcel W2378156")
    said = conversations.since(records, chat.conversation())
    assert [one.text for one in said if one.sender is Sender.CUSTOMER] == ["hello", "where is my parcel W2378156"]


def test_an_agent_takes_over_and_both_hear_each_other(
    bot: Bot, browse: OpenContext, look: Look, records: Session
) -> None:
    chat = chat_page(browse(PHONE), bot)
    chat.write("转人工")
    chat.hears(A_PERSON)
    handover = queue.open_in(records, chat.conversation())
    assert handover is not None
    work.take(records, handover.id, "小林")
    conversations.is_typing(records, handover.conversation, Sender.AGENT)
    expect(chat.page.locator("#typing .unseen")).to_have_text("客服正在输入")
    work.write(records, handover.id, agent="小林", text="您好，我是小林，请问是哪个订单？")
    chat.hears("我是小林", count=1)
    expect(chat.page.locator(".said.agent .name")).to_have_text("小林")
    chat.write("W2378156")
    expect(chat.page.locator(".mark-sent")).to_have_text("已送达")
    records.rollback()
    last = conversations.since(records, handover.conversation)[-1]
    conversations.has_read(records, handover.conversation, Sender.AGENT, last.number)
    expect(chat.page.locator(".mark-sent")).to_have_text("已读")
    look(chat.page, "phone-zh-agent")
    work.hand_back(records, handover.id, agent="小林")
    chat.write("你好")
    chat.hears("好客", count=None)


def test_markup_stays_text_wherever_it_comes_from(bot: Bot, browse: OpenContext, records: Session) -> None:
    chat = chat_page(browse(language="en-GB"), bot)
    attack = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> javascript:alert(1) https://a.example/"onclick=x'
    chat.write(attack)
    expect(chat.page.locator(".said.customer .bubble")).to_have_text(attack)
    chat.write("talk to a person")
    chat.hears(A_PERSON)
    handover = queue.open_in(records, chat.conversation())
    assert handover is not None
    work.take(records, handover.id, "<b onmouseover=hit>Lin</b>")
    work.write(records, handover.id, agent="<b onmouseover=hit>Lin</b>", text=f"Look: {attack}")
    chat.hears("Look:")
    assert chat.page.evaluate("window.hit") is None
    assert chat.page.locator(".log img, .log script, .log b").count() == 0
    links = chat.page.locator(".log a").evaluate_all("all => all.map(one => one.href)")
    assert set(links) == {"https://a.example/"}


def test_a_photo_is_sent_and_shown(bot: Bot, browse: OpenContext, look: Look) -> None:
    chat = chat_page(browse(PHONE, language="en-GB"), bot)
    file = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": photo(size=(600, 400))}
    chat.page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    chat.hears("photo")
    expect(chat.page.locator(".said.customer img")).to_have_js_property("naturalWidth", 600)
    chat.page.reload()
    expect(chat.page.locator(".said.customer img")).to_have_js_property("naturalWidth", 600)
    wrong = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    chat.page.locator("#file").set_input_files(wrong)  # type: ignore[arg-type]
    expect(chat.page.locator(".note")).to_contain_text("Only JPEG, PNG or WebP")
    look(chat.page, "phone-en-photo")


def test_a_new_conversation_begins_afresh_and_the_old_one_is_closed_to_it(bot: Bot, browse: OpenContext) -> None:
    chat = chat_page(browse(language="en-GB"), bot)
    chat.write("hello")
    chat.hears("assistant")
    before = chat.conversation()
    start_over(chat)
    chat.write("where is my order")
    chat.hears("seven digits")
    assert chat.conversation() != before


def start_over(chat: Chat) -> None:
    chat.page.locator("#restart").click()
    chat.page.locator("#sure button", has_text="Start over").click()
    expect(chat.page.locator("#welcome")).to_be_visible()


def test_a_question_that_is_being_answered_does_not_follow_into_a_new_conversation(
    bot: Bot, browse: OpenContext, records: Session
) -> None:
    chat = chat_page(browse(language="en-GB"), bot)
    chat.write("hello")
    chat.hears("assistant")
    before, token = chat.conversation(), stored(chat)["token"]
    held: list[Route] = []
    chat.page.route("**/webhook", lambda route: route.continue_() if held else held.append(route))
    with chat.page.expect_request("**/webhook"):
        chat.write("where is my order")
    start_over(chat)
    wait_until(chat.page, lambda: stored(chat)["token"] != token)
    with chat.page.expect_response("**/webhook"):
        held[0].continue_()
    chat.write("return policy")
    chat.hears("30")
    expect(chat.page.locator(".said.customer")).to_have_count(1)
    said = conversations.since(records, chat.conversation())
    assert [one.text for one in said if one.sender is Sender.CUSTOMER] == ["return policy"]
    assert chat.conversation() != before


def test_a_photo_that_did_not_come_is_asked_for_again_and_is_let_go_with_its_conversation(
    bot: Bot, browse: OpenContext
) -> None:
    count = """() => {
      window.held = 0;
      const { createObjectURL, revokeObjectURL } = URL;
      URL.createObjectURL = (blob) => ((window.held += 1), createObjectURL.call(URL, blob));
      URL.revokeObjectURL = (address) => ((window.held -= 1), revokeObjectURL.call(URL, address));
    }"""
    chat = chat_page(browse(language="en-GB"), bot, prepared=lambda page: page.add_init_script(f"({count})()"))
    chat.page.route("**/photos/*", lambda route: route.abort())
    file = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": photo(size=(600, 400))}
    with chat.page.expect_event("requestfailed"):
        chat.page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    chat.hears("photo")
    chat.page.unroute("**/photos/*")
    chat.write("hello")
    expect(chat.page.locator(".said.customer img")).to_have_js_property("naturalWidth", 600)
    assert chat.page.evaluate("window.held") == 1
    start_over(chat)
    wait_until(chat.page, lambda: chat.page.evaluate("window.held") == 0)


# The line to the server


def test_an_old_stream_ends_with_its_conversation_in_every_browser(bot: Bot, browse: OpenContext) -> None:
    chat = chat_page(
        browse(language="en-GB"), bot, prepared=lambda page: page.add_init_script("delete AbortSignal.any")
    )
    chat.write("hello")
    chat.hears("assistant")
    with chat.page.expect_event("requestfailed", lambda request: "/events" in request.url):
        start_over(chat)


def test_a_stream_that_opens_and_says_nothing_is_asked_for_less_and_less_often(bot: Bot, browse: OpenContext) -> None:
    page = browse(language="en-GB").new_page()
    asked: list[float] = []

    def answer(route: Route) -> None:
        asked.append(time.monotonic())
        route.fulfill(content_type="text/event-stream", body="retry: 1000\n\n")

    page.route("**/events?*", answer)
    page.goto(f"{bot.url}/chat")
    page.wait_for_timeout(4_500)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert len(pauses) >= 3
    assert all(pause >= least for pause, least in zip(pauses, (0.5, 1, 2), strict=False)), pauses


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Asks from here: a page that forbids `eval` cannot be made to ask itself, as wait_for_function would."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(200)
    raise AssertionError("It did not come in 20 seconds.")


def test_while_the_bot_starts_a_message_waits_as_long_as_it_takes_and_says_so(
    bot: Bot, browse: OpenContext, look: Look, records: Session
) -> None:
    chat = chat_page(browse(PHONE, language="en-GB"), bot)
    refused: list[Route] = []

    def refuse(route: Route) -> None:
        refused.append(route)
        route.fulfill(status=503, json={"error": "…"})

    chat.page.route("**/ready", lambda route: route.fulfill(status=503, json={"status": "loading"}))
    chat.page.route("**/webhook", refuse)
    chat.write("hello")
    chat.write("where is my parcel W2378156")
    expect(chat.page.locator("#state")).to_have_text("Getting ready…")
    expect(chat.page.locator(".mark-sent")).to_have_text("We are just getting ready. This goes out by itself…")
    look(chat.page, "phone-en-getting-ready")
    wait_until(chat.page, lambda: len(refused) >= 5)
    expect(chat.page.locator(".trouble")).to_have_count(0)
    chat.page.unroute("**/ready")
    chat.page.unroute("**/webhook")
    chat.hears("postal code", count=1)
    expect(chat.page.locator("#state")).to_have_text("A person on request")
    said = conversations.since(records, chat.conversation())
    assert [one.text for one in said if one.sender is Sender.CUSTOMER] == ["hello", "where is my parcel W2378156"]


def test_what_was_refused_by_a_bot_that_starts_is_asked_again_though_it_is_on_record(
    bot: Bot, browse: OpenContext
) -> None:
    chat = chat_page(browse(language="en-GB"), bot)
    answered: list[int] = []

    def answer(route: Route) -> None:
        response = route.fetch()
        answered.append(response.status)
        if len(answered) > 1:
            return route.fulfill(response=response)
        return route.fulfill(status=503, json={"error": "…"})

    chat.page.route("**/webhook", answer)
    chat.write("hello")
    chat.has_said("hello")
    wait_until(chat.page, lambda: len(answered) >= 2)
    chat.hears("assistant", count=1)
    chat.has_said("hello")
    wait_until(chat.page, lambda: not unsent(chat))


def test_a_photo_waits_for_a_bot_that_starts(bot: Bot, browse: OpenContext) -> None:
    chat = chat_page(browse(language="en-GB"), bot)
    chat.page.route("**/photos?*", lambda route: route.fulfill(status=503, json={"error": "…"}))
    file = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": photo(size=(600, 400))}
    chat.page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    expect(chat.page.locator(".note")).to_contain_text("getting ready")
    chat.page.unroute("**/photos?*")
    expect(chat.page.locator(".said.customer img")).to_have_js_property("naturalWidth", 600)
    expect(chat.page.locator(".note")).to_have_count(0)


def test_a_message_that_was_answered_too_late_is_shown_once(bot: Bot, browse: OpenContext) -> None:
    page = browse(language="en-GB").new_page()

    def answer_late(route: Route) -> None:
        route.fetch()
        route.fulfill(json=[{"text": "That takes too long."}])

    page.route("**/events?*", lambda route: route.abort())
    page.route("**/webhook", answer_late)
    page.goto(f"{bot.url}/chat")
    chat = Chat(page)
    chat.write("hello")
    chat.hears("That takes too long.")
    chat.has_said("hello")
    page.unroute("**/events?*")
    chat.hears("assistant")
    chat.has_said("hello")
    chat.hears("That takes too long.", count=1)


# Several tabs


def stored(chat: Chat) -> dict[str, Any]:
    return dict(chat.page.evaluate("JSON.parse(localStorage['haoke.chat'])"))


def unsent(chat: Chat) -> list[str]:
    return [one["text"] for one in stored(chat)["unsent"]]


def test_a_new_conversation_in_one_tab_is_the_new_one_in_every_tab(bot: Bot, browse: OpenContext) -> None:
    context = browse(language="en-GB")
    first, second = chat_page(context, bot), chat_page(context, bot)
    first.write("hello")
    second.hears("assistant")
    before = first.conversation()
    start_over(first)
    expect(second.page.locator("#welcome")).to_be_visible()
    second.write("return policy")
    second.hears("30")
    first.has_said("return policy")
    first.hears("30")
    assert first.conversation() != before
    assert stored(first)["conversation"] == first.conversation()
    first.page.reload()
    first.has_said("return policy")
    expect(first.page.locator(".said.customer")).to_have_count(1)


def test_a_tab_that_did_not_hear_of_a_new_conversation_does_not_bring_the_old_one_back(
    bot: Bot, browse: OpenContext
) -> None:
    context = browse(language="en-GB")
    first = chat_page(context, bot)
    deaf = chat_page(
        context,
        bot,
        prepared=lambda page: page.add_init_script(
            "addEventListener('storage', (event) => event.stopImmediatePropagation(), true)"
        ),
    )
    first.write("hello")
    deaf.hears("assistant")
    start_over(first)
    first.write("return policy")
    first.hears("30")
    begun = first.conversation()
    deaf.write("how long does delivery take")
    deaf.has_said("return policy")
    first.has_said("how long does delivery take")
    assert first.conversation() == begun


def test_what_one_tab_could_not_send_yet_is_not_forgotten_by_another(
    bot: Bot, browse: OpenContext, records: Session
) -> None:
    context = browse(language="en-GB")
    first, second = chat_page(context, bot), chat_page(context, bot)
    first.page.route("**/webhook", lambda route: route.abort())
    first.write("where is my parcel W2378156")
    expect(first.page.locator(".mark-sent")).to_contain_text("Waiting for your connection")
    second.write("hello")
    second.hears("assistant")
    # the answer may be pushed before the message is told to have arrived
    wait_until(second.page, lambda: unsent(second) == ["where is my parcel W2378156"])
    first.page.unroute("**/webhook")
    first.page.reload()
    second.hears("postal code", count=1)
    said = conversations.since(records, first.conversation())
    assert [one.text for one in said if one.sender is Sender.CUSTOMER] == ["hello", "where is my parcel W2378156"]


# On a shop's page


def demo(context: Any, bot: Bot) -> tuple[Page, FrameLocator]:
    page = context.new_page()
    page.goto(f"{bot.url}/demo")
    return page, page.frame_locator("haoke-chat iframe")


def test_the_chat_opens_on_a_shops_page_closes_and_tells_of_what_came_meanwhile(
    bot: Bot, browse: OpenContext, look: Look, records: Session
) -> None:
    page, frame = demo(browse(DESKTOP), bot)
    look(page, "desktop-zh-demo-closed")
    page.get_by_role("button", name="在线客服").click()
    chat = Chat(page, frame)
    chat.write("转人工")
    chat.hears(A_PERSON)
    look(page, "desktop-zh-demo-open")
    frame.locator("#close").click()
    expect(page.get_by_role("button", name="在线客服")).to_be_focused()
    handover = queue.open_in(records, chat.conversation())
    assert handover is not None
    work.take(records, handover.id, "小林")
    work.write(records, handover.id, agent="小林", text="在的。")
    expect(page.get_by_role("button", name="在线客服 (2 条新消息)")).to_be_visible()
    look(page, "desktop-zh-demo-unread")
    page.get_by_role("button", name="在线客服").click()
    chat.hears("在的。")
    page.reload()
    chat.hears("在的。", count=1)  # it stays open from page to page
    expect(page.get_by_role("button", name="收起在线客服")).to_be_visible()
    assert page.evaluate("document.activeElement === document.body")  # and leaves the visitor where they are


def test_it_can_be_used_without_a_mouse(bot: Bot, browse: OpenContext) -> None:
    page, frame = demo(browse(DESKTOP, language="en-GB"), bot)
    launcher = page.get_by_role("button", name="在线客服")
    launcher.focus()
    page.keyboard.press("Enter")
    expect(frame.locator("#text")).to_be_focused()
    page.keyboard.type("return policy")
    page.keyboard.press("Enter")
    Chat(page, frame).hears("30")
    page.keyboard.press("Escape")
    expect(launcher).to_be_focused()
    expect(launcher).to_have_attribute("aria-expanded", "false")


def test_escape_that_ends_pinyin_does_not_close_the_chat(bot: Bot, browse: OpenContext) -> None:
    page, frame = demo(browse(DESKTOP), bot)
    page.get_by_role("button", name="在线客服").click()
    escape = "(text, more) => text.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true, ...more}))"
    text = frame.locator("#text")
    expect(text).to_be_focused()
    text.evaluate(escape, {"isComposing": True})
    text.evaluate(escape, {"keyCode": 229})
    page.wait_for_timeout(300)
    expect(text).to_be_visible()
    text.evaluate(escape, {})
    expect(text).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, DESKTOP], ids=["320 wide", "desktop"])
def test_nothing_runs_over_the_edge(bot: Bot, browse: OpenContext, look: Look, size: Any, scheme: str) -> None:
    chat = chat_page(browse(size, scheme=scheme, language="en-GB"), bot)
    chat.write("W" * 300 + " https://example.com/" + "a" * 200)
    chat.hears("")
    chat.write("talk to a person")
    chat.hears(A_PERSON)
    look(chat.page, f"{size[0]}-{scheme}-long")
    assert chat.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert chat.page.evaluate("scroller.scrollWidth <= scroller.clientWidth")
