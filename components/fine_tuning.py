"""Trains a pretrained encoder further, end to end, with the heads that the joint classifier has.

    subwords -> encoder -> pooled -> sentence -> cosine with one vector a label
                                  -> tokens   -> tag scores -> conditional random field

Shapes: B sentences, T tokens, S subwords, H hidden, L labels, K tags. The heads are thrown away: what they taught the
encoder stays in its vectors, from which the classifier learns. What is held out is what the classifier holds out too,
so that it measures its confidence on sentences that the encoder has not been taught.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_TYPE, TEXT
from rasa.shared.nlu.training_data.message import Message
from torch import Tensor, nn
from torch.nn import functional as F

from components import joint_learning, pooling, processor
from components.checkpoint import Checkpoint, open_checkpoint, padded, states
from components.crf import best_path
from components.crf_net import ConditionalRandomField
from components.dropout import Dropout
from components.joint_training import UNLABELLED, seed_everything
from components.tags import Spans, span_f1, spans_of, tags_of
from components.training_loop import Schedule, chunks, fit, in_buckets
from components.vector_memory import Reading

LABEL_SMOOTHING = 0.1
DROPOUT = 0.1
SHARPNESS = 10.0  # of cosines; a number of the net's own would hardly move at the encoder's rate
HEAD_START = 50.0  # how much faster than the encoder, which knows much already, the tag scores are learnt
LARGEST_EVALUATION_BATCH = 128
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lesson:
    """A sentence, and what shall be read from it. Shapes: shares [1 + T, S], tags [T]."""

    subwords: list[int]
    shares: np.ndarray
    label: int
    tags: np.ndarray


class EncoderWithHeads(nn.Module):
    """A pretrained encoder between subwords and what the classifier asks of it."""

    centre: Tensor

    def __init__(self, checkpoint: Checkpoint, *, layer: int, labels: int, tags: Sequence[str]) -> None:
        super().__init__()
        self.network, self.padding, self.layer = checkpoint.network, checkpoint.tokenizer.pad_token_id, layer
        self.network.get_input_embeddings().requires_grad_(False)  # the words that no example has would stay behind
        self.register_buffer("centre", torch.zeros(checkpoint.hidden_size))
        self.label_keys = nn.Parameter(torch.zeros(labels, checkpoint.hidden_size))
        self.dropout = Dropout(DROPOUT)
        self.tags = _slow(nn.Linear(checkpoint.hidden_size, len(tags))) if tags else None
        self.field = ConditionalRandomField.of_tags(tags) if tags else None

    def forward(self, lessons: Sequence[Lesson]) -> tuple[Tensor, Tensor, Tensor]:
        """Shape: -> sentences [B, H], tokens [B, T, H], mask [B, T], true where a token is."""
        device = self.label_keys.device
        numbers, seen = padded([lesson.subwords for lesson in lessons], self.padding)
        understood = states(self.network, numbers.to(device), seen.to(device), self.layer)
        pooled = _stacked([lesson.shares for lesson in lessons], numbers.shape[1]).to(device)
        with torch.autocast(device.type, enabled=False):  # as `pooling` does: in full precision
            vectors = pooled @ understood.float()
        lengths = torch.tensor([len(lesson.tags) for lesson in lessons], device=device)
        mask = torch.arange(vectors.shape[1] - 1, device=device)[None] < lengths[:, None]
        return vectors[:, 0], vectors[:, 1:], mask

    def label_scores(self, sentences: Tensor) -> Tensor:
        """Shape: [B, H] -> [B, L]. The centre is taken off: untrained encoders put all sentences to one side of it."""
        keys = F.normalize(self.label_keys - self.centre, dim=-1)
        return F.normalize(sentences - self.centre, dim=-1) @ keys.T * SHARPNESS

    def tag_scores(self, tokens: Tensor) -> Tensor:
        """Shape: [B, T, H] -> [B, T, K]."""
        assert self.tags is not None
        return self.tags(tokens) * HEAD_START

    def loss(self, lessons: Sequence[Lesson]) -> Tensor:
        """The mean of what labels cost, and of what tags do. Shape: -> []."""
        sentences, tokens, mask = self(lessons)
        labels = torch.tensor([lesson.label for lesson in lessons], device=mask.device)
        loss = self._label_loss(self.dropout(sentences), labels)
        has_tokens = mask.any(1)
        if self.field is None or not has_tokens.any():
            return loss
        scores = self.tag_scores(self.dropout(tokens[has_tokens]))
        wanted = _padded_tags(lessons, mask.shape[1]).to(mask.device)[has_tokens]
        return loss + self.field(scores, wanted, mask[has_tokens]).mean()

    def _label_loss(self, sentences: Tensor, labels: Tensor) -> Tensor:
        if not len(self.label_keys) or bool((labels == UNLABELLED).all()):
            return sentences.sum() * 0.0
        scores = self.label_scores(sentences).float()
        return F.cross_entropy(scores, labels, ignore_index=UNLABELLED, label_smoothing=LABEL_SMOOTHING)

    @torch.no_grad()
    def begin_with(self, lessons: Sequence[Lesson]) -> None:
        """Puts each label's key in the middle of its sentences: so the encoder begins with what it knows already."""
        labels = torch.tensor([lesson.label for lesson in lessons], device=self.label_keys.device)
        sentences = torch.cat([self(batch)[0] for batch in _batches(lessons)])
        self.centre.copy_(sentences.mean(0))
        known, count = labels != UNLABELLED, len(self.label_keys)
        sums = torch.zeros_like(self.label_keys).index_add_(0, labels[known], sentences[known])
        self.label_keys.copy_(sums / labels[known].bincount(minlength=count).clamp(min=1)[:, None])


