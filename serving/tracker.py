"""Rasa's tracker, copied as it stands: Rasa's own copies replay all events, several times a message.

What kind an event is, is asked of its class itself here: events are abstract base classes' children, of which
`isinstance` asks Python, hundreds of times a message.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Set
from itertools import islice
from typing import Any, NamedTuple

from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker


class Applied(NamedTuple):
    """What of a tracker's first events still counts, where these are all its loops."""

    of: Any  # the tracker's events themselves: others are not continued
    number: int
    last: Event | None
    loops: Set[str]
    events: list[Event]


class Tracker(DialogueStateTracker):
    """Its copies share the events, which nobody changes, and each slot until one of them sets it."""

    _applied: Applied | None = None

    @classmethod
    def of(cls, tracker: DialogueStateTracker) -> Tracker:
        """The same conversation in a tracker of this kind."""
        if isinstance(tracker, cls):
            return tracker
        other = object.__new__(cls)
        other.__dict__.update(tracker.__dict__)
        return other

    def copy(self) -> Tracker:
        other = copy.copy(self)
        other.events = copy.copy(self.events)
        if self._applied is not None and self._applied.of is self.events:
            other._applied = self._applied._replace(of=other.events)
        other.slots = type(self.slots)(self.slots)
        other.active_loop = dataclasses.replace(self.active_loop) if self.active_loop else None
        other.model_id = other.assistant_id = None  # whoever works on it sets its own
        return other

    def init_copy(self) -> Tracker:
        other = self.copy()
        other.events = self._create_events([])
        other.sender_source = None
        other._reset()
        return other

    def applied_events(self) -> list[Event]:
        """As Rasa gives them. It goes on from those that it gave last: each message asks for them several times."""
        loops = {event.name for event in self.events if type(event) is ActiveLoop and event.name}
        known = self._applied
        if known is None or not self._goes_on_from(known, loops):
            known = Applied(self.events, 0, None, loops, [])
        if known.number < len(self.events):
            applied = list(known.events)
            for event in islice(self.events, known.number, None):
                applied = self._with(event, applied, loops)
            known = Applied(self.events, len(self.events), self.events[-1], loops, applied)
        self._applied = known
        return list(known.events)

    def idx_after_latest_restart(self) -> int:
        return max((place for place, event in enumerate(self.events, start=1) if type(event) is Restarted), default=0)

    def _goes_on_from(self, known: Applied, loops: Set[str]) -> bool:
        if known.of is not self.events or known.loops != loops or known.number > len(self.events):
            return False
        return not known.number or self.events[known.number - 1] is known.last

    def _with(self, event: Event, applied: list[Event], loops: Set[str]) -> list[Event]:
        """What counts after an event; `applied`, which counted before it, may be changed."""
        kind = type(event)
        if kind is Restarted or kind is SessionStarted:
            return []
        if kind is ActionReverted:
            self._undo_till_previous(ActionExecuted, applied)
        elif kind is UserUtteranceReverted:
            self._undo_till_previous(UserUttered, applied)
            self._undo_till_previous(ActionExecuted, applied)
        elif kind is ActionExecuted and event.action_name in loops and self._goes_on(event.action_name, applied):
            self._undo_till_previous_loop_execution(event.action_name, applied)
        else:
            applied.append(event)
        return applied

    def _goes_on(self, loop: str, applied: list[Event]) -> bool:
        return not self._first_loop_execution_or_unhappy_path(loop, applied)

    def _set_slot(self, key: str, value: Any) -> None:
        if key in self.slots:
            self.slots[key] = _copied(self.slots[key])
        super()._set_slot(key, value)

    def _reset_slots(self) -> None:
        for name, slot in self.slots.items():
            self.slots[name] = _copied(slot)
        super()._reset_slots()


def _copied(slot: Slot) -> Slot:
    """As `copy.copy` does it with an object that has no say in it, five times as fast."""
    other: Slot = object.__new__(type(slot))
    other.__dict__.update(slot.__dict__)
    return other
