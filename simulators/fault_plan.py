"""The plan of a run's faults: each finds a truck that can bear it, and its size is drawn, all from the seed.

A fault is put where the same thing would not be lawful: on the open road, away from stops, queues, customs and dead
zones. At most one at a time touches a truck, with a rest after it, so that one truth explains one alert.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from simulators import papers
from simulators.faults import (
    ALSO,
    ALSO_STUCK,
    CARGO,
    KINDS,
    OF_ONE_DEVICE,
    OF_SHIPMENT,
    TRUCK,
    UNITS,
    VARIANTS,
    Fault,
    FaultRule,
    FaultSpec,
    Injection,
)
from simulators.journeys import Trip
from simulators.places import shifted
from simulators.rigs import Rig
from simulators.warps import Piece

FREEZES: Final = 0.25  # share of temperature excursions that go below the band instead of above it
STANDS: Final = ("unplanned_stop", "separation")  # while it lasts the truck, or what it carries, stands
ANYWHERE: Final = ("sensor_stuck", "battery_low")  # begun on the open road, it may go on through stops and customs
SENSORS: Final = {"container": ("temperature", "humidity", "shock"), "truck": ("vibration",)}
SATURATED: Final = {"temperature": (85.0, -127.0), "humidity": (100.0,), "shock": (16.0,), "vibration": (2.0, 4.0)}
PLAUSIBLE_SLOWER: Final = 0.25  # a plausible false track is this much slower, then as much faster
_MINUTE_MS: Final = 60_000.0


def plan(
    specs: Sequence[FaultSpec],
    rigs: Sequence[Rig],
    seed: int,
    start_ms: int,
    end_ms: int,
    every_ms: float,
    half_width_m: float = 800.0,
) -> list[Fault]:
    """Inject these into the rigs, between ``start_ms`` and ``end_ms``; returns the truth, by start.

    ``every_ms`` is the time between a device's readings. A fault that no truck can bear at its time is tried a little
    later; what finds no truck in time is left out.
    """
    asked: list[tuple[float, int, int, FaultSpec]] = []
    for n, spec in enumerate(specs):
        rng = random.Random(f"{seed}/when/{n}")
        at_ms, made = start_ms + 1000.0 * rng.uniform(*spec.first_s), 0
        while at_ms < end_ms and (spec.count is None or made < spec.count):
            asked.append((at_ms, n, made, spec))
            made += 1
            at_ms += max(1000.0, 1000.0 * rng.uniform(*spec.every_s))
    busy_until = [float("-inf")] * len(rigs)
    truth: list[Fault] = []
    for at_ms, n, made, spec in sorted(asked, key=lambda a: a[:3]):
        rng = random.Random(f"{seed}/what/{n}/{made}")
        drawn = _drawn(spec, rng, every_ms, rigs[0].interval_ms, half_width_m)
        for attempt in range(12):
            begin_ms = math.floor(at_ms + attempt * min(every_ms, 60_000.0) * 1.5)
            placed = _place(spec, drawn, rigs, rng, begin_ms, end_ms, every_ms, busy_until)
            if placed is not None:
                truth += _truth(*placed, f"{spec.rule}-{n}-{made:04d}", every_ms)
                break
    return sorted(truth, key=lambda fault: (fault.start_ms, fault.fault_id))


def _place(
    spec: FaultSpec,
    drawn: Injection,
    rigs: Sequence[Rig],
    rng: random.Random,
    begin_ms: float,
    end_ms: float,
    every_ms: float,
    busy_until: list[float],
) -> tuple[Rig, Injection] | None:
    """Find a rig for this fault and inject it there. ``drawn`` begins at 0."""
    first = rng.randrange(len(rigs))
    moved = replace(drawn, start_ms=begin_ms, end_ms=math.floor(begin_ms + drawn.end_ms))
    rest_ms = 8 * every_ms
    for step in range(len(rigs)):
        at = (first + step) % len(rigs)
        rig = rigs[at]
        if busy_until[at] > begin_ms - rest_ms or moved.end_ms + rest_ms / 2 > end_ms:
            continue
        trip = rig.trip_at(begin_ms)
        if trip is None or not _bears(trip, moved, rest_ms / 4):
            continue
        injection = _fitted(moved, spec, trip, rng)
        if injection is None:
            continue
        busy_until[at] = injection.end_ms
        pieces = _pieces(injection, rng)
        if pieces:
            rig.hold_up(injection.start_ms, pieces)
        rig.inject(injection)
        return rig, injection
    return None


def _bears(trip: Trip, moved: Injection, margin_ms: float) -> bool:
    """Whether this trip has open road where the fault needs it, and what it concerns."""
    if moved.rule == "temperature_excursion" and trip.band_c is None:
        return False
    if moved.rule in ANYWHERE and moved.end_ms + margin_ms > trip.ends_ms:
        return False
    from_ms, until_ms = moved.start_ms - margin_ms, moved.end_ms + margin_ms
    margin_km = 3.0
    if moved.rule in STANDS or moved.rule in ANYWHERE:
        until_ms = moved.start_ms + margin_ms
        margin_km += moved.size / 1000.0 if moved.rule == "separation" else 0.0
    elif moved.variant == "fast":
        until_ms += (moved.end_ms - moved.start_ms) * (moved.size - 1.0)
    if not trip.open_road(from_ms, until_ms, margin_km):
        return False
    first, last = (float(km) for km in trip.along_km(np.array([from_ms, until_ms])))
    return not any(b < last + margin_km and e > first - margin_km for b, e, _ in trip.way.shadows)


def _size(spec: FaultSpec, rng: random.Random) -> float:
    least, most = spec.size
    if spec.spread == "even":
        return round(rng.uniform(least, most), 3)
    return round(math.exp(rng.uniform(math.log(least), math.log(most))), 3)


def _drawn(spec: FaultSpec, rng: random.Random, every_ms: float, interval_ms: float, half_width_m: float) -> Injection:
    """What the fault is and how large, begun at 0."""
    variant = rng.choice(spec.variants or VARIANTS[spec.rule])
    size, lasts_ms = _size(spec, rng), 1000.0 * rng.uniform(*spec.duration_s)
    kinds = KINDS[spec.rule]
    if spec.rule in OF_ONE_DEVICE:
        kinds = (rng.choice(kinds),)
    text, value = "", 0.0
    if variant == "counter":
        lasts_ms = every_ms  # over between two readings: only the counter tells
    elif spec.rule == "shock":
        lasts_ms, value = 1.06 * every_ms, rng.choice((size, -size))  # one reading, or two where they are close
    elif spec.rule == "signal_lost":
        lasts_ms = math.ceil(size * interval_ms / every_ms) * every_ms  # whole readings
    elif spec.rule == "reading_gap":
        size = max(1.0, round(size))
        lasts_ms = size * every_ms * (2 if variant == "scattered" else 1)
    elif spec.rule == "unplanned_stop":
        lasts_ms = size * _MINUTE_MS
    elif spec.rule == "temperature_excursion" and rng.random() < FREEZES:
        size = -size
    elif spec.rule == "seal_mismatch":
        text = papers.seal(rng, 0).seal_number
    elif spec.rule == "sensor_stuck":
        text, size = rng.choice(SENSORS[kinds[0]]), round(lasts_ms / _MINUTE_MS, 1)
        value = rng.choice(SATURATED[text]) if variant == "saturated" else rng.random()
    elif spec.rule == "unusual_journey":
        scale = {"crawl": (0.6, 0.22), "fast": (1.2, 1.45), "stop_and_go": (0.25, 0.65), "detour": (0.3, 0.8)}[variant]
        size = round(scale[0] + size * (scale[1] - scale[0]), 3)
        value = size * half_width_m
    return Injection(spec.rule, variant, kinds, 0.0, lasts_ms, size, text=text, value=value)


def _fitted(moved: Injection, spec: FaultSpec, trip: Trip, rng: random.Random) -> Injection | None:
    """The injection as this trip's road and goods shape it, or None where it does not fit there."""
    lasts_ms = moved.end_ms - moved.start_ms
    if moved.rule == "route_deviation":
        return _sideways(moved, trip, moved.size, spec.sideways_m_s, rng)
    if moved.variant == "detour":
        return _sideways(moved, trip, moved.value, spec.sideways_m_s, rng)
    if moved.rule == "position_spoofing":
        turn = rng.uniform(0.0, 2.0 * math.pi)
        moved = replace(moved, north=math.cos(turn), east=math.sin(turn))
        first, last = (float(km) for km in trip.along_km(np.array([moved.start_ms, moved.end_ms])))
        if moved.variant == "replayed" and first < moved.size:
            return None
        if moved.variant == "frozen":
            return replace(moved, size=round(last - first, 3))
        if moved.variant == "plausible":
            return replace(moved, size=round((last - first) / 2.0 * PLAUSIBLE_SLOWER, 3))
        if moved.variant == "mirrored":
            lat, _ = trip.way.at(np.array([first]))
            return replace(moved, size=round(2.0 * abs(float(lat[0])) * 111.2, 0))
    if moved.rule == "separation":
        return replace(moved, kinds=TRUCK if moved.variant == "left_behind" else CARGO, ramp_ms=0.3 * lasts_ms)
    if moved.rule == "sensor_stuck" and moved.variant == "frozen":
        low, high = trip.band_c or (22.0, 32.0)
        usual = {
            "temperature": low + (high - low) * (0.4 + 0.1 * moved.value),
            "humidity": (80.0 if trip.band_c else 45.0) + 4.0 * moved.value,
            "shock": 0.3 + 0.1 * moved.value,
            "vibration": 0.24 + 0.05 * moved.value,
        }
        return replace(moved, value=round(usual[moved.text], 2))
    return moved


