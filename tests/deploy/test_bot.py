"""Servers start at once and end together; another port or place takes another endpoints file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deploy.bot import ACTIONS_PORT, Service, endpoints_file, running
from deploy.processes import ROOT, Child, LaunchError, answers, free_port

SERVES_ONCE_ALL_HAVE_STARTED = """
import http.server, pathlib, sys, time
port, own, *others = sys.argv[1:]
pathlib.Path(own).touch()
while not all(pathlib.Path(other).exists() for other in others):
    time.sleep(0.05)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200), self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
"""


def service(folder: Path, name: str, *others: str, program: str = SERVES_ONCE_ALL_HAVE_STARTED) -> Service:
    port = free_port()
    marks = [str(folder / mark) for mark in (name, *others)]
    return Service(name, ["-c", program, str(port), *marks], folder / f"{name}.log", port, "/ready")


def test_servers_start_at_once_and_end_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.bot.SECONDS_TO_START", 30.0)
    services = [service(tmp_path, "one", "two"), service(tmp_path, "two", "one")]
    with running(*services) as children:
        assert all(answers(one.port, one.health) for one in services)
    assert all(child.has_ended for child in children)


def test_one_that_cannot_start_ends_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started: list[Child] = []
    broken = service(tmp_path, "broken", program="raise SystemExit('no such model')")
    with (
        pytest.raises(LaunchError, match="The broken has ended by itself"),
        running(service(tmp_path, "whole"), broken) as children,
    ):
        started += children
    assert not started
    assert "Starting the whole and the broken" in capsys.readouterr().out


def test_the_usual_ports_take_the_projects_own_endpoints() -> None:
    assert endpoints_file(ROOT / "var", ACTIONS_PORT) == ROOT / "endpoints.yml"


def test_another_port_and_folder_take_a_copy(tmp_path: Path) -> None:
    original = yaml.safe_load((ROOT / "endpoints.yml").read_text())
    copy = yaml.safe_load(endpoints_file(tmp_path, 6055).read_text())
    assert copy["action_endpoint"].pop("url") == "http://127.0.0.1:6055/webhook"
    assert copy["tracker_store"].pop("db") == str(tmp_path / "conversations.db")
    assert copy["lock_store"].pop("file") == str(tmp_path / "conversations.lock")
    original["action_endpoint"].pop("url")
    original["tracker_store"].pop("db")
    original["lock_store"].pop("file")
    assert copy == original


def test_the_projects_endpoints_name_the_usual_port() -> None:
    original = yaml.safe_load((ROOT / "endpoints.yml").read_text())
    assert original["action_endpoint"]["url"] == f"http://127.0.0.1:{ACTIONS_PORT}/webhook"
