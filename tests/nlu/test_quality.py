"""How well the newest model understands shoppers it has never read: a floor that no change may fall through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = "tests/nlu/heldout.yml"
FLOORS = {"intent.accuracy": 0.945, "entities.span_f1": 0.93}
REPORTED = [*FLOORS, "entities.overlap_f1"]


def _measure(measures: dict[str, object], name: str) -> float:
    """A measure by its dotted name."""
    value: object = measures
    for part in name.split("."):
        assert isinstance(value, dict) and part in value, f"evaluation.nlu reports no {name}"
        value = value[part]
    return float(str(value))


@pytest.mark.nlu
def test_the_newest_model_holds_the_floors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not any((ROOT / "models").glob("*.tar.gz")):
        pytest.fail("there is no model in models/: run `make train` first", pytrace=False)
    out = tmp_path / "nlu.json"
    command = [sys.executable, "-m", "evaluation.nlu", "--test", HELD_OUT, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    measures = json.loads(out.read_text(encoding="utf-8"))
    figures = {name: _measure(measures, name) for name in REPORTED}
    with capsys.disabled():
        print("\nheld-out NLU: " + ", ".join(f"{name} {figure:.3f}" for name, figure in figures.items()))
    below = {name: figures[name] for name, floor in FLOORS.items() if figures[name] < floor}
    assert below == {}, f"below the floor {FLOORS}"
