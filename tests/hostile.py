"""Bodies as somebody with bad intent sends them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def bodies(fields: Sequence[str], *, most: int) -> st.SearchStrategy[bytes]:
    """Bytes, any JSON, and objects with up to `most` of these fields that hold anything."""
    objects = st.dictionaries(st.sampled_from(fields), ANY_JSON, max_size=most)
    return st.binary(max_size=300) | (ANY_JSON | objects).map(json.dumps).map(str.encode)


def on_one_server(examples: int) -> settings:
    """The same examples each time, all of them sent to one server."""
    quiet = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, deadline=None, suppress_health_check=quiet, derandomize=True)
