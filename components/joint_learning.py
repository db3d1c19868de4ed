"""From annotated messages to a trained joint model: labels and tags, a held-out slice, net, memory and calibration.

Imports torch only when it learns, so that a running bot can read the defaults without it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rasa.nlu.constants import TOKENS_NAMES
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_GROUP,
    ENTITY_ATTRIBUTE_ROLE,
    ENTITY_ATTRIBUTE_TYPE,
    INTENT,
    INTENT_RESPONSE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message

from components import examples as reading
from components import memory as remembering
from components import processor
from components.calibration import Calibration, calibrate
from components.examples import Examples, standard
from components.joint_archive import WEIGHTS, Description, standardised_sentences, standardised_tokens
from components.memory import Memory
from components.tags import OUTSIDE, tag_names, tags_of
from components.text import scripts_of

if TYPE_CHECKING:
    from components.joint_training import JointModel

UNLABELLED = -1
FEWEST_TO_HOLD_OUT = 60
MOST_HELD_OUT = 600
DEFAULTS: dict[str, Any] = {
    "epochs": 8,
    "batch_size": 128,
    "learning_rate": 3e-3,
    "warm_up": 0.1,  # share of the steps
    "weight_decay": 0.01,
    "patience": 4,  # epochs without a better held-out score before it stops; 0 for never
    "held_out": 0.05,  # share of the examples that choose the best epoch and calibrate the confidence
    "width": 256,
    "layers": 2,
    "heads": 4,
    "bag_width": 128,  # of what a token's sparse features are summed to
    "dropout": 0.1,
    "dense_dropout": 0.2,
    "word_dropout": 0.2,
    "label_smoothing": 0.1,
    "intent_head": "similarity",  # or softmax
    "masked_tokens": False,  # DIET's third loss: guess hidden tokens
    "memory": True,  # the regression over all examples beside the net
    "glance": None,  # so sure of a message's words alone it does not ask for dense features; null: it always does
    "intent_classification": True,
    "entity_recognition": True,
    "ranking_length": 10,
    "featurizers": [],  # all
    "precision": "auto",  # or float32, bfloat16: the latter where the processor has it, which halves the time
    "device": "auto",  # or cpu, cuda
    "random_seed": 1,
}
OF_DIET = {
    "constrain_similarities": "the losses here need no constraint",
    "BILOU_flag": "entities are always tagged by BILOU",
    "use_masked_language_model": "say masked_tokens",
    "number_of_transformer_layers": "say layers",
    "transformer_size": "say width",
    "num_heads": "say heads",
    "drop_rate": "say dropout",
}
logger = logging.getLogger(__name__)


def check(config: dict[str, Any]) -> None:
    """Raises InvalidConfigException where a setting makes no sense; only warns of DIET's own, so that a swap works."""
    for name, reason in OF_DIET.items():
        if name in config:
            logger.warning("JointClassifier has no setting `%s`: %s.", name, reason)
    if isinstance(config["batch_size"], list):
        config["batch_size"] = max(config["batch_size"])  # DIET lets its batches grow
    for names, (is_right, wanted) in SENSIBLE.items():
        for name in names.split():
            if not is_right(config[name]):
                raise InvalidConfigException(f"JointClassifier: `{name}` is {wanted}, not {config[name]!r}.")
    if config["width"] % config["heads"]:
        raise InvalidConfigException("JointClassifier: `width` must be a multiple of `heads`.")


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _between(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and least <= value < most


def _one_of(*values: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in values), f"one of {', '.join(values)}"


SENSIBLE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs batch_size width layers heads bag_width": (_whole(1), "a whole number from 1"),
    "patience ranking_length": (_whole(0), "a whole number from 0"),
    "random_seed": (lambda value: value is None or _whole(0)(value), "a whole number from 0, or null for any"),
    "learning_rate": (lambda value: _between(0, 1)(value) and value > 0, "a number above 0 and below 1"),
    "held_out": (_between(0, 0.5), "a share of the examples, from 0 to below 0.5"),
    "warm_up weight_decay dropout dense_dropout word_dropout label_smoothing": (_between(0, 1), "from 0 to below 1"),
    "glance": (lambda value: value is None or _between(0.5, 1)(value), "from 0.5 to below 1, or null for never"),
    "intent_head": _one_of("similarity", "softmax"),
    "precision": _one_of(processor.AUTO, processor.FLOAT32, processor.BFLOAT16),  # float16 would need its losses scaled
    "device": _one_of(processor.AUTO, "cpu", "cuda"),
}


class Learnt(NamedTuple):
    """A whole model: the net, the memory of all examples, and that of their words alone; none where it has none."""

    description: Description
    model: JointModel
    memory: Memory | None
    of_words: Memory | None


