"""Numbers of orders, returns and tickets, none drawn twice."""

from __future__ import annotations

from random import Random


class DrawnNumbers:
    """Draws numbers that nobody else has."""

    def __init__(self, rng: Random, taken: set[str]) -> None:
        self.rng, self.taken = rng, taken

    def draw(self, prefix: str, digits: int = 7) -> str:
        """A new number: a prefix and so many digits."""
        while True:
            number = f"{prefix}{self.rng.randrange(10 ** (digits - 1), 10**digits)}"
            if number not in self.taken:
                self.taken.add(number)
                return number
