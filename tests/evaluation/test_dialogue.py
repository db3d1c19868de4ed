"""How stories are dealt out, what each policy is given, and that next actions are counted as Rasa counts them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation import dialogue
from evaluation.dialogue import Project, as_markdown, config_of, folds

DOMAIN = """
version: "3.1"
intents: [greet, bye, thanks]
responses:
  utter_hi: [{text: hi}]
  utter_bye: [{text: bye}]
"""


def test_every_story_is_tested_once_by_a_bot_that_did_not_learn_it() -> None:
    stories = list(range(13))
    dealt = list(folds(stories))

    assert len(dealt) == dialogue.FOLDS
    assert sorted(story for _, test in dealt for story in test) == stories
    assert all(sorted([*learn, *test]) == stories for learn, test in dealt)


def test_few_stories_are_tested_one_by_one() -> None:
    assert [len(test) for _, test in folds(["a", "b", "c"])] == [1, 1, 1]


def test_both_policies_get_the_same_history_and_seed(tmp_path: Path) -> None:
    project = Project("demo", tmp_path, 8, {"epochs": 20})
    (_, ours), (_, ted) = (config_of(project, policy)["policies"] for policy in ("ours", "ted"))

    assert ours == {"name": dialogue.POLICIES["ours"], "max_history": 8, "random_seed": dialogue.SEED}
    assert ted == {"name": "TEDPolicy", "max_history": 8, "random_seed": dialogue.SEED, "epochs": 20}


@pytest.fixture
def tiny(tmp_path: Path) -> Project:
    (tmp_path / "data/stories").mkdir(parents=True)
    (tmp_path / "data/rules").mkdir()
    (tmp_path / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    told = [
        {"story": f"story {number}", "steps": [{"intent": intent}, {"action": action}]}
        for number, (intent, action) in enumerate([("greet", "utter_hi"), ("bye", "utter_bye")] * 2)
    ]
    stories = yaml.safe_dump({"version": "3.1", "stories": told})
    (tmp_path / "data/stories/all.yml").write_text(stories, encoding="utf-8")
    return Project("tiny", tmp_path, 4, {})


def test_next_actions_are_counted_as_rasa_compares_them(tiny: Project) -> None:
    figures = dialogue.run(tiny, "ours", count=2)

    assert (figures["stories"], figures["actions"], figures["right"]) == (4, 8, 8)
    assert figures["accuracy"] == 1 and figures["decided_by_it"] > 0


def test_an_interrupted_measurement_goes_on_where_it_was(
    tiny: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fold(_: Project, policy: str, learn: Sequence[Any], test: Sequence[Any]) -> dict[str, Any]:
        asked.append(len(test))
        if len(asked) == 2:
            raise KeyboardInterrupt
        step = {"action": "utter_hi", "predicted": "utter_hi", "policy": "policy_0_DialoguePolicy"}
        return {"actions": [step] * len(test), "seconds": 1.0}

    asked: list[int] = []
    kept = tmp_path / "var/tiny-ours.json"
    monkeypatch.setattr(dialogue, "_fold", fold)
    with pytest.raises(KeyboardInterrupt):
        dialogue.run(tiny, "ours", count=2, kept=kept)
    figures = dialogue.run(tiny, "ours", count=2, kept=kept)

    assert (len(asked), figures["actions"], figures["seconds"]) == (3, 4, 2.0)


def test_the_table_has_a_row_for_each_project_that_both_were_measured_on() -> None:
    one = {"actions": 1018, "accuracy": 0.9, "decided_by_it": 9, "right_of_these": 8}
    rows = as_markdown(
        {"haoke": {"ours": one, "ted": one | {"accuracy": 0.8}}, "half done": {"ours": one}}
    ).splitlines()

    assert rows[2:] == ["| haoke | 1,018 | 80.0 | 90.0 | 8 of 9 / 8 of 9 |"]
