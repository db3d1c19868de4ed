"""Flows: forms that gather what a request needs, say back what would happen, and do it once on a yes.

A flow is a list of steps (`steps.py`), each filling one slot. Every turn the customer's message is read against all
steps, so facts may come in any order and may be corrected; the first step that is still open is asked next. A message
that is no answer is left to the rules: they answer it and come back to the open question (`action_resume`).
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from itertools import takewhile
from typing import Any, ClassVar

from rasa_sdk.events import ActiveLoop, FollowupAction, SlotSet

from actions import answers
from actions.base import Events, ShopAction
from actions.turn import Turn
from shop.errors import InvalidQuantity, QuoteChanged, ShopError, TooManyAttempts
from shop.records import quote_of

REQUESTED = "requested_slot"
OFFERING = {"action_offer_person", "action_answer_complaint"}
ASKING = OFFERING | {"action_not_understood"}  # they ask something themselves
MOST_REMINDERS = 2
RETRY = "retry"  # a slot nobody asks for: the form waits without repeating its question
SAID = "said"  # a whole message among what was mentioned
LONGEST_MEMORY = 60
KEPT = {"order_number"}  # stays in focus when a flow ends, for what comes next
SAME_MATTER = {"items", "quantity"}  # what a flow that goes on about the same item need not ask again
RATHER = {"refund": "return_item_form", "replacement": "exchange_item_form"}  # what a "never mind" goes on to

# What the rules serve, unless the message plainly answers the open question; the first three they serve in any case.
ALWAYS_OBEYED = {"stop", "talk_to_human", "switch_language"}
NO_ANSWERS = ALWAYS_OBEYED | {
    "repeat", "faq", "bot_challenge", "ask_help", "greet", "goodbye", "chitchat", "out_of_scope", "recommend_products",
    "ask_promotions", "compare_products", "buy_product", "complain", "ask_product_price", "ask_product_info", "praise",
    "rate_service", "thank",
}  # fmt: skip

Retries = Mapping[type[ShopError], str]  # a refusal, and the slot to ask for again


class Hopeless(Exception):
    """A refusal that ends a flow."""

    def __init__(self, refusal: ShopError) -> None:
        self.refusal = refusal


class Draft:
    """The flow's slots as they stand, this turn's changes included."""

    def __init__(self, turn: Turn) -> None:
        self._before = dict(turn.tracker.slots)
        self._changes: dict[str, Any] = {}

    def __getitem__(self, slot: str) -> Any:
        return self._changes[slot] if slot in self._changes else self._before.get(slot)

    def __setitem__(self, slot: str, value: Any) -> None:
        self._changes[slot] = value

    def events(self) -> Events:
        return [SlotSet(slot, value) for slot, value in self._changes.items()]


class Step(ABC):
    """One thing a flow needs to know, kept in one slot."""

    slot: str
    clears: tuple[str, ...] = ()  # slots that mean nothing any more when this one changes
    is_choice = False  # one of a few words, which say what they correct

    @abstractmethod
    def read(self, turn: Turn, draft: Draft, asked: bool) -> Any:
        """The value that the message gives, or None. `asked`: the bot has just asked for it."""

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        """Whether the message answers the question, whatever a classifier takes it for: a few words that fit."""
        if not answers.is_short(turn.text) or answers.is_question(turn.text):
            return False
        try:
            return self.read(turn, Draft(turn), True) is not None
        except ShopError:
            return True  # an answer that the shop refuses is an answer, too

    def default(self, turn: Turn, draft: Draft) -> Any:
        """The value where there is nothing to choose."""
        return None

    def is_told_early(self, turn: Turn, draft: Draft) -> bool:
        """Whether the message holds what this step will take for its default once its turn has come."""
        return False

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return True


class Flow(ShopAction, ABC):
    """A form's validation: reads each message against the steps and says which slot to ask for next."""

    changes_nothing = True
    trigger: ClassVar[str]  # the intent that starts it
    steps: ClassVar[tuple[Step, ...]]
    retries: ClassVar[Retries] = {}  # refusals that another answer to one slot can mend
    only_looks = False  # changes nothing: a flow that it interrupts is taken up again afterwards
    brings: ClassVar[Collection[str]] = ()  # a refund, a replacement: who wants that rather is in the right flow

    @property
    @abstractmethod
    def form(self) -> str:
        """The form's name in the domain; a flow states it as a class attribute."""

    def name(self) -> str:
        return f"validate_{self.form}"

    def check(self, turn: Turn, draft: Draft) -> None:
        """Raise a refusal as soon as it is certain that the shop will not do this."""

    def preview(self, turn: Turn, draft: Draft) -> Any:
        """What would happen, from the shop. Raises its refusal. Flows that change nothing have none."""

    def say_back(self, turn: Turn, draft: Draft, seen: Any) -> None:
        """Say what would happen and ask for a yes."""

    def other_way(self, refusal: ShopError) -> str | None:
        """The form that brings what they want where the shop refuses it here."""
        return None

    # -- one turn ------------------------------------------------------------------------------------------------

    def serve(self, turn: Turn) -> Events:
        draft = Draft(turn)
        has_started = self._is_starting(turn)
        if has_started and turn.slot("resumed"):
            draft["resumed"] = None
            return self._ask_next(turn, draft)
        if has_started:
            self._start(turn, draft)
        elif not self._is_answer(turn):
            return self._come_back(turn, draft)
        elif form := self._wanted_rather(turn, draft):
            return self._hand_on(turn, draft, form)
        try:
            was_heard = self._read(turn, draft, has_started)
        except TooManyAttempts as refusal:
            return self._end(turn, draft, refusal)
        if not was_heard and not has_started and turn.wanted_rather is None:
            return []  # no answer: the form steps back and the rules take the message
        return self._ask_next(turn, draft)

    def started_over(self, turn: Turn) -> Events:
        return [SlotSet("outcome", "started_over"), SlotSet("paused", None), SlotSet(REQUESTED, None)]

    def failed(self) -> Events:
        """Wait on the open question without repeating it: the next message is read as if nothing had happened."""
        return [SlotSet(REQUESTED, RETRY)]

    def asked(self, turn: Turn, draft: Draft) -> Step | None:
        return next((s for s in self.steps if draft[s.slot] is None and s.is_needed(turn, draft)), None)

    def _is_starting(self, turn: Turn) -> bool:
        return any(e["event"] == "active_loop" and e.get("name") == self.form for e in turn.events_since_message())

    def _is_answer(self, turn: Turn) -> bool:
        """Whether the form runs on a new message, rather than coming back to its question after a digression."""
        own = {self.form, "action_listen", "action_extract_slots", None}
        return all(e.get("name") in own for e in turn.events_since_message() if e["event"] == "action")

    def _start(self, turn: Turn, draft: Draft) -> None:
        interrupted = self._interrupted_form(turn)
        if self.only_looks and interrupted and not FLOWS[interrupted].only_looks:
            kept = {step.slot: draft[step.slot] for step in FLOWS[interrupted].steps}
            draft["paused"] = {"form": interrupted, "slots": kept}
        elif not self.only_looks:
            draft["paused"] = None
        is_same_matter = self._is_same_matter(turn, interrupted)
        kept = SAME_MATTER if is_same_matter and len(draft["items"] or {}) == 1 else set()
        before = FLOWS[interrupted].steps if interrupted else ()
        for slot in {step.slot for step in (*self.steps, *before)} | SAME_MATTER:
            if slot not in KEPT | kept:
                draft[slot] = None
        for slot in ("mentioned", "confirmation", "outcome", "comment"):
            if not (slot == "mentioned" and is_same_matter):
                draft[slot] = None
        draft["hands_on"] = None

    def _is_same_matter(self, turn: Turn, interrupted: str | None) -> bool:
        """A return that becomes an exchange: about the same item, for the same reason, unless another is named."""
        if turn.slot("hands_on"):
            return True
        return interrupted is not None and not turn.value("product") and not turn.value("order_number")

    def _wanted_rather(self, turn: Turn, draft: Draft) -> str | None:
        """The form of what they want instead of going on here: a refund in 算了，直接退款吧, said in an exchange."""
        wish, asked = turn.wanted_rather, self.asked(turn, draft)
        if wish is None or wish in self.brings or (asked and asked.is_plainly_answered(turn, draft)):
            return None
        return RATHER[wish]

    def _hand_on(self, turn: Turn, draft: Draft, form: str) -> Events:
        """Close this form for another, which knows all that was said; where another item is named, only the order."""
        if turn.value("product"):
            draft["items"] = draft["mentioned"] = None
        draft["hands_on"] = form
        return [*draft.events(), SlotSet(REQUESTED, None)]

    def _come_back(self, turn: Turn, draft: Draft) -> Events:
        """Ask the open question again after a digression; not beside another question, nor after the third in a row.

        What a yes would mean is said again every time, unless the last thing asked is something else.
        """
        done = {e.get("name") for e in turn.events_since_message() if e["event"] == "action"}
        open_step = self.asked(turn, draft)
        is_confirming = open_step is not None and open_step.slot == "confirmed" and not done & OFFERING
        is_asked_already = bool(done & ASKING) and not turn.has_declined_a_person
        if not is_confirming and (is_asked_already or self._digressions(turn) > MOST_REMINDERS):
            return [SlotSet(REQUESTED, RETRY)]
        return self._ask_next(turn, draft)

    def _digressions(self, turn: Turn) -> int:
        """How many messages in a row, this one included, were answered beside the open question."""
        return len(list(takewhile(bool, reversed(turn.followed_by("action_resume")))))

    def _interrupted_form(self, turn: Turn) -> str | None:
        """The form that was open when this one started."""
        loops = [e.get("name") for e in turn.tracker.events if e.get("event") == "active_loop"]
        before = loops[-2] if len(loops) > 1 else None
        return before if before in FLOWS and before != self.form else None

    def _read(self, turn: Turn, draft: Draft, has_started: bool) -> bool:
        """Read the message against every step; True if it answered or corrected anything."""
        asked = None if has_started else self.asked(turn, draft)
        said = {"entity": SAID, "value": turn.text[:200]}
        draft["mentioned"] = [*(draft["mentioned"] or []), *turn.entities, said][-LONGEST_MEMORY:]
        if not has_started and self._belongs_elsewhere(turn, draft, asked):
            return False
        if turn.was_offered_a_person and answers.yes_or_no(turn.text, turn.intent, turn.confidence) is not None:
            return False  # an answer to the offer
        was_heard = was_corrected = False
        for step in self.steps:
            if not step.is_needed(turn, draft):
                continue
            try:
                value = step.read(turn, draft, step is asked)
            except TooManyAttempts:
                raise
            except ShopError as refusal:
                turn.refuse(refusal)
                return True
            if value is None or (step.slot == "confirmed" and was_corrected):
                continue
            was_heard = True
            if value != draft[step.slot]:
                was_corrected = True
                self._fill(draft, step, value)
        return was_heard or self.is_worth_keeping(turn, draft, asked)

    def is_worth_keeping(self, turn: Turn, draft: Draft, asked: Step | None) -> bool:
        """Facts that come before they are asked for, or before the order they belong to, are kept for later."""
        if asked is None or turn.intent not in ("inform", self.trigger):
            return False
        if asked.slot in ("order_number", "order_proof") and turn.values("product"):
            return True
        return any(step.is_told_early(turn, draft) for step in self.steps if step is not asked)

    def _fill(self, draft: Draft, step: Step, value: Any) -> None:
        draft[step.slot] = value
        for slot in step.clears:
            draft[slot] = None
        if step.slot != "confirmed" and any(s.slot == "confirmed" for s in self.steps):
            draft["confirmed"] = None  # a yes is a yes to what was said back, nothing else

    def _belongs_elsewhere(self, turn: Turn, draft: Draft, asked: Step | None) -> bool:
        """Whether the message is a question, a request or a remark, rather than something for this flow."""
        if turn.wanted_rather:
            return False
        if turn.intent not in ALWAYS_OBEYED:
            if asked and asked.is_plainly_answered(turn, draft):
                return False
            if self._is_plainly_corrected(turn, draft):
                return False
        return turn.intent in NO_ANSWERS or (turn.intent in TRIGGERS and turn.intent != self.trigger)

    def _is_plainly_corrected(self, turn: Turn, draft: Draft) -> bool:
        """Whether a few words change a choice that was made: "礼品卡吧", "just one"."""
        if not answers.is_short(turn.text) or answers.is_question(turn.text):
            return False
        made = [step for step in self.steps if step.is_choice and draft[step.slot] is not None]
        return any(step.read(turn, Draft(turn), False) not in (None, draft[step.slot]) for step in made)

    def _ask_next(self, turn: Turn, draft: Draft) -> Events:
        """Fill what has no choice, check what can be checked, and name the next slot to ask for."""
        try:
            step = self._next_step(turn, draft)
            if step and step.slot == "confirmed":
                draft["confirmation"] = self._confirmation(turn, draft)
        except Hopeless as hopeless:
            return self._end(turn, draft, hopeless.refusal)
        except ShopError as refusal:
            mend = self.retries.get(type(refusal))
            if mend is None:
                return self._end(turn, draft, refusal)
            turn.refuse(refusal)
            draft[mend] = None
            if mend == "quantity" and draft["items"]:
                draft["items"] = dict.fromkeys(draft["items"])  # the pieces said with the items were too many, too
            return [*draft.events(), SlotSet(REQUESTED, mend)]
        if step is None:
            return [*draft.events(), SlotSet(REQUESTED, None)]
        return [*draft.events(), SlotSet(REQUESTED, step.slot)]

    def _end(self, turn: Turn, draft: Draft, refusal: ShopError) -> Events:
        """Close the form with a refusal, or for the one that can do it."""
        if form := self.other_way(refusal):
            turn.say(f"utter_goes_on_as_{FLOWS[form].trigger}", **turn.wording.facts(refusal.facts))
            draft["hands_on"] = form
            return [*draft.events(), SlotSet(REQUESTED, None)]
        turn.refuse(refusal)
        draft["outcome"] = "too_many_attempts" if isinstance(refusal, TooManyAttempts) else "refused"
        return [*draft.events(), SlotSet(REQUESTED, None)]

    def _next_step(self, turn: Turn, draft: Draft) -> Step | None:
        is_checked = False
        for step in self.steps:
            if not step.is_needed(turn, draft):
                continue
            if not is_checked and self.may_check(turn, draft):
                self._check(turn, draft)
                is_checked = True
            if draft[step.slot] is None and (value := step.default(turn, draft)) is not None:
                self._fill(draft, step, value)
                if self.may_check(turn, draft):
                    self._check(turn, draft)
            if draft[step.slot] is None:
                return step
        return None

    def _check(self, turn: Turn, draft: Draft) -> None:
        """A refusal that no answer has caused yet can't be mended by another answer: it ends the flow."""
        try:
            self.check(turn, draft)
        except ShopError as refusal:
            mend = self.retries.get(type(refusal))
            if mend is not None and draft[mend] is None and not isinstance(refusal, InvalidQuantity):
                raise Hopeless(refusal) from refusal
            raise

    def may_check(self, turn: Turn, draft: Draft) -> bool:
        """Whether enough is known for `check`: by default, an order that is proven theirs."""
        return bool(draft["order_number"] and draft["order_proof"] == draft["order_number"])

    def _confirmation(self, turn: Turn, draft: Draft) -> dict[str, str]:
        """What a yes would be a yes to: the shop's quote, and the key under which it is carried out once."""
        quote = quote_of(self.preview(turn, draft))
        before = draft["confirmation"]
        if before and before["quote"] == quote:
            return dict(before)
        return {"quote": quote, "key": uuid.uuid4().hex, "form": self.form}


