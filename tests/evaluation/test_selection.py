from __future__ import annotations

from pathlib import Path

from evaluation.selection import select
from evaluation.understanding import language_of, read_gold

EXAMPLES = """version: '3.1'
nlu:
- synonym: mug
  examples: |
    - cup
- intent: greet
  examples: |
    - hello there
    - 你好
- intent: faq/warranty
  examples: |
    - how long is the warranty on my [cup]{"entity": "product", "value": "mug"}
    - 保修多久
"""


def test_one_language_is_selected_with_its_topics_and_entities(tmp_path: Path) -> None:
    (tmp_path / "whole.yml").write_text(EXAMPLES, encoding="utf-8")
    part = select(tmp_path / "whole.yml", lambda one: language_of(one.get("text")) == "en", tmp_path / "part.yml")
    greeting, question = read_gold(str(part))
    assert (greeting.text, greeting.label) == ("hello there", "greet")
    assert (question.label, question.intent) == ("faq/warranty", "faq")
    assert [question.text[span.start : span.end] for span in question.spans] == ["cup"]
    assert "synonym: mug" in part.read_text(encoding="utf-8")
