"""The widget's files and a page of a sample shop with the widget on it, served as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

WIDGET = Path(__file__).parent / "widget"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOADER = "haoke.js"  # what a shop's page asks for, from wherever it is


def add(web: Blueprint, origins: tuple[str, ...]) -> None:
    """Routes for all of them, a page's without its ending. The sites in `origins` may show the chat on their pages."""
    for file in sorted(WIDGET.iterdir()):
        name = file.stem if file.suffix == ".html" else file.name
        web.add_route(_page(file, _headers(file, origins)), f"/{name}", name=name.replace(".", "_"))


def _headers(file: Path, origins: tuple[str, ...]) -> dict[str, str]:
    ours = " ".join(("'self'", *origins))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
        f"img-src {ours} data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors {ours}"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "no-cache",
        **({"Cross-Origin-Resource-Policy": "cross-origin"} if file.name == LOADER else {}),
    }


def _page(file: Path, headers: dict[str, str]) -> Callable[[Request], Awaitable[HTTPResponse]]:
    async def page(_request: Request) -> HTTPResponse:
        return await response.file(file, mime_type=f"{KINDS[file.suffix]}; charset=utf-8", headers=dict(headers))

    return page
