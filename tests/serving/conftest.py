"""A bot of a handful of rules, trained once: a form, an action of an action server, and a story."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
