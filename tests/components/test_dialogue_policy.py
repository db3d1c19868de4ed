"""The dialogue policy by Rasa's contract: it learns from stories, is kept, comes back and says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.core.policies.policy import Policy
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from rasa.shared.core.generator import TrackerWithCachedStates, TrainingDataGenerator
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.exceptions import InvalidConfigException

from components.dialogue import archive
from components.dialogue.policy import DialoguePolicy
from tests.components.conftest import Workbench

DOMAIN = """
version: "3.1"
intents: [greet, order, cancel, yes_please, no_thanks, complain]
entities: [dish]
slots:
  is_member:
    type: bool
    mappings: [{type: custom}]
responses:
  utter_hello: [{text: hello}]
  utter_dish: [{text: which dish}]
  utter_sure: [{text: sure}]
  utter_done: [{text: done}]
  utter_kept: [{text: kept}]
  utter_discount: [{text: discount}]
"""

STORIES = """
version: "3.1"
stories:
- story: a greeting
  steps: [{intent: greet}, {action: utter_hello}]
- story: an order
  steps: [{intent: greet}, {action: utter_hello}, {intent: order}, {action: utter_dish}]
- story: cancelled
  steps: [{intent: cancel}, {action: utter_sure}, {intent: yes_please}, {action: utter_done}]
- story: kept
  steps: [{intent: cancel}, {action: utter_sure}, {intent: no_thanks}, {action: utter_kept}]
- story: a member
  steps: [{slot_was_set: [{is_member: true}]}, {intent: order}, {action: utter_discount}]
- story: no member
  steps: [{slot_was_set: [{is_member: false}]}, {intent: order}, {action: utter_dish}]
"""

FORMS = """
version: "3.1"
intents: [book, order, pay, hold_on, no_thanks]
forms: {book_form: {required_slots: []}, order_form: {required_slots: []}, pay_form: {required_slots: []}}
responses:
  utter_sure: [{text: sure}]
"""

# Of the third form no story tells what comes after "no, go on".
STORIES_OF_FORMS = """
version: "3.1"
stories:
- story: booking goes on
  steps:
  - {intent: book}
  - {action: book_form}
  - {active_loop: book_form}
  - {intent: hold_on}
  - {action: utter_sure}
  - {intent: no_thanks}
  - {action: book_form}
- story: ordering goes on
  steps:
  - {intent: order}
  - {action: order_form}
  - {active_loop: order_form}
  - {intent: hold_on}
  - {action: utter_sure}
  - {intent: no_thanks}
  - {action: order_form}
- story: paying begins
  steps:
  - {intent: pay}
  - {action: pay_form}
  - {active_loop: pay_form}
  - {intent: hold_on}
  - {action: utter_sure}
