from __future__ import annotations

import numpy as np
import pytest

from components.pooling import CLS, MEAN, sentence_vector, token_vectors

SUBWORDS = np.array([[9, 9], [1, 0], [3, 0], [0, 5], [9, 9]], dtype=np.float32)
OFFSETS = np.array([(0, 0), (0, 4), (4, 7), (8, 9), (0, 0)])  # [CLS] ship ping 费 [SEP]


def test_a_token_is_the_mean_of_its_subwords() -> None:
    vectors = token_vectors(SUBWORDS, OFFSETS, [(0, 7), (8, 9)])
    assert vectors.tolist() == [[2, 0], [0, 5]]


def test_a_subword_over_two_tokens_counts_for_both() -> None:
    vectors = token_vectors(SUBWORDS, OFFSETS, [(0, 2), (2, 4)])
    assert vectors.tolist() == [[1, 0], [1, 0]]


def test_a_token_without_a_subword_is_zeros() -> None:
    vectors = token_vectors(SUBWORDS, OFFSETS, [(0, 7), (20, 25)])
    assert vectors.tolist() == [[2, 0], [0, 0]]


def test_no_token_takes_the_marks_that_begin_and_end_a_text() -> None:
    marks_only = token_vectors(SUBWORDS[[0, 4]], OFFSETS[[0, 4]], [(0, 1)])
    assert marks_only.tolist() == [[0, 0]]


def test_a_prefix_before_the_text_belongs_to_no_token() -> None:
    vectors = token_vectors(SUBWORDS, OFFSETS - 4, [(0, 3), (4, 5)])
    assert vectors.tolist() == [[3, 0], [0, 5]]


def test_no_tokens_have_no_vectors() -> None:
    assert token_vectors(SUBWORDS, OFFSETS, []).shape == (0, 2)


@pytest.mark.parametrize(("pooling", "expected"), [(MEAN, [[4.4, 4.6]]), (CLS, [[9.0, 9.0]])])
def test_a_sentence_is_its_mean_or_its_first_mark(pooling: str, expected: list[list[float]]) -> None:
    vector = sentence_vector(SUBWORDS, pooling)
    assert vector.shape == (1, 2)
    np.testing.assert_allclose(vector, expected, rtol=1e-6)
