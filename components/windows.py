"""What a tagger sees of a token: itself, its neighbours, their shapes, and what patterns and catalogue found there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.text import is_han

NOTHING = "O"
REACH = 3


def features_of(words: Sequence[str], marks: Sequence[str]) -> list[list[str]]:
    """Features for every token. Shape: [tokens, features of a token]."""
    lower = [word.lower() for word in words]
    shapes = [shape(word) for word in words]
    padded = _padded(lower), _padded(shapes), _padded(marks)
    return [_of_one(index + REACH, *padded) for index in range(len(words))]


def _padded(values: Sequence[str]) -> list[str]:
    return ["^"] * REACH + list(values) + ["$"] * REACH


def _of_one(here: int, words: list[str], shapes: list[str], marks: list[str]) -> list[str]:
    word = words[here]
    features = ["bias", f"shape={shapes[here]}"]
    for step in range(-REACH, REACH + 1):
        features.append(f"w{step}={words[here + step]}")
    for step in (-2, -1, 0, 1):
        features.append(f"w{step}{step + 1}={words[here + step]}|{words[here + step + 1]}")
    for step in (-2, -1, 0):
        features.append(f"w{step}+2={'|'.join(words[here + step : here + step + 3])}")
    for step in (-2, -1, 0, 1, 2):
        features.append(f"h{step}={marks[here + step]}")
    features.append(f"h0s={marks[here]}|{shapes[here]}")
    features.append(f"h0w={marks[here]}|{words[here - 1]}")
    features += [f"s-1={shapes[here - 1]}", f"s1={shapes[here + 1]}", f"s-101={'|'.join(shapes[here - 1 : here + 2])}"]
    if shapes[here].startswith("latin"):
        features += [f"p3={word[:3]}", f"e3={word[-3:]}", f"e2={word[-2:]}", f"p4={word[:4]}"]
    return features


def shape(word: str) -> str:
    if is_han(word):
        return "number-han" if word in "零一二两三四五六七八九十百千万" else "han"
    if word.isdigit():
        return f"digits{min(len(word), 9)}"
    if any(letter.isdigit() for letter in word):
        return "code" if word[:1].isalpha() else "unit"
    if not word[:1].isalpha():
        return f"sign{word}"
    if word.isupper():
        return f"latin-upper{min(len(word), 4)}"
    return "latin-title" if word[:1].isupper() else "latin"


def labels_of(spans: Sequence[tuple[int, int]], entities: Sequence[dict[str, Any]]) -> list[str]:
    """B-/I- labels of the tokens at these spans, 'O' outside."""
    labels = [NOTHING] * len(spans)
    for entity in entities:
        for index, (start, end) in enumerate(spans):
            if entity["start"] <= start and end <= entity["end"]:
                labels[index] = f"{'B' if start == entity['start'] else 'I'}-{entity['entity']}"
    return labels


def entities_of(labels: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Entities with start, end and the first and last of their `tokens`; an I- that continues nothing begins one."""
    found: list[dict[str, Any]] = []
    for index, label in enumerate(labels):
        kind, _, entity = label.partition("-")
        continues = (
            kind == "I" and bool(found) and found[-1]["entity"] == entity and found[-1]["tokens"][1] == index - 1
        )
        if continues:
            found[-1].update(end=spans[index][1], tokens=(found[-1]["tokens"][0], index))
        elif kind in ("B", "I"):
            found.append({"entity": entity, "start": spans[index][0], "end": spans[index][1], "tokens": (index, index)})
    return found
