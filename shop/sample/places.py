"""Where the sample's people live and what their parcels pass on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from shop.sample.files import read


@dataclass(frozen=True)
class City:
    """A city with its sorting centre, what lies between it and each warehouse, and its districts."""

    zh: str
    en: str
    province: str
    hub: tuple[str, str]
    via: dict[str, str]
    districts: tuple[tuple[str, str, str, str, str], ...]


@lru_cache(maxsize=1)
def cities() -> tuple[City, ...]:
    """Every city of the sample."""
    return tuple(
        City(
            zh, entry["en"], entry["province"], tuple(entry["hub"]), entry["via"], tuple(map(tuple, entry["districts"]))
        )
        for zh, entry in read("places.yml")["cities"].items()
    )


@lru_cache(maxsize=1)
def warehouses() -> tuple[City, ...]:
    """The cities that the shop ships from."""
    names = read("places.yml")["warehouses"]
    return tuple(city for city in cities() if city.zh in names)


@lru_cache(maxsize=1)
def carriers() -> dict[str, int]:
    """The carriers, and how often each is used."""
    weights: dict[str, int] = read("places.yml")["carriers"]
    return weights


def city_of(address: str) -> City:
    """The city an address lies in; the first one where none is named."""
    return next((city for city in cities() if city.zh in address or city.en in address), cities()[0])


def an_address(rng: Random, language: str) -> tuple[str, str]:
    """Some address in the manner of a language, and its postal code."""
    city = rng.choice(cities())
    district_zh, district_en, street_zh, street_en, postal_code = rng.choice(city.districts)
    number, building, room = rng.randint(1, 580), rng.randint(1, 18), rng.randint(1, 24) * 100 + rng.randint(1, 6)
    if language == "zh":
        return f"{city.province}{city.zh}市{district_zh}{street_zh}{number}号{building}号楼{room}室", postal_code
    return f"Room {room}, Building {building}, {number} {street_en}, {district_en}, {city.en}", postal_code
