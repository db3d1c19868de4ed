"""Decides what to do next where no rule does: a transformer over the dialogue, a drop-in for Rasa's TEDPolicy.

It learns from stories, never from rules. What it is unsure of it leaves alone: below Rasa's `core_fallback_threshold`
the fallback action speaks, which offers help.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import dropwhile
from pathlib import Path
from typing import Any, Dict, List, Optional, Text

import numpy as np
from rasa.core.constants import DEFAULT_MAX_HISTORY, DEFAULT_POLICY_PRIORITY
from rasa.core.featurizers.precomputation import MessageContainerForCoreFeaturization
from rasa.core.featurizers.tracker_featurizers import TrackerFeaturizer
from rasa.core.policies.policy import Policy, PolicyPrediction, SupportedData
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ACTION_TEXT, INTENT, TEXT
from scipy.special import softmax

from components import settings, sources
from components.dialogue import archive, states
from components.dialogue.archive import Description, Net
from components.dialogue.states import Layout, State, dialogues_of

DEFAULTS: Dict[Text, Any] = {
    "priority": DEFAULT_POLICY_PRIORITY,
    "max_history": DEFAULT_MAX_HISTORY,  # states that count; none: all of them
    "epochs": 60,
    "batch_size": 32,
    "learning_rate": 0.003,
    "weight_decay": 0.01,
    "label_smoothing": 0.05,  # so much of the belief is shared out among all actions
    "dropout": 0.15,
    "width": 96,
    "layers": 1,
    "heads": 4,
    "key_width": 48,
    "use_augmented": False,  # learn from stories that Rasa glues together, too
    "random_seed": 1,
    "show_progress": True,
}
OF_RASA = {"featurizer", "finetuning_epoch_fraction"}  # settings of every policy
OF_TED = {
    "number_of_transformer_layers": "say layers",
    "transformer_size": "say width",
    "num_heads": "say heads",
    "drop_rate": "say dropout",
    "drop_rate_dialogue": "say dropout",
    "drop_rate_label": "say dropout",
    "drop_rate_attention": "say dropout",
    "constrain_similarities": "every action is compared with every other, which needs no constraint",
    "model_confidence": "the confidence is a softmax over all actions",
    "entity_recognition": "entities are the pipeline's business",
    "evaluate_every_number_of_epochs": "nothing is held out",
    "evaluate_on_number_of_examples": "nothing is held out",
}
logger = logging.getLogger(__name__)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITH_END_TO_END_SUPPORT, is_trainable=True)
class DialoguePolicy(Policy):
    """Predicts the next action by its similarity to the dialogue so far."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        return dict(DEFAULTS)

    @staticmethod
    def required_packages() -> List[Text]:
        return ["torch", "onnxruntime", "safetensors"]

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Text:
        ours = (Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8") for module in ("learning", "net"))
        return sources.fingerprint(
            archive, states, *ours, *sources.texts("chance", "dropout", "hands", "training_loop")
        )

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        featurizer: Optional[TrackerFeaturizer] = None,
        description: Optional[Description] = None,
        net: Optional[Net] = None,
    ) -> None:
        _check(config)
        super().__init__(config, model_storage, resource, execution_context, featurizer=featurizer)
        self._is_finetuning = execution_context.is_finetuning
        self._description, self._net = description, net

    @staticmethod
    def supported_data() -> SupportedData:
        return SupportedData.ML_DATA

    def train(
        self,
        training_trackers: List[TrackerWithCachedStates],
        domain: Domain,
        precomputations: Optional[MessageContainerForCoreFeaturization] = None,
        **kwargs: Any,
    ) -> Resource:
        """Learns from stories. With none it stays silent."""
        trackers = [
            tracker
            for tracker in SupportedData.trackers_for_supported_data(self.supported_data(), training_trackers)
            if self.config["use_augmented"] or not tracker.is_augmented
        ]
        if not trackers:
            return self._resource
        found, labels, _ = self._featurize_for_training(trackers, domain, precomputations)
        if not found:
            return self._resource
        from components.dialogue import learning

        layout = Layout.of(found)
        task = learning.Task(
            dialogues_of(layout, found, [list(map(int, one)) for one in labels]),
            layout,
            self._said(domain, precomputations),
            tuple(map(domain.index_for_action, domain.form_names)),
        )
        with _learned(self._model_storage, self._resource) as folder:
            older = archive.weights(folder) if self._is_finetuning and folder is not None else None
        net = learning.learn(task, self.config, older)
        known = task.dialogues.table[:, layout.columns(INTENT)].any(0).tolist()
        opening = states.opening_intents(layout, task.dialogues).tolist()
        self._description = Description(layout, known, opening, list(domain.action_names_or_texts), asdict(net.size))
        with self._model_storage.write_to(self._resource) as folder:
            archive.save(folder, self._description, net)
            self.featurizer.persist(folder)
            self._net = Net(folder)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> DialoguePolicy:
        """A policy as it was trained; one that never was says nothing."""
        with _learned(model_storage, resource) as folder:
            if folder is None:
                logger.debug("%s has learned nothing: there were no stories.", cls.__name__)
                return cls(config, model_storage, resource, execution_context)
            learned = TrackerFeaturizer.load(folder), Description.read(folder), Net(folder)
            return cls(config, model_storage, resource, execution_context, *learned)

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[Dict[Text, Any]] = None,
        precomputations: Optional[MessageContainerForCoreFeaturization] = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """How likely each action is next, by the customer's intent or, where stories hold their words, by these."""
        if self._net is None or self._description is None:
            return self._prediction(self._default_predictions(domain))
        readings = [False, True] if self._reads_words and self._reads_intents else [self._reads_words]
        told = []
        for by_words in readings:
            (dialogue,) = self._featurize_for_prediction(
                tracker, domain, precomputations, rule_only_data, use_text_for_last_user_input=by_words
            )
            told.append((self._probabilities(dialogue, tracker, domain), by_words))
        probabilities, by_words = max(told, key=lambda one: max(one[0]))
        return self._prediction(probabilities, is_end_to_end_prediction=by_words)

    @property
    def _reads_words(self) -> bool:
        return self._description is not None and TEXT in self._description.layout.widths

    @property
    def _reads_intents(self) -> bool:
        return self._description is not None and INTENT in self._description.layout.widths

    def _probabilities(self, dialogue: List[State], tracker: DialogueStateTracker, domain: Domain) -> List[float]:
        """Nothing of a message that it cannot see, whose intent is in no story, or that comes where no story has it,
        such as a yes to nothing that any story asks: what to do about it would be a guess."""
        assert self._net is not None and self._description is not None
        layout = self._description.layout
        rows = np.stack([layout.row(state) for state in dialogue])
        intents = rows[-1, layout.columns(INTENT)] > 0
        is_opening = len(rows) < 2 or states.begins(layout, rows[-2]) or _follows_rules(tracker)
        told = self._description.opening_intents if is_opening else self._description.known_intents
        is_seen = intents.any() or rows[-1, layout.columns(TEXT)].any()
        is_told = is_seen and not (intents & ~np.array(told, bool)).any()
        if tracker.latest_action_name == ACTION_LISTEN_NAME and not is_told:
            return self._default_predictions(domain)
        probabilities: List[float] = softmax(self._net.scores(rows).astype(float)).tolist()
        return probabilities

    def _said(self, domain: Domain, precomputations: Optional[MessageContainerForCoreFeaturization]) -> np.ndarray:
        """The numbers of what each action says, where stories tell it. Shape [A, N]."""
        encoded = self.featurizer.state_featurizer.encode_all_labels(domain, precomputations)
        told = [states.numbers_of(one[ACTION_TEXT]) if ACTION_TEXT in one else None for one in encoded]
        width = max((len(one) for one in told if one is not None), default=0)
        return np.stack([one if one is not None else np.zeros(width, np.float32) for one in told])


