"""A judge of simulated readings that shares no code with the simulator or the line: the rules' plain definitions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import pytest
from shapely import LineString, Point, Polygon

from contracts.readings import Reading
from contracts.reference import Device, Record, Route, Shipment

Violation: TypeAlias = tuple[str, str, int]  # rule, device_id, time_ms of the reading that shows it
Judge: TypeAlias = Callable[[list[Record], Iterable[tuple[int, str, Reading]]], list[Violation]]

M_PER_DEG = 111_195.08
LAST_FIX_MS = 7_200_000
SQUEEZE = math.cos(math.radians(29.2))  # one scale for the whole corridor: distances right to some percent


def flat(lon: float, lat: float) -> tuple[float, float]:
    return lon * M_PER_DEG * SQUEEZE, lat * M_PER_DEG


class Place:
    """A route as shapely sees it: metres off it, and whether a point is where a seal may be open."""

    def __init__(self, route: Route) -> None:
        self.half_width_m = route.half_width_m
        self.line = LineString([flat(*p[:2]) for p in route.line.coordinates])
        self.lawful = [
            Polygon([flat(*p[:2]) for p in fence.area.coordinates[0]])
            for fence in route.geofences
            if fence.seal_may_open
        ]
        self.lawful += [
            Point(flat(stop.lon_deg, stop.lat_deg)).buffer(stop.radius_m)
            for stop in route.approved_stops
            if stop.seal_may_open
        ]

    def off_m(self, reading: Reading) -> float:
        assert reading.lon_deg is not None
        assert reading.lat_deg is not None
        return self.line.distance(Point(flat(reading.lon_deg, reading.lat_deg)))

    def is_lawful(self, reading: Reading) -> bool:
        assert reading.lon_deg is not None
        assert reading.lat_deg is not None
        return any(area.contains(Point(flat(reading.lon_deg, reading.lat_deg))) for area in self.lawful)


def violations(records: list[Record], sent: Iterable[tuple[int, str, Reading]]) -> list[Violation]:
    """What in these readings breaks a rule, each judged with the shipment in force at its time."""
    return list(_violations(records, sent))


def _violations(records: list[Record], sent: Iterable[tuple[int, str, Reading]]) -> Iterator[Violation]:
    places = {r.route_id: Place(r) for r in records if isinstance(r, Route)}
    silence_ms = {r.device_id: 10_000 * r.interval_s for r in records if isinstance(r, Device)}
    shipments: dict[str, list[Shipment]] = {}
    for record in records:
        if isinstance(record, Shipment):
            for device_id in record.device_ids:
                shipments.setdefault(device_id, []).append(record)
    last_sent: dict[str, int] = {}
    openings: dict[str, int] = {}
    last_fix: dict[str, Reading] = {}
    for send_ms, _, r in sent:
        of_device = shipments[r.device_id]
        shipment = of_device[bisect_right(of_device, r.time_ms, key=lambda s: s.effective_ms) - 1]
        known = shipment.effective_ms <= r.time_ms <= (shipment.ends_ms or r.time_ms)
        before_ms = max(last_sent.get(r.device_id, 0), shipment.effective_ms)
        if known and send_ms - before_ms > silence_ms[r.device_id]:
            yield "signal_lost", r.device_id, r.time_ms
        last_sent[r.device_id] = send_ms
        rose = openings.get(r.device_id, r.seal_openings) != r.seal_openings
        if r.seal_openings is not None:
            openings[r.device_id] = r.seal_openings
        fixed = (r.lat_deg, r.lon_deg) != (0.0, 0.0)
        if fixed:
            last_fix[r.device_id] = r
        if not known:
            continue
        place = places[shipment.route_id]
        # Under a roof it is where it was last seen.
        was = last_fix.get(r.device_id)
        lawful = was is not None and r.time_ms - was.time_ms < LAST_FIX_MS and place.is_lawful(was)
        if fixed and place.off_m(r) - (r.accuracy_m or 0.0) > place.half_width_m:
            yield "route_deviation", r.device_id, r.time_ms
        if (r.seal_state not in (None, "armed") or rose) and not lawful:
            yield "seal_breach", r.device_id, r.time_ms
        if r.door == "open" and not lawful:
            yield "door", r.device_id, r.time_ms
        low, high = shipment.min_temperature_c, shipment.max_temperature_c
        if r.temperature_c is not None and low is not None and high is not None and not low <= r.temperature_c <= high:
            yield "temperature_excursion", r.device_id, r.time_ms


@pytest.fixture(scope="session")
def judge() -> Judge:
    """``judge(records, sent)`` gives every (rule, device_id, time_ms) at which a reading breaks a rule."""
    return violations
