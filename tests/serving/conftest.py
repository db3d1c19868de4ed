"""A bot of a handful of rules, trained once, with a form, an action of an action server and a story; real databases.

Tests of what is awaited run on asyncio, as Rasa does.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

numbers = itertools.count()
FILES = {
    "config.yml": """
recipe: default.v1
assistant_id: tiny
language: en
pipeline:
- name: KeywordIntentClassifier
policies:
- name: MemoizationPolicy
  max_history: 4
- name: RulePolicy
  core_fallback_threshold: 0.3
  core_fallback_action_name: utter_help
""",
    "domain.yml": """
version: "3.1"
intents: [greet, book, weather, story, stop]
slots:
  name: {type: any, influence_conversation: false, mappings: [{type: custom}]}
forms:
  book_form: {required_slots: [name]}
actions: [validate_book_form, action_ask_name, action_book, action_weather, action_silent]
responses:
  utter_hello: [{text: hello}]
  utter_help: [{text: what can I do}]
  utter_told: [{text: once upon a time}]
  utter_booked: [{text: "a table for {name}"}]
session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
""",
    "data/nlu.yml": """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi there
- intent: book
  examples: |
    - table
    - seat
- intent: weather
  examples: |
    - weather
    - rain
- intent: story
  examples: |
    - story
    - tale
- intent: stop
  examples: |
    - stop
    - enough
""",
    "data/rules.yml": """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_hello}]
- rule: weather
  steps: [{intent: weather}, {action: action_weather}]
- rule: begin to book
  steps: [{intent: book}, {action: book_form}, {active_loop: book_form}]
- rule: book
  condition: [{active_loop: book_form}]
  steps: [{action: book_form}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: action_book}]
""",
    "data/stories.yml": """
version: "3.1"
stories:
- story: a story
  steps: [{intent: story}, {action: utter_told}]
""",
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def model(project: Path) -> Path:
    from rasa.model_training import train

    before = Path.cwd()
    os.chdir(project)  # Rasa keeps its cache where it is started
    try:
        trained = train("domain.yml", "config.yml", "data", output="models").model
    finally:
        os.chdir(before)
    assert trained is not None
    return project / trained


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of these tests, less the database."""
    if shutil.which("initdb") is None:
        pytest.skip("there is no PostgreSQL server here that could be started")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # its socket wants a short path
    data, log = folder / "data", folder / "log"
    anyone: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    if os.geteuid() == 0:  # which it refuses to run as
        shutil.chown(folder, "nobody")
        anyone["user"] = "nobody"
    subprocess.run(["initdb", "-D", data, "-U", "haoke", "-A", "trust", "-N"], **anyone)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    subprocess.run(["pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start"], **anyone)
    try:
        yield f"postgresql://haoke@/{{database}}?host={folder}"
    finally:
        subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], **anyone)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/conversations.db"
    server = request.getfixturevalue("postgres")
    name = f"conversations_{next(numbers)}"
    engine = create_engine(server.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    engine.dispose()
    return str(server.format(database=name))
