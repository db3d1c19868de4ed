"""What is measured is the pipeline that was named: seeded, and on data of others without what knows our shop."""

from __future__ import annotations

import yaml

from evaluation import pipelines
from evaluation.pipelines import STOCK, as_text, for_other_data, read, seeded


def names(config: pipelines.Config) -> list[str]:
    return [entry["name"] for entry in config["pipeline"]]


def test_data_of_others_are_read_without_what_knows_our_shop() -> None:
    of_the_shop = [
        "components.patterns.PatternExtractor",
        "components.catalogue.CatalogueMatcher",
        "components.overlap.OverlapResolver",
        "EntitySynonymMapper",
        "components.language.LanguageDetector",
    ]
    learning = ["components.tokenizer.MixedTokenizer", "components.joint.JointClassifier", "FallbackClassifier"]
    config = {"language": "zh", "pipeline": [{"name": name} for name in (*of_the_shop, *learning)]}
    assert names(for_other_data(config)) == learning
    assert for_other_data(config)["language"] == "zh"


def test_what_stays_of_the_bots_own_pipeline_keeps_its_settings() -> None:
    own = read("config.yml")
    kept = for_other_data(own)["pipeline"]
    assert kept[0]["name"] == "components.tokenizer.MixedTokenizer"
    assert kept[-1]["name"] == "FallbackClassifier"
    assert all(entry in own["pipeline"] for entry in kept)


def test_a_seed_goes_to_the_components_that_draw_numbers() -> None:
    config = {"pipeline": [{"name": "DIETClassifier", "epochs": 3}, {"name": "components.joint.JointClassifier"}]}
    config["pipeline"].append({"name": "FallbackClassifier"})
    assert seeded(config, 7)["pipeline"] == [
        {"name": "DIETClassifier", "epochs": 3, "random_seed": 7},
        {"name": "components.joint.JointClassifier", "random_seed": 7},
        {"name": "FallbackClassifier"},
    ]
    assert seeded(config, None) == config


def test_stock_is_rasas_own_english_pipeline() -> None:
    stock = read(STOCK)
    assert stock["language"] == "en"
    classifier = next(entry for entry in stock["pipeline"] if entry["name"] == "DIETClassifier")
    assert classifier == {"name": "DIETClassifier", "epochs": 30, "constrain_similarities": True}
    assert not any("." in name for name in names(stock))


def test_a_pipeline_that_names_no_assistant_is_given_one() -> None:
    assert yaml.safe_load(as_text({"pipeline": []}))["assistant_id"]
    assert yaml.safe_load(as_text({"assistant_id": "haoke", "pipeline": []}))["assistant_id"] == "haoke"
