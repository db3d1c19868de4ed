"""A whole trial on a handful of sentences: trained, loaded and answered in processes of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation import trial
from evaluation.nlu import main

EXAMPLES = """version: '3.1'
nlu:
- intent: greet
  examples: |
    - hello there
    - good morning to you
    - hello my friend
    - good evening there
- intent: track_order
  examples: |
    - where is my [lamp](product)
    - where is my order
    - has my order shipped
    - has my [mug](product) shipped
- intent: out_of_scope
  examples: |
    - who won the match
    - who sings this song
"""
CONFIG = """recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- name: FallbackClassifier
  threshold: 0.1
  ambiguity_threshold: 0
"""


def test_a_pipeline_is_trained_and_every_figure_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples, config, out = tmp_path / "examples.yml", tmp_path / "config.yml", tmp_path / "result.json"
    examples.write_text(EXAMPLES, encoding="utf-8")
    config.write_text(CONFIG, encoding="utf-8")
    arguments = ["--train", str(examples), "--test", str(examples), "--config", str(config), "--seed", "3"]
    main([*arguments, "--out", str(out)])

    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["examples"] == 10
    assert result["intent"]["accuracy"] > 0.7
    assert {"accuracy", "macro_f1", "weighted_f1"} <= set(result["intent"])
    assert {"span_f1", "overlap_f1"} <= set(result["entities"])
    assert set(result["out_of_scope"]) == {"in_scope_accuracy", "recall", "precision", "mcc"}
    assert result["seconds"]["train"] > 0 and result["seconds"]["load"] > 0
    assert 0 < result["milliseconds"]["p50"] <= result["milliseconds"]["p95"]
    assert result["peak_memory_mb"] > result["size_mb"] > 0
    assert (result["config"], result["train"], result["test"]) == (str(config), [str(examples)], str(examples))
    assert result["seed"] == 3
    assert "commit" in result
    assert config.read_text(encoding="utf-8") == CONFIG  # Rasa would write its assistant's name into it
    assert "megabytes: memory" in capsys.readouterr().out


def test_stock_says_how_it_is_brought_where_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples.yml").write_text(EXAMPLES, encoding="utf-8")
    monkeypatch.setattr(trial, "STOCK_PYTHON", tmp_path / "nowhere")
    examples = str(tmp_path / "examples.yml")
    with pytest.raises(SystemExit, match="make stock"):
        main(["--config", "stock", "--train", examples, "--test", examples])
