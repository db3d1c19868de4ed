"""The runner: what Rasa's own would answer, with fewer policies asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.core.policies.memoization import MemoizationPolicy
from rasa.core.policies.policy import PolicyPrediction
from rasa.engine.loader import load_predict_graph_runner
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ModelNotFound
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from serving import model as models
from serving.rules import latest_states
from serving.runner import Runner

SAID = ["hello", "a table please", "what weather", "tell me a story", "stop", "qwertz", ""]


def says(intent: str) -> UserUttered:
    return UserUttered(intent, {"name": intent, "confidence": 1.0})


LISTEN = ActionExecuted("action_listen")
IN_FORM = [
    LISTEN,
    says("book"),
    ActionExecuted("book_form"),
    ActiveLoop("book_form"),
    SlotSet("requested_slot", "name"),
]
MOMENTS: dict[str, list[Event]] = {
    "a rule": [LISTEN, says("greet")],
    "after a rule": [LISTEN, says("greet"), ActionExecuted("utter_hello")],
    "a story": [LISTEN, says("story")],
    "no rule and no story": [LISTEN, says("stop")],
    "an answer in a form": [*IN_FORM, LISTEN, says("stop")],
    "no answer in a form": [*IN_FORM, LISTEN, says("greet"), ActionExecutionRejected("book_form", "RulePolicy", 1.0)],
    "a rule after a long talk": [*[LISTEN, says("greet"), ActionExecuted("utter_hello")] * 12, LISTEN, says("weather")],
    "the end of a long talk": [*[LISTEN, says("weather"), ActionExecuted("action_weather")] * 12],
    "a form after another action": [*IN_FORM, LISTEN, says("greet"), ActionExecuted("utter_hello")],
    "a form that is interrupted": [
        *IN_FORM,
        LISTEN,
        says("weather"),
        ActionExecutionRejected("book_form", "RulePolicy", 1.0),
        ActionExecuted("action_weather"),
    ],
    "a message taken back": [
        LISTEN,
        says("greet"),
        LISTEN,
        says("story"),
        UserUtteranceReverted(),
        LISTEN,
        says("stop"),
    ],
    "the very first moment": [],
    "a form that closes": [*IN_FORM, LISTEN, says("stop"), ActionExecuted("book_form"), ActiveLoop(None)],
    "a rejected action": [LISTEN, says("greet"), ActionExecutionRejected("utter_hello", "RulePolicy", 1.0)],
}


@pytest.fixture(scope="module")
def ours(model: Path) -> tuple[ModelMetadata, Runner]:
    return models.load(model)


@pytest.fixture(scope="module")
def rasas(model: Path) -> Iterator[tuple[ModelMetadata, DaskGraphRunner]]:
    with tempfile.TemporaryDirectory() as folder:
        yield load_predict_graph_runner(Path(folder), model, LocalModelStorage, DaskGraphRunner)  # type: ignore[misc]


def understood(loaded: tuple[ModelMetadata, Runner | DaskGraphRunner], text: str) -> dict[str, object]:
    metadata, runner = loaded
    inputs = {"__message__": [UserMessage(text)], "__tracker__": DialogueStateTracker.from_events("x", [])}
    (message,) = runner.run(inputs, [metadata.nlu_target])[metadata.nlu_target]
    return dict(message.as_dict(only_output_properties=True))


def decided(loaded: tuple[ModelMetadata, Runner | DaskGraphRunner], events: list[Event]) -> PolicyPrediction:
    metadata, runner = loaded
    assert metadata.core_target is not None
    tracker = DialogueStateTracker.from_events("x", [SessionStarted(), *events], slots=metadata.domain.slots)
    return runner.run({"__tracker__": tracker}, [metadata.core_target])[metadata.core_target]  # type: ignore[no-any-return]


@pytest.mark.parametrize("text", SAID)
def test_a_message_is_understood_as_by_rasas_runner(
    text: str, ours: tuple[ModelMetadata, Runner], rasas: tuple[ModelMetadata, DaskGraphRunner]
) -> None:
    assert {**understood(ours, text), "message_id": 0} == {**understood(rasas, text), "message_id": 0}


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_action_is_decided_as_by_rasas_runner(
    moment: str, ours: tuple[ModelMetadata, Runner], rasas: tuple[ModelMetadata, DaskGraphRunner]
) -> None:
    here, there = decided(ours, MOMENTS[moment]), decided(rasas, MOMENTS[moment])
    assert here.max_confidence_index == there.max_confidence_index
    assert (here.policy_name, here.max_confidence, here.events) == (
        there.policy_name,
        there.max_confidence,
        there.events,
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_latest_states_are_those_at_the_end_of_all(moment: str, ours: tuple[ModelMetadata, Runner]) -> None:
    domain = ours[0].domain
    for length in range(len(MOMENTS[moment]) + 1):
        events = [SessionStarted(), *MOMENTS[moment][:length]]
        tracker = DialogueStateTracker.from_events("x", events, slots=domain.slots)
        for count in range(1, 9):
            assert list(latest_states(tracker, domain, count)) == tracker.past_states(domain)[-count:]


def test_a_policy_is_not_asked_for_what_a_rule_has_decided(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = MemoizationPolicy.predict_action_probabilities

    def noted(self: MemoizationPolicy, *arguments: object, **named: object) -> PolicyPrediction:
        asked.append(self)
        return real(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoizationPolicy, "predict_action_probabilities", noted)
    loaded = models.load(model)
    decided(loaded, MOMENTS["a rule"])
    assert not asked
    decided(loaded, MOMENTS["a story"])
    assert len(asked) == 1


@pytest.mark.parametrize("text", ["hello", "book the big one", "你好"])
def test_what_was_begun_without_the_conversation_is_gone_on_with(
    text: str, ours: tuple[ModelMetadata, Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata, runner = ours
    message = UserMessage(text)
    begun = runner.begin({"__message__": [message]}, metadata.nlu_target)
    run: list[str] = []
    for name, node in runner._nodes.items():
        noted = partial(lambda name, node, *needed: (run.append(name), node(*needed))[1], name, node)
        monkeypatch.setitem(runner._nodes, name, noted)
    inputs = {**begun, "__message__": [message], "__tracker__": DialogueStateTracker.from_events("x", [])}
    (read,) = runner.run(inputs, [metadata.nlu_target])[metadata.nlu_target]

    assert begun and "__message__" not in begun and not begun.keys() & set(run)
    expected = understood(ours, text)
    found = read.as_dict(only_output_properties=True)
    assert {**found, "message_id": 0} == {**expected, "message_id": 0}


def test_a_message_that_is_begun_and_never_handled_is_forgotten(ours: tuple[ModelMetadata, Runner]) -> None:
    metadata, runner = ours
    begun: WeakKeyDictionary[UserMessage, object] = WeakKeyDictionary()
    message = UserMessage("hello")
    begun[message] = runner.begin({"__message__": [message]}, metadata.nlu_target)
    del message

    assert not begun


def test_the_domain_is_the_one_that_was_trained_with(
    ours: tuple[ModelMetadata, Runner], rasas: tuple[ModelMetadata, DaskGraphRunner]
) -> None:
    assert ours[0].domain.as_dict() == rasas[0].domain.as_dict()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    with pytest.raises(ModelNotFound, match=r"broken\.tar\.gz is no trained model"):
        models.load(broken)
