"""An agent's page while the server is slow, refuses or is away, and while others write: nothing is mixed up or lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.orm import Session

from deploy.bot import Desk
from desk import conversations, work
from shop.models import Sender
from tests.browser.conftest import OpenContext, Seat
from tests.browser.test_chat import Look
from tests.browser.test_desk import seat
from tests.desk.web.conftest import waiting, writes

pytestmark = pytest.mark.usefixtures("staff")

REFUSED = '{"error": "Not this one."}'
Answer = Callable[[], None]


@contextmanager
def held(page: Page, path: str) -> Iterator[Answer]:
    """The first request for `path` is kept waiting; what comes refuses it."""
    routes: list[Route] = []
    page.route(f"**/desk/api/{path}", lambda route: route.continue_() if routes else routes.append(route))
    yield lambda: routes[0].fulfill(status=409, content_type="application/json", body=REFUSED)
    page.unroute(f"**/desk/api/{path}")


def two_waiting(staff: Session, *, of: str = "") -> tuple[int, int]:
    """Two customers, one with a lamp and one with a mug; an agent has them already, if one is named."""
    lamp, mug = waiting(staff, "visitor-1", wish="退台灯").id, waiting(staff, "visitor-2", wish="退杯子").id
    for id in (lamp, mug):
        if of:
            work.take(staff, id, of)
    return lamp, mug


def test_a_note_that_is_refused_while_another_customer_is_open_is_told_where_it_belongs(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    lamp, mug = two_waiting(staff, of="Mei")
    mei = seat(browse, desk, "Mei", language="en-GB")
    form, error = mei.page.locator("#note-form"), mei.page.locator("#note-error")
    mei.open("台灯")
    mei.tab("Customer")
    with held(mei.page, f"handovers/{lamp}/notes") as refuse:
        mei.page.locator("#note").fill("about the lamp")
        form.locator("button").click()
        expect(form).to_have_attribute("aria-busy", "true")
        mei.open("杯子")
        expect(mei.page.locator("#note")).to_have_value("")
        expect(form).not_to_have_attribute("aria-busy", "true")
        mei.page.locator("#note").fill("about the mug")
        form.locator("button").click()
        expect(mei.page.locator("#notes")).to_contain_text("about the mug")
        with mei.page.expect_response(f"**/{lamp}/notes"):
            refuse()
        expect(error).to_be_empty()
    mei.open("台灯")
    expect(error).to_have_text("Not this one.")
    expect(mei.page.locator("#note")).to_have_value("about the lamp")
    mei.open("杯子")
    expect(error).to_be_empty()
    assert mug and not mei.page.errors  # type: ignore[attr-defined]


def test_whom_an_agent_could_not_take_is_told_of_that_customer_alone(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    lamp, _ = two_waiting(staff)
    mei = seat(browse, desk, "Mei", language="en-GB")
    mei.open("台灯")
    with held(mei.page, f"handovers/{lamp}/take") as refuse:
        mei.page.locator("#take").click()
        expect(mei.page.locator("#taking")).to_have_attribute("aria-busy", "true")
        mei.open("杯子")
        mei.take()
        refuse()
    mei.open("台灯")
    expect(mei.page.locator("#take-error")).to_have_text("Not this one.")


def test_an_order_that_is_not_proven_says_so_at_its_own_customer(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    lamp, _ = two_waiting(staff, of="Mei")
    mei = seat(browse, desk, "Mei", language="en-GB")
    form = mei.page.locator("#prove")
    mei.open("台灯")
    mei.tab("Orders")
    with held(mei.page, f"handovers/{lamp}/prove") as refuse:
        form.locator("input").nth(0).fill("W2378156")
        form.locator("input").nth(1).fill("000000")
        form.locator("button").click()
        mei.open("杯子")
        expect(form).to_be_visible()
        refuse()
        expect(form).not_to_contain_text("Not this one.")
    mei.open("台灯")
    expect(form).to_contain_text("Not this one.")


def test_saved_replies_open_for_one_customer_while_those_of_another_are_on_their_way(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    lamp, _ = two_waiting(staff, of="Mei")
    mei = seat(browse, desk, "Mei", language="en-GB")
    mei.open("台灯")
    with held(mei.page, f"handovers/{lamp}/replies") as refuse:
        mei.page.locator("#replies-open").click()
        mei.open("杯子")
        mei.page.locator("#replies-open").click()
        expect(mei.page.locator("#replies-none")).to_be_visible()
        refuse()
        expect(mei.page.locator("#replies-error")).to_be_empty()


def test_a_customer_who_could_not_be_passed_on_does_not_keep_another_from_it(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    lamp, mug = two_waiting(staff, of="Mei")
    mei = seat(browse, desk, "Mei", language="en-GB")
    mei.open("台灯")
    with held(mei.page, f"handovers/{lamp}/hand-back") as refuse:
        mei.page.locator("#hand-back").click()
        mei.page.locator("#hand-back-dialog [type=submit]").click()
        mei.page.keyboard.press("Escape")
        mei.open("杯子")
        mei.leave("hand-back")
        refuse()
        expect(mei.page.locator("#notice")).to_contain_text("Not this one.")
    expect(mei.page.locator("#mine .row")).to_have_count(1)
    assert mug


def test_what_is_selected_beside_the_conversation_stays_selected_while_the_customer_writes(
    desk: Desk, browse: OpenContext, staff: Session
) -> None:
    two_waiting(staff, of="Mei")
    mei = seat(browse, desk, "Mei", language="en-GB")
    mei.open("台灯")
    mei.page.locator("#facts dd").first.wait_for()
    for place in ("#summary li", "#facts dd", "#who", "#about"):
        mei.page.locator(place).first.evaluate("element => getSelection().selectAllChildren(element)")
        selected = mei.page.evaluate("getSelection().toString()")
        assert selected
        conversations.is_typing(staff, "visitor-1", Sender.CUSTOMER)
        expect(mei.page.locator("#typing")).not_to_be_empty()
        writes(staff, "visitor-1", f"还在吗{place}")
        mei.hears(f"还在吗{place}")
        expect(mei.page.locator("#typing")).to_be_empty()
        assert mei.page.evaluate("getSelection().toString()") == selected
    assert not mei.page.errors  # type: ignore[attr-defined]


# The line to the server


def test_a_stream_that_opens_and_ends_again_is_asked_for_less_and_less_often(desk: Desk, browse: OpenContext) -> None:
    asked: list[float] = []

    def answer(route: Route) -> None:
        asked.append(time.monotonic())
        route.fulfill(content_type="text/event-stream", body="retry: 1000\n\n")

    page = browse(language="en-GB").new_page()
    page.route("**/desk/api/events*", answer)
    page.goto(desk.url)
    Seat(page).sign_in("Mei")
    expect(page.locator("#line")).to_have_text(re.compile("Offline"))
    page.wait_for_timeout(4_500)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert len(pauses) >= 3
    assert all(pause >= least for pause, least in zip(pauses, (0.5, 1, 2), strict=False)), pauses


@pytest.mark.parametrize(
    ("language", "sentence"), [("zh-CN", "暂时连不上客服台"), ("en-GB", "The desk cannot be reached just now")]
)
def test_a_reload_while_the_database_is_away_says_so_and_goes_on_by_itself(
    desk: Desk, browse: OpenContext, look: Look, language: str, sentence: str
) -> None:
    mei = seat(browse, desk, "Mei" if language == "en-GB" else "林", language=language)
    mei.page.route("**/desk/api/me", lambda route: route.fulfill(status=503, json={"error": "…"}))
    mei.page.reload()
    expect(mei.page.locator("#connecting")).to_contain_text(sentence)
    expect(mei.page.locator("#connecting")).to_be_visible(timeout=300)
    look(mei.page, f"desk-{language[:2]}-not-reached")
    mei.page.unroute("**/desk/api/me")
    expect(mei.page.locator("#queue-empty")).to_be_visible()
    expect(mei.page.locator("#connecting")).to_be_hidden()


def test_a_line_that_takes_long_is_shown_to_be_made(desk: Desk, browse: OpenContext, look: Look) -> None:
    mei = seat(browse, desk, "Mei", language="en-GB")
    asked: list[Route] = []
    mei.page.route("**/desk/api/me", lambda route: asked.append(route))
    mei.page.route("**/desk/api/events*", lambda route: asked.append(route))
    mei.page.reload()
    expect(mei.page.locator("#connecting")).to_have_text("Connecting…")
    asked.pop().continue_()
    expect(mei.page.locator("#line")).to_have_text("Connecting…")
    look(mei.page, "desk-en-connecting")
    asked.pop().continue_()
    expect(mei.page.locator("#line")).to_be_hidden()
    expect(mei.page.locator("#queue-empty")).to_be_visible()
