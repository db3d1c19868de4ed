"""The shopkeeper's way into the catalogue: `python -m shop.catalogue load FILE.yml [...] | export`.

Products, options and promotions stand in files that a person reads (docs/shopkeeping.md). A load checks all of them
first and changes nothing if there is a mistake; what it changes, it changes in one transaction.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from shop import clock
from shop.catalogue_files.comparing import Addition, Change, Deed, Plan, Shelves, Tally, compare, shelves
from shop.catalogue_files.reading import read
from shop.catalogue_files.writing import as_yaml, yuan
from shop.database import begin_change, connect, has_schema, migrate, session_factory
from shop.models import AuditEntry

LONGEST_VALUE = 40
FILE_NAMES = {
    "name_zh": "Chinese name",
    "name_en": "English name",
    "other_names": "other names",
    "short_names": "short",
    "summary_zh": "Chinese summary",
    "summary_en": "English summary",
    "review_count": "reviews",
    "warranty_months": "warranty",
    "is_returnable": "returnable",
    "help_article": "help",
    "released_on": "released",
    "price_cents": "price",
    "minimum_cents": "minimum",
    "restock_on": "back",
    "starts_on": "starts",
    "ends_on": "ends",
}


class Mistakes(Exception):
    """The files cannot be loaded; each sentence says where and why."""

    def __init__(self, sentences: Iterable[str]) -> None:
        super().__init__(*sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        return self.args


def check(paths: list[Path], url: str | None = None, *, retire: bool = False) -> Plan:
    """What a load would do. Raises Mistakes. A shop that is not there yet counts as an empty one."""
    engine = connect(url)
    try:
        if not has_schema(url):
            return _planned(paths, Shelves(), retire=retire)
        with session_factory(engine)() as session:
            return _planned(paths, shelves(session), retire=retire)
    finally:
        engine.dispose()


def load(paths: list[Path], url: str | None = None, *, retire: bool = False) -> Plan:
    """Put what the files say into the shop, making its database if there is none. Raises Mistakes: nothing changed."""
    check(paths, url, retire=retire)  # before a database is made for it
    migrate(url)
    engine = connect(url)
    try:
        with session_factory(engine)() as session:
            begin_change(session)
            plan = _planned(paths, shelves(session), retire=retire)
            changes = list(told(plan))
            if changes:
                plan.carry_out(session)
                session.add(_audit(paths, changes))
            session.commit()
            return plan
    finally:
        engine.dispose()


def export(url: str | None = None) -> str:
    """The shop's present catalogue, in the form that `load` reads."""
    engine = connect(url)
    try:
        with session_factory(engine)() as session:
            return as_yaml(shelves(session))
    finally:
        engine.dispose()


def told(plan: Plan) -> Iterator[str]:
    """What a plan adds and changes, a line for each record."""
    for tally in (plan.options, plan.products, plan.promotions):
        for name in tally.added:
            yield f"added    {name}"
        for name, deeds in tally.changed.items():
            yield f"changed  {name}: {'; '.join(_told_deed(deed) for deed in deeds)}"
        for name in tally.retired:
            yield f"retired  {name}"


def counted(plan: Plan) -> str:
    """The same in figures: "3 products added, 2 changed, 14 as they were."."""
    figures = [
        _counted(plan.options, "option value"),
        _counted(plan.products, "product"),
        _counted(plan.promotions, "promotion"),
    ]
    return " ".join(f"{sentence}." for sentence in figures if sentence) or "Nothing is named in it."


def main(arguments: list[str] | None = None) -> int:
    """The command. Exits with 1, and sentences, where there are mistakes or the database cannot be used."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "export":
            print(export(options.url), end="")
        elif options.command == "load":
            _load(options)
        else:
            parser.print_help()
    except Mistakes as mistakes:
        print("\n".join(mistakes.sentences), file=sys.stderr)
        print(f"{_number(len(mistakes.sentences), 'mistake')}: nothing is changed.", file=sys.stderr)
        return 1
    except (SQLAlchemyError, OSError) as error:
        print(f"The shop's database cannot be used: {getattr(error, 'orig', None) or error}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shop.catalogue", description="The shop's products, as files.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    load = commands.add_parser("load", help="put products, options and promotions from files into the shop")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE.yml")
    load.add_argument("--check", action="store_true", help="only check, and say what would change")
    load.add_argument("--retire", action="store_true", help="set the stock of all that the files don't name to 0")
    export = commands.add_parser("export", help="print the present catalogue as such a file")
    for command in (load, export):
        command.add_argument("--url", help="the database (default: SHOP_DATABASE_URL, or a file in var/)")
    return parser


def _load(options: argparse.Namespace) -> None:
    work = check if options.check else load
    plan = work(options.files, options.url, retire=options.retire)
    for line in told(plan):
        print(line)
    print(f"Only checked. A load would do this: {counted(plan)}" if options.check else counted(plan))


def _planned(paths: list[Path], held: Shelves, *, retire: bool) -> Plan:
    reading = read(paths, held.options)
    plan = compare(reading.catalogue, held, retire=retire)
    mistakes = [*reading.mistakes, *plan.mistakes]
    if retire and not mistakes and not reading.catalogue.products:
        mistakes.append("The files name no product: --retire would take everything off the shelves.")
    if mistakes:
        raise Mistakes(mistakes)
    return plan


def _audit(paths: list[Path], changes: list[str]) -> AuditEntry:
    details = {"files": [str(path) for path in paths], "changes": changes}
    return AuditEntry(
        at=clock.now(), actor="shop.catalogue", action="load_catalogue", subject="catalogue", details=details
    )


def _told_deed(deed: Deed) -> str:
    if isinstance(deed, Addition):
        return f"{deed.subject} added"
    name = f"{deed.subject} {FILE_NAMES.get(deed.column, deed.column)}".strip()
    old, new = _shown(deed, deed.old), _shown(deed, deed.new)
    return name if len(old) + len(new) > LONGEST_VALUE else f"{name} {old} → {new}"


def _shown(change: Change, value: Any) -> str:
    is_money = change.column.endswith("_cents")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (list, dict)):
        return ", ".join(map(str, value.values() if isinstance(value, dict) else value)) or "none"
    if isinstance(value, (bool, date)) or value is None:
        return "none" if value is None else str(value).lower()
    return str(yuan(value) if is_money else value)


def _counted(tally: Tally, noun: str) -> str:
    """ "2 products added, 1 changed": the noun stands once, at the first figure."""
    figures = [
        (len(tally.added), "added"),
        (len(tally.changed), "changed"),
        (len(tally.retired), "retired"),
        (tally.unchanged, "as it was" if tally.unchanged == 1 else "as they were"),
    ]
    (first, *others) = [figure for figure in figures if figure[0]] or [(0, "")]
    return (
        ", ".join([f"{_number(first[0], noun)} {first[1]}", *(f"{n} {done}" for n, done in others)]) if first[0] else ""
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


if __name__ == "__main__":
    sys.exit(main())
