"""How the bot asks its action server: over connections kept open, with what an action reads and no more.

Rasa opens a connection for each call, sends the domain to every form's validation, and checks each answer against a
JSON schema that it first compiles: more time than the actions take.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, TypeGuard

import aiohttp
import ujson
from rasa import __version__ as RASA_VERSION
from rasa.core.actions.action import (
    Action,
    ActionExecutionRejection,
    RemoteAction,
    action_for_name_or_text,
)
from rasa.core.actions.forms import FormAction
from rasa.core.channels.channel import OutputChannel
from rasa.core.nlg import NaturalLanguageGenerator
from rasa.shared.constants import ASSISTANT_ID_KEY
from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    ACTIVE_LOOP,
    FOLLOWUP_ACTION,
    REQUESTED_SLOT,
    TRIGGER_MESSAGE,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    DefinePrevUserUtteredFeaturization,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import FileNotFoundException, RasaException
from rasa.shared.nlu.constants import METADATA_MODEL_ID
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import ClientResponseError, EndpointConfig, concat_url

AHEAD = "ahead"  # in a call: what comes next is wanted, too; in an answer: what comes next (`actions/ahead.py`)
MOST_CONVERSATIONS = 1000  # whose next answers are kept: a call drops those of its conversation, asked for or not
TIMEOUT = "timeout"
SECONDS_TO_ANSWER = 20.0
SECONDS_KEPT_OPEN = 4.0  # the action server closes a connection that is idle for five
READ_OF_A_MESSAGE = ("intent", "entities")  # what actions read of what the bot understood of messages
UNTOLD = (SlotSet, DefinePrevUserUtteredFeaturization)  # slots are told as they stand
KINDS: dict[str, type[Event]] = {kind.type_name: kind for kind in reversed(all_subclasses(Event))}
REFUSED = 400  # the status with which an action rejects to run
STAMPS = (METADATA_MODEL_ID, ASSISTANT_ID_KEY)  # with which Rasa marks every event
RANKED = ("intent_ranking", "response_selector")  # of the latest message: all that it might have meant


class ActionServer(EndpointConfig):
    """The action endpoint of endpoints.yml; its `timeout` (seconds, 20 where it has none) bounds each call.

    With each answer it takes what the action server knows will be asked next, and gives that out where it is asked of
    the same conversation in the same state: so a customer's message is one call where it would be several.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._timeout = aiohttp.ClientTimeout(total=float(self.kwargs.get(TIMEOUT, SECONDS_TO_ANSWER)))
        self._kept_open: aiohttp.ClientSession | None = None
        self._ahead: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()  # by conversation

    @classmethod
    def of(cls, endpoint: EndpointConfig) -> ActionServer:
        """The same endpoint, asked as described above."""
        settings = {name: value for name, value in vars(endpoint).items() if name not in ("kwargs", "type")}
        return cls(**settings, type=endpoint.type, **endpoint.kwargs)

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **arguments: Any,
    ) -> Any:
        """The answer's JSON. Raises ClientResponseError, aiohttp.ClientError, or RasaException where it is late."""
        call = arguments.get("json")
        if not isinstance(call, dict) or "next_action" not in call:
            return await self._asked(method, subpath, content_type, **arguments)
        known = self._ahead.pop(call["sender_id"], [])
        if known and known[0]["action"] == call["next_action"] and known[0]["assumes"] == _assumption(call["tracker"]):
            answer, *following = known
        else:
            answer = await self._asked(method, subpath, content_type, **{**arguments, "json": {**call, AHEAD: True}})
            following = answer.pop(AHEAD, []) if isinstance(answer, dict) else []
        if following:
            self._ahead[call["sender_id"]] = following
            if len(self._ahead) > MOST_CONVERSATIONS:
                self._ahead.popitem(last=False)
        return answer

    async def close(self) -> None:
        if self._kept_open is not None:
            await self._kept_open.close()

    async def _asked(self, method: str, subpath: str | None, content_type: str | None, **arguments: Any) -> Any:
        headers = {"Content-Type": content_type, **arguments.pop("headers", {}), **self.headers}
        parameters = self.combine_parameters(arguments)
        call = self._open().request(
            method,
            concat_url(self.url, subpath),
            headers=headers,
            params=parameters,
            **{**arguments, "timeout": self._timeout, **({"ssl": self._certificates()} if self.cafile else {})},
        )
        try:
            async with call as answer:
                if answer.status >= 400:
                    raise ClientResponseError(answer.status, answer.reason, await answer.text())
                return await answer.json(loads=ujson.loads)
        except asyncio.TimeoutError:
            raise RasaException(f"The action server did not answer within {self._timeout.total:.0f} s.") from None

    def _certificates(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.cafile)
        except FileNotFoundError as missing:
            raise FileNotFoundException(f"There is no file of certificates at {self.cafile}.") from missing

    def _open(self) -> aiohttp.ClientSession:
        if self._kept_open is None or self._kept_open.closed:
            auth = aiohttp.BasicAuth(**self.basic_auth) if self.basic_auth else None
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=SECONDS_KEPT_OPEN)
            self._kept_open = aiohttp.ClientSession(connector=connector, auth=auth, json_serialize=ujson.dumps)
        return self._kept_open


