"""The dialogue policy in a project of Rasa's own components, in TED's place: trained, loaded and asked as Rasa does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rasa.core.agent import Agent
from rasa.model_training import train

CONFIG = """
recipe: default.v1
assistant_id: tiny
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
policies:
- name: RulePolicy
  core_fallback_threshold: 0.3
  core_fallback_action_name: utter_help
- name: components.dialogue.policy.DialoguePolicy
  max_history: 5
  epochs: 120
  width: 32
  batch_size: 8
  constrain_similarities: true
"""
DOMAIN = """
version: "3.1"
intents: [greet, order, cancel, bye]
responses:
  utter_hello: [{text: hello}]
  utter_dish: [{text: which dish}]
  utter_sure: [{text: sure}]
  utter_help: [{text: what can I do for you}]
session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
"""
LESSONS = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello there
- intent: order
  examples: |
    - a pizza please
    - I order food
- intent: cancel
  examples: |
    - cancel that
    - cancel everything
- intent: bye
  examples: |
    - good bye
    - see you later
stories:
- story: order
  steps: [{intent: greet}, {action: utter_hello}, {intent: order}, {action: utter_dish}]
- story: cancel
  steps: [{intent: order}, {action: utter_dish}, {intent: cancel}, {action: utter_sure}]
"""
BY_WORDS = """
- story: by their words
  steps: [{user: "do you have tables outside"}, {bot: "yes, in the yard"}]
- story: by other words
  steps: [{user: "are dogs welcome"}, {bot: "dogs are welcome"}]
"""


def trained(folder: Path, lessons: str) -> Path:
    (folder / "data").mkdir()
    for name, text in (("config.yml", CONFIG), ("domain.yml", DOMAIN), ("data/lessons.yml", lessons)):
        (folder / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        patch.setenv("RASA_TELEMETRY_ENABLED", "false")
        patch.setenv("RASA_CACHE_DIRECTORY", str(folder / "cache"))
        patch.chdir(folder)
        train("domain.yml", "config.yml", ["data"], "models", fixed_model_name="bot")
    return folder / "models/bot.tar.gz"


def said(agent: Agent, *texts: str) -> list[str]:
    """The last of what a new customer hears to each message."""

    async def talk() -> list[str]:
        return [(await agent.handle_text(text, sender_id="-".join(texts)))[-1]["text"] for text in texts]

    return asyncio.run(talk())


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("tiny"), LESSONS)


def test_in_teds_place_it_goes_on_as_the_stories_do(bot: Path) -> None:
    agent = Agent.load(str(bot))

    assert said(agent, "hi", "a pizza please") == ["hello", "which dish"]
    assert said(agent, "a pizza please", "cancel that") == ["which dish", "sure"]


def test_what_no_story_tells_is_left_to_the_fallback(bot: Path) -> None:
    assert said(Agent.load(str(bot)), "good bye") == ["what can I do for you"]


def test_words_in_stories_are_read_too(tmp_path: Path) -> None:
    agent = Agent.load(str(trained(tmp_path, LESSONS + BY_WORDS)))

    assert said(agent, "do you have tables outside") == ["yes, in the yard"]
    assert said(agent, "are dogs welcome") == ["dogs are welcome"]
    assert said(agent, "hi", "a pizza please") == ["hello", "which dish"]


def test_a_running_bot_imports_no_torch(bot: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from rasa.core.agent import Agent\n"
        "agent = Agent.load(sys.argv[1])\n"
        "print(asyncio.run(agent.handle_text('hi'))[-1]['text'], 'torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code, str(bot)], cwd=root, capture_output=True, text=True, timeout=120)

    assert ran.stdout.strip().splitlines()[-1] == "hello False", ran.stderr
