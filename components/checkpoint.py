"""Encoders as Hugging Face publishes them, from this machine's disk only: loaded, kept, and texts as subword vectors.

Neither torch nor transformers is imported before a checkpoint is loaded.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rasa.shared.exceptions import InvalidConfigException
from safetensors import safe_open

from components.checkpoint_files import locate, refusal_of, weight_files
from components.processor import AUTO, device_here, precision_here

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

MAY_BE_UNTRAINED = "pooler"  # a head that only the next-sentence task used: no vector passes through it


class Read(NamedTuple):
    """A text as its tokenizer reads it: the subwords' numbers, and where they stand. Shape: offsets [subwords, 2]."""

    numbers: list[int]
    offsets: np.ndarray


class Subwords(NamedTuple):
    """A text as its encoder understands it. Shapes: vectors [subwords, hidden], offsets [subwords, 2]."""

    vectors: np.ndarray
    offsets: np.ndarray


@dataclass
class Checkpoint:
    """An encoder with its tokenizer, in float32 and on the processor; whoever wants to may train `network` further."""

    folder: Path
    tokenizer: Any
    network: Any  # torch.nn.Module

    @property
    def hidden_size(self) -> int:
        return int(self.network.config.hidden_size)

    def read(self, texts: Sequence[str], *, prefix: str, max_length: int) -> list[Read]:
        """Each text's subwords. What is longer than `max_length`, or than the network has places for, is cut there."""
        if not texts:
            return []
        read = self.tokenizer(
            [prefix + text for text in texts],
            truncation=True,
            max_length=min(max_length, _longest_input(self)),
            padding=False,
            return_offsets_mapping=True,
        )
        offsets = [np.asarray(places) - len(prefix) for places in read["offset_mapping"]]
        return list(map(Read, read["input_ids"], offsets))

    def refuse_layer(self, layer: int) -> None:
        """Raises InvalidConfigException where the network has no such layer."""
        depth = self.network.config.num_hidden_layers
        if not -depth - 1 <= layer <= depth:
            raise InvalidConfigException(f"No layer {layer} in {self.folder}: it has {-depth - 1} to {depth}.")

    def save(self, folder: Path) -> None:
        """Writes a whole checkpoint: the weights as safetensors, settings and tokenizer beside them."""
        for older in weight_files(folder):
            older.unlink(missing_ok=True)  # a network that was loaded from it may still read it: it is not written over
        with _quiet_transformers():
            self.network.save_pretrained(str(folder))
            self.tokenizer.save_pretrained(str(folder))


def load_checkpoint(name: str) -> Checkpoint:
    """Loads the checkpoint that `locate` finds under that name.

    Raises InvalidConfigException where files are missing or broken, where the checkpoint wants code of its own, or is
    no encoder.
    """
    return open_checkpoint(locate(name))


def open_checkpoint(folder: Path) -> Checkpoint:
    """Loads tokenizer and network, in evaluation mode. Raises InvalidConfigException as `load_checkpoint` does."""
    with refusal_of(folder):
        for file in weight_files(folder):
            with safe_open(str(file), framework="np"):
                pass  # an unfinished download is told by its header, before seconds of imports
        return Checkpoint(folder, _tokenizer(folder), _network(folder))


def padded(texts: Sequence[list[int]], padding: int) -> tuple[Tensor, Tensor]:
    """A batch as networks read it: the subwords' numbers, and 1 where one stands. Shape: [texts, longest] twice."""
    import torch

    shape = len(texts), max(map(len, texts))
    numbers = torch.full(shape, padding, dtype=torch.long)
    mask = torch.zeros(shape, dtype=torch.long)
    for row, subwords in enumerate(texts):
        numbers[row, : len(subwords)] = torch.tensor(subwords)
        mask[row, : len(subwords)] = 1
    return numbers, mask


def states(network: Any, numbers: Tensor, mask: Tensor, layer: int) -> Tensor:
    """What a layer of the network makes of each subword. Shape: [texts, longest] twice -> [texts, longest, hidden]."""
    output = network(input_ids=numbers, attention_mask=mask, output_hidden_states=layer != -1)
    return output.last_hidden_state if layer == -1 else output.hidden_states[layer]


