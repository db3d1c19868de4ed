"""Tests of what is awaited run on asyncio, as Rasa does."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
