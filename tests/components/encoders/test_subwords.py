from __future__ import annotations

import numpy as np

from components.encoders.normalisers import ByCharacter, Normalised
from components.encoders.subwords import Subwords

PIECES = {"<unk>": 0.0, "▁": -2.0, "▁lamp": -3.0, "▁la": -2.5, "mp": -2.5, "s": -2.0, "台灯": -3.0, "台": -4.0}
IDS = {piece: number for number, piece in enumerate(PIECES)}


def subwords(**settings: bool) -> Subwords:
    scores = np.array(list(PIECES.values()), dtype=np.float32)
    replaced = ByCharacter({"㈱": "sss", "\x01": ""})
    return Subwords(list(PIECES), scores, replaced, unknown=0, nothing=IDS["▁"], **settings)


def test_the_likeliest_pieces_are_taken() -> None:
    assert subwords().cut("lamps 台灯", 10).ids == [IDS[piece] for piece in ("▁lamp", "s", "▁", "台灯")]


def test_places_leave_the_mark_before_a_word_out() -> None:
    assert subwords().cut("lamps", 10).offsets == [(0, 4), (4, 5)]
    assert subwords().cut("台灯", 10).offsets[1] == (0, 2)


def test_each_unknown_character_is_one_subword() -> None:
    assert subwords().cut("lampxy", 10).ids == [IDS["▁lamp"], 0, 0]


def test_a_character_that_becomes_several_gives_each_its_place() -> None:
    cut = subwords().cut("\x01台㈱", 10)
    assert cut.ids == [IDS["▁"], IDS["台"], IDS["s"], IDS["s"], IDS["s"]]
    assert cut.offsets[1:] == [(1, 2), (2, 3), (2, 3), (2, 3)]


def test_spaces_count_once_or_at_the_end_where_the_model_learned_so() -> None:
    assert subwords().cut(" lamp   s  ", 10).ids == [IDS["▁lamp"], IDS["▁"], IDS["s"]]
    assert subwords(last_space_counts=True).cut("lamp  ", 10).ids == [IDS["▁lamp"], IDS["▁"]]


def test_a_text_without_a_word_is_one_subword_without_a_place() -> None:
    assert subwords().cut("", 10) == ([IDS["▁"]], [(0, 0)])


def test_no_more_subwords_are_read_than_asked() -> None:
    assert len(subwords().cut("lamps " * 10, 5).ids) == len(subwords().cut("lamps " * 10, 5).offsets) == 5


def test_a_normalised_text_knows_the_way_back() -> None:
    normalised = Normalised("abc", [(0, 1), (1, 3), (3, 4)])
    assert normalised.place(0, 2) == (0, 3)
    assert Normalised("abc").place(1, 2) == (1, 2)
