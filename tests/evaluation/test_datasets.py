"""Published data sets become Rasa YAML with every sentence, intent and entity kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.datasets import annotated, main
from evaluation.understanding import Understood, read_gold


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def words(one: Understood) -> set[tuple[str, str]]:
    return {(span.entity, one.text[span.start : span.end]) for span in one.spans}


def read(path: Path) -> list[tuple[str, str, set[tuple[str, str]]]]:
    return [(one.intent, one.text, words(one)) for one in read_gold(str(path))]


MARKDOWN = """## intent:lamp_on
- switch on the [blue lamp](thing) in the [hall](place)
- light please

## synonym:hall
- corridor

## intent:lamp_off
- lights out in [the corridor](place:hall)
"""


def test_folds_in_markdown_keep_their_entities(tmp_path: Path) -> None:
    put(tmp_path / "KFold_1/train.md", MARKDOWN)
    put(tmp_path / "KFold_1/test.md", "## intent:lamp_on\n  - lamp on\n")
    main(["hwu64", str(tmp_path), str(tmp_path / "out")])
    assert read(tmp_path / "out/hwu64/fold_1/train.yml") == [
        ("lamp_on", "switch on the blue lamp in the hall", {("thing", "blue lamp"), ("place", "hall")}),
        ("lamp_on", "light please", set()),
        ("lamp_off", "lights out in the corridor", {("place", "the corridor")}),
    ]
    assert read(tmp_path / "out/hwu64/fold_1/test.yml") == [("lamp_on", "lamp on", set())]


def test_folds_in_csv_name_an_intent_by_its_scenario_too(tmp_path: Path) -> None:
    head = "answerid;scenario;intent;answer_annotation;answer_from_anno;answer_from_user\n"
    put(
        tmp_path / "KFold_2/trainset/lamp_dim.csv", head + '1;lamp;dim;"dim it at [time : nine pm]";"";"Dim it; at 9"\n'
    )
    put(tmp_path / "KFold_2/testset/csv/lamp_dim.csv", head + '2;lamp;dim;"a bit darker";"";""\n')
    main(["hwu64", str(tmp_path), str(tmp_path / "out")])
    assert read(tmp_path / "out/hwu64/fold_2/train.yml") == [("lamp_dim", "dim it at nine pm", {("time", "nine pm")})]
    assert read(tmp_path / "out/hwu64/fold_2/test.yml") == [("lamp_dim", "a bit darker", set())]


def test_brackets_of_a_sentence_become_round_and_its_lines_one(tmp_path: Path) -> None:
    put(tmp_path / "train.csv", 'text,category\n"My {card}, the [new] one,\n\nis late",card_late\n')
    put(tmp_path / "test.csv", "text,category\nwhere is it?,card_late\n")
    main(["banking77", str(tmp_path), str(tmp_path / "out")])
    assert read(tmp_path / "out/banking77/train.yml") == [("card_late", "My (card), the (new) one, is late", set())]


def test_queries_of_no_intent_are_out_of_scope(tmp_path: Path) -> None:
    parts = {part: [["how is the weather", "weather"]] for part in ("train", "val", "test")}
    outside = {f"oos_{part}": [["who am i", "oos"]] for part in ("train", "val", "test")}
    put(tmp_path / "data_full.json", json.dumps({**parts, **outside}))
    main(["clinc150", str(tmp_path / "data_full.json"), str(tmp_path / "out")])
    for part in ("train", "val", "test"):
        assert [one[0] for one in read(tmp_path / f"out/clinc150/{part}.yml")] == ["weather", "out_of_scope"]


def test_json_keeps_entities_where_they_stand(tmp_path: Path) -> None:
    entities = [{"start": 5, "end": 8, "value": "one", "entity": "count"}, {"start": 9, "end": 14, "entity": "thing"}]
    example = {"text": "play [1] songs", "intent": "play", "entities": entities}
    for part in ("train", "val", "test"):
        put(tmp_path / f"{part}.json", json.dumps({"rasa_nlu_data": {"common_examples": [example]}}))
    main(["snips", str(tmp_path), str(tmp_path / "out")])
    expected = {("count", "(1)"), ("thing", "songs")}
    assert read(tmp_path / "out/snips/test.yml") == [("play", "play (1) songs", expected)]


def test_a_value_other_than_the_words_is_written_beside_them() -> None:
    text = annotated("to nyc", [{"start": 3, "end": 6, "value": "New York", "entity": "city"}])
    assert text == 'to [nyc]{"entity": "city", "value": "New York"}'


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no"):
        main(["snips", str(tmp_path / "nowhere"), str(tmp_path)])


def test_a_fold_without_examples_is_said(tmp_path: Path) -> None:
    (tmp_path / "KFold_1/trainset").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"no examples for fold_1/train\.yml"):
        main(["hwu64", str(tmp_path), str(tmp_path / "out")])