def learn(
    messages: Sequence[Message], config: dict[str, Any], older: tuple[Description, dict[str, Any]] | None
) -> Learnt | None:
    """Trains on these messages. None where they show neither two intents nor an entity.

    `older` is a model to go on from; raises InvalidConfigException if it knows other labels, entities or features.
    """
    from components import joint_training as training

    labels = [label_of(message) if config["intent_classification"] else None for message in messages]
    known = sorted({label for label in labels if label})
    tags = tags_in(messages) if config["entity_recognition"] else {}
    if len(known) < 2 and not tags:
        return None
    raw = reading.read(messages, config["featurizers"])
    if not any(astuple(raw.shape)):
        named = ", ".join(config["featurizers"]) or "the pipeline"
        raise InvalidConfigException(f"JointClassifier: there are no features from its `featurizers` ({named}).")
    centre, spread = (older[0].centre, older[0].spread) if older else _standard(raw)
    examples = _standardised(raw, np.array(centre, np.float32), np.array(spread, np.float32))
    numbers = np.array([known.index(label) if label else UNLABELLED for label in labels])
    targets = training.Targets(numbers, tuple(_tag_numbers(messages, raw, kind, names) for kind, names in tags.items()))
    held_out = held_out_of(numbers, config["held_out"], config["random_seed"] or 0)
    size = _size(raw, known, tags, config)
    if older:
        _refuse_other(older[0], known, tags, size)
    glances = _glances(raw, known, config)
    model = _train(examples, targets, held_out, size, tags, config, older, glances=glances)
    remembered, judged = _remember(raw, examples, model, numbers, held_out, len(known), config)
    of_words, judged_of_words = None, None
    if glances:
        words = raw.of_words(), examples.of_words()
        of_words, judged_of_words = _remember(*words, model, numbers, held_out, len(known), config)
    description = Description(
        raw.shape,
        asdict(size),
        known,
        tags,
        list(centre),
        list(spread),
        judged,
        remembered is not None,
        judged_of_words,
        _scripts_in(messages),
    )
    return Learnt(description, model, remembered, of_words)


def _glances(raw: Examples, labels: Sequence[str], config: dict[str, Any]) -> bool:
    """Whether it shall know messages by their words alone, and there is anything to be left out."""
    shape = raw.shape
    has_all = all((shape.token_words, shape.token_dense, shape.sentence_words, shape.sentence_dense))
    return config["glance"] is not None and config["memory"] and len(labels) > 1 and has_all


def remembered(folder: Path) -> tuple[Description, dict[str, Any]]:
    """An older model, to go on from."""
    from safetensors.torch import load_file

    return Description.read(folder), load_file(str(folder / WEIGHTS))


def _train(
    examples: Examples,
    targets: Any,
    held_out: np.ndarray,
    size: Any,
    tags: dict[str, list[str]],
    config: dict[str, Any],
    older: tuple[Description, dict[str, Any]] | None,
    *,
    glances: bool,
) -> JointModel:
    import torch

    from components import joint_training as training
    from components.training_loop import Schedule

    processor.keep_memory()
    seed = np.random.SeedSequence().entropy % 2**32 if config["random_seed"] is None else config["random_seed"]
    training.seed_everything(seed)
    losses = training.Losses(
        label_smoothing=config["label_smoothing"],
        word_dropout=config["word_dropout"],
        dense_dropout=config["dense_dropout"],
        masked_tokens=config["masked_tokens"],
        glances=glances,
    )
    model = training.JointModel(size, tags.get("entity", []), losses, config["dropout"])
    if older:
        model.load_state_dict(older[1])
    device = processor.device_here() if config["device"] == processor.AUTO else config["device"]
    wanted = processor.BFLOAT16 if config["precision"] == processor.AUTO else config["precision"]
    precision = getattr(torch, processor.precision_here(wanted, device))
    training.train(
        model.to(device),
        examples,
        targets,
        held_out,
        tag_names=tags.get("entity", []),
        schedule=Schedule(
            epochs=config["epochs"],
            learning_rate=config["learning_rate"],
            warm_up=config["warm_up"],
            weight_decay=config["weight_decay"],
            patience=config["patience"],
        ),
        precision=precision,
        batch_size=config["batch_size"],
        seed=seed,
    )
    return model.to("cpu")


def _remember(
    raw: Examples,
    examples: Examples,
    model: JointModel,
    labels: np.ndarray,
    held_out: np.ndarray,
    count: int,
    config: dict[str, Any],
) -> tuple[Memory | None, Calibration]:
    """The memory of all labelled examples, and how much to believe it beside the net."""
    from components import joint_training as training

    if count < 2:
        return None, Calibration()
    net = training.predict(model, examples, held_out)[0] if len(held_out) else np.zeros((0, count))
    has_sentences = raw.shape.sentence_dense + raw.shape.sentence_words > 0
    if not config["memory"] or not has_sentences:
        return None, calibrate(net, None, [], labels[held_out])
    labelled = np.flatnonzero(labels != UNLABELLED)
    places = np.searchsorted(labelled, held_out)
    learnt = remembering.fit(raw.of_sentences(labelled), labels[labelled], count, places)
    return learnt.memory, calibrate(net, learnt.unseen, learnt.usual, labels[held_out])


