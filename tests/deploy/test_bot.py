"""Another port or place takes another endpoints file; everything else in it stays as the project's."""

from __future__ import annotations

from pathlib import Path

import yaml

from deploy.bot import ACTIONS_PORT, endpoints_file
from deploy.processes import ROOT


def test_the_usual_ports_take_the_projects_own_endpoints() -> None:
    assert endpoints_file(ROOT / "var", ACTIONS_PORT) == ROOT / "endpoints.yml"


def test_another_port_and_folder_take_a_copy(tmp_path: Path) -> None:
    original = yaml.safe_load((ROOT / "endpoints.yml").read_text())
    copy = yaml.safe_load(endpoints_file(tmp_path, 6055).read_text())
    assert copy["action_endpoint"].pop("url") == "http://127.0.0.1:6055/webhook"
    assert copy["tracker_store"].pop("db") == str(tmp_path / "conversations.db")
    original["action_endpoint"].pop("url")
    original["tracker_store"].pop("db")
    assert copy == original


def test_the_projects_endpoints_name_the_usual_port() -> None:
    original = yaml.safe_load((ROOT / "endpoints.yml").read_text())
    assert original["action_endpoint"]["url"] == f"http://127.0.0.1:{ACTIONS_PORT}/webhook"
