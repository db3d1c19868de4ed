"""A place to keep what components learn, a little catalogue, and a few sentences to learn from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.tokenizer import MixedTokenizer

PRODUCTS = [
    ("护眼台灯", "Eye-Care Desk Lamp", ["台灯", "lamp", "desk lamp"]),
    ("iPhone 13", "iPhone 13", ["手机", "phone"]),
    ("iPhone 13 手机壳", "iPhone 13 Case", ["手机壳", "case"]),
    ("连帽卫衣", "Hoodie", ["卫衣"]),
]
OPTIONS = [
    ("colour", "红色", "red", ["红", "大红"]),
    ("size", "M", "M", ["M码", "size m", "medium"]),
    ("size", "42码", "size 42", ["42"]),
    ("size", "大号", "large", ["大"]),
    ("capacity", "500ml", "500 ml", []),
]


class Workbench:
    """Creates components as Rasa does, all of them beside one model storage."""

    def __init__(self, folder: Path) -> None:
        self.storage = LocalModelStorage(folder)

    def create(self, kind: type[GraphComponent], **config: Any) -> Any:
        return kind.create(self._config(kind, config), self.storage, Resource(kind.__name__), self._context(kind))

    def load(self, kind: type[GraphComponent], **config: Any) -> Any:
        return kind.load(self._config(kind, config), self.storage, Resource(kind.__name__), self._context(kind))

    @staticmethod
    def _config(kind: type[GraphComponent], config: dict[str, Any]) -> dict[str, Any]:
        return {**kind.get_default_config(), **config}

    @staticmethod
    def _context(kind: type[GraphComponent]) -> ExecutionContext:
        return ExecutionContext(GraphSchema({}), node_name=kind.__name__)


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    folder = tmp_path / "model"
    folder.mkdir()
    return Workbench(folder)


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a shop database that holds a catalogue and nothing else."""
    monkeypatch.delenv("SHOP_DATABASE_URL", raising=False)
    address = f"sqlite:///{tmp_path / 'catalogue.db'}"
    engine = sqlalchemy.create_engine(address, future=True)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE products (name_zh, name_en, short_names)"))
        connection.execute(sqlalchemy.text("CREATE TABLE option_values (kind, name_zh, name_en, other_names)"))
        for name_zh, name_en, short in PRODUCTS:
            connection.execute(
                sqlalchemy.text("INSERT INTO products VALUES (:zh, :en, :short)"),
                {"zh": name_zh, "en": name_en, "short": json.dumps(short)},
            )
        for kind, name_zh, name_en, others in OPTIONS:
            connection.execute(
                sqlalchemy.text("INSERT INTO option_values VALUES (:kind, :zh, :en, :others)"),
                {"kind": kind, "zh": name_zh, "en": name_en, "others": json.dumps(others)},
            )
    engine.dispose()
    return address


@pytest.fixture
def understood(workbench: Workbench) -> Callable[..., Message]:
    """A message that has gone through the tokenizer and the components given."""

    def run(text: str, *components: Any) -> Message:
        message = Message({"text": text})
        for component in (workbench.create(MixedTokenizer), *components):
            component.process([message])
        return message

    return run


@pytest.fixture
def lessons(workbench: Workbench) -> TrainingData:
    """Tokenised training data: three intents, two topics, and two kinds of entities, in both languages."""
    examples = [
        *(_lesson(text, "cancel_order", reason=reason) for text, reason in CANCELLED),
        *(_lesson(text, "track_order") for text in TRACKED),
        *(_lesson(text, "faq", topic="faq/shipping_fee") for text in FEES),
        *(_lesson(text, "faq", topic="faq/gift_card") for text in GIFTS),
    ]
    return workbench.create(MixedTokenizer).process_training_data(TrainingData(examples))


CANCELLED = [
    ("取消订单，不想要了", "不想要了"),
    ("帮我取消，买错了", "买错了"),
    ("取消吧，拍错了", "拍错了"),
    ("cancel my order, too expensive", "too expensive"),
    ("please cancel it, wrong size", "wrong size"),
    ("cancel that order", None),
]
TRACKED = [
    "我的包裹到哪了",
    "包裹怎么还没到",
    "物流到哪了",
    "where is my package",
    "track my parcel",
    "where is my parcel",
]
FEES = ["运费多少", "邮费怎么算", "包邮吗", "how much is shipping", "shipping cost", "is shipping free"]
GIFTS = [
    "礼品卡怎么用",
    "礼品卡余额",
    "礼品卡会过期吗",
    "how do gift cards work",
    "gift card balance",
    "do gift cards expire",
]


def _lesson(text: str, intent: str, *, topic: str | None = None, reason: str | None = None) -> Message:
    data: dict[str, Any] = {"text": text, "intent": intent}
    if topic:
        data["intent_response_key"] = topic
    if reason:
        start = text.index(reason)
        data["entities"] = [{"entity": "reason", "start": start, "end": start + len(reason), "value": reason}]
    return Message(data)
