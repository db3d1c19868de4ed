"""Brings published data sets into the folders of Rasa YAML that `make benchmark-nlu` reads.

python -m evaluation.datasets hwu64 FOLDER OUT       folder with KFold_1 … KFold_10
python -m evaluation.datasets banking77 FOLDER OUT   folder with train.csv and test.csv
python -m evaluation.datasets clinc150 FILE OUT      data_full.json
python -m evaluation.datasets snips FOLDER OUT       folder with train, val and test as .md or .json

OUT gets a folder of the set's name: `make benchmark-nlu DATA=OUT`. Where the sets are published, all of them on GitHub:

- hwu64, CC BY 4.0: Liu et al. 2019, "Benchmarking natural language understanding services for building conversational
  agents"; xliuhw/NLU-Evaluation-Data has the folds as CSV (CrossValidation/…/KFold_1 and so on), RasaHQ/DIET-paper the
  same folds as Rasa Markdown (data/NLU-Evaluation-Data). Either form will do.
- banking77, CC BY 4.0: Casanueva et al. 2020, "Efficient intent detection with dual sentence encoders";
  PolyAI-LDN/task-specific-datasets, banking_data.
- clinc150, CC BY 3.0: Larson et al. 2019, "An evaluation dataset for intent classification and out-of-scope
  prediction"; clinc/oos-eval, data/data_full.json. Its `oos` is our `out_of_scope`.
- snips, CC0: Coucke et al. 2018, "Snips voice platform"; split and cut as in RasaHQ/DIET-paper, data/SNIPS.

Rasa reads brackets as annotations, so those that a sentence itself has become round. Nothing else is changed.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Example = tuple[str, str]  # its intent, and its text with Rasa's annotations
ROUND = str.maketrans("[]{}", "()()")
HEADING = re.compile(r"## *intent: *(\S+)")
OTHER_HEADING = re.compile(r"## *")
WITH_VALUE = re.compile(r"\[([^\[\]]+)\]\(([^():]+):([^()]*)\)")  # [nyc](city:new york), as Rasa 1 wrote it
NAMED_FIRST = re.compile(r"\[ *([^\[\]:]+?) *: *([^\[\]]+?) *\]")  # [time : nine am]
OUT_OF_SCOPE = "out_of_scope"


def hwu64(source: Path) -> Iterator[tuple[str, list[Example]]]:
    """(file, its examples) of every fold, from either published form."""
    for folder in sorted(source.glob("KFold_*"), key=lambda folder: int(folder.name.removeprefix("KFold_"))):
        fold = f"fold_{folder.name.removeprefix('KFold_')}"
        for part in ("train", "test"):
            markdown, tables = folder / f"{part}.md", sorted((folder / f"{part}set").rglob("*.csv"))
            examples = from_markdown(_read(markdown)) if markdown.exists() else map_all(from_annotations, tables)
            yield f"{fold}/{part}.yml", list(examples)


def banking77(source: Path) -> Iterator[tuple[str, list[Example]]]:
    for part in ("train", "test"):
        rows = _rows(source / f"{part}.csv", ",")
        yield f"{part}.yml", [(row["category"], plain(row["text"])) for row in rows]


def clinc150(source: Path) -> Iterator[tuple[str, list[Example]]]:
    parts = json.loads(_read(source))
    for part in ("train", "val", "test"):
        inside = [(intent, plain(text)) for text, intent in parts[part]]
        yield f"{part}.yml", inside + [(OUT_OF_SCOPE, plain(text)) for text, _ in parts[f"oos_{part}"]]


def snips(source: Path) -> Iterator[tuple[str, list[Example]]]:
    for part in ("train", "val", "test"):
        markdown = source / f"{part}.md"
        if markdown.exists():
            yield f"{part}.yml", list(from_markdown(_read(markdown)))
        else:
            yield f"{part}.yml", list(from_json(json.loads(_read(source / f"{part}.json"))))


def from_markdown(text: str) -> Iterator[Example]:
    """The examples of Rasa 1's Markdown."""
    intent = None
    for line in map(str.strip, text.splitlines()):
        if heading := HEADING.match(line):
            intent = heading[1]
        elif OTHER_HEADING.match(line):
            intent = None  # synonyms, lookups
        elif intent and line[:2] in ("- ", "* "):
            yield intent, WITH_VALUE.sub(_with_value, line[2:].strip())


def from_json(data: dict[str, Any]) -> Iterator[Example]:
    """The examples of Rasa 1's JSON."""
    for example in data["rasa_nlu_data"]["common_examples"]:
        yield example["intent"], annotated(example["text"], example.get("entities") or [])


def from_annotations(path: Path) -> Iterator[Example]:
    """The examples of a CSV file of xliuhw/NLU-Evaluation-Data: `set an alarm for [time : nine am]`."""
    for row in _rows(path, ";"):
        text = " ".join(row["answer_annotation"].split())
        yield f"{row['scenario']}_{row['intent']}", NAMED_FIRST.sub(r"[\2](\1)", text)


def plain(text: str) -> str:
    """A sentence on one line, without brackets that Rasa would take for its own."""
    return " ".join(text.translate(ROUND).split())


def annotated(text: str, entities: Iterable[dict[str, Any]]) -> str:
    """A sentence with its entities marked as in Rasa YAML."""
    text = text.translate(ROUND)  # one for one, so that offsets stay true
    for entity in sorted(entities, key=lambda entity: -entity["start"]):
        start, end = entity["start"], entity["end"]
        text = text[:start] + _marked(text[start:end], entity["entity"], entity.get("value")) + text[end:]
    return " ".join(text.split())


def as_yaml(examples: Iterable[Example]) -> str:
    """Rasa YAML, the intents in the order of their first example."""
    by_intent: dict[str, list[str]] = {}
    for intent, text in examples:
        by_intent.setdefault(intent, []).append(text)
    blocks = (
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in by_intent.items()
    )
    return "version: '3.1'\nnlu:\n" + "".join(blocks)


def map_all(read: Callable[[Path], Iterator[Example]], paths: Iterable[Path]) -> Iterator[Example]:
    return (example for path in paths for example in read(path))


def _with_value(found: re.Match[str]) -> str:
    return _marked(found[1], found[2], found[3])


def _marked(words: str, entity: str, value: Any) -> str:
    if value is None or str(value) == words:
        return f"[{words}]({entity})"
    return f"[{words}]{json.dumps({'entity': entity, 'value': value}, ensure_ascii=False)}"


def _rows(path: Path, delimiter: str) -> csv.DictReader[str]:
    return csv.DictReader(io.StringIO(_read(path)), delimiter=delimiter)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


SETS: dict[str, Callable[[Path], Iterator[tuple[str, list[Example]]]]] = {
    "hwu64": hwu64,
    "banking77": banking77,
    "clinc150": clinc150,
    "snips": snips,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.datasets", description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", type=Path, help="the published file or folder")
    parser.add_argument("out", type=Path, help="where the set's folder goes")
    options = parser.parse_args(arguments)
    if not options.source.exists():
        raise SystemExit(f"there is no {options.source}")
    for name, examples in SETS[options.set](options.source):
        if not examples:
            raise SystemExit(f"{options.source} holds no examples for {name}")
        target = options.out / options.set / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_yaml(examples), encoding="utf-8")
        print(f"{target}: {len(examples)} examples")


if __name__ == "__main__":
    main()