class CustomAction(RemoteAction):
    """An action of the action server's. Rasa's looks through all classes for that of each event in its answer."""

    async def run(
        self,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        tracker: DialogueStateTracker,
        domain: Domain,
    ) -> list[Event]:
        """Raises ActionExecutionRejection where the action says so, and RasaException where it fails."""
        answer = await self._answer(self._action_call_format(tracker, domain))
        self._validate_action_result(answer)
        said = await self._utter_responses(answer.get("responses", []), output_channel, nlg, tracker)
        return [*said, *filter(None, map(_event, answer.get("events", [])))]

    async def _answer(self, call: dict[str, Any]) -> Any:
        if self.action_endpoint is None:
            raise RasaException(f"{self.name()} is an action of the action server, which endpoints.yml does not name.")
        try:
            return await self.action_endpoint.request(json=call)
        except ClientResponseError as error:
            if error.status != REFUSED:
                raise RasaException(f"The action server failed at {self.name()}: {error.status}.") from error
            refusal = ujson.loads(error.text)
            raise ActionExecutionRejection(refusal["action_name"], refusal.get("error")) from error
        except aiohttp.ClientError as error:
            raise RasaException(
                f"The action server at {self.action_endpoint.url} did not answer {self.name()}: {type(error).__name__}."
            ) from error

    def _action_call_format(self, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
        is_told_domain = not self._is_selective_domain_enabled() or _asks_for_domain(self.name(), domain)
        return {
            "next_action": self.name(),
            "sender_id": tracker.sender_id,
            "tracker": _state(tracker),
            "version": RASA_VERSION,
            **({"domain": domain.as_dict()} if is_told_domain else {}),
        }

    def _validate_action_result(self, result: Any) -> bool:
        """Raises RasaException where the answer has not the form that Rasa documents."""
        answer = result if isinstance(result, dict) else {"events": None}
        events, responses = answer.get("events", []), answer.get("responses", [])
        if not _are_objects(events) or not _are_objects(responses) or not all("event" in event for event in events):
            raise RasaException(f"The action server's answer to {self.name()} holds no lists of events and responses.")
        return True


class Form(FormAction):
    """A form whose validation is asked as other actions are, and for whose debug lines no message is copied."""

    async def _validate_if_required(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
    ) -> list[Event]:
        is_answered = tracker.latest_action_name == ACTION_LISTEN_NAME and not tracker.is_active_loop_interrupted
        if is_answered or not tracker.active_loop:
            return await self.validate(tracker, domain, output_channel, nlg)
        return await self.validate_slots({}, tracker, domain, output_channel, nlg)

    @staticmethod
    def _get_events_since_last_user_uttered(tracker: DialogueStateTracker) -> list[SlotSet]:
        since: list[SlotSet] = []
        for event in reversed(tracker.events):
            if event is tracker.latest_message or type(event) is Restarted:
                break
            if type(event) is SlotSet:
                since.insert(0, event)
        return since

    async def validate_slots(
        self,
        slot_candidates: dict[str, Any],
        tracker: DialogueStateTracker,
        domain: Domain,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
    ) -> list[Event]:
        validation = f"validate_{self.name()}"
        if validation not in domain.action_names_or_texts:
            return []
        filled = [SlotSet(slot, value) for slot, value in slot_candidates.items()]
        so_far = self._temporary_tracker(tracker, filled, domain)
        return await CustomAction(validation, self.action_endpoint).run(output_channel, nlg, so_far, domain)

    def _temporary_tracker(
        self, current_tracker: DialogueStateTracker, additional_events: list[Event], domain: Domain
    ) -> DialogueStateTracker:
        """The conversation as it will stand, made from where it stands: Rasa's own replays all of it."""
        requested = SlotSet(REQUESTED_SLOT, self.get_slot_to_fill(current_tracker))
        tracker = current_tracker.copy()
        tracker.events = tracker._create_events(current_tracker.events_after_latest_restart())
        for event in (requested, ActionExecuted(self.name()), *additional_events):
            tracker.update(event)
        return tracker

    async def _ask_for_slot(
        self,
        domain: Domain,
        nlg: NaturalLanguageGenerator,
        output_channel: OutputChannel,
        slot_name: str,
        tracker: DialogueStateTracker,
    ) -> list[Event]:
        question = self._name_of_utterance(domain, slot_name)
        if question is None:
            return []
        return await action_named(question, domain, self.action_endpoint).run(output_channel, nlg, tracker, domain)


def action_named(name: str, domain: Domain, endpoint: EndpointConfig | None) -> Action:
    """The action of this name, as Rasa finds it. Raises ActionNotFoundException where the domain has none."""
    action = action_for_name_or_text(name, domain, endpoint)
    if type(action) is RemoteAction:
        return CustomAction(name, endpoint)
    if type(action) is FormAction:
        return Form(name, endpoint)
    return action


def _event(told: dict[str, Any]) -> Event | None:
    kind = KINDS.get(told["event"])
    return kind._from_parameters(told) if kind else Event.from_parameters(told)


def _asks_for_domain(action: str, domain: Domain) -> bool:
    """Whether the domain says `send_domain: true` of an action; Rasa takes every validation to mean that, too."""
    return not action.startswith("validate_") and domain.does_custom_action_explicitly_need_domain(action)


def _are_objects(found: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(found, list) and all(isinstance(item, dict) for item in found)


def _assumption(tracker: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer ahead rests on, as the action server puts it: the slots, the open form, the message."""
    message, form = tracker.get("latest_message") or {}, tracker.get("active_loop") or {}
    return {"slots": tracker["slots"], "form": form.get("name"), "message": message.get("message_id")}


def _state(tracker: DialogueStateTracker) -> dict[str, Any]:
    """What `tracker.current_state` gives, but of events and of what was understood only what actions read."""
    loop = tracker.active_loop
    return {
        "sender_id": tracker.sender_id,
        "slots": tracker.current_slot_values(),
        "latest_message": _latest_message(tracker),
        "latest_event_time": tracker.events[-1].timestamp if tracker.events else None,
        FOLLOWUP_ACTION: tracker.followup_action,
        "paused": tracker.is_paused(),
        "events": [_told(event) for event in tracker.events if type(event) not in UNTOLD],
        "latest_input_channel": tracker.get_latest_input_channel(),
        ACTIVE_LOOP: {**vars(loop), TRIGGER_MESSAGE: _parts_read(loop.trigger_message or {})} if loop else {},
        "latest_action": tracker.latest_action,
        "latest_action_name": tracker.latest_action_name,
    }


def _latest_message(tracker: DialogueStateTracker) -> dict[str, Any] | None:
    data = tracker._latest_message_data()
    return {name: value for name, value in data.items() if name not in RANKED} if data else None


def _told(event: Event) -> Mapping[str, Any]:
    told: dict[str, Any] = event.as_dict()
    if type(event) is UserUttered:
        told["parse_data"] = _parts_read(told["parse_data"])
    told["metadata"] = {name: value for name, value in event.metadata.items() if name not in STAMPS}
    return told


def _parts_read(understood: Mapping[str, Any]) -> dict[str, Any]:
    return {part: understood.get(part) for part in READ_OF_A_MESSAGE}
