"""Stands in for TensorFlow where a library imports it and nothing uses it.

Rasa 3.6 imports TensorFlow in every command, whatever the pipeline. What its modules touch while they are imported is
here by name: classes to inherit from and to annotate with, decorators that leave alone what they decorate. Whoever
calls any of it gets TensorFlowLeftOut, one sentence that names the component and what to do.
"""

from tensorflow._left_out import TensorFlowLeftOut, provide, unchanged

__all__ = ["TensorFlowLeftOut", "function"]
__version__ = "2.12.0+stand.in"

function = unchanged
provide(
    __name__,
    (
        "config",
        "keras",
        "keras.backend",
        "keras.callbacks",
        "keras.utils",
        "python",
        "python.eager",
        "python.eager.wrap_function",
        "types",
        "types.experimental",
    ),
)
keras.utils.register_keras_serializable = unchanged  # type: ignore[name-defined]  # noqa: F821
