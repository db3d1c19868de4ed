"""Shows that a long step is alive: seconds counted up on a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

SECONDS_BETWEEN_LINES = 15.0
Say = Callable[[str], None]


@contextmanager
def step(title: str) -> Iterator[Say]:
    """Show `title` for as long as the block takes. The function it yields sets what is being done just now."""
    shown = _Shown(title)
    shown.show()
    ticker = Thread(target=shown.tick, daemon=True)
    ticker.start()
    how = "stopped"
    try:
        yield shown.say
        how = "done"
    finally:
        shown.ended.set()
        ticker.join()
        shown.finish(how)


class _Shown:
    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.started = time.monotonic()
        self.ended = Event()
        self.on_terminal = sys.stdout.isatty()

    def say(self, detail: str) -> None:
        self.detail = detail.strip()

    def tick(self) -> None:
        while not self.ended.wait(0.5 if self.on_terminal else SECONDS_BETWEEN_LINES):
            self.show()

    def finish(self, how: str) -> None:
        self.detail = how
        self.show()
        if self.on_terminal:
            print(flush=True)

    def show(self) -> None:
        line = f"{self.title} ... {time.monotonic() - self.started:.0f} s"
        if self.detail:
            line += f"  {self.detail}"
        if self.on_terminal:
            width = (shutil.get_terminal_size().columns or 80) - 1
            line = f"\r\033[K{line[:width]}"
        else:
            line += "\n"
        print(line, end="", flush=True)
