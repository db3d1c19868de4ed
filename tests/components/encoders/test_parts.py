from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from components.encoders import weights
from components.encoders.parts import Parts, kept


class Maker:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Parts:
        self.times += 1
        return Parts(b"graph", {"table": np.arange(4)})


def test_what_is_made_once_is_read_from_then_on(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(3):
        graph, arrays = kept(tmp_path / "cache", "e5", "weights 1", make)
        assert (graph.read_bytes() if isinstance(graph, Path) else graph) == b"graph"
        assert arrays["table"].tolist() == [0, 1, 2, 3]
    assert make.times == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_other_weights_are_made_anew_and_the_old_forgotten(tmp_path: Path) -> None:
    make = Maker()
    kept(tmp_path, "universal", "weights", make)
    for made_of in ("weights 1", "weights 2"):
        kept(tmp_path, "e5", made_of, make)
    assert make.times == 3
    assert sorted(folder.name.split("-")[0] for folder in tmp_path.iterdir()) == ["e5", "universal"]


@pytest.mark.parametrize("file", ["graph.onnx", "table.npy"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, file: str) -> None:
    make = Maker()
    kept(tmp_path, "e5", "weights", make)
    damaged = next(tmp_path.glob(f"*/{file}"))
    damaged.unlink() if file == "graph.onnx" else damaged.write_bytes(b"")
    kept(tmp_path, "e5", "weights", make)
    assert kept(tmp_path, "e5", "weights", make).arrays["table"].tolist() == [0, 1, 2, 3]
    assert make.times == 2


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.INFO):
        assert kept(tmp_path / "file" / "cache", "e5", "weights", Maker()).graph == b"graph"
    assert "cannot be written" in caplog.text
    assert kept(None, "e5", "weights", Maker()).graph == b"graph"


def test_a_missing_package_is_named() -> None:
    with pytest.raises(weights.MissingWeights, match="no-such-package is not installed"):
        weights.find("no-such-package", "weights.bin")
    with pytest.raises(weights.MissingWeights, match="numpy is installed, but carries no weights"):
        weights.find("numpy", "weights.bin")
