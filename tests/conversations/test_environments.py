"""Each process in an environment that holds what it uses and no more, as on a machine of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.bot import actions_service, bot_service, bot_url, desk_service, running
from deploy.processes import LOCAL, ROOT, answers, free_port
from deploy.training import newest_model
from tests.conversations.conftest import Customer, Shop

UV = ROOT / ".tools/uv/bin/uv"


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[str], str]:
    """The Python of an environment with the locked packages of one part."""

    def made(part: str) -> str:
        folder = tmp_path / part
        groups = ["--no-default-groups", "--group", part]
        command = [str(UV), "sync", "--frozen", "--quiet", *groups, "--python", sys.executable]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}, check=True)
        return str(folder / "bin/python")

    return made


def has(python: str, package: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", code], cwd="/").returncode == 0


def test_bot_actions_and_desk_run_without_what_only_training_needs(
    environment: Callable[[str], str], shop: Shop, tmp_path: Path
) -> None:
    shop.restore()
    url, model = str(shop.engine.url), newest_model()
    assert model is not None
    actions = replace(actions_service(tmp_path, free_port(), url), python=environment("actions"))
    bot = bot_service(model, tmp_path, actions.port, url, host=LOCAL, port=free_port())
    bot = replace(bot, python=environment("serving"))
    desk = replace(desk_service(tmp_path, url, host=LOCAL, port=free_port()), python=environment("desk"))
    for service, foreign in ((actions, ("torch", "rasa")), (bot, ("torch", "transformers")), (desk, ("torch", "rasa"))):
        assert not [package for package in foreign if has(service.python, package)]
    with running(actions, bot, desk):
        customer = Customer(bot_url(LOCAL, bot.port))
        assert "W8264404" in customer.says("where is W8264404, emma.clarke@example.com")
        assert "取消" in customer.says("算了，帮我取消W8264401")
        customer.leave()
        assert answers(desk.port, "/desk/health")
