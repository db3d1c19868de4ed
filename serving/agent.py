"""The bot as one object: its model, and the stores and the action server of endpoints.yml."""

from __future__ import annotations

import gc
from pathlib import Path

from rasa.core.agent import Agent
from rasa.core.brokers.broker import EventBroker
from rasa.core.lock_store import LockStore
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.core.tracker_store import TrackerStore
from rasa.core.utils import AvailableEndpoints

from serving.action_calls import ActionServer
from serving.model import Loaded
from serving.processor import Processor


class ServingAgent(Agent):
    """Rasa's agent over a processor of ours."""

    def load_model(
        self, model_path: str | Path, fingerprint: str | None = None, *, loaded: Loaded | None = None
    ) -> None:
        self.processor = Processor(
            Path(model_path),
            loaded=loaded,
            tracker_store=self.tracker_store,
            lock_store=self.lock_store,
            action_endpoint=self.action_endpoint,
            generator=self.nlg,
            http_interpreter=self.http_interpreter,
        )
        self.domain = self.processor.domain
        self._set_fingerprint(fingerprint)
        self.tracker_store.domain = self.domain
        if isinstance(self.nlg, TemplatedNaturalLanguageGenerator):
            self.nlg.responses = self.domain.responses


async def load(model: Path, endpoints: AvailableEndpoints, loaded: Loaded | None = None) -> ServingAgent:
    """An agent that has understood its first message, with a model that may be loaded already.

    Raises what is wrong with the model or the endpoints.
    """
    broker = await EventBroker.create(endpoints.event_broker)
    agent = ServingAgent(
        generator=endpoints.nlg,
        tracker_store=TrackerStore.create(endpoints.tracker_store, event_broker=broker),
        lock_store=LockStore.create(endpoints.lock_store),
        action_endpoint=ActionServer.of(endpoints.action) if endpoints.action else None,
    )
    agent.load_model(model, loaded=loaded)
    agent.processor.warm_up()
    gc.freeze()  # what is loaded stays: looking through it for garbage would hold up a message now and then
    return agent
