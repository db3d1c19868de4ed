from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.catalogue import CatalogueMatcher


@pytest.fixture
def found(workbench: Any, catalogue: str, understood: Callable[..., Message]) -> Callable[[str], list[tuple[str, str]]]:
    """(entity, words) of what a matcher that was trained, kept and loaded again finds in a text."""
    workbench.create(CatalogueMatcher, database=catalogue).train(TrainingData())
    matcher = workbench.load(CatalogueMatcher, database=catalogue)

    def run(text: str) -> list[tuple[str, str]]:
        entities = understood(text, matcher).get("entities")
        return [(entity["entity"], text[entity["start"] : entity["end"]]) for entity in entities]

    return run


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("想买个护眼台灯", [("product", "护眼台灯")]),
        ("do you sell Desk Lamps?", [("product", "Desk Lamps")]),
        ("iPhone13的case有red的吗", [("product", "iPhone13"), ("product", "case"), ("option", "red")]),
        ("iPhone 13手机壳", [("product", "iPhone 13手机壳")]),
        ("红色的卫衣", [("option", "红色"), ("product", "卫衣")]),
        ("有红的吗", [("option", "红")]),
        ("要M码", [("option", "M码")]),
        ("size M please", [("option", "size M")]),
        ("42码有货吗", [("option", "42码")]),
        ("500ml的杯子", [("option", "500ml")]),
    ],
)
def test_names_are_found_in_running_text(found: Any, text: str, entities: list[tuple[str, str]]) -> None:
    assert found(text) == entities


@pytest.mark.parametrize(
    "text", ["尺码偏大", "i'm here", "I bought 42 of them", "红包", "手机号改了", "my phone number changed"]
)
def test_short_names_that_mean_something_else_are_left_alone(found: Any, text: str) -> None:
    assert found(text) == []


def test_goods_that_the_shop_does_not_sell_are_a_hint_but_no_entity(found: Any) -> None:
    assert found("打印机卡纸") == []


def test_a_new_product_changes_the_fingerprint_and_is_known_after_the_next_training(
    workbench: Any, catalogue: str, understood: Callable[..., Message]
) -> None:
    config = {"database": catalogue}
    before = CatalogueMatcher.fingerprint_addon(config)
    engine = sqlalchemy.create_engine(catalogue, future=True)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO products VALUES ('星空投影仪', 'Galaxy Projector', '[]')"))
    engine.dispose()
    assert CatalogueMatcher.fingerprint_addon(config) != before
    matcher = workbench.create(CatalogueMatcher, **config)
    matcher.train(TrainingData())
    assert understood("galaxy projector有吗", matcher).get("entities")[0]["value"] == "galaxy projector"


def test_without_a_shop_database_training_says_what_to_do(workbench: Any, tmp_path: Any) -> None:
    config = {"database": f"sqlite:///{tmp_path / 'nowhere.db'}"}
    with pytest.raises(InvalidConfigException, match=r"python -m shop\.seed"):
        workbench.create(CatalogueMatcher, **config).train(TrainingData())
    assert not (tmp_path / "nowhere.db").exists()
    CatalogueMatcher.fingerprint_addon(config)


def test_the_environment_names_another_database(workbench: Any, catalogue: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", catalogue)
    workbench.create(CatalogueMatcher, database="sqlite:///elsewhere.db").train(TrainingData())


def test_a_broken_archive_is_not_loaded_as_an_empty_catalogue(workbench: Any) -> None:
    with pytest.raises(ValueError, match="CatalogueMatcher"):
        workbench.load(CatalogueMatcher)
