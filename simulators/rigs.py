"""Rigs: a truck, its container and its seal, which go from shipment to shipment together, and their reference.

A rig drives one way, rests at the yard it came to, and drives back from there with the next shipment. Its container
and seal devices speak from shortly before a shipment begins until it is delivered; its truck device always does.
"""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.reference import Device, DeviceKind, Lane, Record, Seal, Shipment, Watchable
from simulators import papers
from simulators.delays import NO_DELAYS, Delays
from simulators.faults import Injection
from simulators.journeys import (
    Customs,
    Trip,
    delayed,
    later,
    left_at,
    set_in_time,
    somewhere_on_the_road,
    timetable,
    unopened_from,
)
from simulators.life import UNEVENTFUL, Life
from simulators.noise import key_of
from simulators.places import ways
from simulators.warps import Piece, delay_ms

KINDS: Final[tuple[DeviceKind, ...]] = ("truck", "container", "seal")
SENSORS: Final[dict[DeviceKind, list[str]]] = {
    "truck": ["position", "speed", "vibration", "battery"],
    "container": ["position", "speed", "temperature", "humidity", "light", "door", "shock", "battery"],
    "seal": ["position", "speed", "seal", "battery"],
}
RANGES: Final[dict[DeviceKind, dict[Watchable, list[float]]]] = {
    "truck": {"vibration_g": [0.0, 4.0]},
    "container": {"temperature_c": [-30.0, 50.0], "humidity_pct": [0.0, 100.0]},
    "seal": {},
}
DRILL_MARK: Final = "DRILL-"
FAST_SHARE: Final = 0.3  # of shipments, whose driver, carrier and trader are all certified
RESTS_S: Final = (2400.0, 4800.0)  # between two shipments
WAKES_BEFORE: Final = 3  # readings that container and seal send before their shipment begins
COUNTED_OPEN: Final = ("open", "removed", "counter")  # a cut seal is tampered with, not opened: its counter stays


@dataclass(frozen=True, slots=True)
class RigDevice:
    """A device as the simulation knows it. ``key`` seeds its noise; ``phase_ms`` is when in an interval it speaks."""

    device_id: str
    kind: DeviceKind
    key: int
    phase_ms: int


