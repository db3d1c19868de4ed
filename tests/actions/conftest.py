"""Actions as Rasa runs them: a tracker that grows turn by turn, over a sample shop of its own.

`Conversation.says` plays one turn: the open form first, then what the rules in data/rules say, then follow-ups. Every
reply is rendered with its text from the domain, so that a reply whose facts are missing fails whatever the test asks.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy import select

import actions
from actions import base
from actions.base import ShopAction
from actions.flow import FLOWS, CarryOut
from shop import clock, database, seed
from shop.models import AccessGrant, Base, Customer

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2031, 5, 15, 12, 0, tzinfo=clock.SHOP_TIME)
UNAVAILABLE = "utter_service_unavailable"
# Written by asking, not by changing anything of the shop's.
BOOKKEEPING = {"access_grants", "proof_misses", "conversations", "messages"}


@cache
def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def all_actions() -> dict[str, ShopAction]:
    """Every action by its name, as the action server finds them."""
    for module in pkgutil.iter_modules(actions.__path__, "actions."):
        importlib.import_module(module.name)

    def leaves(kind: type) -> Iterator[type]:
        if not getattr(kind, "__abstractmethods__", None):
            yield kind
        for child in kind.__subclasses__():
            yield from leaves(child)

    return {action.name(): action for action in (kind() for kind in leaves(ShopAction))}


@cache
def rules() -> dict[str, list[str]]:
    """What follows an intent when nothing is open: the actions of the rules that begin with it."""
    steps = [rule["steps"] for rule in _rules() if not rule.get("condition")]
    return {first["intent"]: _actions(rest) for first, *rest in steps if "intent" in first}


@cache
def rules_of_actions() -> dict[tuple[str, str | None], list[str]]:
    """What follows an action, and what follows an intent right after it: by the rules that begin with that action."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for first, *rest in (rule["steps"] for rule in _rules() if not rule.get("condition")):
        intent = next((step["intent"] for step in rest if "intent" in step), None)
        if "action" in first:
            answers = rest if intent is None else rest[rest.index({"intent": intent}) + 1 :]
            found[first["action"], intent] = _actions(answers)
    return found


def _rules() -> list[dict[str, Any]]:
    return [rule for path in sorted((ROOT / "data/rules").glob("*.yml")) for rule in _yaml(path)["rules"]]


def _actions(steps: list[dict[str, Any]]) -> list[str]:
    return [step["action"] for step in steps if "action" in step]


def deed_of(form: str) -> str:
    """The action that follows when a form closes."""
    deeds = [a for a in all_actions().values() if isinstance(a, CarryOut) and a.flow.form == form]
    return next(a.name() for a in deeds if not a.name().startswith("action_ask_"))


def rendered(response: str, language: str, facts: dict[str, Any]) -> str:
    """The reply's text in a language, every fact filled in."""
    variations = _yaml(ROOT / "domain.yml")["responses"].get(response)
    if variations is None:
        return response  # a help article: it stands in data/responses
    chosen = next((v for v in variations if bool(v.get("condition")) == (language == "zh")), variations[0])

    def fact(match: re.Match[str]) -> str:
        value = facts.get(match.group(1))
        assert value is not None, f"{response} lacks {match.group(1)}"
        return str(value)

    return re.sub(r"{(\w+)}", fact, chosen["text"])


def _span(text: str, value: str) -> dict[str, int]:
    """Where an entity stands in the text; the whole of it where its value is written otherwise."""
    start = text.lower().find(value.lower())
    return {"start": 0, "end": len(text)} if start < 0 else {"start": start, "end": start + len(value)}


