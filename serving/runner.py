"""Runs a model's graph for an answer: each node once, in its turn, without a scheduler between them.

Rasa's runner hands the graph to dask, and asks every policy at each step. Here a node is run where its result is asked
for, and policies, the weightiest first, only until none that is left can change what the ensemble decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa.core.policies.ensemble import PolicyPredictionEnsemble
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.graph import ExecutionContext, GraphNode, GraphNodeHook, GraphSchema, SchemaNode
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActionExecutionRejected
from rasa.shared.core.trackers import DialogueStateTracker

CERTAIN = 1.0
PRIORITY = "priority"


class Runner(GraphRunner):
    """The nodes of a graph, loaded; `given` are results that need no node, by the node's name."""

    def __init__(
        self,
        schema: GraphSchema,
        storage: ModelStorage,
        context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._schema = schema
        self._given = dict(given or {})
        policies = [name for name, node in schema.nodes.items() if issubclass(node.uses, Policy)]
        self._policies = sorted(policies, key=self._priority, reverse=True)
        self._nodes = {
            name: GraphNode.from_schema_node(name, node, storage, context, hooks)
            for name, node in schema.nodes.items()
            if name not in self._given
        }

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
    ) -> Runner:
        return cls(graph_schema, model_storage, execution_context, hooks)

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """The results of the targets, by name. Raises GraphRunError where a node lacks an input."""
        results = {**self._given, **(inputs or {})}
        return {target: self._result(target, results) for target in targets or self._schema.target_names}

    def begin(self, inputs: dict[str, Any], target: str) -> dict[str, Any]:
        """All results on the way to a target that need no more than these inputs: with them, `run` goes on from there.

        They hold none of the inputs: whoever keeps them for a message keeps no message that is never handled.
        """
        results = {**self._given, **inputs}
        self._come_nearer(target, results)
        return {name: result for name, result in results.items() if name not in inputs}

    def _come_nearer(self, name: str, results: dict[str, Any]) -> bool:
        """Whether the result is there, once all is run that can be."""
        if name not in results and name in self._nodes:
            there = [self._come_nearer(need, results) for need in self._schema.nodes[name].needs.values()]
            if all(there):
                self._result(name, results)
        return name in results

    def _result(self, name: str, results: dict[str, Any]) -> Any:
        if name not in results:
            node = self._schema.nodes[name]
            if issubclass(node.uses, PolicyPredictionEnsemble):
                self._ask_policies(node, results)
            needed = [
                (need, self._result(need, results)) if need in results or need in self._nodes else need
                for need in node.needs.values()
            ]
            results[name] = self._nodes[name](*needed)[1]
        return results[name]

    def _ask_policies(self, ensemble: SchemaNode, results: dict[str, Any]) -> None:
        """Add the policies' predictions to the results; None for those that could not change the decision."""
        tracker, domain = (self._result(ensemble.needs[need], results) for need in ("tracker", "domain"))
        is_settled = False
        for name in self._policies:
            if is_settled and not issubclass(self._schema.nodes[name].uses, RulePolicy):
                results[name] = None
            else:
                is_settled = settles(self._result(name, results), tracker, domain) or is_settled

    def _priority(self, name: str) -> int:
        node = self._schema.nodes[name]
        return int({**node.uses.get_default_config(), **node.config}[PRIORITY])


def settles(prediction: PolicyPrediction, tracker: DialogueStateTracker, domain: Domain) -> bool:
    """Whether no policy of less weight can change what the ensemble decides.

    The ensemble takes the greatest confidence, and of equals the weightier policy's. It sets an action that was just
    rejected to nothing, and prefers what was predicted from a message's very words, which no policy of Rasa's does
    without end-to-end stories.
    """
    if prediction.max_confidence < CERTAIN:
        return False
    rejected = _rejected(tracker)
    return rejected is None or domain.index_for_action(rejected) != prediction.max_confidence_index


def _rejected(tracker: DialogueStateTracker) -> str | None:
    for event in reversed(tracker.events):
        if type(event) in (ActionExecuted, ActionExecutionRejected):
            return event.action_name if type(event) is ActionExecutionRejected else None
    return None
