"""The steps that flows share: which order, the proof that it is theirs, which items, and the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actions import answers
from actions.flow import SAID, TRIGGERS, Draft, Step
from actions.turn import Turn
from shop import account, options, orders, products, returns
from shop.errors import IdentityNotProven, NoSuchVariant, OrderNotFound, ShopError, TooManyAttempts
from shop.models import PaymentKind, RefundTarget, ReturnReason

FACTS = {"product", "option", "order_number", "ordinal", "quantity", "address", "payment_method"}
LONGEST_LIST = 8  # more than this nobody reads
SAYS_WHICH = {"product", "ordinal", "option"}
BEHIND_ORDER = r"\b[WR]\d{7}[\s,，:：]{1,3}"  # where the proof of an order stands when it is told with its number
CODE_OF_ORDER = re.compile(  # called so, or right behind the order's number
    rf"邮编|邮政编码|post ?code|postal|zip|{BEHIND_ORDER}[A-Z\d][A-Z\d ]{{2,8}}\W*$", re.IGNORECASE
)
DIGITS_BEHIND_ORDER = re.compile(rf"{BEHIND_ORDER}(\d{{4}})(?![\d.,-]|\s?[元块件个])", re.IGNORECASE)
OF_SOMETHING_ELSE = re.compile(r"\b(just|rather|instead|change|switch)\b|改|换")
SMALLEST_NUMBERED_SIZE = 20  # a smaller number may be a place in a list, or a count
AFTER_ORDER = ("order_proof", "items", "quantity", "variant", "new_address", "payment_choice", "confirmed")


class OrderNumber(Step):
    """Which order: by its number, or by a choice among those that are proven theirs."""

    slot = "order_number"
    clears = AFTER_ORDER

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        is_proof = not asked and draft["order_number"] and not draft["order_proof"] and _is_bare_number(turn.text)
        if is_proof:
            return None  # digits without a letter are the proof that is being asked for
        if number := turn.value("order_number"):
            return self.resolve(turn, draft, number)
        if not asked:
            return None
        known = known_orders(turn)
        is_latest = answers.says(turn.text, "last")  # "my last order" is the newest, the first of the list
        place = 0 if is_latest and known else answers.ordinal(turn.text, len(known))
        return known[place].number if place is not None else None

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return turn.value("order_number") is not None and answers.is_short(turn.text) and turn.intent not in TRIGGERS

    def resolve(self, turn: Turn, draft: Draft, number: str) -> str:
        """A return's number stands for its order; what it is kept as decides what is shown."""
        if not number.upper().startswith("R"):
            draft["return_number"] = None
            return account.normalise_order_number(number) or number
        draft["return_number"] = number.upper()
        return returns.order_of_return(turn.session, number.upper()) or number.upper()


def _is_bare_number(text: str) -> bool:
    return re.fullmatch(r"[\d \-]+", text) is not None


def return_in_focus(turn: Turn, draft: Draft) -> str | None:
    """The return number by which they named the order in focus; its order's number is not theirs to learn."""
    written, number = draft["return_number"], draft["order_number"]
    is_of_order = written and number in (written, returns.order_of_return(turn.session, written))
    return str(written) if is_of_order else None


def known_orders(turn: Turn) -> Sequence[orders.OrderView]:
    """The orders proven theirs, newest first."""
    return orders.list_orders(turn.session, turn.shopper) if turn.shopper.is_known else ()


def is_proven(turn: Turn, number: str) -> bool:
    """Whether this visitor has proven the order to be theirs."""
    try:
        account.owned_order(turn.session, turn.shopper, number)
    except OrderNotFound:
        return False
    return True


def prove(turn: Turn, number: str, proof: str, *, shown: str) -> None:
    """Let the visitor in. Raises OrderNotFound about the number shown, and TooManyAttempts after the fifth miss."""
    try:
        turn.shopper = account.prove_order(turn.session, turn.visitor, number, proof)
    except OrderNotFound as miss:
        if account.attempts_left(turn.session, turn.visitor) == 0:
            raise TooManyAttempts from miss
        raise OrderNotFound(shown) from None


