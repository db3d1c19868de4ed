"""The settings are documented, each with its default and a sentence."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from channels.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs/web-chat.md"


def table() -> str:
    rows = [f"| `{one.name}` | {_shown(one.default)} | {one.metadata['means']} |" for one in fields(Settings)]
    return "\n".join(["| setting | by default | |", "| --- | --- | --- |", *rows])


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:,}" if isinstance(default, int) else str(default or "none")


def test_every_setting_stands_in_the_docs_with_its_default() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
