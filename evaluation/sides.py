"""The two bots that are measured beside each other, each with an action server and a sample shop of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.bot import CHANNEL, Service, actions_service, bot_service, running
from deploy.processes import LOCAL, Child, free_port
from evaluation import twin
from evaluation.machine import peak_of_tree_mb
from evaluation.replay import Customer, WebCustomer
from evaluation.sample_shop import Shop, filled_shop

OURS, STOCK = SIDES = ("ours", "stock")
# Many customers from one address, and some who write faster than any person.
UNHURRIED = {
    "messages_a_minute": 1_000_000,
    "messages_a_minute_per_address": 1_000_000,
    "sessions_an_hour_per_address": 1_000_000,
    "streams_per_address": 1_000,
}
CUSTOMERS: dict[str, type[Customer]] = {OURS: WebCustomer, STOCK: Customer}
Models = Mapping[str, Path]


@dataclass(frozen=True)
class Opened:
    """A shop with its action server, and the bot's server as it would be started."""

    side: str
    shop: Shop
    server: Service

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.server.port}{CHANNEL}"

    @property
    def customer(self) -> type[Customer]:
        return CUSTOMERS[self.side]


@dataclass(frozen=True)
class Running(Opened):
    """The same, answering."""

    child: Child

    def peak_memory_mb(self) -> float:
        return peak_of_tree_mb(self.child.process.pid)


@contextmanager
def opened(side: str, model: Path, folder: Path) -> Iterator[Opened]:
    """Everything but the bot's server. Raises LaunchError."""
    folder.mkdir(parents=True)
    with filled_shop(folder) as shop:
        url = str(shop.engine.url)
        actions = actions_service(folder, free_port(), url)
        with running(actions):
            yield Opened(side, shop, _server(side, model, folder, actions.port, url))


@contextmanager
def both(models: Models, folder: Path) -> Iterator[Sequence[Running]]:
    """Both bots at once: whoever is not spoken to sits idle. Raises LaunchError."""
    with ExitStack() as stack:
        bots = []
        for side in SIDES:
            one = stack.enter_context(opened(side, models[side], folder / side))
            (child,) = stack.enter_context(running(one.server))
            bots.append(Running(one.side, one.shop, one.server, child))
        yield bots


def _server(side: str, model: Path, folder: Path, actions_port: int, shop_url: str) -> Service:
    if side == STOCK:
        return twin.service(model, folder, actions_port, port=free_port())
    return bot_service(model, folder, actions_port, shop_url, host=LOCAL, port=free_port(), channel=UNHURRIED)