def _told_before(draft: Draft) -> str | None:
    """An e-mail or phone told before the order's number was; it is tried once."""
    told = [e for e in draft["mentioned"] or [] if e["entity"] in ("email", "phone")]
    draft["mentioned"] = [e for e in draft["mentioned"] or [] if e not in told]
    return str(told[-1]["value"]) if told else None


class OrderProof(Step):
    """Proof that the order is theirs; holds the number of the order that is proven."""

    slot = "order_proof"

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        number = draft["order_number"]
        if not number or draft["order_proof"] == number:
            return None
        if is_proven(turn, number):
            return str(number)
        told = _told_before(draft)  # this message's own among them: a wrong one is one miss, not one a turn
        proof = self._proof(turn, asked) or told
        if proof is None:
            return None
        prove(turn, number, proof, shown=return_in_focus(turn, draft) or number)
        return str(number)

    def default(self, turn: Turn, draft: Draft) -> str | None:
        number = draft["order_number"]
        return str(number) if number and is_proven(turn, number) else None

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return self._proof(turn, asked=True) is not None and not answers.is_question(turn.text)

    def _proof(self, turn: Turn, asked: bool) -> str | None:
        if asked and re.fullmatch(r"[+(]?\d[\d ()\-]{6,18}", turn.text):
            return turn.text  # nothing but a phone number, in whatever way it is written
        is_of_order = CODE_OF_ORDER.search(turn.text) and not turn.value("address")
        codes = ("postal_code",) if asked or is_of_order else ()  # else a code is part of an address
        for entity in ("email", "phone", *codes):
            if value := turn.value(entity):
                return value
        if behind := DIGITS_BEHIND_ORDER.search(turn.text):
            return behind.group(1)
        if digits := answers.last_four(turn.text, asked=asked):
            return digits
        if not asked or (turn.value("order_number") and not _is_bare_number(turn.text)):
            return None
        return turn.text if is_like_postal_code(turn.text) else None


def is_like_postal_code(text: str) -> bool:
    """Whether this may be the postal code of any country: 200001, NW1 6XE, K1A 0B1."""
    return re.fullmatch(r"(?=.*\d)[A-Za-z\d][A-Za-z\d \-]{2,11}", text) is not None


def returnable_lines(turn: Turn, draft: Draft) -> Sequence[orders.LineView]:
    """What can go back, for the reason given so far: food only where it is spoilt or wrong."""
    reason = reason_so_far(draft)
    return returns.returnable_lines(
        turn.session, turn.shopper, draft["order_number"], reason=ReturnReason(reason) if reason else None
    )


def reason_so_far(draft: Draft) -> str | None:
    """The reason that was given, or mentioned before it was asked for."""
    told = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] in ("reason", SAID)]
    mentioned = (found for text in reversed(told) if (found := answers.pick(text, "reason")))
    return draft["reason"] or next(mentioned, None)


