"""The classifier as Rasa uses it: created, trained, kept, loaded and asked, behind cheap features."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.core.agent import Agent
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.model_training import train_nlu
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.entities_parser import parse_training_example
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from safetensors.numpy import load_file

from components import joint, joint_archive, joint_learning
from components.joint import JointClassifier
from components.joint_archive import DESCRIPTION, EXPORT, MEMORY, WEIGHTS, Description
from components.later import LaterFeatures
from components.ngrams import NgramFeaturizer
from components.tokenizer import MixedTokenizer

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {
    "layers": 1,
    "width": 32,
    "heads": 2,
    "bag_width": 32,
    "epochs": 20,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "precision": "float32",
    "device": "cpu",
}
SHORTEST = {**SMALL, "epochs": 2}
SHOP = {
    "buy": [
        "我要买[台灯](product)",
        "[台灯](product)[手机](product)都要",
        "来一个[手机壳](product)[卫衣](product)",
        "想买[卫衣](product)[台灯](product)",
        "有[手机](product)[手机](product)吗",
        "i want to buy the [desk lamp](product)",
        "buy one [phone](product) please",
        "add a [hoodie](product) to my cart",
    ],
    "track": [
        "我的包裹到哪了",
        "包裹怎么还没到",
        "[手机](product)的物流到哪了",
        "where is my package",
        "track my parcel",
        "where is my [hoodie](product) now",
    ],
    "faq/fee": ["运费多少", "邮费怎么算", "包邮吗", "how much is shipping", "shipping cost", "is shipping free"],
    "faq/gift": ["礼品卡怎么用", "礼品卡余额", "礼品卡会过期吗", "gift card balance", "do gift cards expire"],
}


def _role(city: str, role: str) -> str:
    return f'[{city}]{{"entity": "city", "role": "{role}"}}'


def _group(dish: str, group: int) -> str:
    return f'[{dish}]{{"entity": "dish", "group": "{group}"}}'


FLIGHTS = [("rome", "oslo"), ("oslo", "paris"), ("paris", "rome"), ("lima", "oslo")]
MEALS = [("soup", "rice"), ("rice", "soup"), ("soup", "fish"), ("fish", "rice")]
TRAVEL = {
    "fly": [
        f"{word} from {_role(start, 'from')} to {_role(end, 'to')}"
        for word in ("fly", "a flight")
        for start, end in FLIGHTS
    ],
    "eat": [f"{_group(first, 1)} then {_group(second, 2)}" for first, second in MEALS],
    "stay": ["a hotel in [rome](city)", "a hotel in [oslo](city)", "sleep in [paris](city)", "a room in [lima](city)"],
}
SAID = ("intent", "intent_ranking", "response_selector", "entities")
UNSEEN = [
    "取消[台灯",
    "where's the hoodie",
    "礼品卡运费",
    "手机壳手机",
    "completely unknown ыва",
    "？",
    "",
    "   ",
    "🙂",
]


def _texts(lessons: dict[str, list[str]]) -> list[str]:
    return [parse_training_example(one).get("text") for examples in lessons.values() for one in examples]


class Shop:
    """A pipeline of tokenizer, cheap features and classifier in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.storage = folder, LocalModelStorage(folder)

    @property
    def archive(self) -> Path:
        """Where the classifier keeps what it has learnt."""
        return self.folder / JointClassifier.__name__

    def learn(self, lessons: dict[str, list[str]] | Iterable[Message], **config: Any) -> Shop:
        examples = _lessons(lessons) if isinstance(lessons, dict) else list(lessons)
        data = self._made("create", MixedTokenizer).process_training_data(TrainingData(examples))
        featurizer = self._made("create", NgramFeaturizer, min_piece_frequency=1)
        featurizer.train(data)
        featurizer.process_training_data(data)
        for example in data.nlu_examples:
            _add_vectors(example)
        self.featurizer, self.config = featurizer, {**SMALL, "featurizers": ["NgramFeaturizer"], **config}
        self.classifier = self._made("create", JointClassifier, **self.config)
        self.returned = self.classifier.train(data)
        return self

    def loaded(self) -> Shop:
        self.classifier = self._made("load", JointClassifier, **self.config)
        return self

    def finetuned(self, lessons: dict[str, list[str]], **config: Any) -> Shop:
        """As Rasa does: an older classifier is loaded, and learns on."""
        data = self._made("create", MixedTokenizer).process_training_data(TrainingData(_lessons(lessons)))
        self.featurizer.process_training_data(data)
        for example in data.nlu_examples:
            _add_vectors(example)
        self.config |= config
        self.classifier = self._made("load", JointClassifier, finetuning=True, **self.config)
        self.classifier.train(data)
        return self

    def featurized(self, text: str) -> Message:
        message = Message({"text": text})
        self._made("create", MixedTokenizer).process([message])
        self.featurizer.process([message])
        _add_vectors(message)
        return message

    def ask(self, text: str, known: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        message = self.featurized(text)
        if known is not None:
            message.set("entities", known, add_to_output=True)
        return dict(self.classifier.process([message])[0].data)

    def tensors(self) -> dict[str, np.ndarray]:
        return dict(load_file(str(self.archive / WEIGHTS)))

    def _made(self, how: str, kind: Any, *, finetuning: bool = False, **config: Any) -> Any:
        context = ExecutionContext(GraphSchema({}), node_name=kind.__name__)
        context = dataclasses.replace(context, is_finetuning=finetuning)
        settings = {**kind.get_default_config(), **config}
        return getattr(kind, how)(settings, self.storage, Resource(kind.__name__), context)


def _add_vectors(message: Message) -> None:
    """Dense features of each token, which only its characters decide, and their mean as the sentence's."""
    words = [token.text for token in message.get("text_tokens") or []]
    vectors = [np.random.default_rng(list(word.encode())).normal(5, 3, 24) for word in words]
    if vectors:
        message.add_features(Features(np.array(vectors), "sequence", "text", "Vectors"))
        message.add_features(Features(np.mean(vectors, axis=0, keepdims=True), "sentence", "text", "Vectors"))


def _lessons(lessons: dict[str, list[str]]) -> list[Message]:
    return [parse_training_example(text, intent) for intent, texts in lessons.items() for text in texts]


def _found(said: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entity["entity"], entity["value"]) for entity in said["entities"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Has learnt the shop's lessons; only to be asked."""
    return Shop(tmp_path_factory.mktemp("shop")).learn(SHOP)


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("travel")).learn(TRAVEL, epochs=40)


@pytest.fixture
def another(tmp_path: Path) -> Callable[..., Shop]:
    """Another shop, with lessons and settings of its own."""
    count = iter(range(9))
    return lambda *lessons, **config: Shop(tmp_path / f"shop-{next(count)}").learn(*lessons, **config)


# It keeps what it has learnt


def test_what_was_learnt_is_kept_and_gives_the_same_answers(another: Any) -> None:
    one = another(SHOP, epochs=4)
    before = [one.ask(text) for text in [*_texts(SHOP), *UNSEEN]]
    one.loaded()
    for said in before:
        again = one.ask(said["text"])
        for key in SAID:
            assert _rounded(again.get(key)) == _rounded(said.get(key))


def _rounded(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: _rounded(value) for key, value in said.items()}
    if isinstance(said, list):
        return [_rounded(value) for value in said]
    return pytest.approx(said, abs=1e-5) if isinstance(said, float) else said


def test_training_returns_its_resource(shop: Shop) -> None:
    assert shop.returned == Resource(JointClassifier.__name__)


NOTHING_TO_LEARN: dict[str, Any] = {
    "no examples": {},
    "one intent": {"greet": ["hello", "你好"]},
    "one topic": {"faq/fee": ["运费多少", "how much is shipping"]},
}


@pytest.mark.parametrize("lessons", NOTHING_TO_LEARN.values(), ids=list(NOTHING_TO_LEARN))
def test_with_nothing_to_learn_it_says_nothing_but_says_that(another: Any, lessons: dict[str, list[str]]) -> None:
    one = another(lessons)
    assert one.returned == Resource(JointClassifier.__name__)
    for asked in (one.ask("hello"), one.loaded().ask("hello")):
        assert asked["intent"] == {"name": None, "confidence": 0.0}
        assert asked["intent_ranking"] == asked["entities"] == []
        assert "response_selector" not in asked


def test_examples_without_text_are_no_lessons(another: Any) -> None:
    one = another([*_lessons(SHOP), Message({"intent": "restart"}), Message({"intent": "other", "text": ""})], epochs=1)
    assert Description.read(one.archive).labels == sorted(SHOP)


def test_one_intent_with_entities_is_worth_learning(another: Any) -> None:
    one = another({"buy": SHOP["buy"]})
    assert one.ask("我要买台灯")["intent"]["name"] == "buy"
    assert _found(one.ask("我要买台灯")) == [("product", "台灯")]


@pytest.mark.parametrize("text", ["", "   ", "🙂", "？", "ыва", "\u200b", "好" * 300, "/buy", "a\nb"])
def test_an_intent_is_said_of_every_message(shop: Shop, text: str) -> None:
    said = shop.ask(text)
    assert set(said["intent"]) == {"name", "confidence"}
    assert 0 <= said["intent"]["confidence"] <= 1
    assert isinstance(said["entities"], list)


def test_a_message_without_text_or_without_features_has_an_intent_too(shop: Shop) -> None:
    (silent,) = shop.classifier.process([Message({"metadata": {}})])
    assert silent.get("intent") == {"name": None, "confidence": 0.0}
    (bare,) = shop.classifier.process([Message({"text": "hello"})])
    assert set(bare.get("intent")) == {"name", "confidence"}


def test_several_messages_are_each_answered_as_if_alone(shop: Shop) -> None:
    texts = ["台灯手机", "where is my parcel", "运费"]
    together = shop.classifier.process([shop.featurized(text) for text in texts])
    for text, message in zip(texts, together, strict=True):
        assert all(message.data[key] == shop.ask(text)[key] for key in SAID)


def test_what_was_answered_lately_is_answered_alike_without_the_net(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shop.ask("我要买台灯手机 again")
    monkeypatch.setattr(shop.classifier._net, "scores", lambda _: pytest.fail("asked again"))
    again = shop.ask("我要买台灯手机 again")
    assert all(again[key] == before[key] for key in SAID)


def test_what_is_remembered_of_answers_is_forgotten_with_the_net(shop: Shop) -> None:
    shop.ask("我要买台灯手机")
    with shop.classifier._model_storage.read_from(shop.classifier._resource) as folder:
        shop.classifier._read(folder)
    assert not shop.classifier._answered_lately


def test_the_answer_can_be_stored_as_json(shop: Shop, travel: Shop) -> None:
    for one, text in ((shop, "我要买台灯手机"), (travel, "fly from rome to oslo")):
        said = one.ask(text)
        json.dumps({key: said.get(key) for key in SAID})


def test_a_seed_gives_the_same_model_and_another_seed_another(another: Any) -> None:
    first, again, other = (another(SHOP, epochs=3, random_seed=seed) for seed in (7, 7, 8))
    assert all(np.array_equal(part, again.tensors()[name]) for name, part in first.tensors().items())
    assert not all(np.array_equal(part, other.tensors()[name]) for name, part in first.tensors().items())
    texts = ["想买手机壳", "where is it"]
    assert [first.ask(text)["intent_ranking"] for text in texts] == [
        again.ask(text)["intent_ranking"] for text in texts
    ]
    assert [first.ask(text)["intent_ranking"] for text in texts] != [
        other.ask(text)["intent_ranking"] for text in texts
    ]


# It learns


def test_it_knows_the_sentences_that_it_was_shown(shop: Shop) -> None:
    for example in _lessons(SHOP):
        said = shop.ask(example.get("text"))
        assert said["intent"]["name"] == example.get("intent")
        assert _found(said) == [(entity["entity"], entity["value"]) for entity in example.get("entities", [])]


def test_it_knows_sentences_like_those_it_was_shown(shop: Shop) -> None:
    wanted = {"请问运费是多少": "faq", "where is my parcel now": "track", "我想买一个卫衣": "buy", "buy a lamp": "buy"}
    assert {text: shop.ask(text)["intent"]["name"] for text in wanted} == wanted


def test_the_ranking_is_in_order_sums_to_no_more_than_one_and_begins_with_the_intent(shop: Shop) -> None:
    for text in filter(None, (*_texts(SHOP), *UNSEEN)):
        said = shop.ask(text)
        shares = [one["confidence"] for one in said["intent_ranking"]]
        assert said["intent_ranking"][0] == said["intent"]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1 + 1e-6
        assert {one["name"] for one in said["intent_ranking"]} == {"buy", "track", "faq"}


def test_the_ranking_has_the_length_that_is_wanted(another: Any) -> None:
    one = another(SHOP, **{**SHORTEST, "ranking_length": 2})
    said = one.ask("运费")
    assert len(said["intent_ranking"]) == 2
    assert len(said["response_selector"]["faq"]["ranking"]) == 2


def test_what_it_was_shown_is_believed_more_than_what_is_unlike_everything(shop: Shop) -> None:
    known = [shop.ask(text)["intent"]["confidence"] for text in _texts(SHOP)]
    strange = [shop.ask(text)["intent"]["confidence"] for text in ("ыва олдж", "zxcv qwrt", "嗷嗷嗷", "")]
    assert min(known) > 0.6 > max(strange)


def test_letters_of_which_no_piece_is_known_mean_nothing_in_a_script_that_it_knows(shop: Shop) -> None:
    """In another script they may be a language that the encoders know: an example in English answers in Chinese."""
    assert shop.ask("zxqj qjxz")["intent"]["confidence"] == 0.0
    assert shop.ask("ыва олдж")["intent"]["confidence"] > 0.0
    assert shop.ask("42")["intent"]["confidence"] > 0.0


# Entities


def test_two_neighbours_of_one_type_stay_two(shop: Shop) -> None:
    assert _found(shop.ask("台灯手机都要")) == [("product", "台灯"), ("product", "手机")]
    assert _found(shop.ask("有手机手机吗")) == [("product", "手机"), ("product", "手机")]


def test_entities_begin_and_end_with_tokens_and_say_the_text_between(shop: Shop) -> None:
    for text in [*_texts(SHOP), "BUY ONE  PHONE", "想买台灯，卫衣　手机！", "i want to buy the desk-lamp phone"]:
        bounds = [(token.start, token.end) for token in shop.featurized(text).get("text_tokens")]
        for entity in shop.ask(text)["entities"]:
            assert entity["start"] in {start for start, _ in bounds}
            assert entity["end"] in {end for _, end in bounds}
            assert entity["value"] == text[entity["start"] : entity["end"]]


def test_an_entity_of_several_words_is_one(shop: Shop) -> None:
    assert _found(shop.ask("i want to buy the desk lamp")) == [("product", "desk lamp")]


def test_an_entity_is_said_as_rasa_says_it(shop: Shop) -> None:
    (entity,) = shop.ask("我要买台灯")["entities"]
    confidence = entity.pop("confidence_entity")
    assert entity == {"entity": "product", "start": 3, "end": 5, "value": "台灯", "extractor": "JointClassifier"}
    assert type(confidence) is float
    assert 0.5 < confidence <= 1


def test_roles_are_said_where_there_are_any(travel: Shop) -> None:
    start, end = travel.ask("fly from rome to oslo")["entities"]
    assert (start["value"], start["role"], end["value"], end["role"]) == ("rome", "from", "oslo", "to")
    assert set(start) == {
        *("entity", "start", "end", "value", "extractor", "confidence_entity"),
        *("role", "confidence_role"),
    }
    assert 0.5 < start["confidence_role"] <= 1
    (city,) = travel.ask("a hotel in rome")["entities"]
    assert not {"role", "group"} & set(city)


def test_groups_are_said_where_there_are_any(travel: Shop) -> None:
    first, second = travel.ask("rice then soup")["entities"]
    assert [(one["entity"], one["value"], one["group"]) for one in (first, second)] == [
        ("dish", "rice", "1"),
        ("dish", "soup", "2"),
    ]
    assert 0.5 < first["confidence_group"] <= 1
    assert "role" not in first


def test_what_was_found_before_stays_and_is_judged(shop: Shop) -> None:
    lamp = {"entity": "product", "start": 3, "end": 5, "value": "台灯", "extractor": "CatalogueMatcher", "entity_id": 7}
    wrong = {"entity": "product", "start": 0, "end": 1, "value": "我", "extractor": "RegexEntityExtractor"}
    foreign = {"entity": "order_number", "start": 3, "end": 5, "value": "台灯", "extractor": "PatternExtractor"}
    said = shop.ask("我要买台灯", known=[dict(lamp), dict(wrong), dict(foreign)])
    *before, found = said["entities"]
    judged = [entity.pop("confidence_entity") for entity in before]
    assert before == [lamp, wrong, foreign]
    assert judged[0] > 0.5 > judged[1]
    assert judged[2] == 0.0
    assert found["extractor"] == "JointClassifier"


def test_an_entity_that_no_tokens_make_is_left_out_of_the_lessons(another: Any) -> None:
    inside = Message({"text": "buy hoodies", "intent": "buy"})
    inside.set("entities", [{"entity": "product", "start": 4, "end": 10, "value": "hoodie"}])
    with pytest.warns(UserWarning, match="Misaligned entity"):
        one = another([*_lessons(SHOP), inside], epochs=1)
    assert one.ask("buy hoodies")["intent"]["name"]


# Topics


def test_a_retrieval_intent_is_as_likely_as_its_topics_together(shop: Shop) -> None:
    said = shop.ask("礼品卡运费")
    topics = said["response_selector"]["faq"]["ranking"]
    assert {topic["intent_response_key"] for topic in topics} == {"faq/fee", "faq/gift"}
    (faq,) = (one for one in said["intent_ranking"] if one["name"] == "faq")
    assert faq["confidence"] == pytest.approx(sum(topic["confidence"] for topic in topics))


def test_the_likeliest_topic_is_the_selected_response(shop: Shop) -> None:
    for text, topic in (("运费多少", "fee"), ("gift card balance", "gift")):
        said = shop.ask(text)
        assert said["intent"]["name"] == "faq"
        assert said["response_selector"]["all_retrieval_intents"] == ["faq"]
        response = said["response_selector"]["faq"]["response"]
        assert response["intent_response_key"] == f"faq/{topic}"
        assert response["utter_action"] == f"utter_faq/{topic}"
        assert response["confidence"] == said["response_selector"]["faq"]["ranking"][0]["confidence"]


def test_without_a_retrieval_intent_no_response_is_selected(travel: Shop) -> None:
    assert "response_selector" not in travel.ask("fly from rome to oslo")


# Settings


SETTINGS: dict[str, dict[str, Any]] = {
    "softmax": {"intent_head": "softmax"},
    "without memory": {"memory": False, "epochs": 40},
    "with masked tokens": {"masked_tokens": True, "epochs": 40},
    "everything held": {
        "dropout": 0.0,
        "dense_dropout": 0.0,
        "word_dropout": 0.0,
        "label_smoothing": 0.0,
        "warm_up": 0,
    },
    "several layers": {"layers": 3, "heads": 4},
    "one example at a time": {"batch_size": 1, "epochs": 6, "learning_rate": 3e-3},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
def test_it_learns_with_other_settings_too(another: Any, settings: dict[str, Any]) -> None:
    one = another(SHOP, **settings).loaded()
    right = [one.ask(example.get("text"))["intent"]["name"] == example.get("intent") for example in _lessons(SHOP)]
    assert sum(right) >= 23
    assert ("product", "台灯") in _found(one.ask("我要买台灯"))
    assert (one.archive / MEMORY).exists() == settings.get("memory", True)


def test_intents_only(another: Any) -> None:
    one = another(SHOP, entity_recognition=False).loaded()
    known = [{"entity": "product", "start": 3, "end": 5, "value": "台灯"}]
    assert one.ask("我要买台灯", known=known)["entities"] == [
        {"entity": "product", "start": 3, "end": 5, "value": "台灯"}
    ]
    assert one.ask("我要买台灯")["intent"]["name"] == "buy"
    assert Description.read(one.archive).tags == {}


def test_entities_only(another: Any) -> None:
    one = another(SHOP, intent_classification=False).loaded()
    message = one.featurized("台灯手机都要")
    message.set("intent", {"name": "by_keyword", "confidence": 1.0}, add_to_output=True)
    one.classifier.process([message])
    assert message.get("intent") == {"name": "by_keyword", "confidence": 1.0}
    assert message.get("intent_ranking") is None
    assert _found(message.data) == [("product", "台灯"), ("product", "手机")]
    assert Description.read(one.archive).labels == []


def test_lessons_of_which_some_have_no_intent_or_no_entity(another: Any) -> None:
    unlabelled = parse_training_example("[台灯](product)[卫衣](product)")
    one = another([*_lessons(SHOP), unlabelled])
    assert one.ask("运费多少")["intent"]["name"] == "faq"
    assert _found(one.ask("台灯卫衣")) == [("product", "台灯"), ("product", "卫衣")]


def test_enough_examples_are_held_out_to_choose_an_epoch_and_to_calibrate(another: Any) -> None:
    many = {
        intent: [f"{text} {end}" for text in texts for end in ("吗", "?", "please", "啊")]
        for intent, texts in SHOP.items()
    }
    defaults = _calibration(another(SHOP, epochs=1))
    fitted = _calibration(another(many, held_out=0.2))
    assert defaults["sharpness"] == joint_archive.Calibration().sharpness
    assert fitted["usual_likeness"] != defaults["usual_likeness"]
    assert fitted["sharpness"] != defaults["sharpness"]


def _calibration(one: Shop) -> dict[str, float]:
    return dataclasses.asdict(Description.read(one.archive).calibration)


@pytest.mark.parametrize(
    ("featurizers", "sparse", "dense"),
    [(["Vectors"], False, True), (["NgramFeaturizer"], True, False), ([], True, True)],
    ids=str,
)
def test_it_learns_from_sparse_and_from_dense_features_and_reads_those_that_are_named(
    another: Any, featurizers: list[str], sparse: bool, dense: bool
) -> None:
    one = another(SHOP, featurizers=featurizers).loaded()
    shape = Description.read(one.archive).shape
    assert [bool(shape.token_words), bool(shape.sentence_words)] == [sparse] * 2
    assert [bool(shape.token_dense), bool(shape.sentence_dense)] == [dense] * 2
    right = [one.ask(example.get("text"))["intent"]["name"] == example.get("intent") for example in _lessons(SHOP)]
    assert sum(right) >= 24
    assert _found(one.ask("台灯手机都要")) == [("product", "台灯"), ("product", "手机")]


@pytest.fixture(scope="module")
def glancing(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Has learnt to tell by words alone; its vectors come later."""
    settings = {"featurizers": [], "glance": 0.6, "epochs": 40}
    return Shop(tmp_path_factory.mktemp("glancing")).learn(SHOP, **settings)


def _later(shop: Shop, text: str, asked: list[str]) -> Message:
    message = shop.featurized(text)
    for place, one in enumerate(message.features):
        if one.is_dense():
            compute = partial(_noted, asked, text, one.features)
            message.features[place] = LaterFeatures(compute, one.type, "text", one.origin, (text,))
    return message


def _noted(asked: list[str], text: str, features: np.ndarray) -> np.ndarray:
    asked.append(text)
    return features


def test_what_words_alone_tell_needs_no_vectors(glancing: Shop) -> None:
    asked: list[str] = []
    known = _texts(SHOP)
    messages = glancing.classifier.process([_later(glancing, text, asked) for text in known])
    assert len(set(asked)) < len(set(known)) / 2
    right = [
        message.get("intent")["name"] == one.get("intent")
        for message, one in zip(messages, _lessons(SHOP), strict=True)
    ]
    assert sum(right) >= 24


@pytest.mark.parametrize("text", ["ыва ывап", "🙂🙂", "zxqv zxqv"])
def test_what_words_do_not_tell_is_read_whole(glancing: Shop, text: str) -> None:
    asked: list[str] = []
    glancing.classifier.process([_later(glancing, text, asked)])
    assert asked


def test_words_that_look_like_two_intents_at_once_are_read_whole(
    glancing: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, asked = _texts(SHOP)[0], list[str]()
    scores = glancing.classifier._net.scores
    monkeypatch.setattr(
        glancing.classifier._net, "scores", lambda features: (-scores(features)[0], scores(features)[1])
    )
    glancing.classifier._answered_lately.clear()
    glancing.classifier.process([_later(glancing, text, asked)])
    glancing.classifier._answered_lately.clear()
    assert asked


def test_a_glance_is_remembered_too(glancing: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*_texts(SHOP), "ыва ывап"]
    before = [glancing.ask(text) for text in texts]
    monkeypatch.setattr(glancing.classifier._net, "scores", lambda _: pytest.fail("asked again"))
    after = [glancing.ask(text) for text in texts]
    assert all(one[key] == other[key] for one, other in zip(before, after, strict=True) for key in SAID)


def test_a_glance_is_kept_and_gives_the_same_answers(glancing: Shop) -> None:
    before = [glancing.ask(text) for text in _texts(SHOP)]
    glancing.loaded()
    after = [glancing.ask(text) for text in _texts(SHOP)]
    assert all(one[key] == other[key] for one, other in zip(before, after, strict=True) for key in SAID)


@pytest.mark.parametrize(
    "settings",
    [{"featurizers": ["Vectors"]}, {"featurizers": ["NgramFeaturizer"]}, {"memory": False}, {"glance": None}],
    ids=str,
)
def test_where_nothing_could_be_left_out_or_told_it_does_not_glance(another: Any, settings: dict[str, Any]) -> None:
    one = another(SHOP, **{"glance": 0.6, "featurizers": [], "epochs": 1, **settings})
    assert Description.read(one.archive).of_words is None
    assert one.loaded().ask(_texts(SHOP)[0])["intent"]["name"]


def test_featurizers_that_gave_nothing_are_refused_by_name(another: Any) -> None:
    with pytest.raises(InvalidConfigException, match="featurizers"):
        another(SHOP, **{**SHORTEST, "featurizers": ["Nobody"]})


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"intent_head": "nearest"}, "`intent_head` is one of similarity, softmax"),
        ({"precision": "int8"}, "`precision` is one of auto, float32, bfloat16"),
        ({"width": 30, "heads": 4}, "`width` must be a multiple of `heads`"),
        ({"held_out": 0.5}, "`held_out` is a share"),
        ({"held_out": -0.1}, "`held_out` is a share"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    another: Any, settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidConfigException, match=complaint):
        another(SHOP, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0},
        {"epochs": -1},
        {"epochs": "many"},
        {"heads": 0},
        {"layers": -1},
        {"bag_width": 0},
        {"dropout": 1.5},
        {"word_dropout": -0.1},
        {"label_smoothing": 2},
        {"learning_rate": 0},
        {"patience": -1},
        {"device": "abacus"},
        {"ranking_length": -1},
        {"random_seed": "seven"},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_refused_by_name(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigException, match=f"`{next(iter(settings))}`"):
        Shop(tmp_path)._made("create", JointClassifier, **{**SHORTEST, **settings})


def test_settings_of_diet_are_told_to_be_without_effect_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = {
        "constrain_similarities": True,
        "BILOU_flag": True,
        "transformer_size": 256,
        "number_of_transformer_layers": 2,
    }
    with caplog.at_level(logging.WARNING, "components.joint_learning"):
        Shop(tmp_path)._made("create", JointClassifier, **settings)
    assert all(f"`{name}`" in caplog.text for name in settings)


@pytest.mark.parametrize("settings", [{"batch_size": [64, 256]}, {"random_seed": None}, {"ranking_length": 0}], ids=str)
def test_a_setting_that_diet_writes_otherwise_is_taken_or_refused_by_name(
    another: Any, settings: dict[str, Any]
) -> None:
    """DIET lets batches grow, takes a seed of nothing for any, and a length of 0 for all intents."""
    try:
        one = another(SHOP, **{**SHORTEST, **settings})
    except InvalidConfigException as refusal:
        assert f"`{next(iter(settings))}`" in str(refusal)
    else:
        assert len(one.ask("运费")["intent_ranking"]) == 3


# Archives


def test_only_tensors_json_and_an_export_are_written_and_nothing_that_runs_when_read(shop: Shop) -> None:
    files = {path.name: path.read_bytes() for path in shop.archive.rglob("*") if path.is_file()}
    assert set(files) == {DESCRIPTION, WEIGHTS, EXPORT, MEMORY}
    json.loads(files[DESCRIPTION])
    for name in (WEIGHTS, MEMORY):
        assert load_file(str(shop.archive / name))
    assert not any(content.startswith((b"\x80", b"PK")) for content in files.values())


@pytest.mark.parametrize(
    "name",
    [
        DESCRIPTION,
        WEIGHTS,
        EXPORT,
        MEMORY,
    ],
)
def test_a_broken_archive_is_not_loaded_as_an_untrained_classifier(another: Any, name: str) -> None:
    one = another(SHOP, **SHORTEST)
    whole = (one.archive / name).read_bytes()
    (one.archive / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Exception, match=r".+"):  # of the library that reads it
        one.loaded()


def test_an_archive_that_lacks_a_file_is_not_loaded_as_an_untrained_classifier(another: Any) -> None:
    one = another(SHOP, **SHORTEST)
    (one.archive / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError):
        one.loaded()


def test_without_the_export_torch_gives_the_same_answers_and_it_is_said(
    another: Any, caplog: pytest.LogCaptureFixture
) -> None:
    one = another(SHOP, epochs=4)
    texts = [*_texts(SHOP), *UNSEEN]
    exported = [one.ask(text) for text in texts]
    (one.archive / EXPORT).unlink()
    with caplog.at_level(logging.WARNING, "components"):
        one.loaded()
    assert EXPORT in caplog.text
    for said in exported:
        again = one.ask(said["text"])
        assert _found(again) == _found(said)
        assert again["intent"]["confidence"] == pytest.approx(said["intent"]["confidence"], abs=5e-3)  # 8 bits


def test_a_message_with_other_features_than_in_training_is_refused(shop: Shop, another: Any) -> None:
    other = another(TRAVEL, **SHORTEST)
    with pytest.raises(InvalidConfigException, match="Train again after a change of the featurizers"):
        shop.classifier.process([other.featurized("台灯")])


# Going on from an older model


def test_finetuning_goes_on_from_the_older_weights(another: Any) -> None:
    trained, fresh = (another(SHOP, epochs=epochs, featurizers=[]) for epochs in (20, 1))
    before = trained.tensors()
    trained.finetuned(SHOP, epochs=1, learning_rate=1e-3)
    after, name = trained.tensors(), "net.label_query.weight"
    assert not np.array_equal(after[name], before[name])
    assert np.abs(after[name] - before[name]).mean() < 0.1 * np.abs(after[name] - fresh.tensors()[name]).mean()
    assert [trained.ask(text)["intent"]["name"] for text in ("运费多少", "track my parcel")] == ["faq", "track"]
    assert _found(trained.ask("台灯手机都要")) == [("product", "台灯"), ("product", "手机")]


def test_finetuning_learns_new_sentences(another: Any) -> None:
    one = another(SHOP)
    more = {**SHOP, "track": [*SHOP["track"], *["发货了没有"] * 3, *["has it shipped"] * 3]}
    one.finetuned(more, epochs=10).loaded()
    assert one.ask("发货了没有")["intent"]["name"] == "track"
    assert one.ask("has it shipped")["intent"]["name"] == "track"


@pytest.mark.parametrize(
    ("lessons", "complaint"),
    [
        ({**SHOP, "greet": ["你好", "hello"]}, "Other intents or entities"),
        ({**SHOP, "faq/invoice": ["开发票", "an invoice"]}, "Other intents or entities"),
        ({intent: texts for intent, texts in SHOP.items() if intent != "track"}, "Other intents or entities"),
        ({**SHOP, "track": [*SHOP["track"], "where is [W1](order)"]}, "Other intents or entities"),
    ],
)
def test_finetuning_with_other_labels_is_refused(another: Any, lessons: dict[str, list[str]], complaint: str) -> None:
    one = another(SHOP, **SHORTEST)
    with pytest.raises(InvalidConfigException, match=complaint):
        one.finetuned(lessons)


def test_finetuning_with_other_features_or_sizes_is_refused(another: Any) -> None:
    one = another(SHOP, **SHORTEST)
    with pytest.raises(InvalidConfigException, match="Other features or sizes"):
        one.finetuned(SHOP, layers=2)
    one.config["layers"] = SMALL["layers"]
    one.featurizer = another(TRAVEL, **SHORTEST).featurizer
    with pytest.raises(InvalidConfigException, match="features"):
        one.finetuned(SHOP)


def test_finetuning_what_had_nothing_to_learn_begins_anew(another: Any) -> None:
    one = another({"buy": ["hello"]})
    one.featurizer = another(SHOP, **SHORTEST).featurizer
    one.finetuned(SHOP)
    assert one.ask("运费多少")["intent"]["name"] == "faq"


# The cache key


def _fingerprinted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The modules whose source is in the key."""
    seen: list[Any] = []
    monkeypatch.setattr(joint.sources, "fingerprint", lambda *parts: seen.extend(parts) or "")
    JointClassifier.fingerprint_addon(JointClassifier.get_default_config())
    by_source = {path.read_text(encoding="utf-8"): path.stem for path in (ROOT / "components").glob("*.py")}
    return {by_source[part] if isinstance(part, str) else part.__name__.split(".")[-1] for part in seen}


def _built_on(module: str) -> set[str]:
    """All modules of ours that a module imports, and that those import."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        tree = ast.parse((ROOT / "components" / f"{waiting.pop()}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "components":
                named = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("components."):
                named = {str(node.module).split(".")[1]}
            else:
                continue
            waiting += named - found
            found |= named
    return found


def test_every_module_that_it_is_built_on_is_in_its_cache_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _built_on("joint") - {"sources"} <= _fingerprinted(monkeypatch)


def test_a_change_of_a_module_is_another_cache_key(monkeypatch: pytest.MonkeyPatch) -> None:
    config = JointClassifier.get_default_config()
    before = JointClassifier.fingerprint_addon(config)
    assert JointClassifier.fingerprint_addon(config) == before
    with monkeypatch.context() as changed:
        changed.setattr("inspect.getsource", lambda part: "changed" if part is joint_learning else "as it was")
        one = JointClassifier.fingerprint_addon(config)
        changed.setattr("inspect.getsource", lambda part: "as it was")
        assert JointClassifier.fingerprint_addon(config) != one
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, **how: read(path, **how) + "#" * (path.name == "training_loop.py")
    )
    assert JointClassifier.fingerprint_addon(config) != before


# In a project of Rasa's own components, in DIET's place


STOCK_PIPELINE = """
recipe: default.v1
assistant_id: test
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: components.joint.JointClassifier
  epochs: 25
  constrain_similarities: true
  BILOU_flag: true
  learning_rate: 0.01
  batch_size: 8
  width: 32
  heads: 2
  layers: 1
  precision: float32
- name: EntitySynonymMapper
- name: FallbackClassifier
  threshold: 0.6
"""


def _nlu(lessons: dict[str, list[str]]) -> str:
    def intent(name: str) -> str:
        return f"- intent: {name}\n  examples: |\n" + "".join(f"    - {text}\n" for text in lessons[name])

    replies = "".join(f"  utter_{name}:\n  - text: {name}\n" for name in lessons if "/" in name)
    return 'version: "3.1"\nnlu:\n' + "".join(intent(name) for name in lessons) + f"responses:\n{replies}"


def _trained(folder: Path, name: str, **how: Any) -> Path:
    """The archive that `rasa train nlu` makes in a project's folder."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Rasa misses its own extractors and its ResponseSelector
        patch.setenv("RASA_TELEMETRY_ENABLED", "false")
        patch.setenv("RASA_CACHE_DIRECTORY", str(folder / "cache"))
        patch.chdir(folder)
        train_nlu("config.yml", "nlu.yml", "models", fixed_model_name=name, **how)
    return folder / "models" / f"{name}.tar.gz"


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a model of Rasa's own featurizers and this classifier."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "config.yml").write_text(STOCK_PIPELINE, encoding="utf-8")
    (folder / "nlu.yml").write_text(_nlu(SHOP), encoding="utf-8")
    return _trained(folder, "bot")


def _asked(archive: Path, *texts: str) -> list[dict[str, Any]]:
    agent = Agent.load(str(archive))
    return [dict(asyncio.run(agent.parse_message(text))) for text in texts]


def _intents(archive: Path, *texts: str) -> list[str]:
    return [said["intent"]["name"] for said in _asked(archive, *texts)]


def test_in_diets_place_it_works_on_rasas_own_features(bot: Path) -> None:
    assert _intents(bot, "where is my package", "shipping cost", "包邮吗") == ["track", "faq", "faq"]
    lamp, fee, typed = _asked(bot, "i want to buy the desk lamp", "shipping cost", '/buy{"product": "lamp"}')
    assert lamp["intent"]["name"] == typed["intent"]["name"] == "buy"
    assert _found(lamp) == [("product", "desk lamp")]
    assert lamp["entities"][0]["extractor"] == "JointClassifier"
    assert fee["response_selector"]["faq"]["response"]["intent_response_key"] == "faq/fee"


def test_rasas_fallback_classifier_works_on_its_confidence(bot: Path) -> None:
    assert _intents(bot, "42", "000") == ["nlu_fallback"] * 2
    assert "nlu_fallback" not in _intents(bot, *_texts(SHOP))


@pytest.mark.xfail(
    strict=True,
    reason="of few words, all else unknown, the likeness is measured on the known alone: here the blank of char_wb",
)
def test_words_that_nobody_knows_are_left_to_the_fallback_behind_rasas_features_too(bot: Path) -> None:
    assert _intents(bot, "ыва олдж", "zxcv qwrt", "123 456", "tell me a joke") == ["nlu_fallback"] * 4


def _finetuned(bot: Path, *more: str) -> Path:
    """Further trained, with more examples of where a parcel is."""
    data = bot.parent.parent / "nlu.yml"
    before = data.read_text(encoding="utf-8")
    data.write_text(_nlu({**SHOP, "track": [*SHOP["track"], *more]}), encoding="utf-8")
    try:
        return _trained(bot.parent.parent, "finetuned", model_to_finetune=str(bot), finetuning_epoch_fraction=0.2)
    finally:
        data.write_text(before, encoding="utf-8")


def test_rasa_finetunes_it(bot: Path) -> None:
    finetuned = _finetuned(bot, "where is the parcel", "is my package where")
    assert _intents(finetuned, "is my package where", "where is my package", "包邮吗") == ["track", "track", "faq"]


def test_finetuning_on_words_that_make_rasas_featurizers_grow_is_refused_with_what_to_do(bot: Path) -> None:
    with pytest.raises(Exception, match=r"without --finetune"):
        _finetuned(bot, "has it shipped", "has that shipped")


ASK = """
import asyncio, json, sys
from rasa.core.agent import Agent
of_rasa = [name for name in ("torch", "transformers") if name in sys.modules]
agent = Agent.load(sys.argv[1])
said = asyncio.run(agent.parse_message("where is my package"))
print(json.dumps({"intent": said["intent"], "of_rasa": of_rasa, "torch": "torch" in sys.modules}))
"""


def test_a_running_bot_does_not_import_torch(bot: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RASA_TELEMETRY_ENABLED": "false", "OMP_NUM_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, str(bot)],
        capture_output=True,
        check=True,
        cwd=bot.parent,
        env=environment,
        text=True,
    )
    said = json.loads(child.stdout.splitlines()[-1])
    assert said["of_rasa"] == []
    assert said["intent"]["name"] == "track"
    assert not said["torch"]
