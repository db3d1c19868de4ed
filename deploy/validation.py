"""`rasa data validate`, where a warning fails: all but the two that Rasa gives whatever one does.

`--fail-on-warnings` alone lets most warnings pass, and prints one for every reply that an action says.
"""

from __future__ import annotations

import re
import subprocess
import sys

from deploy.processes import COLOUR, ROOT

WARNING = re.compile(r"Warning: (.*)")
HARMLESS = re.compile(
    r"The utterance '\w+' is not used in any story or rule"  # actions do: tests/test_architecture.py
    r"|duplicated intents have been found across multiple domain files: faq$"  # Rasa declares a retrieval intent itself
)


def main() -> int:
    command = [sys.executable, "-m", "rasa", "data", "validate", "--fail-on-warnings"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    printed = COLOUR.sub("", done.stdout + done.stderr)
    found = warnings_in(printed)
    if done.returncode or found:
        print(printed[-4000:] if done.returncode else "\n".join(found))
        return 1
    print("Rasa finds nothing wrong with the domain, the rules, the stories and the examples.")
    return 0


def warnings_in(printed: str) -> list[str]:
    """The warnings that say something is wrong with our data."""
    return [text.strip() for text in WARNING.findall(printed) if not HARMLESS.search(text)]


if __name__ == "__main__":
    sys.exit(main())