class Items(Step):
    """Which items of the order: {order line: pieces}, pieces None where the number is not known yet."""

    slot = "items"
    clears = ("quantity", "variant", "confirmed")

    def __init__(self, *, most: int = 20, only_returnable: bool = False) -> None:
        self.most = most
        self.only_returnable = only_returnable

    def lines(self, turn: Turn, draft: Draft) -> Sequence[orders.LineView]:
        if self.only_returnable:
            return returnable_lines(turn, draft)
        return orders.view_order(turn.session, turn.shopper, draft["order_number"]).lines

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return bool(draft["order_proof"])

    def default(self, turn: Turn, draft: Draft) -> dict[str, int | None] | None:
        lines = self.lines(turn, draft)
        said = [e for e in draft["mentioned"] or [] if e["entity"] in SAYS_WHICH]
        if any(e["entity"] == "product" for e in said) or (said and len(lines) > 1):
            chosen = self._chosen_before(turn, draft, said, lines)
        else:
            chosen = list(lines) if len(lines) == 1 else []
        heard = " ".join(str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] == SAID)
        if not said and self.most > 1 and answers.says(heard, "everything"):
            chosen = list(lines)
        return self._pieces(chosen, draft["mentioned"] or [], heard) if chosen else None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> dict[str, int | None] | None:
        telling = SAYS_WHICH if asked else SAYS_WHICH - {"option"}  # once chosen, an option is what it should become
        said = [e for e in turn.entities if e["entity"] in telling]
        if not draft["order_proof"] or (not asked and (not said or draft["items"] is None)):
            return None
        lines = self.lines(turn, draft)
        chosen = self._chosen(turn, draft, said, turn.text, lines)
        is_place = asked and _is_bare_number(turn.text)  # "2" is the second in the list, not two pieces
        return self._pieces(chosen, [] if is_place else turn.entities, turn.text) if chosen else None

    def _chosen_before(
        self, turn: Turn, draft: Draft, said: list[dict[str, Any]], lines: Sequence[orders.LineView]
    ) -> list[orders.LineView]:
        """The lines named before they were asked for; what cannot go back is refused, and the rest asked for."""
        try:
            return self._chosen(turn, draft, said, "", lines)
        except ShopError as refusal:
            turn.refuse(refusal)
            return []

    def _chosen(
        self, turn: Turn, draft: Draft, said: list[dict[str, Any]], text: str, lines: Sequence[orders.LineView]
    ) -> list[orders.LineView]:
        """The lines that a message names: by product, by option, by place in the list, or all of them.

        Raises the refusal of an item that is in the order but cannot go back.
        """
        before = draft["items"]
        if before and answers.says(text, "other"):
            return [line for line in lines if str(line.id) not in before][: self.most]
        if self.most > 1 and answers.says(text, "everything"):
            return list(lines)
        named = [e for e in said if e["entity"] == "product"]
        chosen = [line for line in lines if any(_is_called(turn, line, e) for e in named)]
        if missing := [e for e in named if not any(_is_called(turn, line, e) for line in chosen)]:
            self._refuse_what_stays(turn, draft, missing)
        if named and not chosen:
            return []
        options = [e for e in said if e["entity"] == "option"]
        chosen = [line for line in chosen or lines if any(_has_option(turn, line, e) for e in options)] or chosen
        if not chosen and (place := answers.ordinal(text or _ordinal_of(said), len(lines))) is not None:
            chosen = [lines[place]]
        return chosen if len(chosen) <= self.most else []

    def _refuse_what_stays(self, turn: Turn, draft: Draft, named: list[dict[str, Any]]) -> None:
        """Raise why an item of the order cannot go back, once: it is forgotten, so that another can be named."""
        if not self.only_returnable:
            return
        number = draft["order_number"]
        lines = orders.view_order(turn.session, turn.shopper, number).lines
        line = next((line for line in lines if any(_is_called(turn, line, e) for e in named)), None)
        if line is None:
            return
        draft["mentioned"] = [e for e in draft["mentioned"] or [] if e["entity"] not in SAYS_WHICH]
        pieces, reason = {line.id: 1}, ReturnReason(reason_so_far(draft) or "other")
        returns.preview_return(turn.session, turn.shopper, number, pieces, reason, RefundTarget.ORIGINAL)

    def _pieces(
        self, chosen: list[orders.LineView], entities: list[dict[str, Any]], text: str
    ) -> dict[str, int | None]:
        """Pieces as far as they are said; of a line that holds one, or of several chosen together, all."""
        said = next((answers.number(str(e["value"])) for e in entities if e["entity"] == "quantity"), None)
        if len(chosen) > 1 or (text and answers.says(text, "everything")):
            return {str(line.id): line.quantity for line in chosen}
        line = chosen[0]
        return {str(line.id): 1 if line.quantity == 1 else said}


def named_part(turn: Turn, draft: Draft) -> list[orders.LineView]:
    """The lines, with the pieces meant, where products were named that are not the whole order; else none."""
    lines = orders.view_order(turn.session, turn.shopper, draft["order_number"]).lines
    mentioned = draft["mentioned"] or []
    named = [line for line in lines if any(_is_called(turn, line, e) for e in mentioned if e["entity"] == "product")]
    options = [e for e in mentioned if e["entity"] == "option"]
    named = [line for line in named if any(_has_option(turn, line, e) for e in options)] or named
    counts = [answers.number(str(e["value"])) for e in mentioned if e["entity"] == "quantity"]
    if len(named) == 1 and counts and 0 < (counts[-1] or 0) < named[0].quantity:
        named = [replace(named[0], quantity=counts[-1])]
    return named if named != list(lines) else []


