"""A real browser in front of a real bot. What it saw is kept in var/artefacts/screenshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from deploy.browser import ensure
from deploy.processes import ROOT
from tests.conversations.conftest import bot, shop  # noqa: F401

SCREENSHOTS = ROOT / "var/artefacts/screenshots"
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
