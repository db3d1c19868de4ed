"""Account: change the e-mail, phone or default address on file, once it is proven whose it is."""

from __future__ import annotations

from typing import ClassVar

from actions import answers
from actions.base import Events
from actions.flow import CarryOut, Draft, Flow, Retries, Step, register
from actions.steps import Choice, Confirmed, Email, Phone
from actions.turn import Turn
from shop import account
from shop.errors import InvalidAddress, InvalidContact


class ProfileField(Choice):
    """Which fact on file: e-mail, phone or address; often said with the first message."""

    def __init__(self) -> None:
        super().__init__("profile_field")

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        if asked or (turn.intent == "update_profile" and draft["profile_field"] is None):
            return answers.pick(turn.text, "profile_field")
        return None


class ProfileValue(Step):
    """The new e-mail, phone or address."""

    slot = "profile_value"
    clears = ("confirmed",)

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return bool(draft["profile_field"])

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return turn.value(draft["profile_field"]) is not None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        field = draft["profile_field"]
        if not asked and draft["profile_value"] is None:
            return None
        if field in ("email", "phone"):
            return turn.written(field) or (turn.text[:120] if asked and turn.intent == "inform" else None)
        if turn.value("address"):
            return turn.text
        return turn.text if asked and len(turn.text) >= 8 else None

    def default(self, turn: Turn, draft: Draft) -> str | None:
        """The new e-mail or phone that was said with the request, before they were asked who they are."""
        field = draft["profile_field"]
        if field not in ("email", "phone"):
            return None
        said = [str(one["value"]) for one in draft["mentioned"] or [] if one["entity"] == field]
        return next((value for value in said if value != draft[field]), None)


class NewEmailProof(Email):
    """The e-mail on file: here the first e-mail said is the one on file, never the new one."""

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        return super().read(turn, draft, asked) if asked else None


class NewPhoneProof(Phone):
    """The phone on file, asked for or right beside the e-mail on file."""

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        return super().read(turn, draft, asked) if asked or self.is_beside_email(turn, draft) else None


@register
class UpdateProfileFlow(Flow):
    form = "update_profile_form"
    trigger = "update_profile"
    steps = (NewEmailProof(), NewPhoneProof(), ProfileField(), ProfileValue(), Confirmed())
    retries: ClassVar[Retries] = {InvalidContact: "profile_value", InvalidAddress: "profile_value"}

    def may_check(self, turn: Turn, draft: Draft) -> bool:
        return bool(draft["profile_value"])

    def check(self, turn: Turn, draft: Draft) -> None:
        self.preview(turn, draft)

    def preview(self, turn: Turn, draft: Draft) -> account.ProfileChange:
        return account.preview_profile_change(
            turn.session, turn.shopper, draft["profile_field"], draft["profile_value"]
        )

    def say_back(self, turn: Turn, draft: Draft, seen: account.ProfileChange) -> None:
        turn.say("utter_ask_change_profile", field=turn.wording.term("profile_field", seen.field), value=seen.new)


class UpdateProfile(CarryOut):
    flow = UpdateProfileFlow

    def name(self) -> str:
        return "action_update_profile"

    def carry_out(self, turn: Turn, draft: Draft) -> Events:
        done = account.change_profile(
            turn.session, turn.shopper, draft["profile_field"], draft["profile_value"], **self.agreed(draft)
        )
        turn.say("utter_changed_profile", field=turn.wording.term("profile_field", done.field), value=done.new)
        return []