def _ordinal_of(said: list[dict[str, Any]]) -> str:
    return next((str(e["value"]) for e in said if e["entity"] == "ordinal"), "")


def _is_called(turn: Turn, line: orders.LineView, entity: dict[str, Any]) -> bool:
    return line.product_id in products.called(turn.session, str(entity["value"]), limit=20)


def _has_option(turn: Turn, line: orders.LineView, entity: dict[str, Any]) -> bool:
    codes = products.option_codes(turn.session, [str(entity["value"])], line.product_id)
    return bool(codes) and all(line.options.get(kind) == code for kind, code in codes.items())


class Quantity(Step):
    """How many pieces of a line that holds several."""

    slot = "quantity"
    is_choice = True
    clears = ("confirmed",)

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return len(draft["items"] or {}) == 1

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        is_other_request = TRIGGERS.get(turn.intent, turn.active_form) != turn.active_form  # 给我换一个 counts nothing
        return not is_other_request and super().is_plainly_answered(turn, draft)

    def default(self, turn: Turn, draft: Draft) -> int | None:
        return next(iter(draft["items"].values()))  # as said with the item

    def read(self, turn: Turn, draft: Draft, asked: bool) -> int | None:
        if not asked and draft["quantity"] is None:
            return None
        if asked and answers.says(turn.text, "everything"):
            return self.most(turn, draft)
        is_corrected = re.search(r"\b(just|only|make it)\b|只|就", turn.text.lower()) is not None
        said = turn.value("quantity") or (turn.text if asked or is_corrected else "")
        is_count = asked or not said or self.most(turn, draft) > 1  # of one piece nobody corrects the number
        return answers.number(said) if is_count else None

    def most(self, turn: Turn, draft: Draft) -> int:
        """How many pieces the order has of it."""
        line_id = next(iter(draft["items"]))
        lines = orders.view_order(turn.session, turn.shopper, draft["order_number"]).lines
        return next(line.quantity for line in lines if str(line.id) == line_id)


def chosen_items(draft: Draft) -> dict[int, int]:
    """The items of a finished draft with their pieces, ready for the shop."""
    if len(draft["items"]) == 1:
        return {chosen_line(draft): draft["quantity"]}
    return {int(line): pieces for line, pieces in draft["items"].items()}


def chosen_line(draft: Draft) -> int:
    return int(next(iter(draft["items"])))


