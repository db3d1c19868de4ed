"""All figures of one measurement of understanding, and how a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluation.measures import (
    accuracy,
    confusions,
    f1_by_label,
    macro_f1,
    matthews,
    of_entity,
    overlap_score,
    span_score,
    weighted_f1,
)
from evaluation.understanding import Understood

OUT_OF_SCOPE = "out_of_scope"
LANGUAGES = ("zh", "en", "mixed")
WORST_SHOWN, CONFUSIONS_SHOWN = 15, 20


def measure(gold: Sequence[Understood], predicted: Sequence[Understood]) -> dict[str, Any]:
    """All figures, as they are written to the result file."""
    result = {"examples": len(gold), **_figures(gold, predicted), "out_of_scope": _out_of_scope(gold, predicted)}
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


def _out_of_scope(gold: Sequence[Understood], predicted: Sequence[Understood]) -> dict[str, float] | None:
    """What customers get at the shipped threshold: what the fallback takes is out of scope, rightly or wrongly."""
    meant = [one.intent for one in gold]
    if OUT_OF_SCOPE not in meant:
        return None
    answered = [OUT_OF_SCOPE if one.fell_back else one.intent for one in predicted]
    pairs = list(zip(meant, answered, strict=True))
    inside = [pair for pair in pairs if pair[0] != OUT_OF_SCOPE]
    outside = [pair for pair in pairs if pair[0] == OUT_OF_SCOPE]
    rejected = [pair for pair in pairs if pair[1] == OUT_OF_SCOPE]
    return {
        "in_scope_accuracy": _agreement(inside),
        "recall": _agreement(outside),
        "precision": _agreement(rejected),
        "mcc": matthews(meant, answered),
    }


def _agreement(pairs: Sequence[tuple[str, str]]) -> float:
    return accuracy([one for one, _ in pairs], [other for _, other in pairs])


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
    parts = (_table_by_language, _out_of_scope_lines, _work_lines, _table_by_entity, _worst)
    return "\n\n".join("\n".join(lines) for part in parts if (lines := part(result)))


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


def _out_of_scope_lines(result: dict[str, Any]) -> list[str]:
    figures = result["out_of_scope"]
    return ["out of scope, at the shipped threshold", _named(figures, ".3f")] if figures else []


def _work_lines(result: dict[str, Any]) -> list[str]:
    """What the work took; of a model that was there already, not its training."""
    if "seconds" not in result:
        return []
    seconds = {name: value for name, value in result["seconds"].items() if value is not None}
    lines = [("seconds", seconds), ("milliseconds a message", result["milliseconds"])]
    lines.append(("megabytes", {"memory": result["peak_memory_mb"], "model": result["size_mb"]}))
    return [f"{name}: {_named(figures, '.1f')}" for name, figures in lines]


def _named(figures: dict[str, float], form: str) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {figure:{form}}" for name, figure in figures.items())


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