def _pieces(injection: Injection, rng: random.Random) -> list[Piece]:
    """What the fault does to the journey's own clock (see ``warps``)."""
    lasts_ms = injection.end_ms - injection.start_ms
    if injection.rule in STANDS:
        return [(lasts_ms, 0.0)]
    if injection.variant in ("crawl", "fast"):
        return [(lasts_ms, injection.size)]
    pieces: list[Piece] = []
    if injection.variant == "stop_and_go":
        left_ms = lasts_ms
        while left_ms > 0.0:
            turn_ms = min(left_ms, 1000.0 * rng.uniform(120.0, 260.0))
            pieces += [(turn_ms * injection.size, 0.0), (turn_ms * (1.0 - injection.size), 1.0)]
            left_ms -= turn_ms
    return pieces


def _sideways(drawn: Injection, trip: Trip, aside_m: float, m_s: float, rng: random.Random) -> Injection | None:
    """The same deviation to the side on which the road does not bend back towards the truck, or None."""
    ramp_ms = min(1000.0 * aside_m / m_s, (drawn.end_ms - drawn.start_ms) * 0.4)
    along = trip.along_km(np.linspace(drawn.start_ms + ramp_ms, drawn.end_ms - ramp_ms, 7))
    lat, lon = trip.way.at(along)
    heading = float(trip.way.heading_at(along[3:4])[0])
    for side in (90.0, -90.0) if rng.random() < 0.5 else (-90.0, 90.0):
        turn = math.radians(heading + side)
        north, east = math.cos(turn), math.sin(turn)
        moved = shifted(lat, lon, north * aside_m / 1000.0, east * aside_m / 1000.0)
        if trip.way.off_m(*moved).min() >= 0.85 * aside_m:
            return replace(drawn, north=north, east=east, ramp_ms=ramp_ms)
    return None


