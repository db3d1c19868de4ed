"""Where the time goes: parts and packages add up to the whole, and the page names them from the dearest."""

from __future__ import annotations

from time import perf_counter

import pytest
from pyinstrument import Profiler

from evaluation.profile import page
from evaluation.profile_worker import PARTS, REST, Inline, packages, parts
from evaluation.profile_worker import _root as root


def spin(seconds: float) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


class MultilingualFeaturizer:
    def process(self) -> None:
        spin(0.05)


def _parse_message_with_graph() -> None:
    spin(0.02)
    MultilingualFeaturizer().process()


def test_each_moment_counts_for_the_innermost_part() -> None:
    with Profiler(interval=0.0005) as profiler:
        _parse_message_with_graph()
        spin(0.02)
    frame = root(profiler)
    spent = parts(frame)
    assert spent["reading with the encoders"] > spent["the rest of understanding"] > 0
    assert spent[REST] > 0 and set(spent) <= {*PARTS, REST}
    assert sum(spent.values()) == pytest.approx(frame.time)
    assert sum(packages(frame).values()) == pytest.approx(frame.time)
    assert packages(frame)["tests"] > 0


def test_what_is_done_inline_is_done_at_once() -> None:
    assert Inline().submit(max, 1, 2).result(0) == 2


def test_the_page_tells_both_sides_from_the_dearest() -> None:
    def side(**answer: float) -> dict[str, object]:
        return {"messages": 3, "answer": answer, "start": {"numpy": 0.25}}

    lines = page({"rasa": side(policies=4.0, saving=9.0), "serving": side(policies=2.0)}).splitlines()
    at = lines.index("| saving | 9.0 | 0.0 |")
    assert lines[at + 1 : at + 3] == ["| policies | 4.0 | 2.0 |", "| together | 13.0 | 2.0 |"]
    assert "| numpy | 0.25 | 0.25 |" in lines
