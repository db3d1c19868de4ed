"""The desk's files: small, self-contained, and with a word for every mark."""

from __future__ import annotations

import gzip
import re

from desk.web import pages

SOURCES = {file.name: file.read_text(encoding="utf-8") for file in pages.PAGES.iterdir()}


def test_they_are_small() -> None:
    assert sum(len(gzip.compress(text.encode())) for text in SOURCES.values()) < 40_000


def test_nothing_stands_inline_and_nothing_comes_from_elsewhere() -> None:
    page = SOURCES["desk.html"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)
    for name, text in SOURCES.items():
        assert not re.search(r"https?://(?!www\.w3\.org)", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name


def test_every_word_that_is_asked_for_is_there() -> None:
    everything = "\n".join(SOURCES.values())
    in_page = set(re.findall(r'data-(?:word|label|title|hint)="(\w+)"', everything))
    in_code = set(re.findall(r'\bword\("(\w+)"', everything))
    assert in_page and in_code and in_page | in_code <= set(pages.table())
