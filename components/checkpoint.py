"""Encoders as Hugging Face publishes them, from this machine's disk only: what they lack, and texts as subword vectors.

Neither torch nor transformers is imported before a checkpoint is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rasa.shared.exceptions import InvalidConfigException
from safetensors import SafetensorError, safe_open

from components.processor import AUTO, device_here, precision_here

logger = logging.getLogger(__name__)

PACKAGE = "package:"
CONFIG, WEIGHTS, SHARDS = "config.json", "model.safetensors", "model.safetensors.index.json"
VOCABULARIES = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("sentencepiece.bpe.model",),
    ("spiece.model",),
    ("spm.model",),
    ("tokenizer.model",),
)
ANY_VOCABULARY = "tokenizer.json (or vocab.txt, vocab.json with merges.txt, or a sentencepiece model)"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
POINTER = b"version https://git-lfs"
MAY_BE_UNTRAINED = "pooler"  # a head that only the next-sentence task used: no vector passes through it


@dataclass
class Checkpoint:
    """An encoder with its tokenizer, in float32 and on the processor; a classifier may train `network` further."""

    folder: Path
    tokenizer: Any
    network: Any  # torch.nn.Module

    @property
    def hidden_size(self) -> int:
        return int(self.network.config.hidden_size)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.folder)


class Subwords(NamedTuple):
    """A text as its encoder reads it. Shapes: vectors [subwords, hidden], offsets [subwords, 2]."""

    vectors: np.ndarray
    offsets: np.ndarray


def locate(name: str) -> Path:
    """The folder of a checkpoint: `package:NAME`, a folder, or what was downloaded from the hub under that name before.

    Raises InvalidConfigException that says which files are missing where. Nothing is fetched.
    """
    is_packaged = name.startswith(PACKAGE)
    folder = _folder_in_package(name.removeprefix(PACKAGE)) if is_packaged else _folder_on_disk(name)
    missing = missing_files(folder)
    if missing:
        raise InvalidConfigException(f"{folder} is no whole checkpoint. {_what_to_do(missing, name)}{_pickled(folder)}")
    return folder


def missing_files(folder: Path) -> list[str]:
    """What a folder lacks to be a checkpoint, a clone's pointers in the place of files too."""
    missing = [] if _is_there(folder / CONFIG) else [CONFIG]
    if not any(all(_is_there(folder / name) for name in names) for names in VOCABULARIES):
        missing.append(ANY_VOCABULARY)
    missing += [file.name for file in weight_files(folder) if not _is_there(file)]
    return [f"{name} (only its Git LFS pointer is there)" if (folder / name).is_file() else name for name in missing]


def weight_files(folder: Path) -> list[Path]:
    """The files that the weights are, or should be, in: one, or the shards that an index names."""
    index = folder / SHARDS
    if (folder / WEIGHTS).exists() or not _is_there(index):
        return [folder / WEIGHTS]
    return [folder / name for name in sorted(set(_json(index).get("weight_map", {}).values()))]


def digest_of(folder: Path) -> str:
    """A hash of all that a checkpoint computes with: settings, vocabulary, weights."""
    settings = [file for file in folder.iterdir() if file.suffix in (".json", ".txt", ".model")]
    digest = hashlib.sha256()
    for file in sorted({*settings, *weight_files(folder)}):
        facts = file.stat()
        content = _hash_of(file.resolve(), facts.st_size, facts.st_mtime_ns)
        digest.update(f"{file.name} {facts.st_size} {content}\n".encode())
    return digest.hexdigest()


