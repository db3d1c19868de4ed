"""The widget's files: small, in both languages, and without a way to make markup from text or to ask anybody else."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from channels.pages import KINDS, WIDGET
from channels.settings import Settings
from channels.web import WebChannel
from tests.channels.server import Chat, serving

FILES = sorted(WIDGET.iterdir())
SCRIPTS = [file for file in FILES if file.suffix == ".js"]
PAGES = [file for file in FILES if file.suffix == ".html"]
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|setAttribute\(.on|srcdoc")


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def address_of(file: Path) -> str:
    return f"/{file.stem if file.suffix == '.html' else file.name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_served_and_may_ask_nobody_else(site: Chat, file: Path) -> None:
    response = site.client.get(address_of(file))

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{KINDS[file.suffix]}; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_only_named_sites_may_show_the_chat(shop: Session) -> None:
    with serving(WebChannel(Settings(origins=("https://shop.example",)))) as chat:
        policy = chat.client.get("/chat").headers["content-security-policy"]

        assert "frame-ancestors 'self' https://shop.example" in policy
        assert "script-src 'self';" in policy


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_script_makes_markup_from_text(file: Path) -> None:
    assert not MARKUP.search(read(file))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_a_page_holds_no_script_or_style_of_its_own_and_no_strange_address(file: Path) -> None:
    page = read(file)
    addresses = re.findall(r"""(?:src|href)="([^"#]+)""", page)

    assert not re.search(r"<script>|<style|\sstyle=|\son[a-z]+=", page)
    assert all(address in {one.name for one in FILES} or address.startswith("data:image/svg") for address in addresses)


def test_every_word_is_there_in_both_languages_and_used() -> None:
    chinese, english = (re.findall(r"^    (\w+):", part, re.M) for part in read(WIDGET / "words.js").split("\n  en: {"))
    page, scripts = read(WIDGET / "chat.html"), "".join(read(WIDGET / f"{name}.js") for name in ("chat", "view"))
    named = set(re.findall(r'data-(?:word|label|title|hint)="(\w+)"', page)) | set(
        re.findall(r"words\.(?!js\b)(\w+)", scripts)
    )
    quoted = set(re.findall(r'"(\w+)"', scripts + read(WIDGET / "connection.js")))

    assert chinese == english
    assert named <= set(chinese)
    assert set(chinese) <= named | quoted


def test_what_a_shops_page_loads_stays_small() -> None:
    loaded = [file for file in FILES if not file.name.startswith("demo")]

    assert sum(len(gzip.compress(file.read_bytes())) for file in loaded) < 30_000
