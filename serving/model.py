"""Opens a trained model for answering: without what it was trained by, and its domain read once."""

from __future__ import annotations

import dataclasses
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import rasa.shared.utils.io
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import MODEL_ARCHIVE_METADATA_FILE, LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ModelNotFound
from rasa.graph_components.providers.domain_provider import DomainProvider

from serving.rules import AnsweringRulePolicy
from serving.runner import Runner


class AnsweringStorage(LocalModelStorage):
    """An archive's files, whose metadata name no class of training: to import these takes longer than to answer."""

    @staticmethod
    def _load_metadata(directory: Path) -> ModelMetadata:
        metadata: dict[str, Any] = rasa.shared.utils.io.read_json_file(directory / MODEL_ARCHIVE_METADATA_FILE)
        return ModelMetadata.from_dict({**metadata, "train_schema": GraphSchema({}).as_dict()})


class Loaded(NamedTuple):
    """A model that can answer; until it does, a process that has it may fork."""

    metadata: ModelMetadata
    runner: Runner


def load(archive: Path) -> Loaded:
    """Raises ModelNotFound where the file is no model."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            storage, metadata = AnsweringStorage.from_model_archive(Path(folder), archive)
        except tarfile.ReadError as error:
            raise ModelNotFound(f"{archive} is no trained model.") from error
        schema = _answering(metadata.predict_schema)
        context = ExecutionContext(graph_schema=schema, model_id=metadata.model_id)
        domains = [name for name, node in schema.nodes.items() if node.uses is DomainProvider]
        return Loaded(metadata, Runner(schema, storage, context, given=dict.fromkeys(domains, metadata.domain)))


def _answering(schema: GraphSchema) -> GraphSchema:
    """The same graph, with the quicker of what does the same."""
    quicker = {RulePolicy: AnsweringRulePolicy}
    nodes = schema.nodes.items()
    return GraphSchema(
        {name: dataclasses.replace(node, uses=quicker.get(node.uses, node.uses)) for name, node in nodes}
    )
