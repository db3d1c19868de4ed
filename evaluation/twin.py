"""The stock twin: the bot's own domain and data, understood and decided by what Rasa gives every new bot.

Its pipeline is `evaluation/stock/config.yml` with jieba for a tokenizer, since without it stock Rasa could learn one in
twenty of our Chinese entities: there, as here, the classifier learns for 30 of Rasa's 100 epochs, which shortens the
twin's training. Its policies are those of `rasa init`, less UnexpecTEDIntentPolicy, which only costs where nobody reads
its warnings; what no policy knows goes to the action that our rules expect. It is given the whole domain and all data,
and nothing of `components/`: no patterns of numbers and e-mails, no catalogue, no language of the customer.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from deploy.bot import CHANNEL, Service
from deploy.processes import LOCAL, ROOT
from evaluation import pipelines
from evaluation.pipelines import STOCK, Config
from evaluation.trial import QUIET, stock_python

TOKENIZER = {"name": "JiebaTokenizer"}
POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "MemoizationPolicy"},
    {
        "name": "RulePolicy",
        "core_fallback_threshold": 0.3,
        "core_fallback_action_name": "action_not_understood",
        "enable_fallback_prediction": True,
    },
    {"name": "TEDPolicy", "max_history": 5, "epochs": 100, "constrain_similarities": True},
)
SHARED = ("domain.yml", "data")


def config(epochs: int | None = None) -> Config:
    """The twin's pipeline and policies. Epochs for all of them are for trying out what measures it."""
    stock = pipelines.read(STOCK)
    pipeline = [TOKENIZER if one["name"] == "WhitespaceTokenizer" else one for one in stock["pipeline"]]
    learning = [
        {**one, "epochs": epochs or one["epochs"]} if "epochs" in one else dict(one) for one in (*pipeline, *POLICIES)
    ]
    return {
        **stock,
        "assistant_id": "haoke-stock",
        "language": "zh",  # jieba's only one; nothing else of the pipeline asks
        "pipeline": learning[: len(pipeline)],
        "policies": learning[len(pipeline) :],
    }


def build(folder: Path, epochs: int | None = None) -> Path:
    """Writes the Rasa project that `rasa train` makes the twin of, in the place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.yml").write_text(pipelines.as_text(config(epochs)), encoding="utf-8")
    for name in SHARED:
        source = ROOT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    return folder


def service(model: Path, folder: Path, actions_port: int, *, port: int) -> Service:
    """`rasa run` of stock Rasa with the twin's model: the REST channel, conversations in SQLite, locks in memory."""
    endpoints, credentials = folder / "endpoints.yml", folder / "credentials.yml"
    settings = {
        "action_endpoint": {"url": f"http://{LOCAL}:{actions_port}/webhook", "enable_selective_domain": True},
        "tracker_store": {"type": "SQL", "dialect": "sqlite", "db": str(folder / "conversations.db")},
    }
    endpoints.write_text(yaml.safe_dump(settings), encoding="utf-8")
    credentials.write_text(yaml.safe_dump({"rest": None}), encoding="utf-8")
    files = ["--endpoints", str(endpoints), "--credentials", str(credentials)]
    command = ["-m", "rasa", "run", "-m", str(model), *files, "-i", LOCAL, "-p", str(port)]
    log = folder / "logs/bot.log"
    return Service("stock twin", command, log, port, f"{CHANNEL}/", QUIET, python=stock_python())
