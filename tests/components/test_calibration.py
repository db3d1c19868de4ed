from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from components.calibration import FEWEST_HELD_OUT, Calibration, calibrate

LABELS = 5


def _scored(count: int, seed: int = 0, sureness: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a net and of a memory, and labels drawn from what both together would say at `sureness` 1."""
    generator = np.random.default_rng(seed)
    net, memory = generator.normal(0, 3.0, (count, LABELS)), generator.normal(0, 0.1, (count, LABELS))
    labels = np.array([generator.choice(LABELS, p=one) for one in Calibration().probabilities(net, memory)])
    return net * sureness, memory * sureness, labels


def _usual(count: int) -> np.ndarray:
    return np.linspace(0.5, 0.9, count)


def _surprise(calibration: Calibration, net: np.ndarray, memory: np.ndarray, labels: np.ndarray) -> float:
    likelihoods = calibration.probabilities(net, memory)[np.arange(len(labels)), labels]
    return float(-np.log(likelihoods).mean())


def test_probabilities_are_none_below_zero_and_sum_to_one() -> None:
    net, memory, _ = _scored(50, sureness=30)
    for said in (Calibration().probabilities(net, memory), Calibration(2.0).probabilities(net, None)):
        assert said.shape == (50, LABELS)
        assert (said >= 0).all()
        assert said.sum(axis=1) == pytest.approx(np.ones(50))


def test_both_halves_count() -> None:
    undecided = np.zeros((1, 2))
    assert Calibration().probabilities(np.array([[0.0, 8.0]]), undecided)[0, 1] > 0.8
    assert Calibration().probabilities(undecided, np.array([[0.6, 0.1]]))[0, 0] > 0.8


def test_without_a_memory_the_net_is_believed_as_it_is() -> None:
    net, _, _ = _scored(20)
    assert Calibration().probabilities(net, None) == pytest.approx(softmax(net, axis=1))


def test_a_constant_added_to_all_scores_changes_nothing() -> None:
    net, memory, _ = _scored(20)
    assert Calibration().probabilities(net + 7, memory + 1) == pytest.approx(Calibration().probabilities(net, memory))


def test_what_is_sharper_is_surer_of_the_same() -> None:
    net, memory, _ = _scored(20)
    blunt, sharp = (Calibration(sharpness).probabilities(net, memory) for sharpness in (0.5, 2.0))
    assert (blunt.argmax(axis=1) == sharp.argmax(axis=1)).all()
    assert (sharp.max(axis=1) > blunt.max(axis=1)).all()


@pytest.mark.parametrize("sureness", [0.25, 4.0])
def test_fitting_makes_unseen_examples_likelier_whether_scores_are_too_sure_or_too_modest(sureness: float) -> None:
    net, memory, labels = _scored(400, seed=0, sureness=sureness)
    fitted = calibrate(net, memory, [_usual(400)], labels)
    unseen = _scored(400, seed=1, sureness=sureness)
    assert _surprise(fitted, *unseen) < _surprise(Calibration(), *unseen) - 0.02
    assert fitted.sharpness == pytest.approx(1 / sureness, rel=0.3)


def test_fitting_makes_the_confidence_of_an_overconfident_model_come_true() -> None:
    net, memory, labels = _scored(600, sureness=5)
    fitted = calibrate(net, memory, [_usual(600)], labels)
    net, memory, labels = _scored(600, seed=1, sureness=5)
    right = (fitted.probabilities(net, memory).argmax(axis=1) == labels).mean()
    before = Calibration().probabilities(net, memory).max(axis=1).mean()
    after = fitted.probabilities(net, memory).max(axis=1).mean()
    assert abs(after - right) < 0.06 < abs(before - right)


def test_a_net_alone_is_calibrated_too_and_its_likeness_stays_unasked() -> None:
    generator = np.random.default_rng(0)
    net = generator.normal(0, 1.5, (400, LABELS))
    labels = np.array([generator.choice(LABELS, p=one) for one in softmax(net, axis=1)])
    fitted = calibrate(net * 4, None, [], labels)
    assert fitted.sharpness == pytest.approx(0.25, rel=0.3)
    assert fitted == Calibration(fitted.sharpness)


def test_with_few_held_out_examples_the_defaults_stay() -> None:
    net, memory, labels = _scored(FEWEST_HELD_OUT - 1, sureness=4)
    assert calibrate(net, memory, [_usual(len(labels))], labels).sharpness == Calibration().sharpness
    assert calibrate(net[:0], memory[:0], [np.zeros(0)], labels[:0]) == Calibration()


def test_the_fewer_the_examples_the_nearer_it_stays_to_the_defaults() -> None:
    net, memory, labels = _scored(400, sureness=4)
    few, many = (
        calibrate(net[:count], memory[:count], [_usual(count)], labels[:count]).sharpness for count in (12, 400)
    )
    assert many < few < Calibration().sharpness


def test_usual_likeness_is_that_of_the_held_out_examples() -> None:
    net, memory, labels = _scored(101)
    likeness = np.linspace(0.4, 0.8, 101)
    fitted = calibrate(net, memory, [likeness, likeness / 2], labels)
    assert fitted.usual_likeness == pytest.approx((0.6, 0.3))
    assert fitted.spread_of_likeness == pytest.approx((likeness.std(), likeness.std() / 2), abs=0.03)


def test_what_is_fitted_is_plain_numbers_for_json_and_never_negative() -> None:
    net, memory, labels = _scored(100)
    fitted = calibrate(-net.astype(np.float32), -memory, [np.full(100, 0.7, np.float32)], labels)
    numbers = [fitted.sharpness, *fitted.usual_likeness, *fitted.spread_of_likeness]
    assert [type(one) for one in numbers] == [float] * 3
    assert min(numbers) > 0


def test_what_is_less_like_the_examples_is_less_in_scope() -> None:
    believed = Calibration(1.0, (0.6,), (0.1,)).in_scope(np.linspace(1.0, -0.5, 40)[:, None])
    assert (np.diff(believed) < 0).all()
    assert ((believed > 0) & (believed < 1)).all()
    assert believed[0] > 0.9
    assert believed[-1] < 0.01


def test_a_message_of_usual_likeness_is_believed_nearly_whole_and_one_far_below_hardly() -> None:
    judged = Calibration(1.0, (0.6,), (0.1,))
    usual, far = judged.in_scope(np.array([[0.6], [0.6 - 0.4]]))
    assert usual > 0.85
    assert far < 0.05


def test_examples_all_alike_make_no_division_by_zero() -> None:
    net, memory, labels = _scored(50)
    fitted = calibrate(net, memory, [np.full(50, 0.7)], labels)
    usual, far = fitted.in_scope(np.array([[0.7], [0.1]]))
    assert usual > 0.85
    assert far < 0.05


def test_views_that_can_read_a_message_decide_together_how_far_it_lies() -> None:
    judged = Calibration(1.0, (0.6, 0.4), (0.1, 0.2))
    both, first_alone, near_in_one = judged.in_scope(np.array([[0.4, 0.0], [0.4, np.nan], [0.4, 0.4]]))
    assert both == pytest.approx(first_alone)
    assert near_in_one > both + 0.2
