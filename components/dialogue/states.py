"""Dialogues as numbers: each state a row of a table, each dialogue the rows' numbers in their order.

A state is what Rasa's featurizers make of one moment: the action before, the customer's intent, entities and text, the
slots, the active loop. The same state comes again and again, so the table holds it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from rasa.shared.core.constants import ACTIVE_LOOP, SLOTS
from rasa.shared.nlu.constants import ACTION_NAME, ACTION_TEXT, ENTITIES, FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features

ATTRIBUTES = (ACTION_NAME, INTENT, ENTITIES, SLOTS, ACTIVE_LOOP, TEXT, ACTION_TEXT)
State = Mapping[str, Sequence[Features]]


@dataclass(frozen=True)
class Layout:
    """Which attributes a state may have, and how many numbers each takes: the columns of a row, in this order."""

    widths: dict[str, int]

    @property
    def width(self) -> int:
        return sum(self.widths.values())

    @classmethod
    def of(cls, dialogues: Sequence[Sequence[State]]) -> Layout:
        """What these dialogues hold."""
        widths: dict[str, int] = {}
        for state in (state for dialogue in dialogues for state in dialogue):
            for attribute, features in state.items():
                if attribute in ATTRIBUTES and attribute not in widths:
                    widths[attribute] = len(numbers_of(features))
        return cls({attribute: widths[attribute] for attribute in ATTRIBUTES if attribute in widths})

    def columns(self, attribute: str) -> slice:
        """Where an attribute's numbers stand in a row."""
        names = list(self.widths)
        start = sum(self.widths[name] for name in names[: names.index(attribute)]) if attribute in names else 0
        return slice(start, start + self.widths.get(attribute, 0))

    def row(self, state: State) -> np.ndarray:
        """Shape [width]. What a state lacks, or has in another width than was learned, is nothing."""
        row = np.zeros(self.width, np.float32)
        start = 0
        for attribute, width in self.widths.items():
            if attribute in state:
                numbers = numbers_of(state[attribute])
                if len(numbers) == width:
                    row[start : start + width] = numbers
            start += width
        return row


@dataclass(frozen=True)
class Dialogues:
    """`table` [U, width] holds every state once; `rows` [N, T] are dialogues, the latest state last, -1 before the
    first; `labels` [N, L] the actions that follow on the last L states, -1 where there is none."""

    table: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, chosen: Sequence[int]) -> Dialogues:
        """These dialogues, no longer than the longest of them."""
        rows, labels = self.rows[list(chosen)], self.labels[list(chosen)]
        longest = max(1, int((rows >= 0).sum(1).max(initial=1)))
        return Dialogues(self.table, rows[:, -longest:], labels[:, -longest:])

    @property
    def lengths(self) -> np.ndarray:
        return (self.rows >= 0).sum(1)


def dialogues_of(layout: Layout, dialogues: Sequence[Sequence[State]], labels: Sequence[Sequence[int]]) -> Dialogues:
    """`labels` are of the last states of each dialogue, or of all of them."""
    numbers: dict[bytes, int] = {}
    table: list[np.ndarray] = []
    longest = max((len(dialogue) for dialogue in dialogues), default=1)
    most = max((len(one) for one in labels), default=1)
    rows = np.full((len(dialogues), longest), -1)
    following = np.full((len(dialogues), most), -1)
    for place, (dialogue, after) in enumerate(zip(dialogues, labels, strict=True)):
        for index, state in enumerate(dialogue, start=longest - len(dialogue)):
            row = layout.row(state)
            key = row.tobytes()
            if key not in numbers:
                numbers[key] = len(table)
                table.append(row)
            rows[place, index] = numbers[key]
        following[place, most - len(after) :] = after
    return Dialogues(np.stack(table) if table else np.zeros((0, layout.width), np.float32), rows, following)


def opening_intents(layout: Layout, dialogues: Dialogues) -> np.ndarray:
    """Which intents customers come with, before the bot has done anything. Shape [intents], booleans."""
    is_beginning = np.array([begins(layout, row) for row in dialogues.table], bool)
    before, after = dialogues.rows[:, :-1], dialogues.rows[:, 1:]
    opening = after[(before >= 0) & is_beginning[before]]
    found: np.ndarray = dialogues.table[opening][:, layout.columns(INTENT)].any(0)
    return found


def begins(layout: Layout, row: np.ndarray) -> bool:
    """Whether a state is the one before the first action. Shape: row [width]."""
    return not any(row[layout.columns(attribute)].any() for attribute in (ACTION_NAME, ACTION_TEXT))


def numbers_of(features: Sequence[Features]) -> np.ndarray:
    """What featurizers say of an attribute, one after the other: of the whole where they do, else the tokens' mean."""
    wholes = [one for one in features if one.type == FEATURE_TYPE_SENTENCE] or list(features)
    return np.concatenate([_flat(one) for one in wholes]) if wholes else np.zeros(0, np.float32)


def _flat(feature: Features) -> np.ndarray:
    numbers = feature.features
    dense = numbers.toarray() if scipy.sparse.issparse(numbers) else np.asarray(numbers)
    return np.asarray(dense.reshape(-1, dense.shape[-1]).mean(0), np.float32)
