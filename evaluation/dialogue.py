"""Our dialogue policy beside Rasa's TED on stories that neither has seen: `make benchmark-dialogue DATA=FOLDER`.

python -m evaluation.dialogue --data FOLDER [--projects haoke rasa-demo ...] [--again]
python -m evaluation.dialogue --table     writes the README's table from the results

The folder holds Rasa projects: domain, rules, stories. Their stories are dealt into folds; each fold is predicted by a
bot that learned the others, with RulePolicy and one policy that learns, ours here or TED in stock Rasa's environment,
with the same history, on the same machine. What is compared is what `rasa test core` compares: every next action.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluation import table, trial
from evaluation.benchmark import keep, read_results
from evaluation.pipelines import ROOT

MARKS = "<!-- benchmark-dialogue -->", "<!-- /benchmark-dialogue -->"
RESULTS = ROOT / "evaluation/results/dialogue.json"
FOLDS_DONE = ROOT / "var/dialogue"  # of a measurement that may be interrupted
FOLDS, SEED = 5, 1
POLICIES = {"ours": "components.dialogue.policy.DialoguePolicy", "ted": "TEDPolicy"}


@dataclass(frozen=True)
class Project:
    """A bot whose stories are dealt out. What TED is given there is given to both, where both know it."""

    name: str
    folder: Path
    history: int | None
    ted: dict[str, Any]

    @property
    def domain(self) -> Path:
        return self.folder / "domain.yml"

    def rules(self) -> list[dict[str, Any]]:
        return self._told("rules")

    def stories(self) -> list[dict[str, Any]]:
        return self._told("stories")

    def _told(self, kind: str) -> list[dict[str, Any]]:
        files = sorted((self.folder / "data" / kind).rglob("*.yml"))
        return [one for file in files for one in _yaml(file).get(kind, [])]


def projects(data: Path) -> dict[str, Project]:
    """With the history and the epochs that each of them sets for TED."""
    return {
        one.name: one
        for one in (
            Project("haoke", ROOT, 6, {"epochs": 100}),
            Project("financial-demo", data / "financial-demo", None, {"epochs": 40}),
            Project("rasa-demo", data / "rasa-demo", 10, {"epochs": 20, "batch_size": [32, 64]}),
        )
    }


def folds(stories: Sequence[Any], count: int = FOLDS) -> Iterator[tuple[list[Any], list[Any]]]:
    """(to learn, to test) of each fold; every story is tested once."""
    dealt = list(stories)
    random.Random(SEED).shuffle(dealt)
    for fold in range(min(count, len(dealt))):
        yield [one for place, one in enumerate(dealt) if place % count != fold], dealt[fold::count]


def config_of(project: Project, policy: str) -> dict[str, Any]:
    learner: dict[str, Any] = {"name": POLICIES[policy], "max_history": project.history, "random_seed": SEED}
    if policy == "ted":
        learner |= project.ted
    return {
        "recipe": "default.v1",
        "assistant_id": project.name,
        "language": "en",
        "policies": [{"name": "RulePolicy"}, {key: value for key, value in learner.items() if value is not None}],
    }


def run(project: Project, policy: str, count: int = FOLDS, *, kept: Path | None = None) -> dict[str, Any]:
    """The figures of one policy over all folds. What is done of them stays in `kept`: one takes minutes, or an hour."""
    found = _read(kept)
    for learn, test in list(folds(project.stories(), count))[len(found) :]:
        found.append(_fold(project, policy, learn, test))
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found), encoding="utf-8")
    actions = [action for one in found for action in one["actions"]]
    right = sum(one["action"] == one["predicted"] for one in actions)
    learned = [one for one in actions if one["policy"] and POLICIES[policy].rpartition(".")[2] in one["policy"]]
    return {
        "stories": len(project.stories()),
        "actions": len(actions),
        "right": right,
        "accuracy": right / len(actions),
        "decided_by_it": len(learned),
        "right_of_these": sum(one["action"] == one["predicted"] for one in learned),
        "seconds": sum(one["seconds"] for one in found),
        "history": project.history,
        "seed": SEED,
        "commit": trial.commit(),
    }


def _read(kept: Path | None) -> list[dict[str, Any]]:
    return list(json.loads(kept.read_text(encoding="utf-8"))) if kept is not None and kept.exists() else []


def _fold(project: Project, policy: str, learn: list[Any], test: list[Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        parts = {
            "data/rules.yml": {"rules": project.rules()},
            "data/stories.yml": {"stories": learn},
            "test_stories.yml": {"stories": test},
        }
        for part, told in parts.items():
            text = yaml.safe_dump({"version": "3.1", **told}, allow_unicode=True, sort_keys=False)
            (folder / part).write_text(text, encoding="utf-8")
        (folder / "config.yml").write_text(yaml.safe_dump(config_of(project, policy)), encoding="utf-8")
        (folder / "domain").mkdir()
        shutil.copy(project.domain, folder / "domain")
        replies = yaml.safe_dump({"actions": unnamed(_yaml(project.domain), [*learn, *test, *project.rules()])})
        (folder / "domain/replies.yml").write_text(replies, encoding="utf-8")
        result = folder / "result.json"
        names = ("config.yml", "domain", "data", "test_stories.yml")
        given = (*(folder / name for name in names), result)
        doing = f"measure {policy} on {project.name}"
        arguments = [str(path) for path in given]
        trial.run_worker("evaluation.dialogue_worker", arguments, folder, doing=doing, is_stock=policy == "ted")
        return dict(json.loads(result.read_text(encoding="utf-8")))


def unnamed(domain: dict[str, Any], told: Sequence[dict[str, Any]]) -> list[str]:
    """The replies of stories and rules that the domain does not name, since Rasa makes them of NLU examples."""
    known = {*domain.get("actions", []), *(domain.get("responses") or {})}
    done = {step["action"] for one in told for step in one["steps"] if "action" in step}
    return sorted(action for action in done - known if action.startswith("utter_"))


def _yaml(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def as_markdown(results: dict[str, Any]) -> str:
    """A row for each project that both have been measured on, in percent of next actions."""
    lines = [
        "| stories of | next actions | TEDPolicy | DialoguePolicy | of those that they decided |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, of in results.items():
        if of.keys() == POLICIES.keys():
            ours, ted = of["ours"], of["ted"]
            decided = " / ".join(f"{one['right_of_these']} of {one['decided_by_it']}" for one in (ted, ours))
            shares = f"{100 * ted['accuracy']:.1f} | {100 * ours['accuracy']:.1f}"
            lines.append(f"| {name} | {ours['actions']:,} | {shares} | {decided} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    results = read_results(RESULTS)
    if asked.table:
        table.write(ROOT / "README.md", as_markdown(results), MARKS)
        return
    known = projects(asked.data)
    for name in asked.projects or known:
        for policy in POLICIES:
            if asked.again or policy not in results.get(name, {}):
                kept = FOLDS_DONE / str(trial.commit()) / f"{name}-{policy}.json"
                results.setdefault(name, {})[policy] = run(known[name], policy, kept=kept)
                keep(RESULTS, name, results[name])
                print(name, policy, f"{results[name][policy]['accuracy']:.1%}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation.dialogue", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(), help="a folder with Rasa projects")
    parser.add_argument("--projects", nargs="*", help="only these")
    parser.add_argument("--again", action="store_true", help="also what has been measured")
    parser.add_argument("--table", action="store_true", help="write the README's table from the results")
    return parser


if __name__ == "__main__":
    main()
