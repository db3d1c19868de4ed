"""Rasa's tracker, copied as it stands: Rasa's own copies replay all events, several times a message."""

from __future__ import annotations

import copy
import dataclasses

from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker


class Tracker(DialogueStateTracker):
    """Its copies share the events, which nobody changes, and nothing else."""

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
        other.slots = {name: _copied(slot) for name, slot in self.slots.items()}
        other.active_loop = dataclasses.replace(self.active_loop) if self.active_loop else None
        other.model_id = other.assistant_id = None  # whoever works on it sets its own
        return other

    def init_copy(self) -> Tracker:
        other = self.copy()
        other.events = self._create_events([])
        other.sender_source = None
        other._reset()
        return other


def _copied(slot: Slot) -> Slot:
    """As `copy.copy` does it with an object that has no say in it, five times as fast."""
    other: Slot = object.__new__(type(slot))
    other.__dict__.update(slot.__dict__)
    return other
