"""Faults: what a scenario asks for, what was injected, and the ground truth that is written beside the readings.

A ``FaultSpec`` asks for a rule's faults (how many, how large); ``plan`` finds each a truck on the open road, away from
every place where the same thing would be lawful, and draws its size. At most one fault at a time touches a truck, with
a rest after it, so that one truth explains one alert.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
import numpy as np

from contracts.reference import DeviceKind
from simulators.places import shifted

if TYPE_CHECKING:
    from simulators.journeys import Trip
    from simulators.rigs import Rig

FaultRule: TypeAlias = Literal["seal_breach", "route_deviation", "temperature_excursion", "signal_lost"]
Variant: TypeAlias = Literal["open", "tampered", "removed", "counter", "jump", "drift", "sideways", "silent"]
Pair: TypeAlias = tuple[float, float]

UNITS: Final[dict[FaultRule, str]] = {
    "seal_breach": "openings",
    "route_deviation": "m",
    "temperature_excursion": "degC",
    "signal_lost": "intervals",
}
VARIANTS: Final[dict[FaultRule, tuple[Variant, ...]]] = {
    "seal_breach": ("open", "tampered", "removed", "counter"),
    "route_deviation": ("sideways",),
    "temperature_excursion": ("jump", "drift"),
    "signal_lost": ("silent",),
}
KINDS: Final[dict[FaultRule, tuple[DeviceKind, ...]]] = {
    "seal_breach": ("seal",),
    "route_deviation": ("truck", "container", "seal"),
    "temperature_excursion": ("container",),
    "signal_lost": ("truck", "container", "seal"),
}
FREEZES: Final = 0.25  # share of temperature excursions that go below the band instead of above it


class FaultSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scenario file asks for; every pair is the least and the most of what is drawn.

    The first fault starts ``first_s`` after the run's start, the next ``every_s`` after the one before, ``count`` in
    all (as many as fit where it is left out). ``size`` is metres sideways, degrees beyond the band, or declared
    intervals of silence (``duration_s`` is then not used); for a seal it is not used. ``sideways_m_s`` is how fast a
    truck leaves its road.
    """

    rule: FaultRule
    first_s: Pair
    every_s: Pair = (3600.0, 7200.0)
    count: int | None = None
    duration_s: Pair = (600.0, 1200.0)
    size: Pair = (1.0, 1.0)
    variants: tuple[Variant, ...] = ()
    sideways_m_s: float = 15.0

    def __post_init__(self) -> None:
        for name in ("first_s", "every_s", "duration_s", "size"):
            least, most = getattr(self, name)
            if not 0 <= least <= most:
                raise ValueError(f"{name} must be [least, most], not negative: got [{least}, {most}]")
        strange = set(self.variants) - set(VARIANTS[self.rule])
        if strange:
            raise ValueError(f"variants of {self.rule} are {', '.join(VARIANTS[self.rule])}, not {', '.join(strange)}")
        if self.rule == "signal_lost" and self.size[0] <= 12:
            raise ValueError("size of signal_lost must be over 12 declared intervals")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: what was done to which device, from when (included) to when (excluded), how much.

    A truck that leaves its road takes three devices with it: three faults, one ``episode_id``.
    """

    fault_id: str
    episode_id: str
    rule: FaultRule
    variant: Variant
    device_id: str
    shipment_id: str
    start_ms: int
    end_ms: int
    size: float
    units: str


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the devices play it: by those of ``kinds``, from ``start_ms`` (included) to ``end_ms`` (excluded).

    ``size`` is in the rule's unit. ``north``, ``east`` are the unit vector of a deviation; ``ramp_ms`` its slopes.
    """

    rule: FaultRule
    variant: Variant
    kinds: tuple[DeviceKind, ...]
    start_ms: float
    end_ms: float
    size: float
    north: float = 0.0
    east: float = 0.0
    ramp_ms: float = 0.0


