"""The figures by which understanding is judged, over gold and predicted labels and spans."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    entity: str
    start: int
    end: int


@dataclass(frozen=True)
class Score:
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    return _share(sum(one == other for one, other in zip(gold, predicted, strict=True)), len(gold))


def f1_by_label(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """F1 of every label that is in the gold or was predicted."""
    right = Counter(one for one, other in zip(gold, predicted, strict=True) if one == other)
    meant, said = Counter(gold), Counter(predicted)
    labels = sorted({*meant, *said})
    return {name: Score(_share(right[name], said[name]), _share(right[name], meant[name])).f1 for name in labels}


def macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean F1 of the labels in the gold: a rare intent counts as much as a common one."""
    by_label = f1_by_label(gold, predicted)
    return _share(sum(by_label[label] for label in set(gold)), len(set(gold)))


def weighted_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean F1, each label as heavy as it is frequent in the gold."""
    by_label = f1_by_label(gold, predicted)
    return _share(sum(by_label[label] for label in gold), len(gold))


def matthews(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Matthews' coefficient over many labels (Gorodkin 2004): 1 where all are right, 0 by chance."""
    right, total = sum(one == other for one, other in zip(gold, predicted, strict=True)), len(gold)
    meant, said = Counter(gold), Counter(predicted)
    covariance = right * total - sum(count * said[label] for label, count in meant.items())
    spread = math.prod(total**2 - sum(count**2 for count in counts.values()) for counts in (meant, said))
    return covariance / math.sqrt(spread) if spread else 0.0


def confusions(gold: Sequence[str], predicted: Sequence[str]) -> list[tuple[str, str, int]]:
    """(meant, understood, how often), the most frequent first."""
    wrong = Counter((one, other) for one, other in zip(gold, predicted, strict=True) if one != other)
    return [(meant, understood, count) for (meant, understood), count in wrong.most_common()]


def span_score(gold: Sequence[Set[Span]], predicted: Sequence[Set[Span]]) -> Score:
    """An entity is right if its type, its start and its end are."""
    right = sum(len(one & other) for one, other in zip(gold, predicted, strict=True))
    return Score(_share(right, _count(predicted)), _share(right, _count(gold)))


def overlap_score(gold: Sequence[Set[Span]], predicted: Sequence[Set[Span]]) -> Score:
    """An entity is right if it overlaps with one of its type, as the DIET paper counts after Vanzo et al. (2019):
    'desk lamp' for 'the desk lamp'."""
    pairs = list(zip(gold, predicted, strict=True))
    said_right = sum(any(_overlap(span, other) for other in one) for one, others in pairs for span in others)
    meant_found = sum(any(_overlap(span, other) for other in others) for one, others in pairs for span in one)
    return Score(_share(said_right, _count(predicted)), _share(meant_found, _count(gold)))


def of_entity(spans: Sequence[Set[Span]], entity: str) -> list[set[Span]]:
    return [{span for span in sentence if span.entity == entity} for sentence in spans]


def _overlap(one: Span, other: Span) -> bool:
    return one.entity == other.entity and one.start < other.end and other.start < one.end


def _count(spans: Sequence[Set[Span]]) -> int:
    return sum(map(len, spans))


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0