def _follows_rules(tracker: DialogueStateTracker) -> bool:
    """Whether the message comes after a turn of rules that no story has, and that this policy does not see."""
    before_message = dropwhile(lambda event: not isinstance(event, UserUttered), reversed(tracker.events))
    listening = next((event for event in before_message if isinstance(event, ActionExecuted)), None)
    return listening is not None and listening.hide_rule_turn


@contextmanager
def _learned(storage: ModelStorage, resource: Resource) -> Iterator[Optional[Path]]:
    """Where it was kept; None where nothing was."""
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(storage.read_from(resource))
        except ValueError:
            folder = None
        yield folder


def _check(config: Dict[Text, Any]) -> None:
    """Raises InvalidConfigException where a setting makes no sense; only warns of TED's own, so that a swap works."""
    for name in OF_TED.keys() & config:
        logger.warning("DialoguePolicy has no setting `%s`: %s.", name, OF_TED[name])
    if isinstance(config["batch_size"], list):
        config["batch_size"] = max(config["batch_size"])  # TED lets its batches grow
    own = {name: value for name, value in config.items() if name not in OF_RASA | OF_TED.keys()}
    whole = {name: (type(own[name]) is int and own[name] > 0, "a whole number from 1") for name in WHOLE}
    shares = {name: (_is_number(own[name]) and 0 <= own[name] < 1, "a number from 0 to below 1") for name in SHARES}
    claims = {
        **whole,
        **shares,
        "learning_rate": (_is_number(own["learning_rate"]) and 0 < own["learning_rate"] < 1, "above 0 and below 1"),
        "random_seed": (own["random_seed"] is None or type(own["random_seed"]) is int, "a whole number, or null"),
    }
    settings.check(DialoguePolicy, own, claims)
    settings.check(DialoguePolicy, own, {"width": (own["width"] % own["heads"] == 0, "a multiple of `heads`")})


WHOLE = ("epochs", "batch_size", "width", "layers", "heads", "key_width")
SHARES = ("dropout", "label_smoothing", "weight_decay")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