def plan(
    specs: Sequence[FaultSpec], rigs: Sequence[Rig], seed: int, start_ms: int, end_ms: int, every_ms: float
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
        for attempt in range(12):
            begin_ms = math.floor(at_ms + attempt * min(every_ms, 60_000.0) * 1.5)
            placed = _place(spec, rigs, rng, begin_ms, end_ms, every_ms, busy_until)
            if placed is not None:
                truth += _truth(placed[0], placed[1], f"{spec.rule}-{n}-{made:04d}")
                break
    return sorted(truth, key=lambda fault: (fault.start_ms, fault.fault_id))


def _place(
    spec: FaultSpec,
    rigs: Sequence[Rig],
    rng: random.Random,
    begin_ms: float,
    end_ms: float,
    every_ms: float,
    busy_until: list[float],
) -> tuple[Rig, Injection] | None:
    """Find a rig for this fault and inject it there."""
    first = rng.randrange(len(rigs))
    drawn = _drawn(spec, rng, begin_ms, every_ms, rigs[0].interval_ms)
    rest_ms = 8 * every_ms
    for step in range(len(rigs)):
        at = (first + step) % len(rigs)
        rig = rigs[at]
        if busy_until[at] > begin_ms - rest_ms or drawn.end_ms + rest_ms / 2 > end_ms:
            continue
        trip = rig.trip_at(begin_ms)
        if trip is None or not trip.open_road(begin_ms - rest_ms / 4, drawn.end_ms + rest_ms / 4):
            continue
        if spec.rule == "temperature_excursion" and trip.band_c is None:
            continue
        injection = _sideways(drawn, trip, spec.sideways_m_s, rng) if spec.rule == "route_deviation" else drawn
        if injection is None:
            continue
        busy_until[at] = injection.end_ms
        rig.inject(injection)
        return rig, injection
    return None


def _drawn(spec: FaultSpec, rng: random.Random, begin_ms: float, every_ms: float, interval_ms: float) -> Injection:
    variant = rng.choice(spec.variants or VARIANTS[spec.rule])
    size = round(rng.uniform(*spec.size), 3)
    lasts_ms = 1000.0 * rng.uniform(*spec.duration_s)
    kinds = KINDS[spec.rule]
    if variant == "counter":
        lasts_ms = every_ms  # over between two readings: only the counter tells
    elif variant == "silent":
        lasts_ms = math.ceil(size * interval_ms / every_ms) * every_ms  # whole readings
        kinds = (rng.choice(kinds),)
    elif spec.rule == "temperature_excursion" and rng.random() < FREEZES:
        size = -size
    return Injection(spec.rule, variant, kinds, begin_ms, math.floor(begin_ms + lasts_ms), size)


def _sideways(drawn: Injection, trip: Trip, m_s: float, rng: random.Random) -> Injection | None:
    """The same deviation to the side on which the road does not bend back towards the truck, or None."""
    ramp_ms = min(1000.0 * drawn.size / m_s, (drawn.end_ms - drawn.start_ms) * 0.4)
    along = trip.along_km(np.linspace(drawn.start_ms + ramp_ms, drawn.end_ms - ramp_ms, 7))
    lat, lon = trip.way.at(along)
    heading = float(trip.way.heading_at(along[3:4])[0])
    for side in (90.0, -90.0) if rng.random() < 0.5 else (-90.0, 90.0):
        turn = math.radians(heading + side)
        north, east = math.cos(turn), math.sin(turn)
        moved = shifted(lat, lon, north * drawn.size / 1000.0, east * drawn.size / 1000.0)
        if trip.way.off_m(*moved).min() >= 0.85 * drawn.size:
            return replace(drawn, north=north, east=east, ramp_ms=ramp_ms)
    return None


def _truth(rig: Rig, injection: Injection, name: str) -> list[Fault]:
    trip = rig.trip_at(injection.start_ms)
    shipment_id = "" if trip is None else trip.shipment_id
    return [
        Fault(
            fault_id=name if injection.rule != "route_deviation" else f"{name}-{device.kind}",
            episode_id=name,
            rule=injection.rule,
            variant=injection.variant,
            device_id=device.device_id,
            shipment_id=shipment_id,
            start_ms=int(injection.start_ms),
            end_ms=int(injection.end_ms),
            size=injection.size,
            units=UNITS[injection.rule],
        )
        for device in rig.devices
        if device.kind in injection.kinds
    ]
