"""The encoders on the weights of the real packages, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.encoders.e5 import E5Encoder
from components.encoders.universal import UniversalEncoder

TEXTS = [
    "我的订单怎么还没发货",
    "has my order shipped yet",
    "I'd like to return the blue desk lamp, it came broken",
    "把 iPhone 13 手机壳 换成红色 please",
    "订单号 W2378156，运费￥1,299.00？",
    "ＦＵＬＬ　ｗｉｄｔｈ，１２３！",
    "two  spaces and\ta tab\nand a line",
    "thanks 😀👍🏽 👨‍👩‍👧",
    "龘靐齉爨 𠮷野家",
    "①②㈱ ﬁ ½ ™ …",
    "Crème brûlée, Ünïcödé ẞ",
    "很好" * 30,
    "a",
]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="session")
def universal(cache: Path) -> UniversalEncoder:
    return UniversalEncoder(cache, "tests")


@pytest.fixture(scope="session")
def e5(cache: Path) -> E5Encoder:
    return E5Encoder(cache, "tests")


@pytest.fixture(params=TEXTS, ids=range(len(TEXTS)))
def text(request: pytest.FixtureRequest) -> str:
    return str(request.param)
