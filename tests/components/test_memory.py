from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix

from components import memory
from components.examples import Examples
from components.memory import RIDGE, SHARPNESS, Memory, fit

LABELS, WIDTH, WORDS = 3, 8, 30
NOTHING_HELD_OUT = np.zeros(0, np.int64)


def _examples(dense: np.ndarray, words: np.ndarray) -> Examples:
    """Sentences without their tokens: the memory reads nothing else."""
    count = len(dense)
    return Examples(
        token_words=csr_matrix((0, 0), dtype=np.float32),
        token_dense=np.zeros((0, 0), np.float32),
        sentence_words=csr_matrix(words.astype(np.float32)),
        sentence_dense=dense.astype(np.float32),
        starts=np.zeros(count + 1, np.int64),
    )


def _lessons(count: int = 40, seed: int = 0, width: int = WIDTH, words: int = WORDS) -> tuple[Examples, np.ndarray]:
    """Sentences around three centres, each with words that mostly its label uses."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % LABELS
    centres = np.random.default_rng(99).normal(0, 1, (LABELS, width))
    dense = centres[labels] + generator.normal(0, 0.7, (count, width))
    own = (np.arange(words)[None] % LABELS) == labels[:, None]
    said = generator.random((count, words)) < np.where(own, 0.4, 0.05)
    return _examples(dense, said * generator.integers(1, 3, said.shape)), labels


def _learnt(
    examples: Examples, labels: np.ndarray, count: int = LABELS, held_out: np.ndarray = NOTHING_HELD_OUT
) -> Memory:
    return fit(examples, labels, count, held_out).memory


def _some(examples: Examples, indices: Any) -> Examples:
    return examples.of_sentences(np.asarray(indices))


def _vectors_of(examples: Examples, of_memory: Memory) -> np.ndarray:
    """Sentence vectors as the memory compares them, written out from what it keeps."""
    tensors = of_memory.regressions[0].tensors
    dense = (examples.sentence_dense - tensors["centre"]) / tensors["spread"]
    return dense / np.linalg.norm(dense, axis=1, keepdims=True) @ tensors["directions"]


def _words_of(examples: Examples, of_memory: Memory) -> np.ndarray:
    weighted = examples.sentence_words.toarray() * of_memory.regressions[0].tensors["rarity"]
    return weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-6)


def _likeness(first: Examples, second: Examples, of_memory: Memory) -> np.ndarray:
    share = float(of_memory.regressions[0].tensors["words_share"][0])
    vectors = _vectors_of(first, of_memory) @ _vectors_of(second, of_memory).T
    return (1 - share) * vectors + share * (_words_of(first, of_memory) @ _words_of(second, of_memory).T)


def _solved(examples: Examples, labels: np.ndarray, shown: Examples, of_memory: Memory) -> np.ndarray:
    """What a kernel ridge regression on `examples`, in the space of this memory, says of those `shown`."""
    kernel = np.exp(2 * SHARPNESS * (_likeness(examples, examples, of_memory) - 1))
    means = of_memory.regressions[0].tensors["means"]
    weights = np.linalg.solve(kernel + RIDGE * np.eye(len(labels)), np.eye(LABELS)[labels] - means)
    return np.exp(2 * SHARPNESS * (_likeness(shown, examples, of_memory) - 1)) @ weights + means


@pytest.mark.parametrize("held_out", [[0], [3, 4, 9, 17, 38], list(range(0, 40, 2))])
def test_what_it_says_of_held_out_examples_is_what_it_would_say_had_it_not_seen_them(held_out: list[int]) -> None:
    examples, labels = _lessons()
    lesson = fit(examples, labels, LABELS, np.array(held_out))
    remembered, unseen, (usual,) = lesson.memory, lesson.unseen, lesson.usual
    others = np.setdiff1d(np.arange(len(labels)), held_out)
    shown = _some(examples, held_out)
    expected = _solved(_some(examples, others), labels[others], shown, remembered)
    assert unseen == pytest.approx(expected, abs=1e-3)
    assert unseen != pytest.approx(remembered.recall(shown).scores, abs=1e-2)
    likeness = _likeness(examples, examples, remembered) - 9 * np.eye(len(labels))
    assert usual == pytest.approx(np.sort(likeness, axis=1)[:, -3:].mean(axis=1), abs=2e-3)


def test_it_is_a_kernel_ridge_regression_over_all_examples() -> None:
    examples, labels = _lessons()
    remembered = _learnt(examples, labels)
    unknown, _ = _lessons(20, seed=5)
    recalled = remembered.recall(unknown)
    assert recalled.scores == pytest.approx(_solved(examples, labels, unknown, remembered), abs=5e-3)
    nearest = np.sort(_likeness(unknown, examples, remembered), axis=1)[:, -3:].mean(axis=1)
    assert recalled.likeness[:, 0] == pytest.approx(nearest, abs=2e-3)


def test_holding_examples_out_changes_nothing_in_what_it_keeps() -> None:
    examples, labels = _lessons()
    lesson = fit(examples, labels, LABELS, NOTHING_HELD_OUT)
    with_all, none = lesson.memory, lesson.unseen
    without_some = _learnt(examples, labels, LABELS, np.array([1, 5]))
    assert all(np.array_equal(with_all.tensors[name], without_some.tensors[name]) for name in with_all.tensors)
    assert none.shape == (0, LABELS)


def test_a_sentence_it_has_seen_is_recalled_with_its_label() -> None:
    examples, labels = _lessons()
    recalled = _learnt(examples, labels).recall(examples)
    assert recalled.scores.shape == (40, LABELS)
    assert (recalled.scores.argmax(axis=1) == labels).all()


def test_sentences_like_those_it_has_seen_are_understood() -> None:
    examples, labels = _lessons()
    unknown, expected = _lessons(60, seed=7)
    scores = _learnt(examples, labels).recall(unknown).scores
    assert (scores.argmax(axis=1) == expected).mean() > 0.9


def test_a_copy_is_more_like_than_a_relative_and_a_relative_than_a_stranger() -> None:
    examples, labels = _lessons()
    thrice = _some(examples, np.repeat(np.arange(40), 3))
    remembered = _learnt(thrice, labels.repeat(3))
    relative, _ = _lessons(40, seed=11)
    stranger = _examples(-3 * examples.sentence_dense, np.roll(examples.sentence_words.toarray(), 1, axis=1))
    copy, near, far = (remembered.recall(one).likeness.mean() for one in (examples, relative, stranger))
    assert copy == pytest.approx(1.0, abs=0.01)
    assert copy > near + 0.1 > far + 0.15


def test_a_sentence_without_a_known_word_is_as_like_as_its_vectors_are() -> None:
    examples, labels = _lessons()
    thrice = _learnt(_some(examples, np.repeat(np.arange(40), 3)), labels.repeat(3))
    in_another_language = _examples(examples.sentence_dense, np.zeros((40, WORDS)))
    assert thrice.recall(in_another_language).likeness == pytest.approx(1.0, abs=0.01)


def test_a_sentence_without_any_known_feature_is_like_nothing_where_there_are_words_only() -> None:
    examples, labels = _lessons(width=0)
    remembered = _learnt(examples, labels)
    recalled = remembered.recall(_examples(np.zeros((1, 0)), np.zeros((1, WORDS))))
    assert recalled.likeness[0] == pytest.approx(0.0, abs=1e-3)
    assert recalled.scores.max() < 0.9


@pytest.mark.parametrize(("width", "words"), [(0, WORDS), (WIDTH, 0), (1, 1), (400, 3)])
def test_it_does_with_sentence_vectors_alone_and_with_words_alone(width: int, words: int) -> None:
    examples, labels = _lessons(width=width, words=words)
    lesson = fit(examples, labels, LABELS, np.array([2, 3]))
    recalled, unseen, (usual,) = lesson.memory.recall(examples), lesson.unseen, lesson.usual
    assert recalled.scores.shape == (40, LABELS)
    for part in (recalled.scores, recalled.likeness, unseen, usual):
        assert np.isfinite(part).all()
    if max(width, words) > 1:
        assert (recalled.scores.argmax(axis=1) == labels).mean() > 0.9


def test_where_there_are_many_directions_those_in_which_sentences_differ_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "DIRECTIONS", 5)
    examples, labels = _lessons(width=50, words=0)
    remembered = _learnt(examples, labels)
    assert remembered.regressions[0].tensors["directions"].shape == (50, 5)
    assert remembered.regressions[0].tensors["vectors"].shape == (40, 5)
    assert (remembered.recall(examples).scores.argmax(axis=1) == labels).mean() > 0.9
    strengths = np.linalg.norm(remembered.regressions[0].tensors["vectors"].astype(float), axis=0)
    assert strengths[0] == strengths.max()


def test_what_it_keeps_is_small_and_says_the_same_when_read_again(tmp_path: Path) -> None:
    examples, labels = _lessons()
    remembered = _learnt(examples, labels)
    kinds = {name: part.dtype for name, part in remembered.tensors.items()}
    halves = {name for name, kind in kinds.items() if kind == np.float16}
    assert halves == {"0.vectors", "0.weights", "0.words_values"}
    assert np.float64 not in kinds.values()
    save_file({name: np.ascontiguousarray(part) for name, part in remembered.tensors.items()}, str(tmp_path / "memory"))
    again = Memory(load_file(str(tmp_path / "memory"))).recall(examples)
    assert np.array_equal(again.scores, remembered.recall(examples).scores)
    assert np.array_equal(again.likeness, remembered.recall(examples).likeness)


def test_one_message_is_recalled_as_in_a_crowd() -> None:
    examples, labels = _lessons()
    remembered = _learnt(examples, labels)
    together = remembered.recall(examples)
    for index in (0, 7, 39):
        alone = remembered.recall(_some(examples, [index]))
        assert alone.scores[0] == pytest.approx(together.scores[index], abs=1e-5)
        assert alone.likeness[0] == pytest.approx(together.likeness[index], abs=1e-5)


def test_with_too_many_examples_it_keeps_some_and_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_EXAMPLES", 60)
    examples, labels = _lessons(200)
    held_out = np.array([0, 50, 120, 199])
    lesson = fit(examples, labels, LABELS, held_out)
    remembered, unseen = lesson.memory, lesson.unseen
    kept = len(remembered.regressions[0].tensors["vectors"])
    assert 60 <= kept <= 64
    assert (unseen.argmax(axis=1) == labels[held_out]).mean() >= 0.75
    unknown, expected = _lessons(60, seed=7)
    assert (remembered.recall(unknown).scores.argmax(axis=1) == expected).mean() > 0.9
    again = _learnt(examples, labels, LABELS, held_out)
    assert np.array_equal(again.regressions[0].tensors["vectors"], remembered.regressions[0].tensors["vectors"])


def test_held_out_examples_are_left_out_rightly_among_those_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_EXAMPLES", 25)
    examples, labels = _lessons(40)
    held_out = np.array([3, 21, 34])
    lesson = fit(examples, labels, LABELS, held_out)
    remembered, unseen = lesson.memory, lesson.unseen
    kept, places = memory._kept(labels, held_out)
    assert kept[places].tolist() == held_out.tolist()
    others = np.setdiff1d(kept, held_out)
    shown = _some(examples, held_out)
    expected = _solved(_some(examples, others), labels[others], shown, remembered)
    assert unseen == pytest.approx(expected, abs=1e-3)


def test_with_too_many_examples_every_label_keeps_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_EXAMPLES", 100)
    labels = np.concatenate([np.zeros(300, int), np.repeat(np.arange(1, 41), 3)])
    kept, _ = memory._kept(labels, NOTHING_HELD_OUT)
    assert set(labels[kept]) == set(labels)


def test_two_examples_are_enough() -> None:
    examples, labels = _lessons(2)
    remembered = _learnt(examples, labels)
    recalled = remembered.recall(examples)
    assert recalled.scores.argmax(axis=1).tolist() == [0, 1]
    assert np.isfinite(recalled.likeness).all()


def test_a_feature_that_never_changed_in_training_does_not_drown_the_others() -> None:
    examples, labels = _lessons(words=0)
    examples.sentence_dense[:, 0] = 0.5
    remembered = _learnt(examples, labels)
    shifted = examples.sentence_dense.copy()
    shifted[:, 0] = 0.6
    recalled = remembered.recall(_examples(shifted, np.zeros((40, 0))))
    assert (recalled.scores.argmax(axis=1) == labels).mean() > 0.9


def _in_two_views(count: int, seed: int, reads: np.ndarray) -> tuple[Examples, np.ndarray]:
    """Sentences that one featurizer sees all, dimly, and another sees well, but only those that it `reads`."""
    dim, labels = _lessons(count, seed=seed, words=0)
    clear, _ = _lessons(count, seed=seed + 1, words=0)
    dense = np.hstack([dim.sentence_dense * 0.3 + np.random.default_rng(seed).normal(0, 0.5, (count, WIDTH)),
                       clear.sentence_dense * reads[:, None]])  # fmt: skip
    return replace(_examples(dense, np.zeros((count, 0))), sentence_views=(WIDTH, WIDTH)), labels


def test_a_view_helps_with_what_it_can_read_and_leaves_the_rest_as_it_was() -> None:
    half = np.arange(90) % 2 == 0
    examples, labels = _in_two_views(90, 0, half)
    unknown, expected = _in_two_views(90, 50, half)
    first_alone = _learnt(_first_view(examples), labels).recall(_first_view(unknown)).scores
    both = _learnt(examples, labels).recall(unknown)
    assert both.scores[~half] == pytest.approx(first_alone[~half], abs=1e-5)
    right = both.scores.argmax(axis=1) == expected
    assert right[half].mean() > (first_alone.argmax(axis=1) == expected)[half].mean()
    assert np.isnan(both.likeness[:, 1]).tolist() == (~half).tolist()
    assert not np.isnan(both.likeness[:, 0]).any()


def _first_view(examples: Examples) -> Examples:
    return _examples(examples.sentence_dense[:, :WIDTH], np.zeros((len(examples), 0)))


def test_views_together_say_of_held_out_examples_what_each_would_have_said_unseen() -> None:
    reads = np.arange(60) % 3 != 0
    examples, labels = _in_two_views(60, 3, reads)
    held_out = np.array([0, 1, 7, 9])
    unseen = fit(examples, labels, LABELS, held_out).unseen
    first = fit(_first_view(examples), labels, LABELS, held_out).unseen
    second = fit(
        _examples(examples.sentence_dense[reads, WIDTH:], np.zeros((int(reads.sum()), 0))),
        labels[reads],
        LABELS,
        np.searchsorted(np.flatnonzero(reads), [1, 7]),
    ).unseen
    assert unseen[[0, 3]] == pytest.approx(first[[0, 3]], abs=1e-4)
    assert unseen[[1, 2]] == pytest.approx((first[[1, 2]] + second) / 2, abs=1e-4)


def test_a_view_that_read_few_examples_counts_for_less_and_one_that_read_hardly_any_for_nothing() -> None:
    count = 200
    heard = []
    for share in (1.0, 0.2, 0.05, 0.0):
        examples, labels = _in_two_views(count, 1, np.arange(count) < share * count)
        heard.append(dict(zip(*(_learnt(examples, labels).tensors[name].tolist() for name in ("views", "heard")),
                              strict=True)))  # fmt: skip
    assert heard[0] == {0: 1.0, 1: 1.0}
    assert heard[1] == {0: 1.0, 1: pytest.approx(0.6)}
    assert heard[2] == heard[3] == {0: 1.0}