class Variant(Step):
    """Which other version of the chosen item: the variant's id."""

    slot = "variant"
    clears = ("confirmed",)

    def __init__(self, choices: Any) -> None:
        self.choices = choices  # (session, shopper, number, line) -> variants

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return bool(draft["items"])

    def variants(self, turn: Turn, draft: Draft) -> Sequence[products.VariantView]:
        found: Sequence[products.VariantView] = self.choices(
            turn.session, turn.shopper, draft["order_number"], chosen_line(draft)
        )
        return found

    def offered(self, turn: Turn, draft: Draft) -> list[products.VariantView]:
        """The versions to choose from in a list: those that can be had, the likest to the item first."""
        line = self.line(turn, draft)
        can_be_had = [variant for variant in self.variants(turn, draft) if variant.stock]
        return sorted(can_be_had, key=lambda v: -len(v.options.items() & line.options.items()))[:LONGEST_LIST]

    def default(self, turn: Turn, draft: Draft) -> int | None:
        said = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] == "option"]
        found = self._match(turn, draft, said[-3:]) if said else None
        words = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] == SAID]
        return found or self._next_size(turn, draft, " ".join(words))

    def read(self, turn: Turn, draft: Draft, asked: bool) -> int | None:
        if draft["items"] is None or (not asked and draft["variant"] is None):
            return None
        said = wanted_options(turn) or _lone_number(turn)
        found = self._match(turn, draft, said or ([turn.text] if asked else []))
        if found is None and asked:
            offered = self.offered(turn, draft)
            place = answers.ordinal(turn.text, len(offered))
            found = offered[place].id if place is not None else self._next_size(turn, draft, turn.text)
        if found is None and said and (asked or said[0][:1].isdigit()):
            self._refuse_what_it_does_not_come_in(turn, draft, said)
        return found

    def line(self, turn: Turn, draft: Draft) -> orders.LineView:
        order = orders.view_order(turn.session, turn.shopper, draft["order_number"])
        return next(line for line in order.lines if line.id == chosen_line(draft))

    def _next_size(self, turn: Turn, draft: Draft, text: str) -> int | None:
        """One size up or down, otherwise the same: 大一码, "a bigger one"."""
        direction = answers.pick(text, "relative_size")
        line = self.line(turn, draft)
        if direction is None or "size" not in line.options:
            return None
        alike = [line, *(v for v in self.variants(turn, draft) if _differs_in_size_only(v, line))]
        alike.sort(key=lambda v: options.size_rank(v.options["size"]))
        place = alike.index(line) + (1 if direction == "bigger" else -1)
        return getattr(alike[place], "id", None) if 0 <= place < len(alike) else None

    def _refuse_what_it_does_not_come_in(self, turn: Turn, draft: Draft, said: Sequence[str]) -> None:
        """Raise NoSuchVariant where what was said is an option of other products, or a size that none has."""
        line = self.line(turn, draft)
        own = [line.options, *(variant.options for variant in self.variants(turn, draft))]
        wanted = products.option_codes(turn.session, said, line.product_id)
        comes_in_it = any(each.get(kind) == code for each in own for kind, code in wanted.items())
        largest = max(options.size_rank(each.get("size", "")) for each in own)
        number = re.search(r"\d+", said[0])
        is_size = number is not None and min(int(number.group()), largest) >= SMALLEST_NUMBERED_SIZE
        if (wanted and not comes_in_it) or (is_size and not wanted):
            raise NoSuchVariant(line.name_zh, line.name_en)

    def _match(self, turn: Turn, draft: Draft, said: Sequence[str]) -> int | None:
        """The variant that has what was said and otherwise stays as the item is."""
        line = self.line(turn, draft)
        wanted = products.option_codes(turn.session, said, line.product_id)
        changed = {kind: code for kind, code in wanted.items() if line.options.get(kind) != code}
        if not changed:
            return None
        like = {**line.options, **changed}
        variants = self.variants(turn, draft)
        exact = [v.id for v in variants if all(v.options.get(kind) == code for kind, code in like.items())]
        if exact:
            return exact[0]
        near = [v.id for v in variants if all(v.options.get(kind) == code for kind, code in changed.items())]
        return near[0] if len(near) == 1 else None


def _lone_number(turn: Turn) -> list[str]:
    """The number in a few words that say nothing else: a size, where the item comes in it, as in "no wait, 43"."""
    numbers = sorted(set(re.findall(r"\d+(?:\.\d)?", turn.text)))
    says_more = any(e["entity"] not in ("rating", "amount") for e in turn.entities) or answers.is_question(turn.text)
    return numbers if len(numbers) == 1 and answers.is_short(turn.text) and not says_more else []


def wanted_options(turn: Turn) -> list[str]:
    """The options the message wants: not those it says no to, as 白色 in 不要白色，要米色."""
    options = [e for e in turn.entities if e["entity"] == "option"]
    return [str(e["value"]) for e in options if not answers.is_unwanted(turn.text[: e["start"]])]


def _differs_in_size_only(variant: products.VariantView, line: orders.LineView) -> bool:
    return {**variant.options, "size": ""} == {**line.options, "size": ""}


class Choice(Step):
    """One of a few terms, read by the words of a lexicon section."""

    is_choice = True

    clears = ("confirmed",)

    def __init__(
        self, slot: str, section: str | None = None, *, entity: str | None = None, otherwise: str | None = None
    ) -> None:
        self.slot = slot
        self.section = section or slot
        self.entity = entity
        self.otherwise = otherwise

    def default(self, turn: Turn, draft: Draft) -> str | None:
        if self.entity is None:
            return None
        said = [str(e["value"]) for e in draft["mentioned"] or [] if e["entity"] in (self.entity, SAID)]
        return next((found for text in reversed(said) if (found := answers.pick(text, self.section))), None)

    def is_told_early(self, turn: Turn, draft: Draft) -> bool:
        is_early = self.entity is not None and draft[self.slot] is None
        return is_early and answers.pick(turn.text, self.section) is not None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        if asked:
            found = answers.pick(turn.text, self.section)
            if found is None and self._is_explained(turn):
                draft["comment"] = turn.text[:500]
                return self.otherwise
            return found
        if draft[self.slot] is None or not self.entity:
            return None
        return answers.pick(turn.value(self.entity) or turn.text, self.section)

    def _is_explained(self, turn: Turn) -> bool:
        """A reason in their own words, rather than a bare yes or an empty remark."""
        is_name = turn.written("product") == turn.text  # of an item, where its reason was asked for
        is_remark = turn.intent in {"inform", "nlu_fallback", "out_of_scope"} and not is_name
        return bool(self.otherwise) and is_remark and not turn.wanted_rather and answers.is_explanation(turn.text)