class CarryOut(ShopAction, ABC):
    """What follows when a flow's form closes: the deed, once, and its receipt; or word that nothing has changed."""

    flow: ClassVar[type[Flow]]

    @abstractmethod
    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        """Do it and say so."""

    def serve(self, turn: Turn) -> Events:
        draft = Draft(turn)
        outcome = draft["outcome"]
        if form := draft["hands_on"]:
            return [*self._closing(kept=SAME_MATTER | {"mentioned"}), FollowupAction(form)]
        if outcome == "too_many_attempts":
            return [*self._closing(), FollowupAction("action_offer_person")]
        if outcome is None and draft["confirmed"] is False:
            turn.say("utter_nothing_changed")
        elif outcome is None:
            events = self.carry_out(turn, draft)
            return [*self._closing(), *events, *([] if _goes_on(events) else self._take_up_paused(turn))]
        return [*self._closing(), *self._take_up_paused(turn)]

    def refused(self, turn: Turn, refusal: ShopError) -> Events:
        """Something changed between the question and the yes: it is asked again, or it cannot be done any more."""
        turn.refuse(refusal)
        if isinstance(refusal, QuoteChanged):
            return [SlotSet("confirmed", None), SlotSet("resumed", True), FollowupAction(FLOWS_OF[self.flow].form)]
        return [*self._closing(), *self._take_up_paused(turn)]

    def failed(self) -> Events:
        """Nothing was done: the question stays open, and a yes tries again under the same key."""
        if not any(step.slot == "confirmed" for step in self.flow.steps):
            return self._closing()
        return [ActiveLoop(FLOWS_OF[self.flow].form), SlotSet("confirmed", None), SlotSet(REQUESTED, RETRY)]

    def agreed(self, draft: Draft) -> dict[str, str]:
        """What the shop is told of the yes: what was agreed to, and the key under which it is done once."""
        confirmation = draft["confirmation"]
        return {"key": confirmation["key"], "quote": confirmation["quote"]}

    def _closing(self, kept: Collection[str] = ()) -> Events:
        slots = [*(step.slot for step in self.flow.steps), "mentioned", "confirmation", "outcome", "comment"]
        return [SlotSet(slot, None) for slot in slots if slot not in KEPT.union(kept)]

    def _take_up_paused(self, turn: Turn) -> Events:
        paused = turn.slot("paused")
        if not (paused and self.flow.only_looks):
            return []
        turn.say("utter_back_to_request")
        slots = {slot: value for slot, value in paused["slots"].items() if value is not None}
        return [
            *(SlotSet(slot, value) for slot, value in slots.items()),
            SlotSet("paused", None),
            SlotSet("resumed", True),
            FollowupAction(paused["form"]),
        ]


