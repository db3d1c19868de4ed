from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.logistic_regression_classifier import LogisticRegressionClassifier
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, vstack

from components import vocabulary
from components.ngrams import VOCABULARY_FILE, NgramFeaturizer, sentence_features, shape, token_features
from components.patterns import PatternExtractor
from components.tokenizer import MixedTokenizer

SENTENCES = ["取消订单，买错了", "cancel my order, too expensive", "运费 how much", "zebra 斑马", "", "…", "W2378156"]
EVERYTHING = {"min_word_frequency": 1, "min_piece_frequency": 1}


def _tokenised(workbench: Any, *texts: str) -> list[Message]:
    return workbench.create(MixedTokenizer).process([Message({"text": text}) for text in texts])


def _learnt_from(workbench: Any, *texts: str, **config: Any) -> NgramFeaturizer:
    component = workbench.create(NgramFeaturizer, **{**EVERYTHING, **config})
    component.train(TrainingData(_tokenised(workbench, *texts)))
    return component


def _matrices(message: Message) -> tuple[csr_matrix, csr_matrix]:
    sequence, sentence = message.get_sparse_features("text")
    return sequence.features, sentence.features


def _vocabulary(workbench: Any) -> dict[str, list[str]]:
    with workbench.storage.read_from(Resource(NgramFeaturizer.__name__)) as folder:
        return dict(json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8")))


def _named(workbench: Any, message: Message) -> tuple[list[set[str]], dict[str, float]]:
    """The features of each token, and those of the sentence with their weights, by name."""
    names, (sequence, sentence) = _vocabulary(workbench), _matrices(message)
    tokens = [{names["sequence"][column] for column in row.indices} for row in sequence]
    of_sentence = zip(sentence.indices, sentence.data.tolist(), strict=True)
    return tokens, {names["sentence"][column]: value for column, value in of_sentence}


def _same(first: csr_matrix, second: csr_matrix) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and (first != second).nnz == 0


def test_what_was_learnt_is_kept_and_gives_the_same_features(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message]
) -> None:
    trained = workbench.create(NgramFeaturizer)
    trained.train(lessons)
    loaded = workbench.load(NgramFeaturizer)
    for text in SENTENCES:
        before, after = _matrices(understood(text, trained)), _matrices(understood(text, loaded))
        assert _same(before[0], after[0])
        assert _same(before[1], after[1])


def test_every_token_has_a_row_and_the_sentence_one_of_32_bit_numbers_in_order(
    workbench: Any, lessons: TrainingData, understood: Callable[..., Message]
) -> None:
    component = workbench.create(NgramFeaturizer)
    component.train(lessons)
    widths = set()
    for text in SENTENCES:
        message = understood(text, component)
        sequence, sentence = _matrices(message)
        assert (sequence.shape[0], sentence.shape[0]) == (len(message.get("text_tokens")), 1)
        for matrix in (sequence, sentence):
            assert isinstance(matrix, csr_matrix)
            assert matrix.dtype == np.float32
            assert matrix.has_canonical_format
        assert set(sequence.data) <= {1}
        widths.add((sequence.shape[1], sentence.shape[1]))
    assert len(widths) == 1


def test_a_message_answered_has_the_features_it_would_have_in_training(workbench: Any, lessons: TrainingData) -> None:
    component = workbench.create(NgramFeaturizer, **EVERYTHING)
    component.train(lessons)
    component.process_training_data(lessons)
    for example in lessons.training_examples:
        tokens, of_sentence = _named(workbench, example)
        words = [token.text for token in example.get("text_tokens")]
        marks = ["O"] * len(words)
        assert tokens == [set(features) for features in token_features(words, marks)]
        assert set(of_sentence) == set(sentence_features(words, marks))


def test_the_order_of_the_lessons_does_not_change_the_columns(workbench: Any, lessons: TrainingData) -> None:
    workbench.create(NgramFeaturizer, max_sequence_features=50).train(lessons)
    first = _vocabulary(workbench)
    workbench.create(NgramFeaturizer, max_sequence_features=50).train(TrainingData(lessons.training_examples[::-1]))
    assert _vocabulary(workbench) == first
    assert all(names == sorted(set(names)) for names in first.values())


