"""How a graph is run: one thread a text, so that as many texts as there are processors go on at once."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

ERRORS_AND_WORSE = 3


def session(graph: bytes | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_AND_WORSE
    model = str(graph) if isinstance(graph, Path) else graph
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