def load_checkpoint(name: str) -> Checkpoint:
    """Loads tokenizer and network, in evaluation mode.

    Raises InvalidConfigException where files are missing or broken, where the checkpoint wants code of its own, or is
    no encoder.
    """
    folder = locate(name)
    with _refusal_of(folder):
        for file in weight_files(folder):
            with safe_open(str(file), framework="np"):
                pass  # an unfinished download is told by its header, before seconds of imports
        return Checkpoint(folder, _tokenizer(folder), _network(folder))


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

        depth = checkpoint.network.config.num_hidden_layers
        if not -depth - 1 <= layer <= depth:
            raise InvalidConfigException(f"No layer {layer} in {checkpoint.folder}: it has {-depth - 1} to {depth}.")
        self.texts_encoded = 0
        self._device = device_here()
        self._precision = precision_here(precision, self._device)
        self._tokenizer = checkpoint.tokenizer
        self._network = checkpoint.network.to(device=self._device, dtype=getattr(torch, self._precision)).eval()
        self._layer = layer
        self._prefix = prefix
        self._batch_size = batch_size
        self._max_length = min(max_length, _longest_input(checkpoint))

    def encode(self, texts: Sequence[str]) -> Iterator[list[tuple[int, Subwords]]]:
        """Batch after batch, the longest first: where a text stands in `texts`, and its subwords.

        What is longer than `max_length` subwords is cut there.
        """
        if not texts:
            return
        read = self._tokenizer(
            [self._prefix + text for text in texts],
            truncation=True,
            max_length=self._max_length,
            padding=False,
            return_offsets_mapping=True,
        )
        numbers, offsets = read["input_ids"], read["offset_mapping"]
        order = sorted(range(len(texts)), key=lambda index: -len(numbers[index]))
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            vectors = self._vectors([numbers[index] for index in batch])
            self.texts_encoded += len(batch)
            yield [
                (index, Subwords(vectors[row, : len(numbers[index])], np.asarray(offsets[index]) - len(self._prefix)))
                for row, index in enumerate(batch)
            ]

    def _vectors(self, batch: list[list[int]]) -> np.ndarray:
        """Shape: [texts, subwords of the longest, hidden]."""
        import torch

        shape = len(batch), max(map(len, batch))
        numbers = torch.full(shape, self._tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        for row, subwords in enumerate(batch):
            numbers[row, : len(subwords)] = torch.tensor(subwords)
            mask[row, : len(subwords)] = 1
        with torch.inference_mode():
            output = self._network(
                input_ids=numbers.to(self._device),
                attention_mask=mask.to(self._device),
                output_hidden_states=self._layer != -1,
            )
            states = output.last_hidden_state if self._layer == -1 else output.hidden_states[self._layer]
            states = states.float().cpu()
        if not bool(torch.isfinite(states[mask.bool()]).all()):
            raise InvalidConfigException(f"This checkpoint overflows in {self._precision}: set `precision: float32`.")
        return states.numpy()


def _folder_in_package(name: str) -> Path:
    package, _, inside = name.partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise InvalidConfigException(f"The package '{package}' that should carry a checkpoint is not installed.")
    root = Path(next(iter(found.submodule_search_locations)))
    if inside:
        return root / inside
    folders = sorted(file.parent for file in root.rglob(CONFIG) if "model_type" in _json(file))
    if len(folders) > 1:
        choice = ", ".join(f"{PACKAGE}{package}/{folder.relative_to(root)}" for folder in folders)
        raise InvalidConfigException(f"The package '{package}' carries several checkpoints. Name one: {choice}.")
    return folders[0] if folders else root


def _folder_on_disk(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    downloaded, store = _downloaded(name)
    if downloaded is None:
        where = f"It is neither a folder ({folder.absolute()}) nor a download in {store}."
        raise InvalidConfigException(
            f"There is no checkpoint '{name}' on this machine. {where} "
            f"{_what_to_do([CONFIG, ANY_VOCABULARY, WEIGHTS], name)}"
        )
    return downloaded


def _downloaded(name: str) -> tuple[Path | None, str]:
    """Where an earlier download of that name lies, and the folder of all downloads."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, file) for file in (CONFIG, WEIGHTS, SHARDS)]
    except HFValidationError:  # a path, no name of the hub
        found = []
    return next((Path(file).parent for file in found if isinstance(file, str)), None), constants.HF_HUB_CACHE


def _what_to_do(missing: list[str], name: str) -> str:
    if name.startswith(PACKAGE):
        remedy = "Install the package again, or give the folder of a whole checkpoint as `model`."
    else:
        source = name if HUB_NAME.fullmatch(name) else "NAME"
        remedy = (
            "Nothing is fetched while the bot trains or runs: download the whole checkpoint on a machine with network "
            f"(`hf download {source} --local-dir FOLDER`), copy the folder here and give its path as `model`."
        )
    return f"Missing: {', '.join(missing)}. {remedy}"


def _pickled(folder: Path) -> str:
    found = [name for name in PICKLED if (folder / name).exists()]
    if not found or (folder / WEIGHTS).exists() or (folder / SHARDS).exists():
        return ""
    return (
        f" {found[0]} is not opened: it is a pickle, which can run any code. Only safetensors weights are loaded; "
        "convert it on a machine that you can spare (`AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)`)."
    )


def _is_there(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return not content.read(len(POINTER)).startswith(POINTER)


def _json(file: Path) -> dict[str, Any]:
    with _refusal_of(file):
        content = json.loads(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


@lru_cache(maxsize=256)
def _hash_of(file: Path, size: int, changed: int) -> str:
    """The size and the time of change are asked for so that a changed file is read again, an unchanged one is not."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _refusal_of(place: Path) -> Iterator[None]:
    try:
        yield
    except InvalidConfigException:
        raise
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise InvalidConfigException(f"{place} cannot be read: {error}") from error


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