def tune(source: Path, messages: Sequence[Message], config: dict[str, Any]) -> Checkpoint:
    """The checkpoint in `source`, trained further on these messages; as it is where they show nothing to learn.

    Raises InvalidConfigException where the checkpoint cannot be read or has no such layer.
    """
    seed_everything(config["random_seed"])
    checkpoint = open_checkpoint(source)
    checkpoint.refuse_layer(config["layer"])
    labels = sorted({label for label in map(joint_learning.label_of, messages) if label})
    tags = joint_learning.tags_in(messages).get(ENTITY_ATTRIBUTE_TYPE, [])  # roles and groups: the classifier's alone
    if len(labels) < 2 and not tags:
        logger.warning("There are neither two intents nor an entity to fine-tune an encoder with: it stays as it was.")
        return checkpoint
    lessons = _lessons(checkpoint, messages, labels, tags, config)
    numbers = np.array([lesson.label for lesson in lessons])
    held_out = joint_learning.held_out_of(numbers, config["held_out"], config["random_seed"])
    net = EncoderWithHeads(checkpoint, layer=config["layer"], labels=len(labels), tags=tags)
    _train(net, lessons, held_out, tags, config)
    checkpoint.network.to("cpu")
    return checkpoint


def _train(
    net: EncoderWithHeads, lessons: list[Lesson], held_out: np.ndarray, tags: list[str], config: dict[str, Any]
) -> None:
    kept = np.setdiff1d(np.arange(len(lessons)), held_out)
    lengths = [len(lessons[index].subwords) for index in kept]

    def batches(epoch: int) -> list[list[Lesson]]:
        generator = np.random.default_rng([config["random_seed"], epoch])
        chosen = in_buckets(lengths, config["fine_tune_batch_size"], generator)
        return [[lessons[kept[place]] for place in batch] for batch in chosen]

    unseen = [lessons[index] for index in held_out]
    device = processor.device_here()
    net.to(device).eval().begin_with([lessons[index] for index in kept])
    fit(
        net,
        loss_of=lambda trained, batch: trained.loss(batch),
        batches=batches,
        schedule=Schedule(
            epochs=config["fine_tune"],
            learning_rate=config["fine_tune_learning_rate"],
            precision=_precision(config["precision"], device),
        ),
        score_of=(lambda averaged: scores(averaged, unseen, tags)) if unseen else None,
    )


