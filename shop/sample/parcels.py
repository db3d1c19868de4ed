"""Parcels and their trails: from a warehouse over sorting centres to a door, as far as they have come by now."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from shop import clock
from shop.models import Order, Shipment, ShipmentEvent, ShipmentState
from shop.sample.places import City, cities, city_of, warehouses

Step = tuple[datetime, ShipmentState, tuple[str, str]]

TRACKING = {"sf": ("SF1", 12, ""), "jd": ("JD0", 11, ""), "yto": ("YT", 13, ""), "ems": ("EA", 9, "CN")}


def parcel(order: Order, carrier: str, delivered_at: datetime | None, rng: Random, *, is_lost: bool) -> Shipment:
    """An order's parcel: delivered, or on its way to arrive on the day it is due (or stuck, if that day has passed)."""
    next_day = clock.day_of(order.placed_at) + timedelta(days=1)
    shipped_at = _time_of(next_day, rng.randint(17, 20), rng.randint(0, 59))
    if next_day >= clock.today():
        shipped_at = clock.now() - timedelta(minutes=40)
    trail = _route(order, shipped_at, delivered_at or _time_of(order.due_on or clock.today(), 15, 30), rng)
    if delivered_at is None:
        trail = _so_far(trail, is_lost=is_lost)
    return Shipment(
        carrier=carrier,
        tracking_number=tracking_number(carrier, rng),
        state=trail[-1][1],
        shipped_at=shipped_at,
        delivered_at=delivered_at,
        events=[ShipmentEvent(at=at, state=state, place_zh=zh, place_en=en) for at, state, (zh, en) in trail],
    )


def tracking_number(carrier: str, rng: Random) -> str:
    """A number in the carrier's manner."""
    head, digits, tail = TRACKING[carrier]
    return f"{head}{rng.randrange(10**digits):0{digits}}{tail}"


def _route(order: Order, start: datetime, end: datetime, rng: Random) -> list[Step]:
    """Every step from the warehouse's door to the customer's, in order."""
    target, origin = city_of(order.address), rng.choice(warehouses())
    door = _door(order, target)
    between = [city.hub for city in cities() if city.zh == target.via.get(origin.zh)]
    hubs = [*between, target.hub] if target is not origin else []
    trail: list[Step] = [
        (start, ShipmentState.PICKED_UP, (f"{origin.zh}仓库", f"Warehouse, {origin.en}")),
        (start + timedelta(hours=2, minutes=10), ShipmentState.IN_TRANSIT, origin.hub),
    ]
    for percent, hub in zip((35, 55), hubs, strict=False):
        trail.append((_part(start, end, percent), ShipmentState.IN_TRANSIT, hub))
    if rng.random() < 0.3 and end - start > timedelta(days=3, hours=12):
        trail += _missed(end - timedelta(days=1), door)
    return [*trail, (_morning(end), ShipmentState.OUT_FOR_DELIVERY, door), (end, ShipmentState.DELIVERED, door)]


def _missed(day: datetime, door: tuple[str, str]) -> list[Step]:
    """A day on which the courier found nobody in."""
    noon = _time_of(clock.day_of(day), 11, 40)
    return [(_morning(day), ShipmentState.OUT_FOR_DELIVERY, door), (noon, ShipmentState.FAILED_ATTEMPT, door)]


def _so_far(trail: list[Step], *, is_lost: bool) -> list[Step]:
    """What has happened by now. A parcel that should have arrived before today is stuck at its last sorting centre."""
    is_late = clock.day_of(trail[-1][0]) < clock.today()
    undelivered = [step for step in trail[:-1] if step[0] <= clock.now()]
    stuck = [step for step in undelivered if step[1] in (ShipmentState.PICKED_UP, ShipmentState.IN_TRANSIT)]
    if is_lost:
        return [*stuck, (clock.now() - timedelta(days=1), ShipmentState.LOST, stuck[-1][2])]
    return stuck if is_late else undelivered


def _part(start: datetime, end: datetime, percent: int) -> datetime:
    return (start + (end - start) * percent / 100).replace(second=0, microsecond=0)


def _morning(moment: datetime) -> datetime:
    """When that day's parcels leave the delivery station."""
    return _time_of(clock.day_of(moment), 8, 20)


def _time_of(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), clock.SHOP_TIME)


def _door(order: Order, city: City) -> tuple[str, str]:
    """The delivery station of the customer's district."""
    for district_zh, district_en, _, _, postal_code in city.districts:
        if order.postal_code == postal_code:
            return f"{city.zh}{district_zh}营业点", f"{district_en} station, {city.en}"
    return f"{city.zh}营业点", f"Delivery station, {city.en}"
