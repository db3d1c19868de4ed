from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from scipy.sparse import coo_matrix, csr_matrix

from components.examples import Examples, Shape, columns_of, read, standard, standardised

TOKENS, SENTENCE = "sequence", "sentence"


def _message(text: str, *features: tuple[Any, str, str]) -> Message:
    """A message with features: (matrix, of tokens or sentence, featurizer)."""
    message = Message({"text": text})
    for matrix, kind, origin in features:
        message.add_features(Features(matrix, kind, "text", origin))
    return message


def _sparse(*rows: list[float]) -> csr_matrix:
    return csr_matrix(np.array(rows, np.float32))


def _dense(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


@pytest.fixture
def messages() -> list[Message]:
    return [
        _message(
            "two words",
            (_sparse([1, 0, 0], [0, 2, 0]), TOKENS, "words"),
            (_sparse([1, 2]), SENTENCE, "words"),
            (_dense([1, 2, 3, 4], [5, 6, 7, 8]), TOKENS, "vectors"),
            (_dense([0.5]), SENTENCE, "vectors"),
        ),
        _message("nothing"),
        _message(
            "one",
            (_sparse([0, 0, 3]), TOKENS, "words"),
            (_sparse([0, 0]), SENTENCE, "words"),
            (_dense([9, 9, 9, 9]), TOKENS, "vectors"),
            (_dense([0.25]), SENTENCE, "vectors"),
        ),
    ]


def test_equal_features_have_one_digest_and_others_another(messages: list[Message]) -> None:
    digests = [read([message], [], Shape(3, 4, 2, 1)).digest() for message in (*messages, messages[0])]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


def test_features_of_all_messages_stand_below_one_another(messages: list[Message]) -> None:
    examples = read(messages, [])
    assert len(examples) == 3
    assert examples.shape == Shape(3, 4, 2, 1, (4,), (1,))
    assert examples.starts.tolist() == [0, 2, 2, 3]
    assert examples.lengths.tolist() == [2, 0, 1]
    assert examples.token_words.toarray().tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert examples.token_dense.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]]
    assert examples.sentence_words.toarray().tolist() == [[1, 2], [0, 0], [0, 0]]
    assert examples.sentence_dense.tolist() == [[0.5], [0.0], [0.25]]


def test_all_are_32_bit_numbers_and_rows_can_be_taken(messages: list[Message]) -> None:
    for examples in (
        read(messages, []),
        read(messages[:1], []),
        read([messages[1]], [], Shape(3, 4, 2, 1, (4,), (1,))),
    ):
        for part in (examples.token_words, examples.token_dense, examples.sentence_words, examples.sentence_dense):
            assert part.dtype == np.float32
        assert isinstance(examples.token_words, csr_matrix)
        assert isinstance(examples.sentence_words, csr_matrix)


def test_a_message_without_features_is_a_row_of_nothing_and_no_tokens(messages: list[Message]) -> None:
    examples = read([messages[1]], [], Shape(3, 4, 2, 1, (4,), (1,)))
    assert examples.lengths.tolist() == [0]
    assert examples.shape == Shape(3, 4, 2, 1, (4,), (1,))
    assert not examples.sentence_words.nnz
    assert not examples.sentence_dense.any()


def test_a_part_that_is_missing_somewhere_is_nothing_there() -> None:
    both = _message("a", (_sparse([1, 0]), TOKENS, "words"), (_dense([1]), TOKENS, "vectors"))
    sparse_only = _message("b c", (_sparse([0, 1], [1, 1]), TOKENS, "words"))
    examples = read([both, sparse_only], [])
    assert examples.lengths.tolist() == [1, 2]
    assert examples.token_dense.tolist() == [[1], [0], [0]]


def test_no_message_is_no_example() -> None:
    examples = read([], [], Shape(3, 4, 2, 1, (4,), (1,)))
    assert len(examples) == 0
    assert examples.shape == Shape(3, 4, 2, 1, (4,), (1,))


def test_only_the_featurizers_named_are_read(messages: list[Message]) -> None:
    assert read(messages, ["words"]).shape == Shape(3, 0, 2, 0)
    assert read(messages, ["vectors"]).shape == Shape(0, 4, 0, 1, (4,), (1,))
    assert read(messages, ["vectors", "words"]).shape == Shape(3, 4, 2, 1, (4,), (1,))


def test_features_of_several_featurizers_stand_side_by_side() -> None:
    message = _message("a", (_sparse([1, 0]), TOKENS, "words"), (_sparse([0, 1, 1]), TOKENS, "letters"))
    assert read([message], []).token_words.toarray().tolist() == [[1, 0, 0, 1, 1]]


