from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix, vstack
from scipy.sparse import random as random_words

from components import memory
from components.calibration import Calibration
from components.examples import Examples
from components.joint_archive import (
    DESCRIPTION,
    EXPORT,
    MEMORY,
    MEMORY_EXPORT,
    WEIGHTS,
    Description,
    Net,
    load_memory,
    save,
    standardised_sentences,
    standardised_tokens,
)
from components.joint_net import NetSize
from components.joint_training import JointModel, Losses, predict
from components.tags import may_end, may_follow, may_start, tag_names

ENTITY_TAGS, ROLES = tag_names(["product", "颜色"]), ["O", "from", "to"]
LABELS = ["cancel", "faq/fee", "查物流"]
SIZE = NetSize(
    token_words=30,
    token_dense=6,
    sentence_dense=5,
    labels=len(LABELS),
    tags=(len(ENTITY_TAGS), len(ROLES)),
    width=16,
    layers=2,
    heads=2,
    bag_width=8,
    longest_distance=3,
)
KINDS: dict[str, dict[str, Any]] = {
    "everything": {},
    "softmax": {"similarity": False},
    "no dense features": {"token_dense": 0, "sentence_dense": 0},
    "dense features only": {"token_words": 0},
    "no entities": {"tags": ()},
    "no roles": {"tags": (len(ENTITY_TAGS),)},
    "no intents": {"labels": 0},
}
IN_BYTES = 0.06  # how far weights of 8 bits may lead from those of 32
LENGTHS = [[1], [5], [23], [4, 1, 9], [3, 3], [2, 0, 6], [0]]


def _model(size: NetSize = SIZE) -> JointModel:
    torch.manual_seed(0)
    model = JointModel(size, ENTITY_TAGS if size.tags else [], Losses(0.1, 0.2, 0.2, False), 0.1)
    for name, weights in model.named_parameters():
        if name.startswith("field") or name.endswith("distance"):
            torch.nn.init.normal_(weights)
    return model.eval()


def _examples(lengths: list[int], size: NetSize = SIZE) -> Examples:
    generator, tokens = np.random.default_rng(len(lengths)), sum(lengths)
    words = random_words(tokens, size.token_words, density=0.2, format="csr", dtype=np.float32, random_state=1)
    return Examples(
        token_words=words,
        token_dense=generator.normal(3, 2, (tokens, size.token_dense)).astype(np.float32),
        sentence_words=random_words(len(lengths), 40, density=0.2, format="csr", dtype=np.float32, random_state=2),
        sentence_dense=generator.normal(-1, 3, (len(lengths), size.sentence_dense)).astype(np.float32),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )


def _description(size: NetSize = SIZE) -> Description:
    features = size.token_dense + size.sentence_dense
    tags = dict(zip(("entity", "role"), (ENTITY_TAGS, ROLES), strict=True))
    return Description(
        shape=_examples([1], size).shape,
        size=asdict(size),
        labels=LABELS[: size.labels],
        tags=dict(list(tags.items())[: len(size.tags)]),
        centre=np.linspace(-1, 3, features).round(3).tolist(),
        spread=np.linspace(0.5, 2, features).round(3).tolist(),
        calibration=Calibration(1.5, (0.625,), (0.125,)),
        has_memory=True,
    )


def _saved(folder: Path, size: NetSize = SIZE) -> tuple[JointModel, Description]:
    model, description = _model(size), _description(size)
    examples = _examples([2] * 8, size)
    save(folder, description, model, memory.fit(examples, np.arange(8) % 3, 3, np.array([1])).memory)
    return model, Description.read(folder)