"""

QUICK = {"epochs": 120, "show_progress": False, "width": 32, "key_width": 16, "batch_size": 8}


@pytest.fixture(scope="module")
def domain() -> Domain:
    return Domain.from_yaml(DOMAIN)


def trackers_of(stories: str, domain: Domain, **more: Any) -> list[TrackerWithCachedStates]:
    steps = YAMLStoryReader(domain).read_from_string(stories)
    settings = {"augmentation_factor": 0, "use_story_concatenation": False} | more
    return TrainingDataGenerator(StoryGraph(steps), domain, **settings).generate()


def dialogue(domain: Domain, *steps: str | tuple[str, Any]) -> DialogueStateTracker:
    """A conversation so far: intents, actions (those that the domain has) and (slot, value)."""
    tracker = DialogueStateTracker("visitor", domain.slots)
    tracker.update(ActionExecuted("action_listen"))
    for step in steps:
        if isinstance(step, tuple):
            tracker.update(SlotSet(*step))
        elif step in domain.action_names_or_texts:
            tracker.update(ActionExecuted(step))
            if step in domain.form_names:
                tracker.update(ActiveLoop(step))
        else:
            tracker.update(UserUttered(step, {"name": step, "confidence": 1.0}))
    return tracker


def next_action(policy: Policy, domain: Domain, *steps: Any) -> tuple[str, float]:
    probabilities = policy.predict_action_probabilities(dialogue(domain, *steps), domain).probabilities
    best = int(np.argmax(probabilities))
    return domain.action_names_or_texts[best], probabilities[best]


class Taught:
    """A policy, as trained and as it comes back."""

    def __init__(self, workbench: Workbench, domain: Domain, stories: str = STORIES, **config: Any) -> None:
        self.workbench, self.domain, self.config = workbench, domain, QUICK | config
        self.trained = workbench.create(DialoguePolicy, **self.config)
        self.resource = self.trained.train(trackers_of(stories, domain), domain)

    @property
    def loaded(self) -> DialoguePolicy:
        return self.workbench.load(DialoguePolicy, **self.config)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, domain: Domain) -> Taught:
    return Taught(Workbench(tmp_path_factory.mktemp("policy")), domain)


def test_an_answer_to_nothing_is_left_alone(taught: Taught, domain: Domain) -> None:
    for answer in ("yes_please", "no_thanks"):
        assert set(taught.loaded.predict_action_probabilities(dialogue(domain, answer), domain).probabilities) == {0.0}
    asked = dialogue(domain, "cancel", "utter_sure", "action_listen", "yes_please")
    assert max(taught.loaded.predict_action_probabilities(asked, domain).probabilities) > 0.5


def test_an_answer_after_rules_that_no_story_has_is_left_alone(taught: Taught, domain: Domain) -> None:
    tracker = dialogue(domain, "cancel", "utter_sure", "action_listen", "complain")
    for action in ("utter_hello", "action_listen"):
        done = ActionExecuted(action)
        done.hide_rule_turn = True
        tracker.update(done)
    tracker.update(UserUttered("yes", {"name": "yes_please", "confidence": 1.0}))
    assert set(taught.loaded.predict_action_probabilities(tracker, domain).probabilities) == {0.0}


STATES = [
    (("greet",), "utter_hello"),
    (("greet", "utter_hello"), "action_listen"),
    (("greet", "utter_hello", "action_listen", "order"), "utter_dish"),
    (("cancel", "utter_sure", "action_listen", "yes_please"), "utter_done"),
    (("cancel", "utter_sure", "action_listen", "no_thanks"), "utter_kept"),
    ((("is_member", True), "order"), "utter_discount"),
    ((("is_member", False), "order"), "utter_dish"),
]


@pytest.mark.parametrize(("steps", "action"), STATES)
def test_it_does_as_the_stories_do(taught: Taught, steps: tuple[Any, ...], action: str) -> None:
    best, probability = next_action(taught.loaded, taught.domain, *steps)

    assert best == action
    assert probability > 0.5


@pytest.mark.parametrize(("wish", "form"), [("book", "book_form"), ("order", "order_form"), ("pay", "pay_form")])
def test_what_stories_tell_of_some_forms_it_does_with_any(tmp_path: Path, wish: str, form: str) -> None:
    domain = Domain.from_yaml(FORMS)
    policy = Taught(Workbench(tmp_path), domain, STORIES_OF_FORMS).loaded
    steps = (wish, form, "action_listen", "hold_on", "utter_sure", "action_listen", "no_thanks")
    assert next_action(policy, domain, *steps)[0] == form


def test_it_comes_back_as_it_was_trained(taught: Taught) -> None:
    for steps, _ in STATES:
        here, back = (
            policy.predict_action_probabilities(dialogue(taught.domain, *steps), taught.domain).probabilities
            for policy in (taught.trained, taught.loaded)
        )
        assert back == pytest.approx(here, abs=1e-6)


def test_the_export_says_what_torch_says(taught: Taught) -> None:
    import torch

    from components.dialogue.net import DialogueNet, NetSize

    with taught.workbench.storage.read_from(taught.resource) as folder:
        description, net = archive.Description.read(folder), archive.Net(folder)
        weights = archive.weights(folder)
    tuples = {name: tuple(description.size[name]) for name in ("attributes", "loops")}
    size = NetSize(**{**description.size, **tuples})
    by_torch = DialogueNet(size, weights["said"]).eval()
    by_torch.load_state_dict(weights)
    states = np.random.default_rng(0).random((5, description.layout.width)).astype(np.float32)
    with torch.inference_mode():
        expected = by_torch(torch.from_numpy(states)[None], torch.ones(1, 5, dtype=torch.bool))[0, -1].numpy()
    assert net.scores(states) == pytest.approx(expected, abs=1e-4)


def test_a_seed_gives_the_same_policy(tmp_path: Path, taught: Taught) -> None:
    again = Taught(Workbench(tmp_path), taught.domain).loaded
    for steps, _ in STATES:
        state = dialogue(taught.domain, *steps)
        one, other = (p.predict_action_probabilities(state, taught.domain) for p in (taught.loaded, again))
        assert other.probabilities == pytest.approx(one.probabilities, abs=1e-6)


def test_probabilities_are_of_all_actions_and_may_be_changed(taught: Taught) -> None:
    prediction = taught.loaded.predict_action_probabilities(dialogue(taught.domain, "greet"), taught.domain)

    assert isinstance(prediction.probabilities, list)
    assert len(prediction.probabilities) == taught.domain.num_actions
    assert sum(prediction.probabilities) == pytest.approx(1)
    assert not prediction.is_end_to_end_prediction


def test_without_stories_it_stays_silent(tmp_path: Path, domain: Domain) -> None:
    untaught = Taught(Workbench(tmp_path), domain, "version: '3.1'\nstories: []")

    assert sum(untaught.loaded.predict_action_probabilities(dialogue(domain, "greet"), domain).probabilities) == 0


@pytest.mark.parametrize("name", [archive.DESCRIPTION, archive.EXPORT, "featurizer.json"])
def test_a_broken_archive_is_not_loaded_as_one_that_learned_nothing(tmp_path: Path, domain: Domain, name: str) -> None:
    broken = Taught(Workbench(tmp_path), domain, epochs=1)
    with broken.workbench.storage.write_to(broken.resource) as folder:
        (folder / name).write_text("{", encoding="utf-8")

    with pytest.raises(Exception):  # noqa: B017  # each reader has an error of its own
        _ = broken.loaded


def test_finetuning_goes_on_from_what_was_learned(tmp_path: Path, taught: Taught, domain: Domain) -> None:
    first = Taught(Workbench(tmp_path), domain)
    context = ExecutionContext(GraphSchema({}), node_name="DialoguePolicy", is_finetuning=True)
    config = DialoguePolicy.get_default_config() | QUICK | {"epochs": 1, "learning_rate": 1e-6}
    again = DialoguePolicy.load(config, first.workbench.storage, first.resource, context)
    again.train(trackers_of(STORIES, domain), domain)

    for steps, action in STATES:
        assert next_action(again, domain, *steps)[0] == action


def test_finetuning_from_a_policy_of_another_domain_is_refused(taught: Taught) -> None:
    forms = Domain.from_yaml(FORMS)
    context = ExecutionContext(GraphSchema({}), node_name="DialoguePolicy", is_finetuning=True)
    config = DialoguePolicy.get_default_config() | QUICK
    again = DialoguePolicy.load(config, taught.workbench.storage, taught.resource, context)
    with pytest.raises(InvalidConfigException, match="train anew, without --finetune"):
        again.train(trackers_of(STORIES_OF_FORMS, forms), forms)


def test_it_does_not_learn_from_rules(tmp_path: Path, domain: Domain) -> None:
    rules = "version: '3.1'\nrules:\n- rule: thanks\n  steps: [{intent: greet}, {action: utter_kept}]"
    untaught = Taught(Workbench(tmp_path), domain, rules)

    assert sum(untaught.loaded.predict_action_probabilities(dialogue(domain, "greet"), domain).probabilities) == 0


def test_only_so_many_states_count(tmp_path: Path, domain: Domain) -> None:
    short = Taught(Workbench(tmp_path), domain, max_history=2).loaded
    told = [
        short.predict_action_probabilities(dialogue(domain, *before, "cancel", "utter_sure", "action_listen"), domain)
        for before in ((), ("greet", "utter_hello", "action_listen"))
    ]
    assert told[0].probabilities == pytest.approx(told[1].probabilities, abs=1e-6)


def test_it_is_less_sure_of_what_no_story_tells(taught: Taught) -> None:
    _, known = next_action(taught.loaded, taught.domain, "cancel", "utter_sure", "action_listen", "yes_please")
    _, unknown = next_action(taught.loaded, taught.domain, "no_thanks")

    assert unknown < known


def test_of_a_wish_that_no_story_tells_of_it_says_nothing(taught: Taught) -> None:
    prediction = taught.loaded.predict_action_probabilities(dialogue(taught.domain, "complain"), taught.domain)

    assert sum(prediction.probabilities) == 0


def test_what_is_kept_is_tensors_json_and_an_export(taught: Taught) -> None:
    with taught.workbench.storage.read_from(taught.resource) as folder:
        names = {path.name for path in folder.iterdir()}
        assert names == {archive.DESCRIPTION, archive.WEIGHTS, archive.EXPORT, "featurizer.json"}
        assert json.loads((folder / archive.DESCRIPTION).read_text())["actions"] == taught.domain.action_names_or_texts


def test_its_settings_name_no_priority_above_rules(taught: Taught) -> None:
    assert DialoguePolicy.get_default_config()["priority"] == 1


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("epochs", 0, "a whole number from 1"),
        ("dropout", 1.0, "from 0 to below 1"),
        ("learning_rate", "high", "above 0"),
        ("random_seed", "x", "a whole number"),
        ("heads", 5, "a multiple of `heads`"),
        ("depth", 3, "has no setting depth"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    tmp_path: Path, setting: str, value: Any, complaint: str
) -> None:
    with pytest.raises(InvalidConfigException, match=complaint):
        Workbench(tmp_path).create(DialoguePolicy, **{setting: value})


def test_settings_of_ted_are_told_to_be_without_effect(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    created = Workbench(tmp_path).create(
        DialoguePolicy, constrain_similarities=True, transformer_size={"dialogue": 128}, batch_size=[32, 64]
    )

    assert "no setting `constrain_similarities`" in caplog.text
    assert "no setting `transformer_size`: say width" in caplog.text
    assert created.config["batch_size"] == 64


def test_a_change_of_a_module_that_it_is_built_on_is_another_cache_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, read = {DialoguePolicy.fingerprint_addon({})}, Path.read_text
    for module in ("learning.py", "net.py", "dropout.py", "training_loop.py"):
        with monkeypatch.context() as changed:
            changed.setattr(
                Path, "read_text", lambda path, *a, module=module, **k: read(path, *a, **k) + str(path.name == module)
            )
            keys.add(DialoguePolicy.fingerprint_addon({}))
    assert len(keys) == 5


def test_full_dialogues_are_learned_at_every_turn(tmp_path: Path, domain: Domain) -> None:
    whole = Taught(Workbench(tmp_path), domain, max_history=None, featurizer=[FULL]).loaded

    for steps, action in STATES:
        assert next_action(whole, domain, *steps)[0] == action


FULL = {"name": "FullDialogueTrackerFeaturizer", "state_featurizer": [{"name": "SingleStateFeaturizer"}]}