def _truth(rig: Rig, injection: Injection, name: str, every_ms: float) -> list[Fault]:
    """One truth a subject: a shipment, or each device that plays the fault."""
    trip = rig.trip_at(injection.start_ms)
    shipment_id = "" if trip is None else trip.shipment_id
    of_shipment = injection.rule in OF_SHIPMENT
    devices = [d for d in rig.devices if d.kind in injection.kinds]
    also: tuple[FaultRule, ...] = ALSO.get(injection.rule, ())
    if injection.rule == "sensor_stuck":
        also = ALSO_STUCK.get(injection.text, ())
    end_ms = injection.end_ms
    if injection.rule == "reading_gap":
        end_ms += every_ms  # what is lost is lost until the device is heard again
    return [
        Fault(
            fault_id=name if of_shipment or len(devices) == 1 else f"{name}-{device.kind}",
            episode_id=name,
            rule=injection.rule,
            variant=injection.variant,
            device_id=device.device_id,
            shipment_id=shipment_id,
            start_ms=int(injection.start_ms),
            end_ms=int(end_ms),
            size=injection.size,
            units=UNITS[injection.rule],
            subject=shipment_id if of_shipment else device.device_id,
            also=also,
        )
        for device in (devices[:1] if of_shipment else devices)
    ]