def _standardised(examples: Examples, description: Description) -> Examples:
    centre, spread = np.array(description.centre, np.float32), np.array(description.spread, np.float32)
    return replace(
        examples,
        token_dense=standardised_tokens(examples, centre, spread),
        sentence_dense=standardised_sentences(examples, centre, spread),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_export_torch_and_the_model_that_was_trained_say_the_same(tmp_path: Path, kind: str) -> None:
    size = replace(SIZE, **KINDS[kind])
    model, description = _saved(tmp_path, size)
    exported = Net(tmp_path, description)
    (tmp_path / EXPORT).unlink()
    in_torch = Net(tmp_path, description)
    for lengths in LENGTHS:
        examples = _examples(lengths, size)
        trained, trained_tags = predict(model, _standardised(examples, description), np.arange(len(lengths)))
        for net, near in ((exported, IN_BYTES), (in_torch, 1e-4)):
            intents, tags = net.scores(examples)
            assert intents.shape == (len(lengths), size.labels)
            assert intents == pytest.approx(trained, abs=near)
            assert [part.shape[2] for part in tags] == list(size.tags)
            for row, length in enumerate(lengths if tags else []):
                assert trained_tags is not None
                assert tags[0][row, :length] == pytest.approx(trained_tags[row], abs=near)
        there = np.arange(max(1, *lengths, 0))[None] < np.array(lengths)[:, None]
        for one, other in zip(exported.scores(examples)[1], in_torch.scores(examples)[1], strict=True):
            assert one[there] == pytest.approx(other[there], abs=IN_BYTES)


def test_a_sentence_is_answered_alike_alone_and_among_others(tmp_path: Path) -> None:
    net = Net(tmp_path, _saved(tmp_path)[1])
    short, long = _examples([3]), _examples([11])
    both = Examples(
        token_words=vstack([short.token_words, long.token_words], format="csr"),
        token_dense=np.concatenate([short.token_dense, long.token_dense]),
        sentence_words=vstack([short.sentence_words, long.sentence_words], format="csr"),
        sentence_dense=np.concatenate([short.sentence_dense, long.sentence_dense]),
        starts=np.array([0, 3, 14]),
    )
    intents, tags = net.scores(both)
    for row, alone in enumerate((short, long)):
        alone_intents, alone_tags = net.scores(alone)
        assert intents[row] == pytest.approx(alone_intents[0], abs=IN_BYTES)
        assert tags[0][row, : alone.lengths[0]] == pytest.approx(alone_tags[0][0], abs=IN_BYTES)


def test_without_the_export_it_says_that_torch_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, description = _saved(tmp_path)
    with caplog.at_level(logging.WARNING, "components.joint_archive"):
        Net(tmp_path, description)
        assert caplog.text == ""
        (tmp_path / EXPORT).unlink()
        Net(tmp_path, description)
    assert EXPORT in caplog.text
    assert "torch" in caplog.text


def test_it_writes_a_description_tensors_and_an_export_and_nothing_else(tmp_path: Path) -> None:
    _saved(tmp_path)
    of_memory = MEMORY_EXPORT.format(view=0)
    assert {path.name for path in tmp_path.iterdir()} == {DESCRIPTION, WEIGHTS, EXPORT, MEMORY, of_memory}
    json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8"))
    assert load_file(str(tmp_path / WEIGHTS))["table.weight"].shape == (30, 8)
    assert load_file(str(tmp_path / MEMORY))["0.weights"].shape == (8, 3)
    for export in (EXPORT, of_memory):
        onnx.checker.check_model(onnx.load(str(tmp_path / export)))


def test_the_export_holds_weights_of_the_net_in_bytes_and_not_the_table_of_words(tmp_path: Path) -> None:
    _saved(tmp_path)
    parts = onnx.load(str(tmp_path / EXPORT)).graph.initializer
    assert (30, 8) not in {tuple(part.dims) for part in parts}
    in_bytes = [part.name for part in parts if part.data_type == onnx.TensorProto.INT8 and len(part.dims) == 2]
    full = [part.name for part in parts if part.data_type == onnx.TensorProto.FLOAT and len(part.dims) == 2]
    assert len(in_bytes) > 10
    assert not [name for name in full if "MatMul" in name or name.endswith(".weight")]


def test_a_description_is_read_as_it_was_written(tmp_path: Path) -> None:
    description = _description()
    description.write(tmp_path)
    again = Description.read(tmp_path)
    assert asdict(again) | {"size": None} == asdict(description) | {"size": None}
    assert again.size | {"tags": tuple(again.size["tags"])} == description.size
    assert "查物流" in (tmp_path / DESCRIPTION).read_text(encoding="utf-8")


def test_without_a_memory_none_is_loaded(tmp_path: Path) -> None:
    save(tmp_path, _description(), _model(), None)
    assert load_memory(tmp_path, replace(_description(), has_memory=False)) is None


def test_the_memory_says_the_same_when_loaded(tmp_path: Path) -> None:
    examples = _examples([2] * 8)
    remembered = memory.fit(examples, np.arange(8) % 3, 3, np.array([1])).memory
    save(tmp_path, _description(), _model(), remembered)
    loaded = load_memory(tmp_path, _description())
    assert loaded is not None
    (tmp_path / MEMORY_EXPORT.format(view=0)).unlink()
    by_numpy = load_memory(tmp_path, _description())
    assert by_numpy is not None
    assert np.array_equal(by_numpy.recall(examples).scores, remembered.recall(examples).scores)
    for each in range(len(examples)):  # as messages come: one at a time
        one = examples.of_sentences(np.array([each]))
        assert loaded.recall(one).scores == pytest.approx(by_numpy.recall(one).scores, abs=IN_BYTES)
        assert loaded.recall(one).likeness == pytest.approx(by_numpy.recall(one).likeness, abs=IN_BYTES / 10)


def test_the_memory_of_each_view_has_its_own_export(tmp_path: Path) -> None:
    """The second reads no words, and not every sentence; where there are words alone, numpy answers."""
    examples = replace(_examples([2] * 12), sentence_views=(3, 2))
    examples.sentence_dense[::3, 3:] = 0.0
    remembered = memory.fit(examples, np.arange(12) % 3, 3, np.array([1])).memory
    save(tmp_path, _description(), _model(), remembered)
    loaded = load_memory(tmp_path, _description())
    assert loaded is not None
    assert [(tmp_path / MEMORY_EXPORT.format(view=view)).exists() for view in (0, 1, 2)] == [True, True, False]
    for each in range(len(examples)):
        one = examples.of_sentences(np.array([each]))
        assert loaded.recall(one).scores == pytest.approx(remembered.recall(one).scores, abs=IN_BYTES)

    of_words = replace(_examples([2] * 8), sentence_dense=np.zeros((8, 0), np.float32))
    (tmp_path / "words").mkdir()
    save(tmp_path / "words", _description(), _model(), memory.fit(of_words, np.arange(8) % 3, 3, np.array([1])).memory)
    assert not (tmp_path / "words" / MEMORY_EXPORT.format(view=0)).exists()


def test_the_random_field_decodes_as_it_did_in_training(tmp_path: Path) -> None:
    model, description = _saved(tmp_path)
    net = Net(tmp_path, description)
    assert net.field is not None
    assert model.field is not None
    for part, trained in zip(net.field, model.field.scores(), strict=True):
        assert part == pytest.approx(trained.detach().numpy(), abs=1e-3)
    barriers = (may_follow(ENTITY_TAGS), may_start(ENTITY_TAGS), may_end(ENTITY_TAGS))
    for part, allowed in zip(net.field, barriers, strict=True):
        assert part[~allowed].max() < -1000 < part[allowed].min()


def test_without_entities_there_is_no_random_field(tmp_path: Path) -> None:
    assert Net(tmp_path, _saved(tmp_path, replace(SIZE, tags=()))[1]).field is None


def test_standard_features_are_those_of_tokens_before_those_of_sentences() -> None:
    centre, spread = np.array([1.0, 2.0, 30.0]), np.array([1.0, 2.0, 10.0])
    examples = _of_vectors([[1.0, 6.0]], [[50.0]])
    assert standardised_tokens(examples, centre, spread).tolist() == [[0.0, 2.0]]
    assert standardised_sentences(examples, centre, spread).tolist() == [[2.0]]
    assert standardised_tokens(_of_vectors([[]] * 4, [[50.0]]), centre[2:], spread[2:]).shape == (4, 0)
    assert standardised_sentences(_of_vectors([[1.0, 6.0]], [[]] * 4), centre[:2], spread[:2]).shape == (4, 0)


def _of_vectors(tokens: list[list[float]], sentences: list[list[float]]) -> Examples:
    token_dense, sentence_dense = (np.array(rows, np.float32).reshape(len(rows), -1) for rows in (tokens, sentences))
    none = csr_matrix((len(sentences), 0), dtype=np.float32)
    return Examples(none, token_dense, none, sentence_dense, np.zeros(len(sentences) + 1, np.int64))


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS, EXPORT, MEMORY])
@pytest.mark.parametrize("damage", ["cut", "empty", "foreign"])
def test_a_broken_file_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    _saved(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "foreign": b"\x80\x04K\x01."}[damage])
    with pytest.raises(Exception, match=r".+"):  # of the library that reads it
        _read_all(tmp_path)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_a_missing_file_is_missed(tmp_path: Path, name: str) -> None:
    _saved(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError):
        _read_all(tmp_path)


def test_a_missing_memory_is_missed(tmp_path: Path) -> None:
    _saved(tmp_path)
    (tmp_path / MEMORY).unlink()
    with pytest.raises(FileNotFoundError):
        _read_all(tmp_path)


@pytest.mark.parametrize("part", ["labels", "calibration", "size"])
def test_a_description_that_lacks_a_part_is_refused(tmp_path: Path, part: str) -> None:
    _saved(tmp_path)
    parts = json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8"))
    del parts[part]
    (tmp_path / DESCRIPTION).write_text(json.dumps(parts), encoding="utf-8")
    with pytest.raises((KeyError, TypeError), match=part):
        _read_all(tmp_path)


def test_weights_of_another_net_are_refused_by_torch(tmp_path: Path) -> None:
    _saved(tmp_path)
    (tmp_path / EXPORT).unlink()
    other = replace(_description(), size=asdict(replace(SIZE, layers=3)))
    with pytest.raises(RuntimeError, match=r"layers\.2"):
        Net(tmp_path, other)


def _read_all(folder: Path) -> None:
    description = Description.read(folder)
    Net(folder, description)
    load_memory(folder, description)
