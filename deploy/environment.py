"""What every command in the environment needs, `rasa train` typed by hand included: no telemetry, no chatter.

The bootstrap copies this file into the environment, where Python imports it whenever it starts; so it does little.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO

SETTINGS = {
    "OMP_WAIT_POLICY": "PASSIVE",  # torch's threads give way: beside other work, training is else some times slower
    "RASA_TELEMETRY_ENABLED": "false",
    "SANIC_HOST": "127.0.0.1",  # the action server trusts whoever calls it, so it listens to this machine only
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

show_anyway = warnings.showwarning


def show_ours(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Deprecations inside libraries are their authors' business, but Sanic turns them on past any filter."""
    is_inside = "site-packages" in filename or filename.startswith("<frozen importlib")
    if not (issubclass(category, (DeprecationWarning, PendingDeprecationWarning)) and is_inside):
        show_anyway(message, category, filename, lineno, file, line)


for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)
if not sys.warnoptions:  # whoever asks for warnings gets them
    warnings.showwarning = show_ours
