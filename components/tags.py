"""Entities as one tag a token: B(eginning), I(nside), L(ast) and U(nit) of a type, O(utside) (Ratinov and Roth 2009).

Two entities of one type that stand side by side, as they do in Chinese, stay two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

OUTSIDE = "O"
Bounds = Sequence[tuple[int, int]]
Spans = Sequence[tuple[str, int, int]]


def tag_names(entity_types: Iterable[str]) -> list[str]:
    return [OUTSIDE, *(f"{place}-{name}" for name in sorted(entity_types) for place in "BILU")]


def tags_of(tokens: Bounds, entities: Sequence[dict[str, Any]]) -> list[str]:
    """The tag of each token. An entity that begins or ends inside a token, or overlaps another, is left out."""
    tags = [OUTSIDE] * len(tokens)
    starts = {start: index for index, (start, _) in enumerate(tokens)}
    ends = {end: index for index, (_, end) in enumerate(tokens)}
    for entity in entities:
        first, last = starts.get(entity["start"]), ends.get(entity["end"])
        if first is None or last is None or first > last or set(tags[first : last + 1]) != {OUTSIDE}:
            continue
        inside = [f"I-{entity['entity']}"] * (last - first - 1)
        ends_in = [f"L-{entity['entity']}"] if last > first else []
        tags[first : last + 1] = [f"{'B' if ends_in else 'U'}-{entity['entity']}", *inside, *ends_in]
    return tags


def spans_of(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """(type, first token, last token) of each entity, in order. Expects tags that `may_follow` one another."""
    spans, first = [], 0
    for index, tag in enumerate(tags):
        place, _, name = tag.partition("-")
        if place in ("B", "U"):
            first = index
        if place in ("L", "U"):
            spans.append((name, first, index))
    return spans


def span_f1(sentences: Iterable[tuple[Spans, Spans]]) -> float:
    """F1 of exact entities over sentences, each with those that it has and those that were found; 1 without any."""
    right = named = 0
    for wanted, found in sentences:
        right, named = right + len(set(wanted) & set(found)), named + len(wanted) + len(found)
    return 2 * right / named if named else 1.0


def may_follow(names: Sequence[str]) -> np.ndarray:
    """Which tag may stand after which. Shape: [tags (before), tags (after)], boolean."""
    places = np.array([name[0] for name in names])
    types = np.array([name[2:] for name in names])
    closed = np.isin(places, ["O", "L", "U"])
    opening = np.isin(places, ["O", "B", "U"])
    goes_on = np.isin(places, ["I", "L"])
    same_type = types[:, None] == types[None, :]
    return (closed[:, None] & opening[None, :]) | (~closed[:, None] & goes_on[None, :] & same_type)


def may_start(names: Sequence[str]) -> np.ndarray:
    return np.array([name[0] in "OBU" for name in names])


def may_end(names: Sequence[str]) -> np.ndarray:
    return np.array([name[0] in "OLU" for name in names])