@dataclass
class Heard:
    """What the customer hears in one turn, and the events that the actions returned."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def replies(self) -> list[str]:
        return [message["response"] for message in self.messages]

    @property
    def text(self) -> str:
        return "\n".join(message["text"] for message in self.messages)

    def fact(self, name: str) -> Any:
        """A fact of the last reply that has it."""
        return next(message[name] for message in reversed(self.messages) if name in message)

    @property
    def cards(self) -> list[dict[str, Any]]:
        return [card for message in self.messages for card in (message.get("custom") or {}).get("cards", [])]

    @property
    def buttons(self) -> list[str]:
        return [button["title"] for message in self.messages for button in message["buttons"]]

    @property
    def followups(self) -> list[str]:
        return [event["name"] for event in self.events if event["event"] == "followup"]


@dataclass
class Conversation:
    """A tracker, and the few of Rasa's manners that the actions rely on."""

    visitor: str = "visitor"
    channel: str = "web"
    slots: dict[str, Any] = field(default_factory=lambda: {"language": "en"})
    events: list[dict[str, Any]] = field(default_factory=list)
    loop: str | None = None
    may_fail: bool = False  # the shop is about to break: its apology is what the test is after

    def says(self, text: str, intent: str = "inform", **entities: Any) -> Heard:
        """A whole turn, from the message to the next listening."""
        self.writes(text, intent, **entities)
        heard = Heard()
        if self.loop is None or not self._runs_form(self.loop, heard):
            self._follows(deque(self._rule(intent)), heard)
        return heard

    def _rule(self, intent: str) -> list[str]:
        """What the rules do about an intent: after the offer of a person a yes or a no is an answer to it."""
        done = [event["name"] for event in self.events if event["event"] == "action"]
        last = next((name for name in reversed(done) if name not in ("action_listen", "action_resume")), "")
        answer = None if self.loop else rules_of_actions().get((last, intent))
        return answer or rules().get(intent, ["action_not_understood"])

    def writes(self, text: str, intent: str = "inform", **entities: Any) -> None:
        """A message arrives: `product="lamp"` or `product=["lamp", "mug"]` are its entities."""
        found = [
            {"entity": entity, "value": value, **_span(text, value)}
            for entity, values in entities.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        language = self.slots.get("language_choice") or ("zh" if re.search(r"[\u4e00-\u9fff]", text) else None)
        language = language or ("en" if re.search(r"[A-Za-z]{2}", text) else self.slots["language"])
        found.append({"entity": "language", "value": language, "start": 0, "end": len(text)})
        parsed = {"text": text, "intent": {"name": intent, "confidence": 0.9}, "entities": found}
        self._note({"event": "action", "name": "action_listen"})
        self._note({"event": "user", "text": text, "parse_data": parsed, "input_channel": self.channel})
        self._note({"event": "slot", "name": "language", "value": language})

    def does(self, name: str) -> Heard:
        """One action alone, its events applied; follow-ups wait."""
        heard = Heard()
        self._runs(name, heard)
        return heard

    def tracker(self, *more: dict[str, Any]) -> Tracker:
        """The tracker that an action server is sent."""
        latest = next((e["parse_data"] for e in reversed(self.events) if e["event"] == "user"), {})
        loop = {"name": self.loop} if self.loop else {}
        return Tracker(self.visitor, dict(self.slots), latest, [*self.events, *more], False, None, loop, None)

    def _follows(self, waiting: deque[str], heard: Heard) -> None:
        while waiting:
            name = waiting.popleft()
            if name == "action_listen":
                return
            if name in FLOWS:
                self._runs_form(name, heard)
            elif name.startswith("utter_"):
                self._note({"event": "action", "name": name})
                self._hears({"response": name, "buttons": []}, heard)
            else:
                waiting.extendleft(reversed(self._runs(name, heard)))
                waiting.extend(rules_of_actions().get((name, None), ()) if not waiting else ())

    def _runs(self, name: str, heard: Heard) -> list[str]:
        """Run an action and return what it wants to be followed by."""
        events = self._called(name, self.tracker(), heard)
        self._note({"event": "action", "name": name})
        self._apply(events, heard)
        return [event["name"] for event in events if event["event"] == "followup"]

    def _runs_form(self, form: str, heard: Heard) -> bool:
        """Run a form as `FormAction` does; False where it rejects the message."""
        starts = self.loop != form
        if starts:
            self._note({"event": "active_loop", "name": form})
        asked = {"event": "slot", "name": "requested_slot", "value": self.slots.get("requested_slot")}
        tracker = self.tracker(asked, {"event": "action", "name": form})
        events = self._called(f"validate_{form}", tracker, heard)
        if not events:
            self._note({"event": "action_execution_rejected", "name": form})
            return False
        self._note({"event": "action", "name": form})
        self._apply(events, heard)
        if self.slots["requested_slot"] is None:
            self._note({"event": "active_loop", "name": None})
            self._follows(deque([deed_of(form)]), heard)
        else:
            self._asks(form, self.slots["requested_slot"], heard)
        return True

    def _asks(self, form: str, slot: str, heard: Heard) -> None:
        known = _yaml(ROOT / "domain.yml")["responses"]
        for name in (
            f"action_ask_{form}_{slot}",
            f"utter_ask_{form}_{slot}",
            f"action_ask_{slot}",
            f"utter_ask_{slot}",
        ):
            if name in all_actions():
                self._apply(self._called(name, self.tracker(), heard), heard)
                return
            if name in known:
                self._hears({"response": name, "buttons": known[name][0].get("buttons", [])}, heard)
                return

    def _called(self, name: str, tracker: Tracker, heard: Heard) -> list[dict[str, Any]]:
        dispatcher = CollectingDispatcher()
        events: list[dict[str, Any]] = asyncio.run(all_actions()[name].run(dispatcher, tracker, {}))
        for message in dispatcher.messages:
            assert self.may_fail or message["response"] != UNAVAILABLE, f"{name} failed"
            self._hears(message, heard)
        return events

    def _hears(self, message: dict[str, Any], heard: Heard) -> None:
        response = message["response"]
        worded = {**self.slots, **message}
        text = rendered(response, self.slots["language"], worded) if response else message["text"] or ""
        heard.messages.append({**message, "text": text})
        self._note({"event": "bot", "text": text, "metadata": {"utter_action": response}})

    def _apply(self, events: list[dict[str, Any]], heard: Heard) -> None:
        heard.events += events
        for event in events:
            self._note(event)

    def _note(self, event: dict[str, Any]) -> None:
        if event["event"] == "slot":
            self.slots[event["name"]] = event["value"]
        elif event["event"] == "active_loop":
            self.loop = event["name"]
        self.events.append({"timestamp": clock.now().timestamp(), **event})


@dataclass
class Shop:
    """The shop behind the actions: as it was filled, and as it is now."""

    url: str
    pristine: sqlite3.Connection
    now: sqlite3.Connection
    _restored: tuple[int, int] = (0, 0)

    def restore(self) -> None:
        """Put every row back as it was filled, if anything was written since."""
        if self._restored != self._written():
            self.pristine.backup(self.now)
            self._restored = self._written()

    def _written(self) -> tuple[int, int]:
        """A mark that changes with every commit, of another connection or of this one."""
        (others,) = self.now.execute("PRAGMA data_version").fetchone()
        return others, self.now.total_changes

    def rows(self, table: str, **wanted: Any) -> list[dict[str, Any]]:
        """The rows of a table that hold these values."""
        rows = [dict(row) for row in self.now.execute(f"SELECT * FROM {table}")]
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def row(self, table: str, **wanted: Any) -> dict[str, Any]:
        (found,) = self.rows(table, **wanted)
        return found

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that a change of the shop would show in."""
        tables = [table for table in Base.metadata.tables if table not in BOOKKEEPING]
        return {table: [tuple(row) for row in self.now.execute(f"SELECT * FROM {table}")] for table in tables}

    def change(self, statement: str, *values: Any) -> None:
        """Something happens in the shop behind the conversation's back."""
        with self.now:
            assert self.now.execute(statement, values).rowcount > 0, statement

    def variant(self, slug: str, *codes: str) -> dict[str, Any]:
        """The variant of a product with exactly these option values."""
        variants = self.rows("variants", product_id=self.row("products", slug=slug)["id"])
        return next(v for v in variants if set(yaml.safe_load(v["options"]).values()) == set(codes))


@dataclass
class StandingTime:
    """A clock that moves only when told to."""

    moment: datetime = NOON

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


def _fill(url: str) -> None:
    """The sample shop with its known customers, and a small crowd around them."""
    engine = database.connect(url)
    with database.session_factory(engine)() as session:
        database.begin_change(session)
        seed.fill(session, crowd_size=8, crowd_orders_size=24)
        session.commit()
    engine.dispose()


@pytest.fixture(scope="session")
def filled_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    path = tmp_path_factory.mktemp("actions") / "shop.db"
    url = f"sqlite:///{path}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_source", lambda: NOON)
        database.migrate(url)
        _fill(url)
    now, pristine = sqlite3.connect(path), sqlite3.connect(":memory:")
    now.row_factory = sqlite3.Row
    now.backup(pristine)
    yield Shop(url, pristine, now)
    for connection in (now, pristine):
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def _every_action_is_known() -> None:
    """Flows are known by their form once their module is imported."""
    all_actions()


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> StandingTime:
    standing = StandingTime()
    monkeypatch.setattr(clock, "_source", lambda: standing.moment)
    return standing