def test_a_token_is_its_word_its_pieces_its_shape_and_its_neighbours(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    tokens, _ = _named(workbench, understood("Parcel lost?", _learnt_from(workbench, "Parcel lost?")))
    word = {"word=parcel", "shape=Xx", "length=5-6", "left=^", "right=lost", "leftshape=^", "rightshape=x"}
    ends = {"begins=p", "begins=pa", "begins=par", "ends=l", "ends=el", "ends=cel"}
    letters = {
        f"letters={part}" for part in ["(pa", "par", "arc", "rce", "cel", "el)", "(par", "parc", "arce", "rcel", "cel)"]
    }
    assert tokens[0] == word | ends | letters
    assert tokens[2] == {"word=?", "shape=?", "length=1", "left=lost", "right=$", "leftshape=x", "rightshape=$"}


def test_a_han_character_knows_the_characters_beside_it(workbench: Any, understood: Callable[..., Message]) -> None:
    tokens, of_sentence = _named(workbench, understood("我的手机", _learnt_from(workbench, "我的手机")))
    assert {"word=手", "leftpair=的|手", "rightpair=手|机", "shape=han"} <= tokens[2]
    assert set(of_sentence) == {
        *("word=我", "word=的", "word=手", "word=机", "han=我的", "han=的手", "han=手机"),
        *("pair=^ 我", "pair=机 $"),
    }


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lamp", "x"),
        ("Lamp", "Xx"),
        ("VIP", "X"),
        ("W2378156", "X9"),
        ("500ml", "9x"),
        ("42.5", "9.9"),
        ("t-shirt", "x-x"),
        ("手", "han"),
        ("三", "han9"),
        ("十二", "han9"),
        ("？", "?"),
        ("👍", "?"),
        ("", "?"),
    ],
)
def test_a_shape_tells_how_a_word_is_written(word: str, expected: str) -> None:
    assert shape(word) == expected


def test_numbers_tell_how_many_digits_they_have_and_long_ones_are_not_learnt_by_heart() -> None:
    short, code, unit = (set(row) for row in token_features(["42", "W2378156", "500ml"], ["O"] * 3))
    assert {"word=42", "digits=2", "digits=all", "shape=9"} <= short
    assert {"word=w0", "digits=7", "digits=some", "begins=w23"} <= code
    assert {"word=500ml", "digits=3", "digits=some"} <= unit


def test_any_address_and_any_long_number_are_alike(workbench: Any, understood: Callable[..., Message]) -> None:
    learnt = _learnt_from(workbench, "取消W2378156吧 an@example.com 310012")
    one, other = (
        _named(workbench, understood("取消W2378156吧 an@example.com 310012", learnt)),
        _named(workbench, understood("取消W2378159吧 bo@example.com 200040", learnt)),
    )
    assert one == other
    assert one[1]


