"""Rasa's RulePolicy, deciding the same from what it has to look at and no more.

Rasa's own makes the states of the whole conversation twice for each action, once as if there were rules about a
message's very words and once for its intent, formats and copies all of them for a debug line, written or not, and
compares each with all rules.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.shared.core.constants import ACTION_LISTEN_NAME, PREVIOUS_ACTION, USER
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import ActionExecuted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ACTION_NAME, INTENT

from serving.tracker import Tracker

End = tuple[str | None, str | None]  # the action before, and the intent of the message
Found = tuple[str | None, str | None, bool]  # the action, the rule, and whether a loop goes on after something else


class AnsweringRulePolicy(RulePolicy):
    """For a trained model that answers; it is not trained."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        known = [self.lookup.get(kind, {}) for kind in (RULES, RULES_FOR_LOOP_UNHAPPY_PATH)]
        rules, unhappy = ([self._rule_key_to_state(key) for key in kind] for kind in known)
        self._longest = max(map(len, (*rules, *unhappy)), default=1)
        self._has_rules_for_words = any(map(_can_hold_of_words, rules))
        self._by_end = {id(kind): self._sorted_by_end(kind) for kind in known}

    def _find_action_from_rules(
        self, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> Found:
        if use_text_for_last_user_input and not self._has_rules_for_words and self._asks_no_loop_rule(tracker):
            return None, None, False
        found: Found = super()._find_action_from_rules(tracker, domain, use_text_for_last_user_input)
        return found

    def _asks_no_loop_rule(self, tracker: DialogueStateTracker) -> bool:
        """Whether no rule about an open loop counts: there is none, or it goes on by itself."""
        return tracker.active_loop_name is None or self._find_action_from_loop_happy_path(tracker)[0] is not None

    def _prediction_states(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        use_text_for_last_user_input: bool = False,
        rule_only_data: dict[str, Any] | None = None,
    ) -> list[State]:
        """The latest states, as many as the longest rule has: no rule looks further back."""
        states = list(latest_states(tracker, domain, self._longest))
        self.featurizer._choose_last_user_input([states], use_text_for_last_user_input)
        return states

    def _sorted_by_end(self, rules: dict[str, str]) -> dict[End, dict[str, str]]:
        found: defaultdict[End, dict[str, str]] = defaultdict(dict)
        for key, action in rules.items():
            found[_end(self._rule_key_to_state(key)[-1])][key] = action
        return found

    def _get_possible_keys(self, lookup: dict[str, str], states: list[State]) -> set[str]:
        """Of the rules, those that can apply; they are compared only where they end with what has just happened."""
        if states and lookup:
            by_end, (action, intent) = self._by_end[id(lookup)], _end(states[-1])
            ends = {(action, intent), (action, None), (None, intent), (None, None)}
            lookup = {key: done for end in ends for key, done in by_end.get(end, {}).items()}
        possible: set[str] = super()._get_possible_keys(lookup, states)
        return possible

    @staticmethod
    def format_tracker_states(states: list[State]) -> str:
        if not logging.getLogger(RulePolicy.__module__).isEnabledFor(logging.DEBUG):
            return ""
        formatted: str = RulePolicy.format_tracker_states(states)
        return formatted

    def _rule_prediction(self, *arguments: Any, **settings: Any) -> Any:
        prediction = super()._rule_prediction(*arguments, **settings)
        prediction.policy_name = RulePolicy.__name__  # by which Rasa knows it, in the ensemble and in events
        return prediction


def _end(state: State) -> End:
    """What a rule that ends with a state asks for, and what a state has: None where it says nothing of it."""
    return state.get(PREVIOUS_ACTION, {}).get(ACTION_NAME), state.get(USER, {}).get(INTENT)


def _can_hold_of_words(rule: list[State]) -> bool:
    """Whether a rule can apply right after a message of which the words are known, but no intent."""
    state = rule[-1]
    after = state.get(PREVIOUS_ACTION, {}).get(ACTION_NAME)
    return after == ACTION_LISTEN_NAME and not state.get(USER, {}).get(INTENT)


def latest_states(tracker: DialogueStateTracker, domain: Domain, count: int) -> Iterator[State]:
    """The last of the states that `tracker.past_states` gives: one before each action, and the one now."""
    events = tracker.applied_events()
    moments = [place for place, event in enumerate(events) if type(event) is ActionExecuted]
    wanted = set(moments[max(0, len(moments) - count + 1) :])  # the one now is the last of the count
    replayed = _Replayed.from_the_beginning_of(tracker)
    for place, event in enumerate(events):
        if place in wanted:
            yield domain.get_active_state(replayed)
        event.apply_to(replayed)
    yield domain.get_active_state(replayed)


class _Replayed(Tracker):
    """A conversation played again for its states: it has the slots that they show, and does not know the others."""

    @classmethod
    def from_the_beginning_of(cls, tracker: DialogueStateTracker) -> _Replayed:
        shown = [slot for slot in tracker.slots.values() if slot.influence_conversation]
        return cls(tracker.sender_id, shown, is_rule_tracker=tracker.is_rule_tracker)

    def _set_slot(self, key: str, value: Any) -> None:
        if key in self.slots:
            super()._set_slot(key, value)
