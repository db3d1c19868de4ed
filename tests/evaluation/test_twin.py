"""The stock twin is a project that Rasa takes: our domain and data, and nothing of our components."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.graph_components.validators.default_recipe_validator import DefaultV1RecipeValidator
from rasa.shared.core.domain import Domain
from rasa.shared.importers.importer import TrainingDataImporter

from deploy.processes import ROOT
from evaluation import pipelines, trial, twin


def names(entries: Any) -> list[str]:
    return [one["name"] for one in entries]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield twin.build(tmp_path_factory.mktemp("twin") / "project")


def read(project: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((project / "config.yml").read_text(encoding="utf-8")))


def test_it_is_stock_rasa_but_for_the_tokenizer_of_chinese() -> None:
    changed = zip(pipelines.read(pipelines.STOCK)["pipeline"], twin.config()["pipeline"], strict=True)
    differing = [(one["name"], other["name"]) for one, other in changed if one["name"] != other["name"]]
    assert differing == [("WhitespaceTokenizer", "JiebaTokenizer")]
    assert not [name for name in (*names(twin.config()["pipeline"]), *names(twin.POLICIES)) if "." in name]


def test_all_that_learns_learns_for_rasas_own_hundred_epochs_but_the_classifier() -> None:
    config = twin.config()
    learning = {one["name"]: one["epochs"] for one in (*config["pipeline"], *config["policies"]) if "epochs" in one}
    assert learning == {"DIETClassifier": 30, "ResponseSelector": 100, "TEDPolicy": 100}
    tried = twin.config(epochs=1)
    assert {one["epochs"] for one in (*tried["pipeline"], *tried["policies"]) if "epochs" in one} == {1}


def test_what_no_policy_knows_goes_where_our_rules_expect_it() -> None:
    (ours,), (stock,) = (
        [one for one in policies if one["name"] == "RulePolicy"]
        for policies in (pipelines.read("config.yml")["policies"], twin.config()["policies"])
    )
    assert stock == ours
    assert stock["core_fallback_action_name"] in Domain.load(str(ROOT / "domain.yml")).action_names_or_texts


def test_rasa_makes_a_graph_of_it(project: Path) -> None:
    graph = DefaultV1Recipe().graph_config_for_recipe(read(project), {})
    assert any("DIETClassifier" in name for name in graph.train_schema.nodes)
    assert any("TEDPolicy" in name for name in graph.predict_schema.nodes)


@pytest.mark.filterwarnings("ignore:.*duplicated intents.*:UserWarning")  # said of every retrieval intent
def test_it_has_our_whole_domain_and_all_data(project: Path) -> None:
    ours, stock = (
        TrainingDataImporter.load_from_dict(
            read(folder), str(folder / "config.yml"), str(folder / "domain.yml"), [str(folder / "data")]
        )
        for folder in (ROOT, project)
    )
    assert stock.get_domain().fingerprint() == ours.get_domain().fingerprint()
    learnt, ours_learnt = stock.get_nlu_data(), ours.get_nlu_data()  # fingerprints are of the importer's own messages
    assert [one.data for one in learnt.training_examples] == [one.data for one in ours_learnt.training_examples]
    assert (learnt.entity_synonyms, learnt.responses) == (ours_learnt.entity_synonyms, ours_learnt.responses)
    assert stock.get_stories().fingerprint() == ours.get_stories().fingerprint()
    validator = DefaultV1RecipeValidator(DefaultV1Recipe().graph_config_for_recipe(read(project), {}).train_schema)
    validator.validate(stock)  # warnings are errors here


def test_it_is_served_by_stock_rasa_with_our_actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "STOCK_PYTHON", Path("/bin/true"))
    served = twin.service(tmp_path / "stock.tar.gz", tmp_path, 6355, port=6305)
    assert (served.python, served.port) == ("/bin/true", 6305)
    assert list(served.command[:3]) == ["-m", "rasa", "run"]
    endpoints = yaml.safe_load((tmp_path / "endpoints.yml").read_text())
    assert endpoints["action_endpoint"]["url"] == "http://127.0.0.1:6355/webhook"
    assert endpoints["tracker_store"] == {"type": "SQL", "dialect": "sqlite", "db": str(tmp_path / "conversations.db")}
    assert "lock_store" not in endpoints
    assert list(yaml.safe_load((tmp_path / "credentials.yml").read_text())) == ["rest"]
