"""Which pipeline is measured: a Rasa configuration, its seed, and what of it fits data that is not the shop's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STOCK = "stock"
STOCK_FOLDER = ROOT / "evaluation/stock"
SEEDED = {"DIETClassifier", "ResponseSelector", "JointClassifier"}
OF_THE_SHOP = {
    "components.patterns",
    "components.catalogue",
    "components.overlap",
    "components.language",
    "EntitySynonymMapper",
}
Config = dict[str, Any]


def file_of(config: str) -> Path:
    """Where a configuration stands; `stock` is Rasa's own."""
    return STOCK_FOLDER / "config.yml" if config == STOCK else ROOT / config


def read(config: str) -> Config:
    return dict(yaml.safe_load(file_of(config).read_text(encoding="utf-8")))


def for_other_data(config: Config) -> Config:
    """The same pipeline without what knows our shop alone: its patterns, its catalogue, and what settles between them.

    On data of others these could only add entities that nobody asked for. What featurises and what learns stays, with
    its settings as they are.
    """
    kept = [entry for entry in config["pipeline"] if not _is_of_the_shop(entry["name"])]
    return {**config, "pipeline": kept}


def seeded(config: Config, seed: int | None) -> Config:
    """The same pipeline, with this seed for every component that draws numbers."""
    if seed is None:
        return config
    pipeline = [
        {**entry, "random_seed": seed} if entry["name"].split(".")[-1] in SEEDED else entry
        for entry in config["pipeline"]
    ]
    return {**config, "pipeline": pipeline}


def as_text(config: Config) -> str:
    """The configuration as Rasa reads it; named, or Rasa would complain."""
    named = {"assistant_id": "measured", **config}
    return yaml.safe_dump(named, allow_unicode=True, sort_keys=False)


def _is_of_the_shop(name: str) -> bool:
    return name in OF_THE_SHOP or name.rpartition(".")[0] in OF_THE_SHOP
