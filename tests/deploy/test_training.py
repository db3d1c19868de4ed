"""The bot is trained when something it learns from has changed, and only then."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy import training
from deploy.processes import LaunchError
from deploy.progress import Say
from deploy.training import digest_of_sources, ensure_trained, newest_model

PHRASES = [("product", "台灯", "台灯"), ("option", "红色", "红色")]


class Trainings:
    """Stands in for `rasa train`: counts, prints what it is told to, and leaves an archive."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        self.output = "Your Rasa model is trained"

    def __call__(self, _name: str, command: Sequence[str], log: Path, _say: Say) -> None:
        self.count += 1
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(self.output)
        archive = self.root / "models" / f"{command[-1]}.tar.gz"
        archive.parent.mkdir(exist_ok=True)
        archive.touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("config.yml", "domain.yml", "data/nlu/orders.yml", "components/tokenizer.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    return tmp_path


@pytest.fixture
def trainings(root: Path, monkeypatch: pytest.MonkeyPatch) -> Trainings:
    stand_in = Trainings(root)
    monkeypatch.setattr(training, "run_step", stand_in)
    return stand_in


def test_a_model_of_the_same_sources_is_taken_as_it_is(root: Path, trainings: Trainings) -> None:
    model = ensure_trained(PHRASES, root)
    assert ensure_trained(PHRASES, root) == model
    assert trainings.count == 1


def test_a_fresh_clone_of_the_same_sources_is_no_change(root: Path) -> None:
    before = digest_of_sources(PHRASES, root)
    os.utime(root / "config.yml", (1, 1))
    assert digest_of_sources(reversed(PHRASES), root) == before


@pytest.mark.parametrize("changed", ["config.yml", "domain.yml", "data/nlu/orders.yml", "components/tokenizer.py"])
def test_a_changed_source_is_learned(root: Path, trainings: Trainings, changed: str) -> None:
    ensure_trained(PHRASES, root)
    (root / changed).write_text("something else")
    ensure_trained(PHRASES, root)
    assert trainings.count == 2


def test_an_added_source_is_learned(root: Path, trainings: Trainings) -> None:
    ensure_trained(PHRASES, root)
    (root / "data/nlu/returns.yml").write_text("")
    ensure_trained(PHRASES, root)
    assert trainings.count == 2


def test_a_new_product_is_learned(root: Path, trainings: Trainings) -> None:
    ensure_trained(PHRASES, root)
    ensure_trained([*PHRASES, ("product", "电热水壶", "电热水壶")], root)
    assert trainings.count == 2


def test_sources_put_back_as_they_were_make_their_old_model_the_newest(root: Path, trainings: Trainings) -> None:
    first = ensure_trained(PHRASES, root)
    os.utime(first, (1, 1))
    second = ensure_trained([], root)
    os.utime(second, (2, 2))
    assert newest_model(root) == second
    ensure_trained(PHRASES, root)
    assert newest_model(root) == first
    assert trainings.count == 2


def test_a_misaligned_entity_fails_the_training_now_and_the_next_time(root: Path, trainings: Trainings) -> None:
    cache = root / ".rasa/cache"
    cache.mkdir(parents=True)
    trainings.output = (
        "x.py:1: UserWarning: Misaligned entity annotation in message '退台灯' with intent 'return_item'.\n"
    )
    for _ in range(2):
        with pytest.raises(LaunchError, match=r"(?s)1 training examples mark an entity.*退台灯"):
            ensure_trained(PHRASES, root)
        assert newest_model(root) is None
        assert not cache.exists()
    assert trainings.count == 2


def test_a_training_without_a_model_is_a_failure(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "run_step", lambda *_: None)
    with pytest.raises(LaunchError, match="made no model"):
        ensure_trained(PHRASES, root)


def test_a_full_disk_is_said_before_the_training(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "NEEDED_GIGABYTES", 10**9)
    with pytest.raises(LaunchError, match="make room"):
        ensure_trained(PHRASES, root)
