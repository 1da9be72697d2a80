"""What a fault is before anything has happened: its variant, its size, and how this trip's road and goods shape it.

``drawn`` begins at 0 and knows no truck; ``fitted`` is that fault on a trip that can bear it (see ``fault_plan``).
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Final

import numpy as np

from simulators import climate, papers
from simulators.fault_effects import SLOW_SHARES, Floats, failing_level
from simulators.faults import (
    ALL,
    CARGO,
    KINDS,
    OF_ONE_DEVICE,
    TRUCK,
    FaultSpec,
    Injection,
)
from simulators.journeys import Trip, left_at
from simulators.places import shifted
from simulators.sick_sensors import SATURATED, SENSORS, UNIT
from simulators.warps import Piece

FREEZES: Final = 0.25  # share of temperature excursions that go below the band instead of above it
INSIDE: Final = 0.9  # of the corridor's half width: so far a slow deviation drifts before it leaves it
DRIVES_OFF_M_S: Final = (8.0, 20.0)  # what leaves a box behind, or takes it, drives off as trucks do
FALLS_BACK_M_S: Final = (3.0, 8.0)  # a false track that no jump betrays loses ground slowly
SLOWER: Final = (0.06, 0.4)  # by such a share of its way a plausible false track is slower, then as much faster
OUTLIERS_M: Final = 100.0  # two receivers' outliers, of 50 m each: what is nearer is together, as far as they tell
CLOCKS_S: Final = 8.0  # so far two devices' clocks may differ: where a truck drove in that time is together, too
TWICE: Final = 2.1  # intervals, of 1.05 at the most: in so many each device tells twice where it is
STANDS: Final = ("unplanned_stop", "separation")
AT_A_REST: Final = ("borrowed", "swapped")
STAYS: Final = 0.5  # share of swapped boxes that stay where they were put down; the others are carried back
_MINUTE_MS: Final = 60_000.0


def _size(spec: FaultSpec, rng: random.Random) -> float:
    least, most = spec.size
    return round(rng.uniform(least, most), 3) if spec.spread == "even" else _log(least, most, rng)


def _log(least: float, most: float, rng: random.Random) -> float:
    """Evenly in its logarithm: small ones are as common as large ones are."""
    return round(math.exp(rng.uniform(math.log(least), math.log(most))), 3)


def drawn(spec: FaultSpec, rng: random.Random, every_ms: float, silence_ms: float, half_width_m: float) -> Injection:
    """What the fault is and how large, begun at 0; a silence is counted in units of ``silence_ms``."""
    variant = rng.choice(spec.drawn_of)
    size, lasts_ms = _size(spec, rng), 1000.0 * rng.uniform(*spec.duration_s)
    kinds = KINDS[spec.rule]
    if spec.rule in OF_ONE_DEVICE and variant != "jammed":
        kinds = (rng.choice(kinds),)
    elif variant == "plausible":  # of a separation: whose track is false
        kinds = (rng.choice(ALL),)
    text, value, ramp_ms = "", 0.0, 0.0
    if variant == "counter":
        lasts_ms = every_ms  # over between two readings: only the counter tells
    elif spec.rule == "shock":
        lasts_ms = lasts_ms if variant == "volley" else 1.06 * every_ms  # one reading, or two where they are close
        value = rng.choice((size, -size))
        ramp_ms = 1.06 * every_ms  # so long a volley's first blow is sure to fall
    elif spec.rule == "signal_lost":
        lasts_ms = math.ceil(size * silence_ms / every_ms) * every_ms  # whole readings
    elif spec.rule == "reading_gap":
        size = max(1.0, round(size))
        lasts_ms = size * every_ms * (2 if variant == "scattered" else 1)
    elif spec.rule == "unplanned_stop":
        lasts_ms = size * _MINUTE_MS
    elif variant == "slow":
        value = INSIDE * half_width_m
    elif spec.rule == "temperature_excursion" and variant != "failing" and rng.random() < FREEZES:
        size = -size
    elif spec.rule == "seal_mismatch":
        text = papers.seal(rng, 0).seal_number
    elif spec.rule == "sensor_stuck":
        text, size = rng.choice(SENSORS[kinds[0]]), round(lasts_ms / _MINUTE_MS, 1)
        value = rng.choice(SATURATED[text]) if variant == "saturated" else rng.random()
    elif spec.rule == "sensor_anomaly":
        text = rng.choice(SENSORS[kinds[0]])
        size = UNIT[text] if variant == "unit" else size
    elif spec.rule == "unusual_journey":
        scale = {"crawl": (0.6, 0.22), "fast": (1.2, 1.45), "stop_and_go": (0.25, 0.65), "detour": (0.3, 0.8)}[variant]
        size = round(scale[0] + size * (scale[1] - scale[0]), 3)
        value = size * half_width_m
    return Injection(spec.rule, variant, kinds, 0.0, lasts_ms, size, ramp_ms=ramp_ms, text=text, value=value)


def fitted(
    moved: Injection, spec: FaultSpec, trip: Trip, box: int, wave: climate.HeatWave, rng: random.Random, every_ms: float
) -> Injection | None:
    """The injection as this trip's road and goods shape it, or None where it does not fit there.

    ``box`` is the key of the container's device, ``every_ms`` the time between a device's readings.
    """
    if moved.rule == "route_deviation":
        leaves = _sideways(moved, trip, moved.size, spec.sideways_m_s, rng)
        return leaves if leaves is None or moved.variant != "slow" else _leaving(leaves)
    if moved.variant == "failing":
        return _out_of_band(moved, trip, box, wave)
    if moved.variant == "detour":
        return _sideways(moved, trip, moved.value, spec.sideways_m_s, rng)
    if moved.rule == "position_spoofing":
        return _spoofed(moved, trip, rng)
    if moved.rule == "separation":
        return _parted(moved, trip, rng, every_ms)
    if moved.rule == "sensor_stuck" and moved.variant == "frozen":
        return _frozen(moved, trip)
    return moved


def _spoofed(moved: Injection, trip: Trip, rng: random.Random) -> Injection | None:
    """False positions in some direction, by what the truck covers meanwhile; None where it cannot replay so much."""
    turn = rng.uniform(0.0, 2.0 * math.pi)
    moved = replace(moved, north=math.cos(turn), east=math.sin(turn))
    first, last = (float(km) for km in trip.along_km(np.array([moved.start_ms, moved.end_ms])))
    if moved.variant == "replayed" and first < moved.size:
        return None
    if moved.variant in ("frozen", "jammed"):
        return replace(moved, size=round(last - first, 3))
    if moved.variant == "plausible":
        return replace(moved, size=_log(*SLOWER, rng))
    if moved.variant == "mirrored":
        lat, _ = trip.way.at(np.array([first]))
        return replace(moved, size=round(2.0 * abs(float(lat[0])) * 111.2, 0))
    return moved


def _parted(moved: Injection, trip: Trip, rng: random.Random, every_ms: float) -> Injection | None:
    """Which of the two goes its own way, and how fast they come apart."""
    m_s = FALLS_BACK_M_S if moved.variant == "plausible" else DRIVES_OFF_M_S
    kinds = moved.kinds
    if moved.variant == "swapped":
        return _left_for_good(moved, trip, 0.0 if rng.random() < STAYS else moved.size, rng.uniform(*m_s))
    if moved.variant != "plausible":
        goes = rng.choice((TRUCK, CARGO)) if moved.variant == "borrowed" else CARGO
        kinds = TRUCK if moved.variant == "left_behind" else goes
    least_ms = 1000.0 * moved.size / rng.uniform(*m_s)
    lasts_ms = moved.end_ms - moved.start_ms
    ramp_ms = min(least_ms, (0.45 if moved.variant == "plausible" else 0.3) * lasts_ms)
    moved = replace(moved, kinds=kinds, ramp_ms=ramp_ms)
    return _fallen_back(moved, trip, every_ms) if moved.variant == "plausible" else moved


def _frozen(moved: Injection, trip: Trip) -> Injection:
    """A sensor stuck at a value that is usual for these goods."""
    low, high = trip.band_c or (22.0, 32.0)
    usual = {
        "temperature": low + (high - low) * (0.4 + 0.1 * moved.value),
        "humidity": (80.0 if trip.band_c else 45.0) + 4.0 * moved.value,
        "shock": 0.3 + 0.1 * moved.value,
        "vibration": 0.24 + 0.05 * moved.value,
    }
    return replace(moved, value=round(usual[moved.text], 2))


def _leaving(drift: Injection) -> Injection:
    """The same slow deviation, which shows from where it leaves the corridor."""
    half_width_m = drift.value / INSIDE
    share = float(np.interp(half_width_m, (drift.value, drift.size), SLOW_SHARES[1:3]))
    return replace(drift, shows_ms=drift.start_ms + share * (drift.end_ms - drift.start_ms))


def _fallen_back(drift: Injection, trip: Trip, every_ms: float) -> Injection:
    """The same false track, which shows from where it lies apart, if it does."""
    time_ms = np.arange(drift.start_ms, drift.end_ms, 1000.0)
    away_ms = np.minimum(time_ms - drift.start_ms, drift.end_ms - time_ms)
    behind_m = np.clip(away_ms / drift.ramp_ms, 0.0, 1.0) * drift.size
    return replace(drift, shows_ms=shows_ms(trip, time_ms, behind_m, every_ms))


def shows_ms(trip: Trip, time_ms: Floats, behind_m: Floats, every_ms: float) -> float | None:
    """The first of these times at which a track so far behind is a parting to its companions, or None.

    That is where neither receivers nor clocks would put it so far behind. Nobody can tell what is over before each
    device has told twice.
    """
    clocks_m = 1000.0 * (trip.along_km(time_ms) - trip.along_km(time_ms - 1000.0 * CLOCKS_S))
    apart_ms = time_ms[behind_m >= OUTLIERS_M + clocks_m]
    return float(apart_ms[0]) if len(apart_ms) and apart_ms[-1] - apart_ms[0] >= TWICE * every_ms else None


def _left_for_good(swap: Injection, trip: Trip, back_m: float, m_s: float) -> Injection | None:
    """The swap of a box carried so far back: as large as they come apart, it shows from two receivers' outliers.

    None where they never come so far apart.
    """
    swap = replace(swap, kinds=CARGO, value=back_m, ramp_ms=1000.0 * back_m / m_s)
    time_ms = np.arange(swap.start_ms, swap.end_ms, 1_000.0)
    box = left_at(trip, swap.start_ms, back_m / 1000.0, swap.ramp_ms)
    apart_m = 1000.0 * (trip.along_km(time_ms) - box.along_km(time_ms))
    shown = np.flatnonzero(apart_m >= OUTLIERS_M)
    return replace(swap, size=round(float(apart_m[-1]), 1), shows_ms=float(time_ms[shown[0]])) if len(shown) else None


def _out_of_band(failing: Injection, trip: Trip, box: int, wave: climate.HeatWave) -> Injection | None:
    """The same failing reefer, which shows from when its air is too warm, noise apart."""
    if trip.band_c is None:
        return None
    time_ms = np.arange(failing.start_ms, failing.end_ms, 10_000.0)
    usual_c = climate.reefer_c(box, time_ms, trip.band_c, wave)
    level = failing_level((time_ms - failing.start_ms) / (failing.end_ms - failing.start_ms))
    high_c = trip.band_c[1]
    out = np.flatnonzero(usual_c + level * (high_c + failing.size - usual_c) > high_c)
    return replace(failing, shows_ms=float(time_ms[out[0]])) if len(out) else None


def stands(injection: Injection) -> bool:
    """Whether the truck, or what it carries, stands while this lasts, and then the journey goes on."""
    return injection.rule in STANDS and injection.variant not in ("plausible", "swapped")


def pieces(injection: Injection, rng: random.Random) -> list[Piece]:
    """What the fault does to the journey's own clock (see ``warps``)."""
    lasts_ms = injection.end_ms - injection.start_ms
    if stands(injection):
        return [(lasts_ms, 0.0)]
    if injection.variant in ("crawl", "fast"):
        return [(lasts_ms, injection.size)]
    held_up: list[Piece] = []
    if injection.variant == "stop_and_go":
        left_ms = lasts_ms
        while left_ms > 0.0:
            turn_ms = min(left_ms, 1000.0 * rng.uniform(120.0, 260.0))
            held_up += [(turn_ms * injection.size, 0.0), (turn_ms * (1.0 - injection.size), 1.0)]
            left_ms -= turn_ms
    return held_up


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
