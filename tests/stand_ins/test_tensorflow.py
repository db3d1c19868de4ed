"""Rasa without TensorFlow: it is imported, inherited from and annotated with, and whoever needs it is told so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import RasaException

DOMAIN = """
version: "3.1"
intents: [greet, bye]
responses:
  utter_hi: [{text: hi there}]
"""
LESSONS = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello
    - good morning
- intent: bye
  examples: |
    - bye
    - see you
    - good night
rules:
- rule: hi
  steps: [{intent: greet}, {action: utter_hi}]
stories:
- story: hi and bye
  steps: [{intent: greet}, {action: utter_hi}, {intent: bye}, {action: action_listen}]
"""
PIPELINE = "[{name: WhitespaceTokenizer}, {name: CountVectorsFeaturizer}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "data/lessons.yml").write_text(LESSONS)
    return tmp_path


def rasa(project: Path, classifier: str, policy: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of Rasa's commands in a project of its own."""
    (project / "config.yml").write_text(
        f"recipe: default.v1\nassistant_id: tiny\nlanguage: en\npipeline: {PIPELINE}, {{name: {classifier}}}]\n"
        f"policies: [{{name: RulePolicy}}, {{name: {policy}}}]\n"
    )
    environment = {**os.environ, "PYTHONPATH": "", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "rasa", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)


def test_rasa_trains_and_answers_without_it(project: Path) -> None:
    trained = rasa(project, "LogisticRegressionClassifier", "MemoizationPolicy", "train")
    assert trained.returncode == 0, trained.stderr
    tested = rasa(project, "LogisticRegressionClassifier", "MemoizationPolicy", "test", "nlu", "--nlu", "data")
    assert tested.returncode == 0, tested.stderr


@pytest.mark.parametrize(
    ("classifier", "policy", "named"),
    [
        ("DIETClassifier", "MemoizationPolicy", "DIETClassifier"),
        ("LogisticRegressionClassifier", "TEDPolicy", "TEDPolicy"),
    ],
)
def test_a_component_that_needs_it_is_named_with_what_to_do(
    project: Path, classifier: str, policy: str, named: str
) -> None:
    trained = rasa(project, classifier, policy, "train")

    assert trained.returncode == 1
    said = trained.stdout + trained.stderr
    assert f"{named} is built on TensorFlow, which this environment leaves out" in said
    assert "Take another component in config.yml" in said
    assert "Traceback" not in said


def test_its_names_are_inherited_from_and_annotated_with_but_not_called() -> None:
    class Ours(tf.keras.layers.Layer):
        def call(self, x: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
            return x

    with pytest.raises(tf.TensorFlowLeftOut, match="Ours is a part of TensorFlow"):
        Ours()
    with pytest.raises(RasaException, match="constant is a part of TensorFlow"):
        tf.constant(1)


def test_decorators_leave_alone_what_they_decorate() -> None:
    def double(x: int) -> int:
        return 2 * x

    assert tf.function(double) is double
    assert tf.function(reduce_retracing=True)(double) is double
    assert tf.keras.utils.register_keras_serializable(package="ours")(double) is double


def test_who_asks_for_other_parts_finds_no_tensorflow() -> None:
    with pytest.raises(ImportError):
        import tensorflow.experimental.dlpack
    with pytest.raises(ImportError):
        import tensorflow.compat.v2  # noqa: F401
    with pytest.raises(AttributeError):
        tf.__no_such_thing__  # noqa: B018


def test_a_component_is_named_also_where_it_calls_deep_inside(tmp_path: Path) -> None:
    from rasa.nlu.featurizers.dense_featurizer.lm_featurizer import LanguageModelFeaturizer

    context, storage = ExecutionContext(GraphSchema({}), node_name="one"), LocalModelStorage(tmp_path)
    with pytest.raises(Exception, match=r"TensorFlow|transformers"):
        LanguageModelFeaturizer.create(LanguageModelFeaturizer.get_default_config(), storage, Resource("one"), context)


def test_a_running_server_imports_neither_tensorflow_nor_torch() -> None:
    code = (
        "import sys, rasa.core.run, rasa.core.agent, rasa.server\n"
        "import tensorflow\n"
        "print(tensorflow.__version__, [name for name in ('torch', 'jax', 'transformers') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)

    assert said.stdout.strip() == "2.12.0+stand.in []"
