"""Makes one honest probability of what the net and the memory say, and of how near a message is to what is known.

Both halves give scores on scales of their own. How much each weighs is fixed: held-out examples cannot tell, for they
chose the net's best epoch and so flatter it. They tell how sharp both together may be for the probabilities to come
true (temperature scaling, Guo et al. 2017). What lies far from every training example is then believed less: a
confident net knows nothing about a subject it has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

NET_WEIGHT, MEMORY_WEIGHT = 0.25, 12.0
BELIEF_IN_DEFAULTS = 20.0  # they count as much as so many held-out examples
FEWEST_HELD_OUT = 10
DOUBT_BEGINS = 2.0  # standard deviations below the likeness that messages of the trained kind have
DOUBT_GROWS = 3.0


@dataclass(frozen=True)
class Calibration:
    """`sharpness` makes the probabilities come true; the usual likeness, a view, is that of messages like its own."""

    sharpness: float = 1.0
    usual_likeness: tuple[float, ...] = (0.5,)
    spread_of_likeness: tuple[float, ...] = (0.2,)

    def probabilities(self, net: np.ndarray, memory: np.ndarray | None) -> np.ndarray:
        """Of each label, if the message is about any of them. Shape: scores [N, L] twice -> [N, L]."""
        return softmax(self.sharpness * _together(net, memory), axis=1)

    def in_scope(self, likeness: np.ndarray) -> np.ndarray:
        """How likely a message is about any label at all, by its likeness to what was trained.

        Shape: [N, views], not a number where a view cannot read the message -> [N].
        """
        below = (np.array(self.usual_likeness) - likeness) / np.array(self.spread_of_likeness)
        return expit(DOUBT_GROWS * (DOUBT_BEGINS - np.nanmean(below, axis=1)))


def calibrate(
    net: np.ndarray, memory: np.ndarray | None, likeness: Sequence[np.ndarray], labels: np.ndarray
) -> Calibration:
    """Fits the sharpness on held-out examples; with few of them it stays near its default.

    Shape: scores [N, L] twice, labels [N]; likeness, a view: [M] of any examples to others. No memory, no likeness.
    """
    usual = _usual(likeness)
    if len(labels) < FEWEST_HELD_OUT:
        return Calibration(1.0, *usual)
    together, rows = _together(net, memory), np.arange(len(labels))

    def cost(logarithm: float) -> float:
        likelihoods = log_softmax(np.exp(logarithm) * together, axis=1)[rows, labels]
        return float(-likelihoods.sum() + BELIEF_IN_DEFAULTS * logarithm**2 / 2)

    sharpness = float(np.exp(minimize_scalar(cost, bounds=(-3.0, 3.0), method="bounded").x))
    return Calibration(sharpness, *usual)


def _usual(likeness: Sequence[np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The median likeness of each view and its spread; of a view with too few examples, the defaults."""
    views = likeness or [np.zeros(0)]
    middle = [float(np.median(one)) if len(one) else Calibration.usual_likeness[0] for one in views]
    spread = [float(one.std()) + 0.02 if len(one) else Calibration.spread_of_likeness[0] for one in views]
    return tuple(middle), tuple(spread)


def _together(net: np.ndarray, memory: np.ndarray | None) -> np.ndarray:
    said = log_softmax(net, axis=1)
    return said if memory is None else NET_WEIGHT * said + MEMORY_WEIGHT * memory