@pytest.fixture
def shop(filled_shop: Shop, monkeypatch: pytest.MonkeyPatch, time: StandingTime) -> Iterator[Shop]:
    monkeypatch.setenv("SHOP_DATABASE_URL", filled_shop.url)
    yield filled_shop
    filled_shop.restore()


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Makes the shop's database disappear, from when it is called."""
    return lambda: monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{tmp_path / 'gone.db'}")


@pytest.fixture
def back(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Callable[[], None]:
    """Brings it back."""
    return lambda: monkeypatch.setenv("SHOP_DATABASE_URL", shop.url)


@pytest.fixture
def talk(shop: Shop) -> Conversation:
    return Conversation()


@pytest.fixture
def emma(talk: Conversation) -> Conversation:
    """Emma Clarke, English, her account proven."""
    return _proven(talk, "emma.clarke@example.com")


@pytest.fixture
def siyuan(talk: Conversation) -> Conversation:
    """陈思远, Chinese, his account proven."""
    return _proven(talk, "chen.siyuan@example.com")


def _proven(talk: Conversation, email: str) -> Conversation:
    with base.open_session() as session:
        customer_id = session.execute(select(Customer.id).filter_by(email=email)).scalar_one()
        session.add(AccessGrant(visitor=talk.visitor, customer_id=customer_id, granted_at=clock.now()))
        session.commit()
    return talk
