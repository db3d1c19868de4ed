"""Understands messages beside the event loop, and takes each action by the shorter way."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from rasa.core.actions.action import Action
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ActionLimitReached
from rasa.shared.core.constants import (
    ACTION_EXTRACT_SLOTS,
    ACTION_VALIDATE_SLOT_MAPPINGS,
    MAPPING_TYPE,
    SlotMappingType,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecutionRejected, Event
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

from serving import model
from serving.action_calls import action_named
from serving.model import Loaded
from serving.runner import Runner
from serving.tracker import Tracker

rasas_logger = logging.getLogger(MessageProcessor.__module__)

WARM_UP = ("你好", "Where is my order?")  # a sentence in each language


class Processor(MessageProcessor):
    """Rasa's processor over a model opened for answering alone."""

    def __init__(self, model_path: Path, *args: Any, loaded: Loaded | None = None, **settings: Any) -> None:
        self._loaded = loaded or model.load(model_path)
        super().__init__(model_path, *args, **settings)
        # One message is understood at a time, in the order in which they came; meanwhile the loop answers others.
        self._understanding = ThreadPoolExecutor(max_workers=1, thread_name_prefix="understanding")
        self._begun: WeakKeyDictionary[UserMessage, Future[dict[str, Any]]] = WeakKeyDictionary()
        self._actions: dict[str, Action] = {}
        self._fillable = _fillable(self.domain)

    def _load_model(self, model_path: str | Path) -> tuple[str, ModelMetadata, Runner]:
        return (Path(model_path).name, *self._loaded)

    def warm_up(self) -> None:
        """Understand a sentence in each language: what is made at a first message is made before one comes."""
        for text in WARM_UP:
            message = UserMessage(text)
            self._parse_message_with_graph(message, DialogueStateTracker.from_events(message.sender_id, []))

    def begin(self, message: UserMessage) -> None:
        """Read a message that will be handled in a moment, as far as it can be without knowing its conversation."""
        if not self.http_interpreter:
            inputs, target = {PLACEHOLDER_MESSAGE: [message]}, self.model_metadata.nlu_target
            self._begun[message] = self._understanding.submit(self.graph_runner.begin, inputs, target)

    async def parse_message(
        self,
        message: UserMessage,
        tracker: DialogueStateTracker | None = None,
        only_output_properties: bool = True,
    ) -> dict[str, Any]:
        if self.http_interpreter:
            return await super().parse_message(message, tracker, only_output_properties)
        tracker = tracker or DialogueStateTracker.from_events(message.sender_id, [])
        begun, target = self._begun.pop(message, None), self.model_metadata.nlu_target
        results = await asyncio.wrap_future(begun) if begun else {}
        if target not in results:
            inputs = {**results, PLACEHOLDER_MESSAGE: [message], PLACEHOLDER_TRACKER: tracker}
            understand = self._understanding.submit(self.graph_runner.run, inputs, [target])
            results = await asyncio.wrap_future(understand)
        understood = _said_of(results[target], only_output_properties)
        self._update_full_retrieval_intent(understood)
        return understood

    async def run_action_extract_slots(
        self, output_channel: OutputChannel, tracker: DialogueStateTracker
    ) -> DialogueStateTracker:
        """As Rasa does it, with an action made once, which looks at no slot that a message cannot fill, and without a
        copy of its events for a debug line."""
        events = await self._get_action(ACTION_EXTRACT_SLOTS).run(output_channel, self.nlg, tracker, self._fillable)
        await self._send_bot_messages(events, tracker, output_channel)
        tracker.update_with_events(events, self.domain)
        return tracker

    async def _run_prediction_loop(self, output_channel: OutputChannel, tracker: DialogueStateTracker) -> None:
        """As Rasa does it; a channel may then record what was said and send it, before the conversation is saved."""
        await super()._run_prediction_loop(output_channel, tracker)
        all_is_said = getattr(output_channel, "all_is_said", None)
        if all_is_said is not None:
            await all_is_said()

    def predict_next_with_tracker_if_should(self, tracker: DialogueStateTracker) -> tuple[Action, PolicyPrediction]:
        goes_on = self.should_predict_another_action(tracker.latest_action_name)
        if self.is_action_limit_reached(tracker, goes_on):
            raise ActionLimitReached("The limit of actions to predict has been reached.")
        prediction = self._predict_next_with_tracker(tracker)
        name = self.domain.action_names_or_texts[prediction.max_confidence_index]
        return self._get_action(name), prediction

    async def get_tracker(self, conversation_id: str) -> Tracker:
        return Tracker.of(await super().get_tracker(conversation_id))

    def _log_action_on_tracker(
        self, tracker: DialogueStateTracker, action: Action, events: list[Event] | None, prediction: PolicyPrediction
    ) -> None:
        """As Rasa does it, but without copies of all events for its debug lines."""
        events = events or []
        if not any(type(event) is ActionExecutionRejected for event in events):
            tracker.update_with_events(prediction.events, self.domain)
            tracker.update(action.event_for_successful_execution(prediction))
        tracker.update_with_events(events, self.domain)

    @staticmethod
    def _log_slots(tracker: DialogueStateTracker) -> None:
        """For whoever reads debug lines; Rasa puts it together for nobody, too."""
        if rasas_logger.isEnabledFor(logging.DEBUG):
            MessageProcessor._log_slots(tracker)

    def _get_action(self, action_name: str) -> Action:
        if action_name not in self._actions:
            self._actions[action_name] = action_named(action_name, self.domain, self.action_endpoint)
        return self._actions[action_name]


def _said_of(read: list[Message], only_output_properties: bool) -> dict[str, Any]:
    """What was understood of one message, as a channel and the tracker want it."""
    (message,) = read
    nothing = {TEXT: "", INTENT: {INTENT_NAME_KEY: None, PREDICTED_CONFIDENCE_KEY: 0.0}, ENTITIES: []}
    return nothing | message.as_dict(only_output_properties=only_output_properties)


def _fillable(domain: Domain) -> Domain:
    """The domain with only those slots that a message can fill by itself; as it is where all are validated together."""
    if ACTION_VALIDATE_SLOT_MAPPINGS in domain.user_actions:
        return domain
    fillable = copy.copy(domain)
    fillable.slots = [slot for slot in domain.slots if any(map(_fills, slot.mappings))]
    return fillable


def _fills(mapping: Mapping[str, Any]) -> bool:
    """Whether a slot's mapping can fill it: one that leaves it to any action that sets it says nothing."""
    return mapping.get(MAPPING_TYPE) != str(SlotMappingType.CUSTOM) or "action" in mapping
