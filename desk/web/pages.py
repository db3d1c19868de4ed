"""The desk's files, served as they are, and the words of its pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from desk.words import LANGUAGES

PAGES = Path(__file__).parent / "pages"
WORDS = Path(__file__).with_name("words.yml")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def add(web: Blueprint) -> None:
    for file in sorted(PAGES.iterdir()):
        path = "/" if file.name == "desk.html" else f"/{file.name}"
        web.add_route(_page(file), path, name=f"page_{file.name.replace('.', '_')}")

    @web.get("/words/<language:str>")
    async def words(_request: Request, language: str) -> HTTPResponse:
        if language not in LANGUAGES:
            return response.empty(404)
        return response.json({name: said[language] for name, said in table().items()}, headers=HEADERS)


@lru_cache(maxsize=1)
def table() -> dict[str, dict[str, str]]:
    """Every word of the pages: its name, then the language."""
    with open(WORDS, encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def _page(file: Path) -> Callable[[Request], Coroutine[Any, Any, HTTPResponse]]:
    async def page(_request: Request) -> HTTPResponse:
        return await response.file(file, mime_type=f"{KINDS[file.suffix]}; charset=utf-8", headers=dict(HEADERS))

    return page
