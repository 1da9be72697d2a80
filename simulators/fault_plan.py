"""The plan of a run's faults: each finds a truck that can bear it, and its size is drawn, all from the seed.

A fault is put where the same thing would not be lawful: on the open road, away from stops, queues, customs and dead
zones. At most one at a time touches a truck, with a rest after it, so that one truth explains one alert.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulators.climate import HeatWave
from simulators.fault_draws import AT_A_REST, drawn, fitted, pieces, stands
from simulators.fault_truth import truth_of
from simulators.faults import BURST_S, Fault, FaultSpec, Injection, silence_unit_ms
from simulators.journeys import Trip
from simulators.life import UNEVENTFUL, Life
from simulators.rigs import Rig

ANYWHERE: Final = ("sensor_stuck", "battery_low", "sensor_anomaly", "clock_drift")  # goes on through stops and customs
TRIES: Final = 12


def plan(
    specs: Sequence[FaultSpec],
    rigs: Sequence[Rig],
    seed: int,
    start_ms: int,
    end_ms: int,
    every_ms: float,
    half_width_m: float = 800.0,
    life: Life = UNEVENTFUL,
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
    ground = _Ground(
        rigs, end_ms, every_ms, half_width_m, life, life.heat_wave(seed, start_ms), [float("-inf")] * len(rigs)
    )
    truth: list[Fault] = []
    for at_ms, n, made, spec in sorted(asked, key=lambda a: a[:3]):
        rng = random.Random(f"{seed}/what/{n}/{made}")
        name = f"{spec.rule}-{n}-{made:04d}"
        for rig, injection, fault_id, episode_id in _asked(spec, ground, rng, at_ms, name):
            truth += truth_of(rig, injection, fault_id, episode_id, start_ms, every_ms, life)
    return sorted(truth, key=lambda fault: (fault.start_ms, fault.fault_id))


@dataclass(slots=True)
class _Ground:
    """Where faults are put. ``busy_until`` holds, a rig, when its last fault so far is over (UTC ms)."""

    rigs: Sequence[Rig]
    end_ms: float
    every_ms: float
    half_width_m: float
    life: Life
    wave: HeatWave
    busy_until: list[float]

    @property
    def rest_ms(self) -> float:
        return 8 * self.every_ms

    def idle(self, at: int, moved: Injection) -> bool:
        """Whether this rig has nothing else to bear then, and the run goes on after it."""
        before_ms, after_ms = moved.start_ms - self.rest_ms, moved.end_ms + self.rest_ms / 2
        if moved.rule == "reading_gap":  # nobody can know of it before the device has spoken for a while after it
            after_ms += 10 * self.every_ms
        return self.busy_until[at] <= before_ms and after_ms <= self.end_ms


_Placed = tuple[Rig, Injection, str, str]  # the rig, what it plays, the fault's id and its episode's


def _asked(spec: FaultSpec, ground: _Ground, rng: random.Random, at_ms: float, name: str) -> Iterator[_Placed]:
    """All that is done for one fault that was asked for: one, a burst of them, or a whole carrier's."""
    silence_ms = silence_unit_ms(ground.rigs[0].interval_ms, ground.life.dead_zones)
    if spec.fleet_wide:
        fault = drawn(spec, rng, ground.every_ms, silence_ms, ground.half_width_m)
        scac = rng.choice(sorted({rig.scac for rig in ground.rigs}))
        for at, rig in enumerate(ground.rigs):
            injection = _placed(spec, fault, ground, at, rng, math.floor(at_ms)) if rig.scac == scac else None
            if injection is not None:
                yield rig, injection, f"{name}-{rig.index:05d}", name
        return
    burst = 1 if spec.together == (1, 1) else rng.randint(*spec.together)
    for twin in range(burst):
        begins_ms = at_ms if twin == 0 else at_ms + 1000.0 * rng.uniform(0.0, BURST_S)
        fault = drawn(spec, rng, ground.every_ms, silence_ms, ground.half_width_m)
        own = name if twin == 0 else f"{name}-{twin}"
        for attempt in range(TRIES):
            begin_ms = math.floor(begins_ms + attempt * min(ground.every_ms, 60_000.0) * 1.5)
            found = _somewhere(spec, fault, ground, rng, begin_ms)
            if found is not None:
                yield *found, own, own
                break


def _somewhere(
    spec: FaultSpec, fault: Injection, ground: _Ground, rng: random.Random, begin_ms: float
) -> tuple[Rig, Injection] | None:
    """Find a rig for this fault and inject it there. ``fault`` begins at 0."""
    first = rng.randrange(len(ground.rigs))
    for step in range(len(ground.rigs)):
        at = (first + step) % len(ground.rigs)
        injection = _placed(spec, fault, ground, at, rng, begin_ms)
        if injection is not None:
            return ground.rigs[at], injection
    return None


def _placed(
    spec: FaultSpec, fault: Injection, ground: _Ground, at: int, rng: random.Random, begin_ms: float
) -> Injection | None:
    """Inject this fault into this rig, if it can bear it then."""
    rig = ground.rigs[at]
    moved = replace(fault, start_ms=begin_ms, end_ms=math.floor(begin_ms + fault.end_ms))
    if not ground.idle(at, moved):
        return None
    trip = rig.trip_at(begin_ms)
    if trip is None or not _bears(trip, moved, ground.rest_ms / 4, spec.fleet_wide):
        return None
    if moved.variant == "swapped":  # for good: until there is nothing more to follow
        moved = replace(moved, end_ms=math.floor(min(trip.ends_ms, ground.end_ms)))
    box = next(device.key for device in rig.devices if device.kind == "container")
    injection = fitted(moved, spec, trip, box, ground.wave, rng, ground.every_ms)
    if injection is None:
        return None
    ground.busy_until[at] = injection.end_ms
    held_up = pieces(injection, rng)
    if held_up:
        rig.hold_up(injection.start_ms, held_up)
    rig.inject(injection)
    return injection


def _bears(trip: Trip, moved: Injection, margin_ms: float, wherever: bool) -> bool:
    """Whether this trip has open road where the fault needs it, or a rest stop, and what it concerns."""
    if moved.rule == "temperature_excursion" and trip.band_c is None:
        return False
    anywhere = moved.rule in ANYWHERE or moved.variant == "failing"
    if anywhere and moved.end_ms + margin_ms > trip.ends_ms:
        return False
    if wherever:
        return moved.start_ms - margin_ms > trip.start_ms
    from_ms, until_ms = moved.start_ms - margin_ms, moved.end_ms + margin_ms
    margin_km = 3.0
    if stands(moved) or anywhere or moved.variant in AT_A_REST:
        until_ms = moved.start_ms + margin_ms
        margin_km += moved.size / 1000.0 if moved.rule == "separation" else 0.0
    elif moved.variant == "fast":
        until_ms += (moved.end_ms - moved.start_ms) * (moved.size - 1.0)
    first, last = (float(km) for km in trip.along_km(np.array([from_ms, until_ms])))
    if any(b < last + margin_km and e > first - margin_km for b, e, _ in trip.way.shadows):
        return False
    if moved.variant in AT_A_REST:
        return trip.rests(from_ms, until_ms)
    return trip.open_road(from_ms, until_ms, margin_km)