@dataclass
class Rig:
    """One rig over one run. ``injections`` are sorted by start and do not overlap."""

    index: int
    scac: str
    interval_ms: float
    every_ms: float
    devices: tuple[RigDevice, ...]
    trips: list[Trip]
    shipments: list[Shipment]
    seals: list[Seal]
    injections: list[Injection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._injected_openings: list[float] = []
        self._of_lost_box: Trip | None = None  # the last trip, as its box has it where that was swapped on the way
        self._settle()

    def _settle(self) -> None:
        """Work out the columns of times from the trips."""
        self.wakes_ms = np.array([trip.start_ms - WAKES_BEFORE * self.every_ms for trip in self.trips])
        self.ends_ms = np.array([float(trip.ends_ms) for trip in self.trips])
        opens = [span for trip in self.trips for span in trip.seal_open_ms]
        doors = [span for trip in self.trips for span in trip.door_open_ms]
        self.seal_spans_ms = np.array(opens).reshape(-1, 2)
        self.door_spans_ms = np.array(doors).reshape(-1, 2)
        self.openings_ms = np.sort(np.array([a for a, _ in opens] + self._injected_openings))

    def trip_at(self, time_ms: float) -> Trip | None:
        """The trip under way at this time."""
        at = bisect_right(self.trips, time_ms, key=lambda trip: trip.start_ms) - 1
        return self.trips[at] if at >= 0 and time_ms <= self.trips[at].ends_ms else None

    def inject(self, injection: Injection) -> None:
        """Have the devices play this fault."""
        insort(self.injections, injection, key=lambda i: i.start_ms)
        if injection.variant in COUNTED_OPEN:
            self._injected_openings.append(injection.start_ms)
            self._settle()
        elif injection.variant == "swapped":
            self._lose_box(injection)

    def _lose_box(self, swap: Injection) -> None:
        """Box and seal stay behind, or are carried off, for good: this shipment is the rig's last."""
        at = bisect_right(self.trips, swap.start_ms, key=lambda trip: trip.start_ms) - 1
        del self.trips[at + 1 :], self.shipments[at + 1 :], self.seals[at + 1 :]
        self.trips[at] = unopened_from(self.trips[at], swap.start_ms)
        self._of_lost_box = left_at(self.trips[at], swap.start_ms, swap.value / 1000.0, swap.ramp_ms)
        self._settle()

    def hold_up(self, start_ms: float, pieces: Sequence[Piece]) -> None:
        """Have the trip under way at ``start_ms`` be held up or hurried; what comes after it comes so much later."""
        at = bisect_right(self.trips, start_ms, key=lambda trip: trip.start_ms) - 1
        by_ms = delay_ms(pieces)
        self.trips[at] = delayed(self.trips[at], start_ms, pieces)
        self.trips[at + 1 :] = [later(trip, by_ms) for trip in self.trips[at + 1 :]]
        for n in range(at, len(self.trips)):
            trip, shipment = self.trips[n], self.shipments[n]
            begins_ms = shipment.effective_ms if n == at else trip.start_ms
            self.shipments[n] = msgspec.structs.replace(shipment, effective_ms=begins_ms, ends_ms=trip.ends_ms)
            self.seals[n] = msgspec.structs.replace(self.seals[n], effective_ms=begins_ms)
        self._settle()

    def injections_in(self, start_ms: float, end_ms: float) -> list[Injection]:
        """The faults that touch this span."""
        if not self.injections:
            return []
        first = max(0, bisect_right(self.injections, start_ms, key=lambda i: i.start_ms) - 1)
        last = bisect_right(self.injections, end_ms, key=lambda i: i.start_ms)
        return [i for i in self.injections[first:last] if i.end_ms >= start_ms]

    def awake(self, kind: DeviceKind, time_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a device of this kind speaks at these times."""
        if kind == "truck":
            return np.ones(len(time_ms), dtype=np.bool_)
        trip = np.searchsorted(self.wakes_ms, time_ms, side="right") - 1
        spoken: NDArray[np.bool_] = (trip >= 0) & (time_ms <= self.ends_ms[np.maximum(trip, 0)])
        return spoken

    def slices(self, kind: DeviceKind, time_ms: NDArray[np.int64]) -> list[tuple[Trip, int, int]]:
        """These rising times cut where one trip's wake gives way to the next: (trip, first, last excluded).

        Each trip as a device of this kind has it.
        """
        trips = self.trips
        if self._of_lost_box is not None and kind != "truck":
            trips = [*trips[:-1], self._of_lost_box]
        cuts = np.searchsorted(time_ms, self.wakes_ms[1:], side="left").tolist()
        bounds = [0, *cuts, len(time_ms)]
        return [(trip, bounds[i], bounds[i + 1]) for i, trip in enumerate(trips) if bounds[i] < bounds[i + 1]]

    def reference(self, start_ms: int, ends_ms: int, watched: bool = False) -> list[Record]:
        """This rig's records; ``ends_ms`` is when the run, and so the following of every shipment, ends.

        ``watched``: its devices declare what their sensors are to measure.
        """
        records: list[Record] = [
            Device(
                effective_ms=start_ms,
                device_id=device.device_id,
                carrier_scac=self.scac,
                device_kind=device.kind,
                interval_s=self.interval_ms / 1000.0,
                sensors=SENSORS[device.kind],
                sensor_ranges=RANGES[device.kind] if watched else {},
            )
            for device in self.devices
        ]
        for trip, shipment, seal in zip(self.trips, self.shipments, self.seals, strict=True):
            if shipment.effective_ms < ends_ms:
                last_ms = ends_ms if shipment.ends_ms is None else min(shipment.ends_ms, ends_ms)
                records += _sealed(trip, seal, msgspec.structs.replace(shipment, ends_ms=last_ms), last_ms)
        return records


def _sealed(trip: Trip, seal: Seal, shipment: Shipment, last_ms: int) -> list[Record]:
    """A shipment and its seal, and what customs tell the reference when they put on another."""
    records: list[Record] = [seal, shipment]
    if trip.reseal_ms is None or trip.reseal_ms >= last_ms:
        return records
    from_ms, replaced = max(int(trip.reseal_ms), shipment.effective_ms), msgspec.structs.replace
    anew: list[Record] = [
        replaced(seal, effective_ms=from_ms, seal_number=trip.reseal_number, source="CUSTOMS"),
        replaced(shipment, effective_ms=from_ms, seal_numbers=[trip.reseal_number]),
    ]
    return anew if from_ms == shipment.effective_ms else records + anew


def build(
    seed: int,
    index: int,
    start_ms: int,
    ends_ms: int,
    *,
    interval_s: float,
    every_s: float,
    under_way: bool,
    drill: bool = False,
    life: Life = UNEVENTFUL,
    delays: Delays = NO_DELAYS,
) -> Rig:
    """The rig of this number: who, what and where it drives from ``start_ms`` until past ``ends_ms``.

    A ``drill``'s devices and shipments bear names of their own, or its reference would speak for the real ones.
    """
    mark = DRILL_MARK if drill else ""
    rng = random.Random(f"{seed}/rig/{index}")
    scac = papers.CARRIERS[index % len(papers.CARRIERS)]
    every_ms = every_s * 1000.0
    devices = tuple(
        RigDevice(
            f"{scac}-{mark}{kind[0].upper()}{index:05d}",
            kind,
            key_of(seed, index, kind),
            int(rng.random() * every_ms * 0.9),
        )
        for kind in KINDS
    )
    chain = _chain(rng, index, scac, devices, start_ms, ends_ms, under_way, mark, life, delays)
    return Rig(index, scac, interval_s * 1000.0, every_ms, devices, *chain)


def _chain(
    rng: random.Random,
    index: int,
    scac: str,
    devices: tuple[RigDevice, ...],
    start_ms: int,
    ends_ms: int,
    under_way: bool,
    mark: str,
    life: Life,
    delays: Delays,
) -> tuple[list[Trip], list[Shipment], list[Seal]]:
    """Shipment after shipment, each from the yard where the one before ended, until the run's end is covered."""
    trips: list[Trip] = []
    shipments: list[Shipment] = []
    seals: list[Seal] = []
    way = rng.choice(ways())
    sets_out_ms = start_ms + int(rng.uniform(0.0, min(1_800_000.0, (ends_ms - start_ms) / 8)))
    while not trips or sets_out_ms < ends_ms:
        goods = rng.choice(papers.CHILLED if index % 5 in (1, 3) else papers.DRY)
        lane: Lane = "fast" if rng.random() < FAST_SHARE else "standard"
        table = timetable(rng, way, Customs(lane, life.brief_stop_chance, life.reseal_chance, life.peek_chance))
        if under_way and not trips:
            sets_out_ms = start_ms - int(1000.0 * somewhere_on_the_road(rng, table, way))
        # In force from the run's start at the earliest: what an earlier run said of these devices is over by then.
        effective_ms = max(sets_out_ms, start_ms)
        seals.append(papers.seal(rng, effective_ms))
        shipment_id = f"{mark}SHP-{start_ms // 1000:x}-{index:05d}-{len(trips)}"
        trip = set_in_time(table, way, shipment_id, sets_out_ms, goods.band_c, seals[-1].seal_number, lane)
        trips.append(delays.held_up(trip))
        if trips[-1].reseal_ms is not None:
            trips[-1] = replace(trips[-1], reseal_number=papers.seal(rng, effective_ms).seal_number)
        shipments.append(_shipment(rng, index, scac, devices, trips[-1], goods, effective_ms))
        sets_out_ms = trips[-1].ends_ms + int(1000.0 * rng.uniform(*RESTS_S))
        way = rng.choice([w for w in ways() if w.origin == way.destination])
    return trips, shipments, seals


def _shipment(
    rng: random.Random,
    index: int,
    scac: str,
    devices: tuple[RigDevice, ...],
    trip: Trip,
    goods: papers.Goods,
    effective_ms: int,
) -> Shipment:
    """The record of the shipment that travels on this trip, with its papers."""
    low_c, high_c = goods.band_c or (None, None)
    return Shipment(
        effective_ms=effective_ms,
        shipment_id=trip.shipment_id,
        container=papers.container_number(rng),
        trailer=f"{scac}-TR-{index:05d}",
        truck=f"{scac}-TK-{index:05d}",
        carrier_scac=scac,
        driver_card=f"{'FAST' if trip.lane == 'fast' else 'CDL'}{rng.randrange(10**8):08d}",
        seal_numbers=[trip.seal_number],
        device_ids=[device.device_id for device in devices],
        route_id=trip.way.route_id,
        direction=trip.way.direction,
        origin=trip.way.origin,
        destination=trip.way.destination,
        hs_code=goods.hs_code,
        sector=goods.sector,
        min_temperature_c=low_c,
        max_temperature_c=high_c,
        pedimento=papers.pedimento(rng, effective_ms),
        entry_number=papers.entry_number(rng) if trip.way.direction == "northbound" else None,
        trader=goods.trader,
        ends_ms=trip.ends_ms,
    )
