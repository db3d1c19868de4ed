"""Where a start and a message spend their time, in Rasa's own agent and in ours: `make profile` writes docs/profile.md.

Both have the same model and the same action server, and answer the same dialogues of tests/conversations.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from deploy.bot import actions_service, running
from deploy.processes import LOCAL, free_port
from deploy.training import newest_model
from evaluation import trial
from evaluation.conversations import chosen
from evaluation.machine import machine
from evaluation.pipelines import ROOT
from evaluation.sample_shop import filled_shop

PAGE = ROOT / "docs/profile.md"
DIALOGUES, ROWS = 60, 18
SIDES = {"rasa": "Rasa's own agent", "serving": "`serving/`"}


def measure(folder: Path) -> dict[str, dict[str, Any]]:
    """What each side's worker found. Raises LaunchError, SystemExit."""
    model = newest_model()
    if model is None:
        raise SystemExit("there is no model: run `make train` first")
    messages = folder / "messages.json"
    told = [[str(turn["says"]) for turn in dialogue["turns"]] for _, dialogue in chosen(DIALOGUES)]
    messages.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    found = {}
    for side in SIDES:
        (folder / side).mkdir()
        with filled_shop(folder / side) as shop:
            url = str(shop.engine.url)
            actions = actions_service(folder / side, free_port(), url)
            os.environ["SHOP_DATABASE_URL"] = url
            with running(actions):
                result = folder / f"{side}.json"
                address = f"http://{LOCAL}:{actions.port}/webhook"
                given = [side, str(model), address, str(messages), str(result)]
                trial.run_worker("evaluation.profile_worker", given, folder, doing=f"profile {side}", is_stock=False)
            found[side] = json.loads(result.read_text(encoding="utf-8"))
    return found


def page(found: dict[str, dict[str, Any]]) -> str:
    """The document: what a message consists of, and which packages a start is spent in."""
    ours, on = found["serving"], machine()
    return "\n".join(
        [
            "# Where the time goes",
            "",
            f"Written by `make profile` (pyinstrument) on {on['cores']} cores ({on['cpu']}): the same model and",
            "the same action server in Rasa's own agent and in `serving/`, in one process without a channel,",
            f"asked {ours['messages']} messages of {DIALOGUES} dialogues one after the other. The profiler slows both,",
            "and understanding runs in the profiled thread.",
            "",
            "## A message, milliseconds",
            "",
            *_table(found, "answer", "part", "{:.1f}"),
            "",
            "## The start, seconds: imports and the model",
            "",
            *_table(found, "start", "package", "{:.2f}"),
            "",
        ]
    )


def _table(found: dict[str, dict[str, Any]], kind: str, what: str, number: str) -> list[str]:
    """Rows from the dearest; of many, those that are worth a look, and the others together."""
    sides = [found[side][kind] for side in SIDES]
    names = sorted(
        {name for side in sides for name in side}, key=lambda name: -max(side.get(name, 0) for side in sides)
    )
    rows = [(name, [side.get(name, 0.0) for side in sides]) for name in names[:ROWS]]
    if names[ROWS:]:
        rows.append(
            (f"{len(names[ROWS:])} others", [sum(side.get(name, 0.0) for name in names[ROWS:]) for side in sides])
        )
    rows.append(("together", [sum(side.values()) for side in sides]))
    lines = [f"| {what} | {' | '.join(SIDES.values())} |", "| --- | --- | --- |"]
    return lines + [f"| {name} | {' | '.join(number.format(value) for value in values)} |" for name, values in rows]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(measure(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