def label_of(message: Message) -> str | None:
    return message.get(INTENT_RESPONSE_KEY) or message.get(INTENT)


def _scripts_in(messages: Sequence[Message]) -> list[str]:
    """The scripts that a tenth of the examples have letters of, by name."""
    counts = Counter(script for message in messages for script in scripts_of(message.get(TEXT)))
    return sorted(script for script, count in counts.items() if count >= len(messages) / 10)


def tags_in(messages: Sequence[Message]) -> dict[str, list[str]]:
    """The names of the tags of each kind that the messages have: entity, role, group."""
    found: dict[str, set[str]] = {}
    for message in messages:
        for entity in message.get(ENTITIES) or []:
            for kind in (ENTITY_ATTRIBUTE_TYPE, ENTITY_ATTRIBUTE_ROLE, ENTITY_ATTRIBUTE_GROUP):
                if entity.get(kind):
                    found.setdefault(kind, set()).add(entity[kind])
    kinds = [kind for kind in (ENTITY_ATTRIBUTE_TYPE, ENTITY_ATTRIBUTE_ROLE, ENTITY_ATTRIBUTE_GROUP) if kind in found]
    return {
        kind: tag_names(found[kind]) if kind == ENTITY_ATTRIBUTE_TYPE else [OUTSIDE, *sorted(found[kind])]
        for kind in kinds
    }


def _tag_numbers(messages: Sequence[Message], examples: Examples, kind: str, names: list[str]) -> np.ndarray:
    """The tag of each token. Shape: -> [M]. A role is asked of the tokens of entities only."""
    number = {name: index for index, name in enumerate(names)}
    numbers = [
        _entity_tags(message, number) if kind == ENTITY_ATTRIBUTE_TYPE else _part_tags(message, kind, number)
        for message in messages
    ]
    return np.array([tag for sentence in numbers for tag in sentence], np.int64)


def _bounds(message: Message) -> list[tuple[int, int]]:
    return [(token.start, token.end) for token in message.get(TOKENS_NAMES[TEXT]) or []]


def _entity_tags(message: Message, number: dict[str, int]) -> list[int]:
    return [number[tag] for tag in tags_of(_bounds(message), message.get(ENTITIES) or [])]


def _part_tags(message: Message, kind: str, number: dict[str, int]) -> list[int]:
    tokens = _bounds(message)
    parts = [UNLABELLED] * len(tokens)
    for entity in message.get(ENTITIES) or []:
        for index, (start, end) in enumerate(tokens):
            if entity["start"] <= start and end <= entity["end"]:
                parts[index] = number[entity.get(kind) or OUTSIDE]
    return parts


def _standard(raw: Examples) -> tuple[list[float], list[float]]:
    """The mean and spread of each dense feature, the tokens' first. A net learns faster from features of one size."""
    scales = standard(raw.token_dense, raw.token_views), standard(raw.sentence_dense, raw.sentence_views)
    centre, spread = (np.concatenate(part) for part in zip(*scales, strict=True))
    return centre.round(7).tolist(), spread.round(7).tolist()


def _standardised(raw: Examples, centre: np.ndarray, spread: np.ndarray) -> Examples:
    return replace(
        raw,
        token_dense=standardised_tokens(raw, centre, spread),
        sentence_dense=standardised_sentences(raw, centre, spread),
    )


def held_out_of(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Some labelled examples, none of a label that has fewer than four. Shape: -> [K], sorted."""
    labelled = np.flatnonzero(labels != UNLABELLED)
    if len(labelled) < FEWEST_TO_HOLD_OUT or not share:
        return np.zeros(0, np.int64)
    counts = Counter(labels[labelled].tolist())
    order = np.random.default_rng(seed).permutation(labelled)
    eligible = [index for index in order if counts[labels[index]] >= 4]
    return np.sort(np.array(eligible[: min(MOST_HELD_OUT, int(share * len(labelled)))], np.int64))


def _size(raw: Examples, labels: list[str], tags: dict[str, list[str]], config: dict[str, Any]) -> Any:
    from components.joint_net import NetSize

    return NetSize(
        token_words=raw.shape.token_words,
        token_dense=raw.shape.token_dense,
        sentence_dense=raw.shape.sentence_dense,
        labels=len(labels),
        tags=tuple(len(names) for names in tags.values()),
        width=config["width"],
        layers=config["layers"],
        heads=config["heads"],
        bag_width=config["bag_width"],
        similarity=config["intent_head"] == "similarity",
    )


def _refuse_other(older: Description, labels: list[str], tags: dict[str, list[str]], size: Any) -> None:
    if older.labels != labels or older.tags != tags:
        raise InvalidConfigException(
            "Other intents or entities than in the older model: train anew, without --finetune."
        )
    if {**older.size, "tags": tuple(older.size["tags"])} != asdict(size):
        raise InvalidConfigException("Other features or sizes than in the older model: train anew, without --finetune.")
