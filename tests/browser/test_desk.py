"""A customer in one window, an agent in another: whole stories, in both languages, on phone and desktop."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from deploy.bot import Bot, Desk, running_desk
from deploy.processes import free_port
from shop import clock, database
from shop.models import Agent, AuditEntry, Handover, Order, OrderState, Rating, Return
from tests.browser.conftest import DESKTOP, PHONE, OpenContext, Seat
from tests.browser.test_chat import A_PERSON, Look, chat_page
from tests.conversations.conftest import Shop

pytestmark = pytest.mark.usefixtures("staff")

SCRIPT = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


def seat(
    browse: OpenContext, desk: Desk, name: str, *, size: tuple[int, int] = DESKTOP, language: str = "zh-CN"
) -> Seat:
    page = browse(size, language=language).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.errors = problems  # type: ignore[attr-defined]
    page.goto(desk.url)
    taken = Seat(page)
    taken.sign_in(name)
    expect(page.locator("#desk")).to_be_visible()
    return taken


def fresh(session: Session) -> Session:
    """What other processes have written meanwhile is read anew."""
    session.rollback()
    session.expire_all()
    return session


def test_a_return_with_an_agent_in_chinese_from_the_first_word_to_the_score(
    bot: Bot, desk: Desk, browse: OpenContext, look: Look, staff: Session
) -> None:
    lin = seat(browse, desk, "林")
    expect(lin.page.locator("#queue-empty")).to_be_visible()
    look(lin.page, "desk-zh-nobody-waits")
    chat = chat_page(browse(PHONE, touch=True), bot)
    chat.write("我要退掉订单W2378158的台灯")
    chat.hears("核对")
    chat.write("5678")
    chat.hears("原因")
    chat.write("你们怎么回事！！灯一直闪，太差劲了，转人工")
    chat.write("转人工")
    chat.hears(A_PERSON)
    row = lin.page.locator(".row").first
    expect(row).to_contain_text("退")
    expect(lin.page).to_have_title(re.compile(r"\(\d+\)"))
    look(lin.page, "desk-zh-somebody-waits")
    row.click()
    expect(lin.page.locator("#log .said.customer", has_text="5678")).to_have_count(1)
    lin.take()
    chat.hears("林来为您服务了")
    look(lin.page, "desk-zh-taken")

    lin.page.locator("#text").press_sequentially("您好", delay=30)
    expect(chat.page.locator("#typing")).to_contain_text("客服正在输入")
    lin.write("您好，我是林，给您添麻烦了。灯收到就闪吗？")
    chat.hears("灯收到就闪吗")
    expect(lin.page.locator("#log")).to_contain_text("已读")
    chat.page.locator("#text").press_sequentially("是的", delay=30)
    expect(lin.page.locator("#typing")).not_to_be_empty()
    chat.write("是的，一开就闪")
    lin.hears("一开就闪")

    lin.tab("订单")
    lin.page.locator("#orders .order", has_text="W2378158").click()
    look(lin.page, "desk-zh-order")
    lin.page.locator("#orders").get_by_role("button", name="退货", exact=True).click()
    form = lin.page.locator("#act-form")
    form.get_by_label(re.compile("台灯")).check()
    form.get_by_label("原因").select_option(label="质量问题")
    form.get_by_label("退款到").select_option(label="原路退回")
    form.locator("#preview").click()
    expect(lin.page.locator("#act-preview")).to_contain_text("¥239")
    look(lin.page, "desk-zh-return-preview")
    lin.page.locator("#confirm").dblclick()
    expect(lin.page.locator("#act-done")).to_be_visible()
    lin.page.locator("#act-done").get_by_role("button").first.click()
    expect(lin.page.locator("#text")).to_have_value(re.compile(r"退货单R\d{7}已开好"))
    lin.page.locator("#text").press("Enter")
    chat.hears(re.compile(r"退货单R\d{7}已开好"))
    back = fresh(staff).execute(select(Return).order_by(Return.id.desc())).scalars().first()
    assert back is not None and back.order.number == "W2378158" and back.fee_cents == 0
    opened = staff.execute(select(AuditEntry).where(AuditEntry.action == "open_return")).scalars().all()
    assert [entry.actor for entry in opened] == ["林"]

    lin.leave("hand-back", note="灯有质量问题，已开退货")
    chat.hears("几分")
    look(chat.page, "phone-zh-score-of-agent")
    chat.take("5分")
    chat.hears("好评")
    (score,) = fresh(staff).execute(select(Rating)).scalars().all()
    assert score.score == 5 and score.handover_id is not None
    chat.write("退货要多久到账")
    chat.hears("天")
    assert not lin.page.errors and not chat.page.errors  # type: ignore[attr-defined]


def test_an_agent_on_a_phone_verifies_and_cancels_in_english(
    bot: Bot, desk: Desk, browse: OpenContext, look: Look, staff: Session
) -> None:
    chat = chat_page(browse(DESKTOP, language="en-GB"), bot)
    chat.write("I ordered the wrong thing, get me a human please")
    chat.hears(A_PERSON)
    mei = seat(browse, desk, "Mei", size=PHONE, language="en-GB")
    look(mei.page, "desk-phone-en-queue")
    mei.page.locator(".row").first.click()
    mei.take()
    mei.write("Hi, Mei here. What is the order number, and the phone on it?")
    chat.hears("Mei here")
    chat.write("W2378156, 13812345678")
    mei.hears("13812345678")
    look(mei.page, "desk-phone-en-conversation")
    mei.tab("Orders")
    proving = mei.page.locator("#prove")
    proving.locator("input").nth(0).fill("W2378156")
    proving.locator("input").nth(1).fill("000000")
    proving.locator("button").click()
    expect(proving).to_contain_text("no such order, or not proven")
    proving.locator("input").nth(1).fill("13812345678")
    proving.locator("button").click()
    mei.page.locator("#orders").get_by_role("button", name="Cancel", exact=True).click()
    mei.page.locator("#preview").click()
    expect(mei.page.locator("#act-preview")).to_contain_text("¥338")
    look(mei.page, "desk-phone-en-preview")
    mei.page.locator("#confirm").click()
    mei.page.locator("#act-done").get_by_role("button").first.click()
    mei.page.locator("#text").press("Enter")
    chat.hears("Order W2378156 is cancelled")
    state = fresh(staff).execute(select(Order.state).where(Order.number == "W2378156")).scalar()
    assert state is OrderState.CANCELLED
    mei.leave("close", reason="solved", note="cancelled")
    chat.hears("How was Mei's help")
    chat.write("4")
    chat.hears("makes our day")
    (score,) = fresh(staff).execute(select(Rating)).scalars().all()
    assert score.score == 4 and score.handover_id is not None
    assert not mei.page.errors  # type: ignore[attr-defined]


def test_a_colleague_takes_up_where_another_left_off_and_the_customer_reads_no_note(
    bot: Bot, desk: Desk, browse: OpenContext, look: Look, staff: Session
) -> None:
    chat = chat_page(browse(DESKTOP), bot)
    chat.write("发票抬头开错了，我要人工")
    chat.hears(A_PERSON)
    lin, mei = seat(browse, desk, "林"), seat(browse, desk, "Mei", language="en-GB")
    lin.open("发票")
    lin.take()
    expect(mei.page.locator("#colleagues .row")).to_have_count(1)
    lin.tab("顾客")
    lin.page.locator("#note").fill("着急报销")
    lin.page.locator("#note-form button").click()
    expect(lin.page.locator("#notes")).to_contain_text("着急报销")
    lin.page.locator("#pass").click()
    dialog = lin.page.locator("#pass-dialog")
    dialog.get_by_label(re.compile("Mei")).check()
    dialog.locator("textarea").fill("你管发票")
    dialog.locator("button[type=submit]").click()
    chat.hears("Mei来为您服务了")
    mei.page.locator("#mine .row").click()
    mei.tab("Customer")
    expect(mei.page.locator("#notes")).to_contain_text("你管发票")
    expect(mei.page.locator("#summary")).to_contain_text("They write Chinese")
    look(mei.page, "desk-en-customer-tab")
    mei.write("您好，我是Mei，抬头改成什么？")
    chat.hears("抬头改成什么")
    expect(chat.page.locator("#log")).not_to_contain_text("着急报销")
    expect(chat.page.locator("#log")).not_to_contain_text("你管发票")


def test_an_agent_who_disappears_loses_the_conversation_and_the_customer_hears_of_it(
    bot: Bot, desk: Desk, browse: OpenContext, staff: Session
) -> None:
    chat = chat_page(browse(PHONE, language="en-GB"), bot)
    chat.write("a human please")
    chat.hears(A_PERSON)
    lin = seat(browse, desk, "林")
    lin.page.locator(".row").first.click()
    lin.take()
    lin.page.context.close()
    long_ago = clock.now() - timedelta(minutes=4)
    database.begin_change(staff)
    staff.execute(update(Agent).where(Agent.name == "林").values(seen_at=long_ago))
    staff.execute(update(Handover).values(active_at=long_ago))
    staff.commit()

    lost = chat.page.locator(".said.bot", has_text="our colleague has dropped out")
    expect(lost).to_have_count(1, timeout=90_000)  # a desk just started gives everybody a minute to show themselves
    mei = seat(browse, desk, "Mei", language="en-GB")
    mei.page.locator("#waiting .row").click()
    mei.take()
    mei.write("Mei here now.")
    chat.hears("Mei here now.")


def test_a_reload_and_a_restart_of_the_desk_lose_nothing(
    bot: Bot, shop: Shop, browse: OpenContext, tmp_path: Path
) -> None:
    place = {"folder": tmp_path, "shop_url": str(shop.engine.url), "port": free_port()}
    chat = chat_page(browse(PHONE), bot)
    chat.write("转人工")
    chat.hears(A_PERSON)
    with running_desk(**place) as desk:  # type: ignore[arg-type]
        lin = seat(browse, desk, "林")
        lin.page.locator(".row").first.click()
        lin.take()
        lin.write("您好")
        lin.page.reload()
        expect(lin.page.locator("#log .said.agent", has_text="您好")).to_have_count(1)
        expect(lin.page.locator("#composer")).to_be_visible()
    expect(lin.page.locator("#line")).to_be_visible()
    chat.write("还在吗")
    chat.has_said("还在吗")
    lin.page.locator("#text").fill("在的，马上。")
    lin.page.locator("#text").press("Enter")
    with running_desk(**place):  # type: ignore[arg-type]
        heard = lin.page.locator("#log .said.customer", has_text="还在吗")
        expect(heard).to_have_count(1, timeout=15_000)  # a desk that stops is asked less and less often
        retry = lin.page.get_by_role("button", name="重试")
        if retry.count():
            retry.first.click()
        expect(lin.page.locator("#log .said.agent", has_text="在的，马上。")).to_have_count(1)
        chat.hears("在的，马上。", count=1)
        expect(lin.page.locator("#line")).to_be_hidden()


def test_what_a_customer_writes_is_text_to_the_agent_and_the_other_way_round(
    bot: Bot, desk: Desk, browse: OpenContext, look: Look
) -> None:
    chat = chat_page(browse(DESKTOP, language="en-GB"), bot)
    chat.write(SCRIPT)
    chat.hears(re.compile("."))
    chat.write("human please")
    chat.hears(A_PERSON)
    lin = seat(browse, desk, "林")
    lin.page.locator(".row").first.click()
    lin.hears("onerror")
    lin.take()
    lin.write(SCRIPT)
    chat.hears("onerror")
    lin.tab("顾客")
    lin.page.locator("#note").fill(SCRIPT)
    lin.page.locator("#note-form button").click()
    expect(lin.page.locator("#notes")).to_contain_text("onerror")
    look(lin.page, "desk-zh-script-is-text")
    for page in (lin.page, chat.page):
        assert "broken" not in page.title()
        assert page.locator("img[src=x], script:not([src])").count() == 0


def test_a_wrong_password_says_so_and_a_lead_has_more(bot: Bot, desk: Desk, browse: OpenContext, look: Look) -> None:
    page = browse(DESKTOP).new_page()
    page.goto(desk.url)
    wang = Seat(page)
    look(page, "desk-zh-sign-in")
    wang.sign_in("王姐", "not the password")
    expect(page.locator("#sign-in-error")).to_contain_text("不匹配")
    wang.sign_in("王姐")
    page.locator("#manage-replies").click()
    form = page.locator("#reply-form")
    form.locator("input").fill("问候")
    form.locator("textarea").nth(0).fill("{customer}您好，我是{agent}。")
    form.locator("textarea").nth(1).fill("Hello {customer}, this is {agent}.")
    form.locator("button[type=submit]").click()
    expect(page.locator("#managed")).to_contain_text("问候")
    look(page, "desk-zh-saved-replies")
    page.locator("#replies-dialog [data-closes]").first.click()
    page.locator("#today").click()
    expect(page.locator("#today-figures")).to_contain_text("正在等待")
    look(page, "desk-zh-today")
    page.locator("#today-dialog [data-closes]").first.click()

    chat = chat_page(browse(PHONE), bot)
    chat.write("转人工")
    chat.hears(A_PERSON)
    page.locator(".row").first.click()
    wang.take()
    held: list[Route] = []
    page.route("**/replies", lambda route: held.append(route))
    page.locator("#replies-open").click()
    page.locator("#replies-filter").fill("问")
    page.locator("#replies-filter").press("Enter")  # faster than the replies come
    held.pop().continue_()
    expect(page.locator("#text")).to_have_value("您好，我是王姐。")


def test_whoever_was_reading_when_a_colleague_took_it_goes_on_seeing_who_comes(
    bot: Bot, desk: Desk, browse: OpenContext
) -> None:
    first = chat_page(browse(PHONE), bot)
    first.write("转人工")
    first.hears(A_PERSON)
    lin, mei = seat(browse, desk, "林"), seat(browse, desk, "Mei", language="en-GB")
    mei.page.locator("#waiting .row").click()
    expect(mei.page.locator("#take")).to_be_visible()
    lin.page.locator("#waiting .row").click()
    lin.take()
    expect(mei.page.locator("#standing")).to_contain_text("a lead may look")
    second = chat_page(browse(PHONE, language="en-GB"), bot)
    second.write("human please")
    second.hears(A_PERSON)
    expect(mei.page.locator("#waiting .row")).to_have_count(1)
    expect(mei.page.locator("#line")).to_be_hidden()
    first.write("我的电话是13800000000")
    lin.hears("13800000000")
    expect(mei.page.locator("#log")).not_to_contain_text("13800000000")
