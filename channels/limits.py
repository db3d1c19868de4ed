"""How much one customer, and one address, may ask for, over the minute or the hour that has just passed.

Each is two counters: of this minute by the clock, and of the last, which weighs less the more of this one is over. To
keep every message's moment instead would have the storage look through all conversations at each of them.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from channels.incoming import Rejected
from channels.settings import Settings

BUSY = "That is faster than we can read. Please wait {seconds} seconds and try again."
MANY_WINDOWS = "Too many windows are open here. Please close one and try again."
RETRY_STREAM_AFTER = 30
SIGNALS_A_MINUTE = 600  # polls, marks of reading and typing of one conversation: far more than any widget sends


class TooMuch(Rejected):
    """Over a limit; the client is told when to come back."""

    def __init__(self, seconds: int, sentence: str = BUSY) -> None:
        super().__init__(429, sentence.format(seconds=seconds), headers={"Retry-After": str(seconds)})


class Limits:
    """Every method raises TooMuch."""

    def __init__(self, settings: Settings) -> None:
        storage = storage_from_string(f"async+{settings.counts_in}")
        assert isinstance(storage, Storage)
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._of_conversation = RateLimitItemPerMinute(settings.messages_a_minute)
        self._of_address = RateLimitItemPerMinute(settings.messages_a_minute_per_address)
        self._signals = RateLimitItemPerMinute(SIGNALS_A_MINUTE)
        self._photos = RateLimitItemPerHour(settings.photos_an_hour)
        self._photos_of_address = RateLimitItemPerHour(settings.photos_an_hour_per_address)
        self._sessions = RateLimitItemPerHour(settings.sessions_an_hour_per_address)
        self._streams_per_conversation = settings.streams_per_conversation
        self._streams_per_address = settings.streams_per_address
        self._streams: Counter[str] = Counter()

    async def message(self, conversation: str, address: str) -> None:
        await self._count(self._of_conversation, f"conversation {conversation}")
        await self._count(self._of_address, f"address {address}")

    async def signal(self, conversation: str) -> None:
        """What says nothing, and still costs a look into the database."""
        await self._count(self._signals, f"signals {conversation}")

    async def photo(self, conversation: str, address: str) -> None:
        await self._count(self._photos, f"photos {conversation}")
        await self._count(self._photos_of_address, f"photos @{address}")

    async def session(self, address: str) -> None:
        await self._count(self._sessions, f"sessions {address}")

    @contextmanager
    def stream(self, conversation: str, address: str) -> Iterator[None]:
        """Holds a place among the streams that are open in this process."""
        places = {conversation: self._streams_per_conversation, f"@{address}": self._streams_per_address}
        if any(self._streams[place] >= most for place, most in places.items()):
            raise TooMuch(RETRY_STREAM_AFTER, MANY_WINDOWS)
        self._streams.update(places.keys())
        try:
            yield
        finally:
            self._streams.subtract(places.keys())
            self._streams += Counter()  # forgets who has none left

    async def _count(self, limit: RateLimitItem, name: str) -> None:
        if not await self._counter.hit(limit, name):
            reset_at, _ = await self._counter.get_window_stats(limit, name)
            raise TooMuch(max(1, math.ceil(reset_at - time.time())))
