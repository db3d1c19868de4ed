"""Measures understanding on sentences that the bot was not trained with, and prints what it takes for what.

python -m evaluation.nlu --test FILE [--train FILE_OR_FOLDER ...] [--model ARCHIVE] [--config FILE] [--out RESULT.json]

Without --train it measures the newest model in models/. An intent counts as the classifier ranks it, before the
fallback takes the doubtful ones (as `rasa test nlu` has it); how many it takes is reported beside.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.measures import (
    Span,
    accuracy,
    confusions,
    f1_by_label,
    macro_f1,
    of_entity,
    overlap_score,
    span_score,
    weighted_f1,
)

LANGUAGES = ("zh", "en", "mixed")
NOT_MEASURED = {"language"}
FALLBACK = "nlu_fallback"
WORST_SHOWN, CONFUSIONS_SHOWN = 15, 20


@dataclass(frozen=True)
class Understood:
    """One sentence: its label (`intent`, or `faq/TOPIC`) and its entities."""

    text: str
    language: str
    label: str
    spans: frozenset[Span]
    fell_back: bool = False

    @property
    def intent(self) -> str:
        return self.label.split("/")[0]


def read_gold(path: str) -> list[Understood]:
    from rasa.shared.nlu.training_data.loading import load_data

    return [_gold_of(example) for example in load_data(path).nlu_examples if example.get("intent")]


def _gold_of(example: Any) -> Understood:
    text = example.get("text")
    label = example.get("intent_response_key") or example.get("intent")
    metadata = example.get("metadata") or {}
    noted = {**(metadata.get("intent") or {}), **(metadata.get("example") or {})}.get("language")
    return Understood(text, noted or language_of(text), label, _spans(example.get("entities") or []))


def language_of(text: str) -> str:
    """zh, en or mixed, by the words a sentence is made of."""
    from components.text import LATIN_LETTER, is_han, tokens_of

    tokens = tokens_of(text)
    has_han = any(map(is_han, tokens))
    has_words = any(token.isalpha() and len(token) > 2 for token in tokens if LATIN_LETTER.match(token))
    return "mixed" if has_han and has_words else "zh" if has_han else "en"


def _spans(entities: Sequence[dict[str, Any]]) -> frozenset[Span]:
    return frozenset(
        Span(entity["entity"], entity["start"], entity["end"])
        for entity in entities
        if entity["entity"] not in NOT_MEASURED
    )


async def predict(model: str, gold: Sequence[Understood]) -> list[Understood]:
    from rasa.core.agent import Agent

    agent = Agent.load(model)
    return [_prediction_of(await agent.parse_message(one.text), one) for one in gold]


def _prediction_of(parsed: dict[str, Any], gold: Understood) -> Understood:
    ranking = [one["name"] for one in parsed.get("intent_ranking", []) if one["name"] != FALLBACK]
    intent = ranking[0] if ranking else str(parsed["intent"]["name"])
    selected = parsed.get("response_selector", {}).get(intent, {}).get("response", {})
    label = selected.get("intent_response_key") or intent
    fell_back = parsed["intent"]["name"] == FALLBACK
    return Understood(gold.text, gold.language, label, _spans(parsed["entities"]), fell_back)


def measure(gold: Sequence[Understood], predicted: Sequence[Understood]) -> dict[str, Any]:
    """All figures, as they are written to the result file."""
    result = {"examples": len(gold), **_figures(gold, predicted)}
    result["by_language"] = {
        language: {"examples": len(pairs), **_figures(*zip(*pairs, strict=True))}
        for language in LANGUAGES
        if (pairs := [pair for pair in zip(gold, predicted, strict=True) if pair[0].language == language])
    }
    meant, understood = [one.intent for one in gold], [one.intent for one in predicted]
    result["intent"]["by_intent"] = {name: f1 for name, f1 in f1_by_label(meant, understood).items() if name in meant}
    result["intent"]["confusions"] = confusions([one.label for one in gold], [one.label for one in predicted])
    result["entities"]["by_entity"] = _by_entity(gold, predicted)
    return result


def _figures(gold: Sequence[Understood], predicted: Sequence[Understood]) -> dict[str, Any]:
    meant, understood = [one.intent for one in gold], [one.intent for one in predicted]
    topics = [pair for pair in zip(gold, predicted, strict=True) if "/" in pair[0].label]
    gold_spans, predicted_spans = [one.spans for one in gold], [one.spans for one in predicted]
    exact, overlapping = span_score(gold_spans, predicted_spans), overlap_score(gold_spans, predicted_spans)
    return {
        "intent": {
            "accuracy": accuracy(meant, understood),
            "macro_f1": macro_f1(meant, understood),
            "weighted_f1": weighted_f1(meant, understood),
            "fallback_share": sum(one.fell_back for one in predicted) / len(predicted) if predicted else 0.0,
        },
        "faq": {"accuracy": accuracy([one.label for one, _ in topics], [other.label for _, other in topics])},
        "entities": {
            "span_f1": exact.f1,
            "span_precision": exact.precision,
            "span_recall": exact.recall,
            "overlap_f1": overlapping.f1,
        },
    }


def _by_entity(gold: Sequence[Understood], predicted: Sequence[Understood]) -> dict[str, dict[str, float]]:
    meant, found = [one.spans for one in gold], [one.spans for one in predicted]
    names = sorted({span.entity for spans in (*meant, *found) for span in spans})
    return {
        name: {
            "gold": sum(map(len, of_entity(meant, name))),
            "span_f1": span_score(of_entity(meant, name), of_entity(found, name)).f1,
            "overlap_f1": overlap_score(of_entity(meant, name), of_entity(found, name)).f1,
        }
        for name in names
    }


def report(result: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    return "\n".join([*_table_by_language(result), "", *_table_by_entity(result), "", *_worst(result)])


def _table_by_language(result: dict[str, Any]) -> list[str]:
    lines = [f"{'':8}{'sentences':>10}{'intent':>9}{'macro F1':>10}{'wtd F1':>9}{'faq':>8}{'span F1':>9}{'overlap':>9}"]
    for name, part in {"all": result, **result["by_language"]}.items():
        intent, entities = part["intent"], part["entities"]
        lines.append(
            f"{name:8}{part['examples']:>10}{intent['accuracy']:>9.3f}{intent['macro_f1']:>10.3f}"
            f"{intent['weighted_f1']:>9.3f}{part['faq']['accuracy']:>8.3f}{entities['span_f1']:>9.3f}"
            f"{entities['overlap_f1']:>9.3f}"
        )
    lines.append(f"left to the fallback: {result['intent']['fallback_share']:.1%}")
    return lines


def _table_by_entity(result: dict[str, Any]) -> list[str]:
    rows = result["entities"]["by_entity"].items()
    return [f"{'entity':20}{'gold':>6}{'span F1':>9}{'overlap':>9}"] + [
        f"{name:20}{row['gold']:>6}{row['span_f1']:>9.3f}{row['overlap_f1']:>9.3f}" for name, row in rows
    ]


def _worst(result: dict[str, Any]) -> list[str]:
    worst = sorted(result["intent"]["by_intent"].items(), key=lambda item: item[1])[:WORST_SHOWN]
    taken = result["intent"]["confusions"][:CONFUSIONS_SHOWN]
    return [
        "the intents understood worst (F1)",
        *(f"  {f1:.2f}  {name}" for name, f1 in worst),
        "",
        "what is taken for what",
        *(f"  {count:>3}  {meant} -> {understood}" for meant, understood, count in taken),
    ]


def train(config: str, sources: Sequence[str], folder: Path) -> str:
    """Trains understanding alone with these sentences; returns the archive."""
    from rasa.model_training import train_nlu

    data = folder / "nlu"
    data.mkdir()
    for number, source in enumerate(map(Path, sources)):
        target = data / f"{number}-{source.name}"
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    archive = train_nlu(config, str(data), str(folder))
    if archive is None:
        raise SystemExit(f"nothing to train with in {', '.join(sources)}")
    return archive


def newest_model() -> str:
    from rasa.model import get_latest_model

    archive = get_latest_model("models")
    if archive is None:
        raise SystemExit("there is no model in models/: run `make train` first, or name training data with --train")
    return archive


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.nlu", description=__doc__.splitlines()[0])
    parser.add_argument("--test", required=True, help="held-out sentences, Rasa YAML")
    parser.add_argument("--train", nargs="+", default=[], help="train with these first, instead of taking a model")
    parser.add_argument("--model", help="a trained archive (default: the newest in models/)")
    parser.add_argument("--config", default="config.yml", help="the pipeline to train (default: config.yml)")
    parser.add_argument("--out", type=Path, help="where to write all figures as JSON")
    options = parser.parse_args(arguments)
    _quieten()
    gold = read_gold(options.test)
    with tempfile.TemporaryDirectory() as folder:
        model = train(options.config, options.train, Path(folder)) if options.train else options.model or newest_model()
        predicted = asyncio.run(predict(model, gold))
    result = measure(gold, predicted)
    print(report(result))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")


def _quieten() -> None:
    """Rasa's logs show customers' messages unless it is told not to."""
    from rasa.utils.log_utils import configure_structlog

    logging.getLogger("rasa").setLevel(logging.ERROR)
    configure_structlog(logging.ERROR)


if __name__ == "__main__":
    main()
