from __future__ import annotations

import itertools
from typing import Any

import pytest

from components.tags import OUTSIDE, may_end, may_follow, may_start, span_f1, spans_of, tag_names, tags_of

CHARACTERS = [(index, index + 1) for index in range(6)]  # 红色台灯两个
NAMES = tag_names(["product", "colour"])


def _entity(name: str, start: int, end: int) -> dict[str, Any]:
    return {"entity": name, "start": start, "end": end}


def test_entities_become_tags_and_tags_the_same_spans() -> None:
    entities = [_entity("colour", 0, 2), _entity("product", 2, 4), _entity("count", 4, 5)]
    tags = tags_of(CHARACTERS, entities)
    assert tags == ["B-colour", "L-colour", "B-product", "L-product", "U-count", "O"]
    assert spans_of(tags) == [("colour", 0, 1), ("product", 2, 3), ("count", 4, 4)]


def test_a_long_entity_is_inside_between_its_ends() -> None:
    tags = tags_of(CHARACTERS, [_entity("product", 1, 6)])
    assert tags == ["O", "B-product", "I-product", "I-product", "I-product", "L-product"]
    assert spans_of(tags) == [("product", 1, 5)]


def test_two_entities_of_one_type_side_by_side_stay_two() -> None:
    entities = [_entity("product", 0, 2), _entity("product", 2, 4), _entity("product", 4, 5), _entity("product", 5, 6)]
    spans = spans_of(tags_of(CHARACTERS, entities))
    assert spans == [("product", 0, 1), ("product", 2, 3), ("product", 4, 4), ("product", 5, 5)]


@pytest.mark.parametrize(("start", "end"), [(1, 6), (0, 4), (6, 9), (5, 6), (12, 14)])
def test_an_entity_that_does_not_begin_and_end_with_tokens_is_left_out(start: int, end: int) -> None:
    words = [(0, 5), (6, 11)]  # hello world
    assert tags_of(words, [_entity("word", start, end)]) == ["O", "O"]
    assert tags_of(words, [_entity("word", start, end), _entity("word", 6, 11)]) == ["O", "U-word"]


def test_an_entity_that_ends_before_it_begins_is_left_out() -> None:
    assert tags_of(CHARACTERS, [_entity("product", 4, 2), _entity("product", 3, 3)]) == ["O"] * 6


def test_without_tokens_there_are_no_tags_and_without_tags_no_spans() -> None:
    assert tags_of([], [_entity("product", 0, 2)]) == []
    assert spans_of([]) == spans_of(["O", "O"]) == []


def test_a_type_may_have_dashes_and_chinese_in_its_name() -> None:
    tags = tags_of(CHARACTERS, [_entity("order-number", 0, 2), _entity("颜色", 2, 3)])
    assert set(tags) <= set(tag_names(["颜色", "order-number"]))
    assert spans_of(tags) == [("order-number", 0, 1), ("颜色", 2, 2)]


def test_names_are_the_same_in_whatever_order_types_come() -> None:
    assert tag_names(["product", "colour"]) == tag_names({"colour": 1, "product": 2})
    assert NAMES[0] == OUTSIDE
    assert sorted(NAMES[1:]) == sorted(f"{place}-{name}" for name in ("colour", "product") for place in "BILU")
    assert tag_names([]) == [OUTSIDE]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("O", "O B-product U-product B-colour U-colour"),
        ("B-product", "I-product L-product"),
        ("I-product", "I-product L-product"),
        ("L-product", "O B-product U-product B-colour U-colour"),
        ("U-product", "O B-product U-product B-colour U-colour"),
        ("B-colour", "I-colour L-colour"),
        ("I-colour", "I-colour L-colour"),
        ("L-colour", "O B-product U-product B-colour U-colour"),
        ("U-colour", "O B-product U-product B-colour U-colour"),
    ],
)
def test_a_tag_is_followed_by_what_closes_or_opens_an_entity_in_order(before: str, after: str) -> None:
    row = may_follow(NAMES)[NAMES.index(before)]
    assert {name for name, allowed in zip(NAMES, row, strict=True) if allowed} == set(after.split())


def test_a_sentence_starts_and_ends_outside_or_with_a_whole_entity() -> None:
    starts, ends = may_start(NAMES), may_end(NAMES)
    assert {name for name, allowed in zip(NAMES, starts, strict=True) if allowed} == {
        name for name in NAMES if name[0] in "OBU"
    }
    assert {name for name, allowed in zip(NAMES, ends, strict=True) if allowed} == {
        name for name in NAMES if name[0] in "OLU"
    }


def test_the_allowed_sequences_are_exactly_those_that_some_entities_make() -> None:
    names, length = tag_names(["a", "b"]), 4
    follows, starts, ends = may_follow(names), may_start(names), may_end(names)
    allowed = {
        tuple(names[tag] for tag in path)
        for path in itertools.product(range(len(names)), repeat=length)
        if starts[path[0]] and ends[path[-1]] and all(follows[pair] for pair in itertools.pairwise(path))
    }
    assert allowed == {tuple(tags_of(CHARACTERS[:length], entities)) for entities in _divisions(length)}


def _divisions(length: int, start: int = 0) -> list[list[dict[str, Any]]]:
    """All ways to lay entities of the types a and b, which do not overlap, over so many characters."""
    if start == length:
        return [[]]
    found = list(_divisions(length, start + 1))
    for end in range(start + 1, length + 1):
        found += [[_entity(name, start, end), *rest] for name in "ab" for rest in _divisions(length, end)]
    return found


def test_entities_that_overlap_make_no_sequence_that_the_field_calls_impossible() -> None:
    """The field's loss would be 10,000 for such a sentence, and drown all others of its batch."""
    names = tag_names(["a", "b"])
    for entities in (
        [_entity("a", 0, 4), _entity("b", 1, 2)],
        [_entity("a", 0, 3), _entity("b", 2, 5)],
        [_entity("a", 2, 5), _entity("a", 0, 3)],
    ):
        path = [names.index(tag) for tag in tags_of(CHARACTERS, entities)]
        assert may_start(names)[path[0]]
        assert may_end(names)[path[-1]]
        assert all(may_follow(names)[pair] for pair in itertools.pairwise(path))


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ([], 1.0),
        ([([], [])], 1.0),
        ([([("size", 0, 0)], [("size", 0, 0)])], 1.0),
        ([([("size", 0, 1)], [("size", 0, 0)])], 0.0),
        ([([("size", 0, 0), ("colour", 2, 2)], [("size", 0, 0)]), ([], [("size", 1, 1)])], 0.5),
    ],
)
def test_f1_of_exact_entities(sentences: list[Any], expected: float) -> None:
    assert span_f1(sentences) == expected
