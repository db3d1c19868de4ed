"""What a long conversation's tracker must still hold of its beginning, so that each message costs the same at its end.

All that works on a tracker works on all its events: Rasa replays them for every action, policies turn them into
features, the action server gets them as JSON. What the customer and the bot said long ago counts for none of them;
what still has an effect does: the last value of each slot, the loop that is open, a pause. As a log is compacted,
events that a later one has made void are left out, and all others keep their order, so that Rasa replays the shorter
list to the same state. The database keeps every event.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    DefinePrevUserUtteredFeaturization,
    EntitiesAdded,
    Event,
    FollowupAction,
    LoopInterrupted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)

TAKES_BACK = (ActionReverted, UserUtteranceReverted)
PASSES = (
    UserUttered,
    ActionExecuted,
    DefinePrevUserUtteredFeaturization,
    EntitiesAdded,
    FollowupAction,
    LoopInterrupted,
)


def abridged(events: Sequence[Event], turns: int) -> Sequence[Event]:
    """The customer's last `turns` messages with all that follows them, behind what of the rest still has an effect.

    Of the rest stays, too, the whole turn that opened the open loop: Rasa takes the loop's later turns for a part of
    it. Where something was taken back, nothing is left out: what is taken back next must be there.
    """
    begins = _begin_of_last(events, turns)
    if begins == 0 or any(isinstance(event, TAKES_BACK) for event in events):
        return events
    older = events[:begins]
    kept = _still_in_effect(older)
    return [*(event for place, event in enumerate(older) if place in kept), *events[begins:]]


def _begin_of_last(events: Sequence[Event], turns: int) -> int:
    """Where those turns begin, at the bot's listening before the first of them; 0 where there are no more."""
    heard = 0
    for place in range(len(events) - 1, -1, -1):
        heard += type(events[place]) is UserUttered
        if heard >= turns and _is_listening(events[place]):
            return place if any(isinstance(event, UserUttered) for event in events[:place]) else 0
    return 0


def _still_in_effect(events: Sequence[Event]) -> set[int]:
    latest: dict[Hashable, int] = {}  # of the events of which only the last counts, its place
    others: set[int] = set()
    for place, event in enumerate(events):
        if isinstance(event, SlotSet):
            latest["slot", event.key] = place
        elif isinstance(event, ActiveLoop):
            latest["loop"] = place
            latest.pop("rejection", None)
        elif isinstance(event, (ConversationPaused, ConversationResumed)):
            latest["pause"] = place
        elif isinstance(event, BotUttered):
            latest["said"] = place
        elif isinstance(event, ActionExecutionRejected):
            latest["rejection"] = place
        elif not isinstance(event, PASSES):
            others.add(place)
        elif isinstance(event, ActionExecuted) and _is_of(event, events, latest.get("loop")):
            latest.pop("rejection", None)
    return others | set(latest.values()) | _opening(events, latest.get("loop"))


def _is_of(action: ActionExecuted, events: Sequence[Event], loop: int | None) -> bool:
    return loop is not None and events[loop].name == action.action_name


def _opening(events: Sequence[Event], loop: int | None) -> set[int]:
    """The turn in which the open loop was opened, from the bot's listening before it to the one after it."""
    if loop is None or events[loop].name is None:
        return set()
    begin = end = loop
    while begin > 0 and not _is_listening(events[begin]):
        begin -= 1
    while end < len(events) - 1 and not _is_listening(events[end]):
        end += 1
    return set(range(begin, end + 1))


def _is_listening(event: Event) -> bool:
    return type(event) is ActionExecuted and event.action_name == ACTION_LISTEN_NAME
