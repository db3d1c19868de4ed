"""The queue from the terminal: `python -m desk.queue [list | show ID | take ID | write ID TEXT | hand-back ID]`.

What customers wrote is printed as text: control characters in it cannot move the agent's cursor or colour the screen.
"""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from desk import queue, work
from desk.errors import DeskError
from desk.packets import HandoverView, Packet
from shop import clock, database
from shop.models import HandoverState

COLUMNS = ("ID", "MINUTES", "WITH", "LANGUAGE", "TOPIC", "VERIFIED", "ORDER", "WISH")
WISH_WIDTH = 48


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 1 when refused or when the database cannot be reached."""
    asked = _parser().parse_args(arguments)
    engine = database.connect()
    try:
        with database.session_factory(engine)() as session:
            print(_answer(session, asked))
        return 0
    except DeskError as refusal:
        print(refusal, file=sys.stderr)
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or type(error).__name__
        print(f"The shop's database {make_url(database.url())!r} cannot be used: {reason}.", file=sys.stderr)
        print("Is there none yet? `python -m shop.seed` fills a sample shop.", file=sys.stderr)
    finally:
        engine.dispose()
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m desk.queue", description="Customers who wait for a person.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help="who waits and who is being served, the oldest first (without a command, too)")
    show = commands.add_parser("show", help="all that an agent needs, with the transcript")
    take = commands.add_parser("take", help="take a waiting conversation")
    write = commands.add_parser("write", help="say something to the customer, who hears it at once")
    back = commands.add_parser("hand-back", help="close the handover: the bot speaks again")
    for command in (show, take, write, back):
        command.add_argument("id", type=int, metavar="ID")
    for command in (take, write, back):
        command.add_argument("--agent", required=True, metavar="NAME", help="who does it, for the audit trail")
    write.add_argument("text", metavar="TEXT")
    back.add_argument("--note", metavar="TEXT", help="what was agreed with the customer")
    return parser


def _answer(session: Session, asked: argparse.Namespace) -> str:
    if asked.command == "show":
        return packet(queue.show(session, asked.id))
    if asked.command == "take":
        taken = work.take(session, asked.id, asked.agent)
        return f"{taken.agent} has handover {taken.id}.\n\n{packet(taken)}"
    if asked.command == "write":
        said = work.write(session, asked.id, agent=asked.agent, text=asked.text)
        return f"{said.agent}: {_plain(said.text)}"
    if asked.command == "hand-back":
        closed = work.hand_back(session, asked.id, agent=asked.agent, note=asked.note)
        return f"Handover {closed.id} is handed back: the bot speaks again in {closed.conversation}."
    return table(queue.unfinished(session))


def table(handovers: Sequence[HandoverView]) -> str:
    """One line a handover, its columns aligned also where they are Chinese."""
    if not handovers:
        return "Nobody is waiting."
    rows = [COLUMNS, *(_row(handover) for handover in handovers)]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(map(_padded, row, widths)).rstrip() for row in rows)


def _row(handover: HandoverView) -> tuple[str, ...]:
    return (
        str(handover.id),
        str(handover.waiting_minutes),
        _plain(handover.agent or "-"),
        handover.language,
        _plain(handover.topic),
        "yes" if handover.is_verified else "no",
        _plain(handover.order_number or "-"),
        _cut(_plain(handover.wish).replace("\n", " / "), WISH_WIDTH),
    )


def packet(handover: Packet) -> str:
    """Everything known about one handover, as a page of text."""
    facts = [
        ("Conversation", handover.conversation),
        ("State", _state(handover)),
        ("Opened", _moment(handover.opened_at)),
        ("Language", handover.language),
        ("Topic", handover.topic),
        ("Mood", handover.mood.value),
        ("Customer", _who(handover)),
        ("Verified", _verified(handover)),
        ("Order", _order(handover)),
        ("Wish", handover.wish),
        ("Tried", "\n".join(handover.tried) or "nothing"),
        ("Call back", handover.callback_email or ""),
        ("Notes", "\n".join(f"{note.agent}: {note.text}" for note in handover.notes)),
        ("Note", handover.note or ""),
    ]
    lines = [f"Handover {handover.id}"]
    lines += [_entry(f"  {label:<14}", text) for label, text in facts if text]
    lines += ["", "  Transcript" if handover.lines else "  Nothing was written."]
    lines += [
        _entry(f"  {_moment(said.at)}  {said.agent or said.sender.value:<9} ", said.text) for said in handover.lines
    ]
    return "\n".join(lines)


def _state(handover: HandoverView) -> str:
    if handover.state is HandoverState.WAITING:
        return f"waiting for {handover.waiting_minutes} min"
    if handover.state is HandoverState.TAKEN:
        return f"with {handover.agent}, opened {handover.waiting_minutes} min ago"
    return f"handed back by {handover.agent} after {handover.waiting_minutes} min"


def _who(handover: HandoverView) -> str:
    if handover.account is None:
        return handover.name or "not known"
    account = handover.account
    return f"{handover.name}, {account.email}, {account.phone}, {account.membership.value} member"


def _verified(handover: HandoverView) -> str:
    if handover.is_verified:
        return "yes"
    return f"{'lapsed' if handover.has_lapsed else 'no'}: ask for a proof before you speak of an order"


def _order(handover: HandoverView) -> str:
    if handover.order_number is None:
        return "none named"
    return f"{handover.order_number}, {handover.order_state or 'no such order'}"


def _moment(at: datetime | None) -> str:
    return at.astimezone(clock.SHOP_TIME).strftime("%Y-%m-%d %H:%M") if at else ""


def _entry(label: str, text: str) -> str:
    """A label and its text; further lines of the text stand under its first."""
    return label + _plain(text).replace("\n", "\n" + " " * len(label))


def _plain(text: str) -> str:
    visible = (character if character == "\n" or character.isprintable() else " " for character in text)
    return "".join(visible).strip()


def _width(text: str) -> int:
    """Columns on a screen: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cut(text: str, width: int) -> str:
    while _width(text) > width:
        text = text[:-2] + "…"
    return text
