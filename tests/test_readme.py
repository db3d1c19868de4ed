"""What the README promises is there: commands, modules, folders and figures."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_command_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) <= targets


def test_every_module_it_runs_is_there() -> None:
    modules = set(re.findall(r"python -m ([a-z.]+)", README))
    assert modules
    assert all(importlib.util.find_spec(module) for module in modules)


def test_every_file_and_folder_it_names_is_there() -> None:
    named = set(re.findall(r"`([a-z_.]+/[a-z_./]*|[a-z]+\.yml)`", README)) | set(
        re.findall(r"\]\(((?!http)[^)]+)\)", README)
    )
    assert named
    places = (ROOT, ROOT / "data", ROOT / "tests")  # a table's row names what is inside its folder
    assert not [name for name in named if not any((place / name).exists() for place in places)]


def test_every_folder_is_explained() -> None:
    ignored = {"var", "results", "node_modules"}
    folders = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "_"))} - ignored
    assert not [folder for folder in folders if f"`{folder}/`" not in README]


def test_its_figures_are_the_measured_ones() -> None:
    """Every figure of the README's table stands in what `make figures` wrote."""
    table = README.split("<!-- figures -->")[1]
    measured = json.loads((ROOT / "docs/figures/nlu.json").read_text())
    checks = (ROOT / "docs/figures/checks.txt").read_text()
    for name, seconds in re.findall(r"^\| ([a-zA-Z -]+) \| (\d+) s \|$", table, re.MULTILINE):
        assert re.search(rf"^{name} +passed +{seconds} s$", checks, re.MULTILINE), name
    for part, key, figure in (("intent", "accuracy", "intent accuracy"), ("entities", "span_f1", "entity F1")):
        assert f"{figure} {measured[part][key]:.3f}" in table
