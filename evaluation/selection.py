"""Some of the examples of training data, as a file that Rasa reads: one language of them, or all but one intent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Example = Any  # Rasa's Message


def select(source: str | Path, keep: Callable[[Example], bool], target: Path) -> Path:
    """Writes the examples that are to be kept; synonyms and the like stay."""
    from rasa.shared.nlu.training_data.loading import load_data
    from rasa.shared.nlu.training_data.training_data import TrainingData

    whole = load_data(str(source))
    part = TrainingData(
        [example for example in whole.training_examples if keep(example)],
        whole.entity_synonyms,
        whole.regex_features,
        whole.lookup_tables,
        whole.responses,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(part.nlu_as_yaml(), encoding="utf-8")
    return target