class RefundTo(Step):
    """Where the money goes: back the way it was paid, or onto a gift card."""

    slot = "refund_to"
    is_choice = True
    clears = ("confirmed",)
    offered = ("original", "gift_card")  # as the question names them

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        said = turn.text if asked or draft["refund_to"] else (turn.value("payment_method") or "")
        if answers.says(said, "gift_card"):
            return "gift_card"
        if answers.says(said, "original"):
            return "original" if asked or draft["refund_to"] == "gift_card" or turn.value("payment_method") else None
        place = answers.ordinal(turn.text, len(self.offered)) if asked else None
        return None if place is None else self.offered[place]

    def default(self, turn: Turn, draft: Draft) -> str | None:
        order = orders.view_order(turn.session, turn.shopper, draft["order_number"])
        is_gift_card = order.paid_with is not None and order.paid_with.kind is PaymentKind.GIFT_CARD
        return "gift_card" if is_gift_card else None


class Confirmed(Step):
    """A yes or a no to what was said back; only when it has been asked, and nothing else changed with it."""

    slot = "confirmed"

    def read(self, turn: Turn, draft: Draft, asked: bool) -> bool | None:
        if not asked or turn.slot("confirmation") is None:
            return None
        words = answers.lexicon()
        is_other_request = TRIGGERS.get(turn.intent, turn.active_form) != turn.active_form
        wants_something_else = is_other_request and OF_SOMETHING_ELSE.search(turn.text.lower())
        is_refrained = answers.is_short(turn.text) and answers.mentions(turn.text, words["refraining"])
        if is_refrained and not turn.wanted_rather:
            return None if wants_something_else else False
        if answers.confirms(turn.text, words["confirming"].get(turn.active_form or "", ())):
            return True
        answer = answers.yes_or_no(turn.text, turn.intent, turn.confidence)
        is_bare_no = not any(e["entity"] in FACTS for e in turn.entities)
        return answer if answer is not False or is_bare_no else None  # "not this, the lamp" is no end


class Email(Step):
    """The e-mail of the account, first half of proving who they are."""

    slot = "email"

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return turn.shopper.customer_id is None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        return turn.value("email")


class Phone(Step):
    """The phone of the account, or its last four digits: with the e-mail it proves who they are."""

    slot = "phone"

    def is_beside_email(self, turn: Turn, draft: Draft) -> bool:
        """Whether the e-mail that it belongs to is given in this very message."""
        return draft["email"] is not None and draft["email"] == turn.value("email")

    def is_plainly_answered(self, turn: Turn, draft: Draft) -> bool:
        return (turn.value("phone") or answers.last_four(turn.text, asked=True)) is not None

    def is_needed(self, turn: Turn, draft: Draft) -> bool:
        return turn.shopper.customer_id is None

    def read(self, turn: Turn, draft: Draft, asked: bool) -> str | None:
        is_beside = self.is_beside_email(turn, draft)
        beside = turn.text.replace(turn.written("email") or "", "")  # an address may hold digits, too
        phone = turn.value("phone") or answers.last_four(beside, asked=asked or is_beside)
        if phone is None or not draft["email"]:
            return phone
        try:
            turn.shopper = account.prove_identity(turn.session, turn.visitor, draft["email"], phone)
        except IdentityNotProven as miss:
            draft["email"] = None
            if account.attempts_left(turn.session, turn.visitor) == 0:
                raise TooManyAttempts from miss
            raise
        return phone
