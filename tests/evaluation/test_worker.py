"""What the measured process makes of Rasa's answers, and that it needs nothing of ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from evaluation import worker
from evaluation.worker import answer_of

LAMP = {"entity": "product", "start": 4, "end": 8, "value": "lamp", "extractor": "Tagger"}


def test_an_answer_is_the_likeliest_label_before_the_fallback() -> None:
    ranking = [{"name": "nlu_fallback", "confidence": 0.7}, {"name": "stop", "confidence": 0.2}]
    answer = answer_of({"intent": ranking[0], "intent_ranking": ranking, "entities": [LAMP]})
    assert answer == {
        "label": "stop",
        "fell_back": True,
        "entities": [{"entity": "product", "start": 4, "end": 8}],
    }


def test_a_retrieval_intent_is_named_with_its_topic() -> None:
    selected = {"faq": {"response": {"intent_response_key": "faq/warranty"}}}
    parsed = {"intent": {"name": "faq"}, "intent_ranking": [{"name": "faq"}], "entities": []}
    assert answer_of({**parsed, "response_selector": selected})["label"] == "faq/warranty"


def test_a_message_that_nobody_ranked_has_the_intent_it_was_given() -> None:
    answer = answer_of({"intent": {"name": None}, "entities": []})
    assert (answer["label"], answer["fell_back"]) == ("None", False)


def test_memory_is_what_this_process_held_and_not_its_parent() -> None:
    ballast = bytearray(600_000_000)
    command = "from evaluation.worker import peak_memory_mb; print(peak_memory_mb())"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert 1 < float(done.stdout) < len(ballast) / 1_000_000


def test_it_runs_where_there_is_nothing_but_rasa() -> None:
    tree = ast.parse(Path(worker.__file__).read_text(encoding="utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {module.split(".")[0] for module in modules} <= {"rasa", *sys.stdlib_module_names}
