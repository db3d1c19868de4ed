"""A real browser in front of a real bot and a real desk. What it saw is kept in var/artefacts/screenshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from sqlalchemy.orm import Session

from deploy.bot import Desk, running_desk
from deploy.browser import ensure
from deploy.processes import ROOT
from desk import agents
from shop import database
from shop.models import Role
from tests.conversations.conftest import Shop, bot, shop  # noqa: F401

SCREENSHOTS = ROOT / "var/artefacts/screenshots"
PASSWORD = "a password of this test"
PHONE, NARROW, DESKTOP = (390, 844), (320, 568), (1280, 860)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=ensure(), args=QUIET)
    yield browser
    browser.close()


OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def browse(chromium: Browser) -> Iterator[OpenContext]:
    """Opens a browser of its own, with its own cookies: a size, a language, light or dark."""
    contexts: list[BrowserContext] = []

    def opened(
        size: tuple[int, int] = DESKTOP, *, language: str = "zh-CN", scheme: str = "light", touch: bool = False
    ) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            color_scheme=scheme,  # type: ignore[arg-type]
            has_touch=touch,
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture of a page, to be looked at."""

    def kept(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return kept


@pytest.fixture
def staff(shop: Shop) -> Iterator[Session]:  # noqa: F811
    """The shop as it was filled, with three people who work in it."""
    shop.restore()
    with database.session_factory(shop.engine)() as session:
        for name, role, language in (("林", Role.AGENT, "zh"), ("Mei", Role.AGENT, "en"), ("王姐", Role.LEAD, "zh")):
            agents.add(session, name, PASSWORD, role=role, language=language)
        yield session


@pytest.fixture(scope="session")
def desk(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:  # noqa: F811
    with running_desk(folder=tmp_path_factory.mktemp("desk"), shop_url=str(shop.engine.url)) as desk:
        yield desk


class Seat:
    """What an agent does at the desk."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        self.page.locator("#name").fill(name)
        self.page.locator("#password").fill(password)
        self.page.locator("#sign-in button[type=submit]").click()

    def open(self, wish: str) -> None:
        self.page.locator(".row", has_text=wish).click()

    def take(self) -> None:
        self.page.locator("#take").click()
        expect(self.page.locator("#composer")).to_be_visible()

    def write(self, text: str) -> None:
        self.page.locator("#text").fill(text)
        self.page.locator("#text").press("Enter")
        expect(self.page.locator("#log .said.agent", has_text=text)).to_have_count(1)

    def hears(self, text: str) -> None:
        expect(self.page.locator("#log .said.customer", has_text=text)).to_have_count(1)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def leave(self, how: str, *, note: str = "", reason: str = "") -> None:
        self.page.locator(f"#{how}").click()
        dialog = self.page.locator(f"#{how}-dialog")
        if reason:
            dialog.locator("select").select_option(reason)
        if note:
            dialog.locator("textarea").fill(note)
        dialog.locator("button[type=submit]").click()
        expect(dialog).to_be_hidden()
