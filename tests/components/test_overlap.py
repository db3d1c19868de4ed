from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message

from components.overlap import OverlapResolver, resolve

PATTERN, CATALOGUE, TAGGER = "PatternExtractor", "CatalogueMatcher", "JointClassifier"


def entity(kind: str, start: int, end: int, extractor: str, value: str = "?", **more: Any) -> dict[str, Any]:
    return {"entity": kind, "start": start, "end": end, "extractor": extractor, "value": value, **more}


def kept(workbench: Any, *entities: dict[str, Any]) -> list[dict[str, Any]]:
    message = Message({"text": "?", "entities": list(entities)})
    workbench.create(OverlapResolver).process([message])
    return message.get("entities")


def test_of_one_type_the_longer_wins() -> None:
    brand_and_noun, noun = entity("product", 0, 5, TAGGER), entity("product", 2, 5, CATALOGUE)
    assert resolve([noun, brand_and_noun]) == [brand_and_noun]


def test_of_two_types_pattern_beats_catalogue_beats_tagger() -> None:
    number, product = entity("order_number", 0, 8, PATTERN), entity("product", 0, 9, CATALOGUE)
    reason = entity("reason", 5, 20, TAGGER)
    assert resolve([reason, product, number]) == [number]
    assert resolve([reason, product]) == [product]


@pytest.mark.parametrize("colour", [3, 5])
def test_a_longer_one_that_has_to_go_takes_no_other_with_it(colour: int) -> None:
    option, lamp = entity("option", 0, colour, CATALOGUE), entity("product", colour + 1, colour + 5, CATALOGUE)
    assert resolve([option, lamp, entity("product", 0, colour + 5, TAGGER)]) == [option, lamp]


def test_what_does_not_overlap_stays_in_the_order_of_the_text() -> None:
    first, second = entity("product", 0, 2, TAGGER), entity("option", 2, 4, PATTERN)
    assert resolve([second, first]) == [first, second]


def test_the_tagger_may_not_invent_numbers(workbench: Any) -> None:
    invented = [entity(kind, 0, 4, TAGGER) for kind in ("order_number", "tracking_number", "email", "phone")]
    assert kept(workbench, *invented) == []


def test_a_short_name_that_is_unlikely_here_is_dropped(workbench: Any) -> None:
    assert kept(workbench, entity("product", 3, 7, CATALOGUE, "case", confidence_entity=0.01)) == []
    assert len(kept(workbench, entity("product", 3, 7, CATALOGUE, "case", confidence_entity=0.9))) == 1


def test_a_full_name_is_believed_whatever_the_tagger_thinks(workbench: Any) -> None:
    assert len(kept(workbench, entity("product", 0, 9, CATALOGUE, "desk lamp", confidence_entity=0.0))) == 1
    assert len(kept(workbench, entity("product", 0, 4, CATALOGUE, "护眼台灯", confidence_entity=0.0))) == 1
