"""Answers, with the action that Rasa asks for, those that Rasa will ask for next: one call for a customer's message.

Rasa asks for a form's question after the form's validation, for the way back to an open flow after an answer, and for
whatever an action says is to follow. What would be asked is known here, from what was just answered; so it is answered
with it, on the same slots and events as Rasa will send. Only what changes nothing is answered ahead, and each answer
says which conversation it assumes: where Rasa goes another way, it asks as ever.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from rasa_sdk.executor import ActionExecutor

from actions.base import ShopAction, open_session
from actions.flow import FLOWS, REQUESTED

logger = logging.getLogger(__name__)

AHEAD = "ahead"  # in a call: what comes next is wanted, too; in an answer: what comes next
MOST = 4
RESUME = "action_resume"
Call = dict[str, Any]
Event = dict[str, Any]
Tracker = dict[str, Any]  # as Rasa sends it
Result = dict[str, Any]


class Executor(ActionExecutor):
    """Rasa's executor, which also answers ahead whoever asks for it."""

    async def run(self, action_call: Call) -> Result | None:
        with open_session():
            result: Result | None = await super().run(action_call)
            if result is not None and action_call.get(AHEAD):
                result[AHEAD] = [answer async for answer in self._answers_ahead(action_call, result)]
            return result

    async def _answers_ahead(self, call: Call, result: Result) -> AsyncIterator[Result]:
        for _ in range(MOST):
            following = self._following(call, result)
            if following is None:
                return
            call = following
            try:
                result = await super().run(call)
            except Exception as error:  # Rasa will ask, and hear of it
                logger.info("%s could not be answered ahead: %s", call["next_action"], type(error).__name__)
                return
            yield {"action": call["next_action"], "assumes": assumption(call["tracker"]), **result}

    def _following(self, call: Call, result: Result) -> Call | None:
        """The call that Rasa will make after this answer; None where there is none, or it changes something."""
        name, events = call["next_action"], result["events"]
        followup = next((e["name"] for e in reversed(events) if e["event"] == "followup"), None)
        form = name.removeprefix("validate_")
        if form in FLOWS and name != form:
            tracker, next_name = self._after_validation(form, _after(call["tracker"], result), events)
        elif followup in FLOWS:
            tracker, next_name = _in_form(_after(call["tracker"], result, name), followup), f"validate_{followup}"
        else:
            tracker = _after(call["tracker"], result, name)
            next_name = followup or (RESUME if self._action(name).comes_back else None)
        if next_name is None or not self._may_be_answered_ahead(next_name):
            return None
        return {**call, "next_action": next_name, "tracker": tracker}

    def _after_validation(self, form: str, tracker: Tracker, events: list[Event]) -> tuple[Tracker, str | None]:
        """What a form asks next, or does when nothing is left to ask; None where the message was no answer."""
        requested = [e["value"] for e in events if e["event"] == "slot" and e["name"] == REQUESTED]
        if not requested:
            return tracker, None
        if requested[-1] is not None:
            return tracker, self._question(form, tracker)
        closing = {"event": "active_loop", "name": None}
        closed = {**tracker, "active_loop": {}, "events": [*tracker["events"], closing]}
        return closed, f"action_{FLOWS[form].trigger}"

    def _question(self, form: str, tracker: Tracker) -> str | None:
        """The action that asks for the slot that the form wants next; None where the domain has words for it."""
        slot = tracker["slots"].get(REQUESTED)
        names = (f"action_ask_{form}_{slot}", f"action_ask_{slot}")
        return next((name for name in names if name in self.actions), None)

    def _may_be_answered_ahead(self, name: str) -> bool:
        return name in self.actions and self._action(name).changes_nothing

    def _action(self, name: str) -> ShopAction:
        action: ShopAction = self.actions[name].__self__  # type: ignore[attr-defined]
        return action


def assumption(tracker: Tracker) -> dict[str, Any]:
    """What an answer rests on: the slots, the open form, and which message it is about."""
    message = tracker.get("latest_message") or {}
    form = (tracker.get("active_loop") or {}).get("name")
    return {"slots": tracker["slots"], "form": form, "message": message.get("message_id")}


def _after(tracker: Tracker, result: Result, action: str | None = None) -> Tracker:
    """The conversation after an action: `action` where it stands in the record, as a form's validation does not."""
    done = [{"event": "action", "name": action}] if action else []
    events = [*done, *map(_as_said, result["responses"]), *result["events"]]
    slots = {**tracker["slots"], **{e["name"]: e["value"] for e in events if e["event"] == "slot"}}
    loops = [e["name"] for e in events if e["event"] == "active_loop"]
    loop = {"name": loops[-1]} if loops and loops[-1] else {} if loops else tracker["active_loop"]
    last = {"latest_action_name": action} if action else {}
    return {**tracker, **last, "slots": slots, "active_loop": loop, "events": [*tracker["events"], *events]}


def _in_form(tracker: Tracker, form: str) -> Tracker:
    """The conversation as Rasa shows it to a form's validation."""
    is_open = (tracker["active_loop"] or {}).get("name") == form
    opening = [] if is_open else [{"event": "active_loop", "name": form}]
    requested = {"event": "slot", "name": REQUESTED, "value": tracker["slots"].get(REQUESTED)}
    shown = [*opening, requested, {"event": "action", "name": form}]
    return {
        **tracker,
        "latest_action_name": form,
        "active_loop": {"name": form},
        "events": [*tracker["events"], *shown],
    }


def _as_said(response: dict[str, Any]) -> Event:
    """A reply among the events; its words are made by Rasa, later."""
    name = response.get("response")
    return {"event": "bot", "text": response.get("text") or name, "metadata": {"utter_action": name}}