class Encoder:
    """Texts to subword vectors, in batches of like length. Counts the `texts_encoded`.

    It moves the checkpoint's network to the device and the precision that it computes in: training further needs a
    checkpoint of its own.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        layer: int = -1,
        prefix: str = "",
        batch_size: int = 64,
        max_length: int = 256,
        precision: str = AUTO,
    ) -> None:
        import torch

        checkpoint.refuse_layer(layer)
        self.texts_encoded = 0
        self._device = device_here()
        self._precision = precision_here(precision, self._device)
        self._checkpoint = checkpoint
        self._network = checkpoint.network.to(device=self._device, dtype=getattr(torch, self._precision)).eval()
        self._layer = layer
        self._prefix = prefix
        self._batch_size = batch_size
        self._max_length = max_length

    def encode(self, texts: Sequence[str]) -> Iterator[list[tuple[int, Subwords]]]:
        """Batch after batch, the longest first: where a text stands in `texts`, and its subwords."""
        read = self._checkpoint.read(texts, prefix=self._prefix, max_length=self._max_length)
        order = sorted(range(len(texts)), key=lambda index: -len(read[index].numbers))
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            vectors = self._vectors([read[index].numbers for index in batch])
            self.texts_encoded += len(batch)
            yield [
                (index, Subwords(vectors[row, : len(read[index].numbers)], read[index].offsets))
                for row, index in enumerate(batch)
            ]

    def _vectors(self, batch: list[list[int]]) -> np.ndarray:
        """Shape: [texts, subwords of the longest, hidden]."""
        import torch

        numbers, mask = padded(batch, self._checkpoint.tokenizer.pad_token_id)
        with torch.inference_mode():
            vectors = states(self._network, numbers.to(self._device), mask.to(self._device), self._layer).float().cpu()
        if not bool(torch.isfinite(vectors[mask.bool()]).all()):
            raise InvalidConfigException(f"This checkpoint overflows in {self._precision}: set `precision: float32`.")
        return vectors.numpy()


@contextmanager
def _quiet_transformers() -> Iterator[Any]:
    """transformers, offline, without its bars and reports: what matters in them is checked here."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers
    from transformers.utils import logging as its_log

    verbosity, had_bar = its_log.get_verbosity(), its_log.is_progress_bar_enabled()
    its_log.set_verbosity_error()
    its_log.disable_progress_bar()
    try:
        yield transformers
    finally:
        its_log.set_verbosity(verbosity)
        if had_bar:
            its_log.enable_progress_bar()


def _tokenizer(folder: Path) -> Any:
    with _quiet_transformers() as transformers:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    if not tokenizer.is_fast:
        raise InvalidConfigException(f"{folder} needs a tokenizer.json: its own tokenizer tells no places in the text.")
    if tokenizer.pad_token_id is None:
        raise InvalidConfigException(f"{folder} is no encoder: its tokenizer has no padding.")
    return tokenizer


def _network(folder: Path) -> Any:
    import torch

    with _quiet_transformers() as transformers:
        network, report = transformers.AutoModel.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # told below, with their names
            output_loading_info=True,
        )
    untrained = sorted([*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])])
    untrained = [name for name in untrained if MAY_BE_UNTRAINED not in name]
    if untrained:
        examples = ", ".join(untrained[:3])
        raise InvalidConfigException(f"The weights in {folder} are not those of its config.json: {examples}.")
    if network.config.is_encoder_decoder:
        raise InvalidConfigException(f"{folder} is no encoder: it has a decoder too.")
    return network.eval()


def _longest_input(checkpoint: Checkpoint) -> int:
    """How many subwords the network has positions for; RoBERTa and its kin begin to count after the padding's."""
    limit = checkpoint.tokenizer.model_max_length
    places = getattr(checkpoint.network.config, "max_position_embeddings", None) or -1
    embedding = getattr(getattr(checkpoint.network, "embeddings", None), "position_embeddings", None)
    padding = getattr(embedding, "padding_idx", None)
    places -= 0 if padding is None else padding + 1
    return min(limit, places) if places > 0 else limit
