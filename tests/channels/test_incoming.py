"""Whatever is typed, the bot reads it as text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from channels.incoming import Rejected, as_text, read_message


@given(st.text(alphabet=st.one_of(st.sampled_from("/／ \n\ufeff\u200b\u2066\x00\r"), st.characters()), max_size=30))
def test_no_text_is_a_command_or_breaks_on_its_way(written: str) -> None:
    text = as_text(written)

    assert not text.strip().startswith("/")
    assert not text.lstrip("\ufeff\u200b \n\t").startswith("/")
    assert text.encode("utf-8").decode("utf-8") == text
    assert as_text(text) == text


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_any_body_is_a_message_or_is_refused(body: bytes) -> None:
    try:
        assert isinstance(read_message(body).text, str)
    except Rejected as rejected:
        assert rejected.status == 400