def close_form(turn: Turn) -> Events:
    """Leave the open flow, and one that waits behind it, with nothing changed. The order stays in focus."""
    form = turn.active_form
    slots = {step.slot for step in FLOWS[form].steps} if form in FLOWS else set()
    forgotten = sorted((slots | {"mentioned", "confirmation", "outcome", "comment", "paused"}) - KEPT)
    return [ActiveLoop(None), SlotSet(REQUESTED, None), *(SlotSet(slot, None) for slot in forgotten)]


def _goes_on(events: Events) -> bool:
    return any(event["event"] == "followup" for event in events)


class AskConfirmed(ShopAction):
    """Says back what the open flow would do and asks for a yes."""

    changes_nothing = True

    def name(self) -> str:
        return "action_ask_confirmed"

    def serve(self, turn: Turn) -> Events:
        flow, draft = FLOWS[turn.active_form or ""], Draft(turn)
        flow.say_back(turn, draft, flow.preview(turn, draft))
        return []


FLOWS: dict[str, Flow] = {}  # by form
FLOWS_OF: dict[type[Flow], Flow] = {}
TRIGGERS: dict[str, str] = {}  # intent to form


def register(flow: type[Flow]) -> type[Flow]:
    """Make a flow known by its form and by the intent that starts it."""
    instance = flow()
    FLOWS[instance.form] = FLOWS_OF[flow] = instance
    TRIGGERS[flow.trigger] = instance.form
    return flow
