"""How actions are asked for: over one connection, with little in the call, ahead where it is known, and in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as as_json

from serving.action_calls import ActionServer
from serving.agent import ServingAgent
from tests.servers import served


class Actions:
    """An action server that answers by name, and remembers what it was sent and over which connection."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.connections: set[Any] = set()
        self.answers: dict[str, Any] = {}
        self.url = ""

    @property
    def names(self) -> list[str]:
        return [call["next_action"] for call in self.calls]

    def app(self) -> Sanic:
        app = Sanic(f"actions_{id(self)}", configure_logging=False)

        @app.post("/webhook")
        async def webhook(request: Request) -> HTTPResponse:
            call = request.json
            self.calls.append(call)
            self.connections.add(request.conn_info.peername)
            answer = self.answers.get(call["next_action"], {"events": [], "responses": []})
            if callable(answer):
                answer = answer(call)
            if isinstance(answer, float):
                await asyncio.sleep(answer)
                answer = {"events": [], "responses": []}
            if isinstance(answer, tuple):
                return as_json(answer[1], status=answer[0])
            return as_json(answer)

        return app


@pytest.fixture
def actions() -> Iterator[Actions]:
    actions = Actions()
    with served(actions.app()) as url:
        actions.url = f"{url}/webhook"
        yield actions


def talk(model: Path, actions: Actions, *texts: str, **settings: Any) -> list[list[str]]:
    """What the bot answers to each message of one conversation."""

    async def conversation() -> list[list[str]]:
        server = ActionServer(actions.url, **{"enable_selective_domain": True, **settings})
        agent = ServingAgent(
            tracker_store=InMemoryTrackerStore(None), lock_store=InMemoryLockStore(), action_endpoint=server
        )
        agent.load_model(model)
        heard = []
        for text in texts:
            output = CollectingOutputChannel()
            await agent.handle_message(UserMessage(text, output, "somebody"))
            heard.append([message["text"] for message in output.messages])
        await server.close()
        return heard

    return asyncio.run(conversation())


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


ASKS_NAME = {"events": [slot("name", None), slot("requested_slot", "name")], "responses": []}
QUESTION = {"events": [], "responses": [{"text": "whose name?"}]}
NAMED = {"events": [slot("name", "Mei"), slot("requested_slot", None)], "responses": []}
BOOKED = {"events": [], "responses": [{"response": "utter_booked", "name": "Mei"}]}


def test_a_form_is_asked_as_rasa_asks_it(model: Path, actions: Actions) -> None:
    actions.answers = {"validate_book_form": ASKS_NAME, "action_ask_name": QUESTION, "action_book": BOOKED}
    assert talk(model, actions, "a table") == [["whose name?"]]
    assert actions.names == ["validate_book_form", "action_ask_name"]
    actions.answers["validate_book_form"] = NAMED
    assert talk(model, actions, "a table for Mei") == [["a table for Mei"]]


def test_one_connection_serves_all_calls(model: Path, actions: Actions) -> None:
    actions.answers = {"validate_book_form": ASKS_NAME, "action_ask_name": QUESTION}
    talk(model, actions, "what weather", "a table", "what weather", "hello")
    assert len(actions.calls) > 3 and len(actions.connections) == 1


def test_a_call_has_neither_the_domain_nor_what_no_action_reads(model: Path, actions: Actions) -> None:
    talk(model, actions, "a table", "what weather")
    assert not any("domain" in call for call in actions.calls)
    events = actions.calls[-1]["tracker"]["events"]
    assert not {"slot", "user_featurization"} & {event["event"] for event in events}
    assert not any({"model_id", "assistant_id"} & event["metadata"].keys() for event in events)
    said = [event for event in events if event["event"] == "user"]
    assert [set(event["parse_data"]) for event in said] == [{"intent", "entities"}] * 2
    assert said[-1]["text"] == "what weather" and said[-1]["parse_data"]["intent"]["name"] == "weather"


def test_the_domain_is_sent_where_the_endpoint_does_not_forgo_it(model: Path, actions: Actions) -> None:
    talk(model, actions, "what weather", enable_selective_domain=False)
    assert "book_form" in actions.calls[0]["domain"]["forms"]