def test_sentences_hold_words_pairs_and_letters_as_often_as_they_say_them(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    component = _learnt_from(workbench, "no no no")
    _, of_sentence = _named(workbench, understood("No, no no!", component))
    once, thrice = pytest.approx(1.0), pytest.approx(1 + np.log(3))
    assert of_sentence == {
        "word=no": thrice,
        "pair=^ no": once,
        "pair=no no": once,
        **{f"letters={part}": thrice for part in ("(no", "no)", "(no)")},
    }


def test_what_patterns_find_is_a_hint_of_its_tokens_and_stands_in_the_sentence_for_the_number(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    patterns = workbench.create(PatternExtractor)
    lesson = TrainingData(_tokenised(workbench, "where is W2378156 now"))
    workbench.create(NgramFeaturizer, **EVERYTHING).train(patterns.process_training_data(lesson))
    tokens, of_sentence = _named(
        workbench, understood("where is W9999999 now", patterns, workbench.load(NgramFeaturizer))
    )
    assert {"hint=B-order_number", "hint=B-order_number|X9"} <= tokens[2]
    assert "hintright=B-order_number" in tokens[1]
    assert "hintleft=B-order_number" in tokens[3]
    assert {"word=<order_number>", "pair=is <order_number>", "pair=<order_number> now"} <= set(of_sentence)
    assert not any("2378156" in feature for feature in _vocabulary(workbench)["sentence"])


def test_a_name_found_stands_for_its_words_which_stand_beside_it() -> None:
    words, marks = ["is", "the", "desk", "lamp", "13", "here"], ["O", "O", "B-product", "I-product", "I-product", "O"]
    features = set(sentence_features(words, marks))
    assert {"word=<product>", "pair=the <product>", "pair=<product> here", "word=desk", "word=lamp"} <= features
    assert not {"pair=desk lamp", "pair=the desk", "word=13", "word=0"} & features


def test_two_names_side_by_side_stay_two_and_so_do_their_characters() -> None:
    features = sentence_features(list("台灯红"), ["B-product", "I-product", "B-option"])
    assert {"pair=<product> <option>", "han=台灯", "word=红"} <= set(features)
    assert "han=灯红" not in features


def test_any_number_is_a_number_and_its_unit_stays() -> None:
    features = set(sentence_features(["1,299.00", "for", "500ml"], ["O"] * 3))
    assert {"word=0", "pair=0 for", "word=0ml", "word=500ml", "pair=for 0ml"} <= features
    assert "word=1,299.00" not in features


def test_unknown_words_are_left_out_and_a_text_of_nothing_known_is_an_empty_row(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    component = _learnt_from(workbench, "where is my parcel")
    tokens, of_sentence = _named(workbench, understood("where is zebra", component))
    assert not any(feature.startswith("word=") for feature in tokens[2])
    assert {feature for feature in of_sentence if feature.startswith("word=")} == {"word=where", "word=is"}
    assert _matrices(understood("斑马", component))[1].nnz == 0


@pytest.mark.parametrize("text", ["???", "…！", "", " ", "¥$^_^"])
def test_signs_alone_say_nothing_as_a_sentence(workbench: Any, understood: Callable[..., Message], text: str) -> None:
    message = understood(text, _learnt_from(workbench, "really ???", "…！", "¥$^_^ ok"))
    sequence, sentence = _matrices(message)
    assert sentence.nnz == 0
    assert sequence.shape[0] == len(message.get("text_tokens"))


def test_a_picture_of_a_thumb_says_something(workbench: Any, understood: Callable[..., Message]) -> None:
    assert _matrices(understood("👍", _learnt_from(workbench, "👍")))[1].nnz > 0


def test_full_width_and_capital_letters_are_read_as_plain_ones(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    component = _learnt_from(workbench, "order 42 ?")
    plain, wide = _named(workbench, understood("ORDER 42 ?", component)), understood("ＯＲＤＥＲ ４２ ？", component)
    assert _named(workbench, wide) == plain
    assert "word=order" in plain[1]


def test_frequency_counts_sentences_and_pieces_need_more_of_them_than_words(workbench: Any) -> None:
    _learnt_from(workbench, "bananas bananas", "parcel", "my parcel", min_piece_frequency=2)
    for names in _vocabulary(workbench).values():
        assert {"word=bananas", "word=parcel", "letters=(par"} <= set(names)
        assert "letters=ana" not in names
    _learnt_from(workbench, "bananas bananas", "parcel", "my parcel", min_word_frequency=2)
    assert all("word=bananas" not in names for names in _vocabulary(workbench).values())


def test_where_there_is_room_for_few_the_most_frequent_are_learnt(workbench: Any) -> None:
    texts = ["red parcel", "blue parcel", "parcel lost"]
    _learnt_from(workbench, *texts, max_sentence_features=1, max_sequence_features=20)
    names = _vocabulary(workbench)
    assert names["sentence"] == ["letters=(pa"]
    assert len(names["sequence"]) == 20


def test_it_takes_the_tokens_of_rasas_own_tokenizer_and_needs_no_hints(workbench: Any) -> None:
    tokenizer = workbench.create(WhitespaceTokenizer)
    texts = ["where is my parcel", "我的订单怎么还没发货", "iphone手机 please"]
    data = tokenizer.process_training_data(TrainingData([Message({"text": text}) for text in texts]))
    component = workbench.create(NgramFeaturizer, **EVERYTHING)
    component.train(data)
    component.process_training_data(data)
    tokens, of_sentence = _named(workbench, data.training_examples[1])
    assert {"word=我的订单怎么还没发货", "han=订单", "begins=我的", "ends=发货"} <= tokens[0]
    assert {"word=订", "han=订单", "han=发货"} <= set(of_sentence)
    assert {"han=手机", "word=please"} <= set(_named(workbench, data.training_examples[2])[1])


def test_words_of_several_characters_join_with_their_neighbours() -> None:
    features = sentence_features(["我的", "订单", "到", "了"], ["O"] * 4)
    assert {"word=订单", "word=单", "han=的订", "han=到了", "pair=我的 订单", "pair=订单 到"} <= set(features)
    assert features.count("word=到") == 1


def test_a_classifier_of_rasa_learns_from_it(workbench: Any, lessons: TrainingData) -> None:
    component = workbench.create(NgramFeaturizer)
    component.train(lessons)
    component.process_training_data(lessons)
    classifier = workbench.create(LogisticRegressionClassifier)
    classifier.train(lessons)
    (message,) = classifier.process(component.process(_tokenised(workbench, "is that parcel tracked?")))
    assert message.get("intent")["name"] == "track_order"


def test_finetuning_keeps_the_vocabulary_as_it_is(workbench: Any, lessons: TrainingData) -> None:
    workbench.create(NgramFeaturizer).train(lessons)
    before = _vocabulary(workbench)
    context = dataclasses.replace(
        ExecutionContext(GraphSchema({}), node_name=NgramFeaturizer.__name__), is_finetuning=True
    )
    config, resource = NgramFeaturizer.get_default_config(), Resource(NgramFeaturizer.__name__)
    older = NgramFeaturizer.load(config, workbench.storage, resource, context)
    older.train(TrainingData(_tokenised(workbench, "zebra crossing", "a zebra")))
    assert _vocabulary(workbench) == before


def test_messages_without_tokens_and_an_untrained_featurizer_add_nothing(
    workbench: Any, understood: Callable[..., Message]
) -> None:
    assert understood("hello", workbench.create(NgramFeaturizer)).features == []
    component = _learnt_from(workbench, "hello")
    assert component.process([Message({"intent": "greet"})])[0].features == []


def test_without_a_lesson_there_are_rows_without_columns(workbench: Any, understood: Callable[..., Message]) -> None:
    workbench.create(NgramFeaturizer).train(TrainingData([Message({"intent": "greet"})]))
    sequence, sentence = _matrices(understood("hello you", workbench.load(NgramFeaturizer)))
    assert (sequence.shape, sentence.shape) == ((2, 0), (1, 0))


def test_what_customers_write_is_not_kept(workbench: Any, understood: Callable[..., Message]) -> None:
    component = _learnt_from(workbench, "where is my parcel")
    understood("where is zebra 13800138000", component)
    assert "zebra" not in repr(_everything_in(component))
    assert "13800138000" not in repr(_everything_in(component))


def _everything_in(component: NgramFeaturizer) -> list[dict[str, Any]]:
    return [vars(known) for known in component._learnt.values()]


def test_an_endless_message_is_read_in_its_beginning() -> None:
    words = ["order"] * 400 + ["parcel"] * 100
    features = sentence_features(words, ["O"] * len(words))
    assert features.count("word=order") == 400
    assert "word=parcel" not in features


def test_an_endless_word_has_few_pieces() -> None:
    (features,) = token_features(["x" * 5000], ["O"])
    assert len(features) < 100


def test_a_featurizer_that_never_trained_is_not_loaded(workbench: Any) -> None:
    with pytest.raises(ValueError, match="NgramFeaturizer"):
        workbench.load(NgramFeaturizer)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[]",
        '{"sequence": []}',
        '{"sequence": [], "sentence": [], "more": []}',
        '{"sequence": {}, "sentence": []}',
        '{"sequence": [1], "sentence": []}',
        '{"sequence": ["b", "a"], "sentence": []}',
        '{"sequence": ["a", "a"], "sentence": []}',
        '{"sequence": ["a"], "sentence": ["b"',
    ],
)
def test_a_broken_vocabulary_is_not_loaded(workbench: Any, lessons: TrainingData, written: str) -> None:
    workbench.create(NgramFeaturizer).train(lessons)
    with workbench.storage.write_to(Resource(NgramFeaturizer.__name__)) as folder:
        Path(folder / VOCABULARY_FILE).write_text(written, encoding="utf-8")
    with pytest.raises(ValueError, match="What NgramFeaturizer has learnt cannot be read"):
        workbench.load(NgramFeaturizer)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("min_word_frequency", 0),
        ("min_piece_frequency", None),
        ("max_sequence_features", 1.5),
        ("max_sentence_features", True),
    ],
)
def test_a_wrong_setting_is_refused_by_name(workbench: Any, setting: str, value: Any) -> None:
    with pytest.raises(InvalidConfigException, match=f"`{setting}` is"):
        workbench.create(NgramFeaturizer, **{setting: value})


def test_an_unknown_setting_is_refused(workbench: Any) -> None:
    with pytest.raises(InvalidConfigException, match="no setting min_ngram"):
        workbench.create(NgramFeaturizer, min_ngram=1)


def test_another_source_of_its_vocabulary_is_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = NgramFeaturizer.fingerprint_addon(NgramFeaturizer.get_default_config())
    assert NgramFeaturizer.fingerprint_addon(NgramFeaturizer.get_default_config()) == before
    monkeypatch.setattr("inspect.getsource", lambda part: "changed" if part is vocabulary else "as it was")
    assert NgramFeaturizer.fingerprint_addon(NgramFeaturizer.get_default_config()) != before


def test_a_batch_of_sentences_can_be_stacked(workbench: Any, lessons: TrainingData) -> None:
    component = workbench.create(NgramFeaturizer)
    component.train(lessons)
    messages = component.process(_tokenised(workbench, *SENTENCES))
    stacked = vstack([_matrices(message)[1] for message in messages])
    assert stacked.shape[0] == len(SENTENCES)
    assert stacked.dtype == np.float32