@torch.no_grad()
def scores(net: EncoderWithHeads, lessons: Sequence[Lesson], tags: Sequence[str]) -> dict[str, float]:
    """Intent accuracy and, where there are entities, their exact-span F1."""
    right = labelled = 0
    spans: list[tuple[Spans, Spans]] = []
    for batch in _batches(lessons):
        sentences, tokens, _ = net(batch)
        guesses = net.label_scores(sentences).argmax(1).tolist() if len(net.label_keys) else []
        known = [(guess, lesson.label) for guess, lesson in zip(guesses, batch, strict=False) if lesson.label >= 0]
        right, labelled = right + sum(guess == label for guess, label in known), labelled + len(known)
        if tags:
            spans += _spans(net, tokens, batch, tags)
    result = {"intent": right / labelled} if labelled else {}
    return result | ({"entity": span_f1(spans)} if tags else {})


def _spans(
    net: EncoderWithHeads, tokens: Tensor, lessons: Sequence[Lesson], tags: Sequence[str]
) -> Iterator[tuple[Spans, Spans]]:
    """Of each sentence the entities that it has, and those that are read from it."""
    assert net.field is not None
    field = [part.cpu().numpy() for part in net.field.scores()]
    for scored, lesson in zip(net.tag_scores(tokens).float().cpu().numpy(), lessons, strict=True):
        paths = lesson.tags, best_path(scored[: len(lesson.tags)], *field)
        has, found = (spans_of([tags[number] for number in path]) for path in paths)
        yield has, found


def _lessons(
    checkpoint: Checkpoint, messages: Sequence[Message], labels: list[str], tags: list[str], config: dict[str, Any]
) -> list[Lesson]:
    readings = [Reading.of(message, TEXT) for message in messages]
    read = checkpoint.read(
        [reading.text for reading in readings], prefix=config["prefix"], max_length=config["max_length"]
    )
    number = {tag: place for place, tag in enumerate(tags)}
    lessons = []
    for message, reading, (subwords, offsets) in zip(messages, readings, read, strict=True):
        label = joint_learning.label_of(message)
        named = tags_of(reading.spans, message.get(ENTITIES) or []) if tags else ["O"] * len(reading.spans)
        lessons.append(
            Lesson(
                subwords,
                pooling.shares(offsets, reading.spans, config["pooling"]),
                labels.index(label) if label else UNLABELLED,
                np.array([number.get(tag, 0) for tag in named], np.int64),
            )
        )
    return lessons


def _precision(wanted: str, device: str) -> str:
    """Half precision while training is bfloat16: float16 would need its losses scaled."""
    half = wanted in (processor.AUTO, processor.FLOAT16)
    return processor.precision_here(processor.BFLOAT16 if half else wanted, device)


def _slow(head: nn.Linear) -> nn.Linear:
    """Small weights, which HEAD_START multiplies: AdamW's steps have one size, and so count for that much more."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter /= HEAD_START
    return head


def _batches(lessons: Sequence[Lesson]) -> list[list[Lesson]]:
    return [[lessons[place] for place in batch] for batch in chunks(range(len(lessons)), LARGEST_EVALUATION_BATCH)]


def _stacked(shares: Sequence[np.ndarray], subwords: int) -> Tensor:
    """Shape: [1 + T, S] of each sentence -> [B, longest 1 + T, subwords], zero where none is."""
    stacked = torch.zeros(len(shares), max(map(len, shares)), subwords)
    for row, one in enumerate(shares):
        stacked[row, : one.shape[0], : one.shape[1]] = torch.from_numpy(one)
    return stacked


def _padded_tags(lessons: Sequence[Lesson], tokens: int) -> Tensor:
    """Shape: [T] of each sentence -> [B, tokens]."""
    padded_tags = torch.zeros(len(lessons), tokens, dtype=torch.long)
    for row, lesson in enumerate(lessons):
        padded_tags[row, : len(lesson.tags)] = torch.from_numpy(lesson.tags)
    return padded_tags