def foreseen(call: dict[str, Any], **assumed: Any) -> dict[str, Any]:
    """The question, as an answer ahead of its turn to a form that was just opened."""
    message = call["tracker"]["latest_message"]["message_id"]
    slots = {**call["tracker"]["slots"], "name": None, "requested_slot": "name"}
    return {
        "action": "action_ask_name",
        "assumes": {"slots": slots, "form": "book_form", "message": message, **assumed},
    }


def test_what_was_answered_ahead_is_not_asked_for(model: Path, actions: Actions) -> None:
    actions.answers = {"validate_book_form": lambda call: {**ASKS_NAME, "ahead": [{**foreseen(call), **QUESTION}]}}
    assert talk(model, actions, "a table") == [["whose name?"]]
    assert actions.names == ["validate_book_form"] and actions.calls[0]["ahead"] is True


@pytest.mark.parametrize("assumed", [{"form": None}, {"message": "another"}, {"slots": {}}])
def test_what_assumes_another_conversation_is_asked_for(model: Path, actions: Actions, assumed: dict[str, Any]) -> None:
    wrong = {"events": [], "responses": [{"text": "of another time"}]}
    actions.answers = {
        "validate_book_form": lambda call: {**ASKS_NAME, "ahead": [{**foreseen(call, **assumed), **wrong}]},
        "action_ask_name": QUESTION,
    }
    assert talk(model, actions, "a table") == [["whose name?"]]


def test_what_was_answered_ahead_and_not_asked_for_is_forgotten(model: Path, actions: Actions) -> None:
    other = {"action": "action_silent", "events": [], "responses": []}
    actions.answers = {
        "validate_book_form": lambda call: {**ASKS_NAME, "ahead": [{**foreseen(call), **other}]},
        "action_ask_name": QUESTION,
    }
    assert talk(model, actions, "a table") == [["whose name?"]]
    assert actions.names == ["validate_book_form", "action_ask_name"]


def test_a_late_answer_is_given_up(model: Path, actions: Actions) -> None:
    actions.answers = {"action_weather": 5.0}
    assert talk(model, actions, "what weather", "hello", timeout=0.2) == [[], ["hello"]]


@pytest.mark.parametrize(
    "answer", [["no object"], {"events": "none"}, {"events": [{"no": "event"}]}, {"responses": ["text"]}, None]
)
def test_an_answer_that_is_none_leaves_the_conversation_as_it_was(model: Path, actions: Actions, answer: Any) -> None:
    actions.answers = {"action_weather": answer}
    assert talk(model, actions, "what weather", "hello") == [[], ["hello"]]


def test_a_failure_of_the_action_server_is_its_own(model: Path, actions: Actions) -> None:
    actions.answers = {"action_weather": (500, {"error": "out of order"})}
    assert talk(model, actions, "what weather", "hello") == [[], ["hello"]]


def request(actions: Actions, **settings: Any) -> Awaitable[Any]:
    async def asked() -> Any:
        server = ActionServer.of(EndpointConfig(actions.url, **settings))
        try:
            return await server.request(json={"next_action": "x", "sender_id": "s", "tracker": {"slots": {}}})
        finally:
            await server.close()

    return asked()


def test_a_refusal_carries_the_servers_words(actions: Actions) -> None:
    actions.answers = {"x": (400, {"error": "not now", "action_name": "x"})}
    with pytest.raises(ClientResponseError) as refused:
        asyncio.run(request(actions))
    assert json.loads(refused.value.text)["error"] == "not now"


def test_an_endpoint_keeps_its_settings(actions: Actions) -> None:
    actions.answers = {"x": 5.0}
    with pytest.raises(RasaException, match="did not answer within 0 s"):
        asyncio.run(request(actions, timeout=0.1))
    server = ActionServer.of(
        EndpointConfig(actions.url, token="secret", headers={"a": "b"}, enable_selective_domain=True)
    )
    assert (server.token, server.headers, server.kwargs) == ("secret", {"a": "b"}, {"enable_selective_domain": True})


def test_a_missing_certificate_is_named(actions: Actions) -> None:
    with pytest.raises(RasaException, match=r"nowhere\.pem"):
        asyncio.run(request(actions, cafile="/nowhere.pem"))