def test_matrices_of_any_sparse_kind_are_read() -> None:
    """Rasa's own featurizers make coordinate matrices."""
    message = _message("a b", (coo_matrix(np.array([[1, 0], [0, 1]])), TOKENS, "words"))
    for messages in ([message], [message, message]):
        examples = read(messages, [])
        assert isinstance(examples.token_words, csr_matrix)
        assert examples.token_words[1].toarray().tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ((_sparse([1, 0, 0, 0]), TOKENS, "words"), "4 token features where the model was trained with 3"),
        ((_dense([1]), TOKENS, "vectors"), "1 token features where the model was trained with 4"),
        ((_sparse([1]), SENTENCE, "words"), "1 sentence features where the model was trained with 2"),
        ((_dense([1, 2]), SENTENCE, "vectors"), "2 sentence features where the model was trained with 1"),
    ],
)
def test_features_of_another_width_are_refused(messages: list[Message], other: Any, complaint: str) -> None:
    with pytest.raises(InvalidConfigException, match=complaint):
        read([*messages, _message("other", other)], [])
    with pytest.raises(InvalidConfigException, match=complaint):
        read([_message("other", other)], [], Shape(3, 4, 2, 1, (4,), (1,)))


def test_features_that_the_model_does_not_know_are_refused(messages: list[Message]) -> None:
    with pytest.raises(InvalidConfigException, match="Train again after a change of the featurizers"):
        read(messages, [], Shape(3, 0, 2, 0))


def test_rows_of_tokens_are_those_of_the_sentences_asked_for(messages: list[Message]) -> None:
    examples = read(messages, [])
    assert examples.token_rows([0]).tolist() == [0, 1]
    assert examples.token_rows([2, 1, 0]).tolist() == [2, 0, 1]
    assert examples.token_rows([1]).tolist() == []
    assert examples.token_rows([]).tolist() == []


def test_sentences_can_be_taken_without_their_tokens(messages: list[Message]) -> None:
    chosen: Examples = read(messages, []).of_sentences(np.array([2, 0]))
    assert len(chosen) == 2
    assert chosen.shape == Shape(3, 4, 2, 1, (4,), (1,))
    assert chosen.lengths.tolist() == [0, 0]
    assert chosen.sentence_dense.tolist() == [[0.25], [0.5]]
    assert chosen.sentence_words.toarray().tolist() == [[0, 0], [1, 2]]


def test_each_featurizers_sentence_vectors_are_a_view_of_their_own() -> None:
    seen, unseen = np.array([[1.0, 2.0]]), np.zeros((1, 2))
    messages = [_in_two_views(np.array([[0.5]]), seen), _in_two_views(np.array([[0.25]]), unseen)]
    examples = read(messages, [])
    assert examples.sentence_views == examples.shape.sentence_views == (1, 2)
    assert [examples.sentence_dense[:, view].tolist() for view in columns_of((1, 2), 3)] == [
        [[0.5], [0.25]],
        [[1.0, 2.0], [0.0, 0.0]],
    ]
    assert read(messages, ["second"]).sentence_views == (2,)
    assert examples.of_sentences(np.array([1])).sentence_views == (1, 2)


def test_what_a_view_cannot_read_moves_neither_its_mean_nor_its_spread() -> None:
    views = [(0.5, [1.0, 2.0]), (0.25, [0.0, 0.0]), (0.0, [3.0, 6.0])]
    messages = [_in_two_views(np.array([[first]]), np.array([second])) for first, second in views]
    examples = read(messages, [])
    centre, spread = standard(examples.sentence_dense, examples.sentence_views)
    assert centre.tolist() == [0.375, 2.0, 4.0]
    assert spread.tolist() == [0.125, 1.0, 2.0]


def test_what_a_further_view_cannot_read_stands_in_the_middle() -> None:
    features = np.array([[0.0, 0.0, 0.0], [0.0, 7.0, 0.0]])
    result = standardised(features, (1, 2), np.array([10.0, 5.0, 3.0]), np.ones(3))
    assert result.tolist() == [[-10.0, 0.0, 0.0], [-10.0, 2.0, -3.0]]


def _in_two_views(first: np.ndarray, second: np.ndarray) -> Message:
    message = Message({TEXT: "hello"})
    for origin, vector in (("first", first), ("second", second)):
        message.add_features(Features(vector, FEATURE_TYPE_SENTENCE, TEXT, origin))
    return message
