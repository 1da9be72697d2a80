"""Normal life that looks like a fault: what must stay silent, and without which precision would mean nothing.

Each is a rule's counterpart: a tunnel and a dead zone (``signal_lost``, ``reading_gap``, ``position_spoofing``), a
holiday's queue, a closed bridge and a driver's brief stop (``unplanned_stop``, ``unusual_journey``), customs putting
on another seal (``seal_breach``, ``seal_mismatch``), a heat wave (``temperature_excursion``), rough roads (``shock``),
coarse sensors (``sensor_stuck``), a battery's bad sample under load (``battery_low``), a receiver that has restarted
and has no fix yet; a reefer's doors open where they may be (``temperature_excursion``), a seal that customs open and
close within one interval (``seal_breach``), a truck and its load under a roof (``position_spoofing``,
``seal_breach``), clocks that are a little off (``separation``). ``[life]`` in a scenario's file sets them; what is not
set does not happen.
"""

from __future__ import annotations

import math
import random
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.reference import Announced, Notice
from simulators import noise
from simulators.climate import HeatWave
from simulators.journeys import Trip, delayed
from simulators.places import BRIDGES, WAITS_S
from simulators.warps import Piece

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Pair: TypeAlias = tuple[float, float]

BACKLOG_AFTER_MS: Final = 90_000  # a device that sends live data first sends its backlog so much later
_ROOF: Final = 51  # a noise stream
_HOP_KM: Final = (0.05, 0.4)  # by how much a line before a bridge moves up at once
_CREEP_KMH: Final = 12.0
_DISSOLVES_MS: Final = 1_800_000.0  # by when the last of the line before a bridge that has opened again moves


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``dead_zones``: there are a tunnel and a dead zone. ``heat_wave_c``: so much hotter than usual it becomes, in
    ``heat_wave_rise_s``, from ``heat_wave_from_s`` after the run's start, each drawn between its least and most.
    Chances: of a brief stop in each leg of some kilometres, of another seal in each inspection, of a blow of the road
    or a battery's bad sample in each sample, of a device to have coarse sensors. Who comes to a bridge in
    ``holiday_s`` (from the run's start) waits ``holiday_times`` as long; ``closed_bridge`` lets nobody over in
    ``closed_s``. ``line_km``: how far before the bridge's own queue such a line reaches: drawn for each who comes in
    a holiday; before a closed bridge it grows from the least to the most. Both are announced (``notices``).
    ``cold_start_samples``: so many samples after a restart have no fix. ``doors_warm``: open doors let the warm air
    in. ``peek_chance``: of a seal opened for seconds, in each stay at customs without an inspection. ``roof_share``: of
    the stays in yards and at customs in which the truck and what is on it stand under a roof. ``clock_off_s``: no
    device's clock is further off. ``watched_sensors``: the reference declares the ranges of temperature, humidity and
    vibration. ``watched_crossings``: and of what waits and crossings at the bridges take.
    """

    dead_zones: bool = False
    heat_wave_c: Pair = (0.0, 0.0)
    heat_wave_from_s: Pair = (0.0, 0.0)
    heat_wave_rise_s: Pair = (0.0, 0.0)
    brief_stop_chance: float = 0.0
    reseal_chance: float = 0.0
    rough_chance: float = 0.0
    weak_chance: float = 0.0
    coarse_share: float = 0.0
    cold_start_samples: int = 0
    doors_warm: bool = False
    peek_chance: float = 0.0
    roof_share: float = 0.0
    clock_off_s: float = 0.0
    watched_sensors: bool = False
    watched_crossings: bool = False
    holiday_s: Pair | None = None
    holiday_times: float = 2.0
    closed_bridge: str | None = None
    closed_s: Pair = (0.0, 0.0)
    line_km: Pair = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.closed_bridge is not None and self.closed_bridge not in BRIDGES.values():
            raise ValueError(f"closed_bridge is {', '.join(BRIDGES.values())}, not {self.closed_bridge}")
        if self.holiday_times < 1.0:
            raise ValueError("holiday_times must be at least 1")

    def heat_wave(self, seed: int, start_ms: int) -> HeatWave:
        """The wave of the run of this seed."""
        rng = random.Random(f"{seed}/heat")
        spans = (self.heat_wave_c, self.heat_wave_from_s, self.heat_wave_rise_s)
        most_c, from_s, rises_s = (rng.uniform(*of) for of in spans)
        return HeatWave(most_c, start_ms + 1000.0 * from_s, 1000.0 * rises_s)

    def notices(self, start_ms: int) -> list[Notice]:
        """What customs announce of the bridges: each holiday or closure, until the line that it makes has gone."""
        found: list[Notice] = []
        for code, bridge in BRIDGES.items():
            wait_s = max(most for _, most in WAITS_S[code].values())
            if self.holiday_s is not None:
                gone_s = self.holiday_times * wait_s
                found.append(_notice(bridge, "holiday", start_ms, self.holiday_s, gone_s))
            if self.closed_bridge == bridge:
                gone_s = _DISSOLVES_MS / 1000.0 + wait_s
                found.append(_notice(bridge, "closure", start_ms, self.closed_s, gone_s))
        return found


def _notice(bridge: str, reason: Announced, start_ms: int, span_s: Pair, gone_s: float) -> Notice:
    begins_ms, ends_ms = (start_ms + int(1000.0 * s) for s in (span_s[0], span_s[1] + gone_s))
    return Notice(effective_ms=begins_ms, notice_id=f"{bridge}-{reason}", bridge=bridge, reason=reason, ends_ms=ends_ms)


UNEVENTFUL: Final = Life()


def shadowed(trip: Trip, time_ms: Samples) -> tuple[Mask, Floats]:
    """Which of these instants are without a fix, and until when (UTC ms, 0: not) nothing can be sent."""
    along = trip.along_km(time_ms)
    no_fix, until_ms = np.zeros(len(time_ms), np.bool_), np.zeros(len(time_ms))
    for begin_km, end_km, tunnel in trip.way.shadows:
        inside = (along >= begin_km) & (along < end_km)
        if inside.any():
            no_fix |= inside & tunnel
            until_ms[inside] = trip.passes_ms(end_km)
    return no_fix, until_ms


def overshadowed(trip: Trip | None, from_ms: float, until_ms: float) -> bool:
    """Whether some of this time is spent in a tunnel or a dead zone."""
    if trip is None:
        return False
    first, last = (float(km) for km in trip.along_km(np.array([from_ms, until_ms])))
    return any(begin_km <= last and end_km >= first for begin_km, end_km, _ in trip.way.shadows)


def roofed(life: Life, trip: Trip, key: int, time_ms: Samples, along_km: Floats, speed_kmh: Floats) -> Mask:
    """Where a truck of this ``key`` stands under a roof, in a yard or at customs, and all that is on it: it has no fix.

    It drives up to the ramp when its trip begins: a container and a seal are switched on in the open.
    """
    found, begun = np.zeros(len(along_km), np.bool_), time_ms >= trip.start_ms
    for n, mark in enumerate(trip.way.marks):
        if mark.kind in ("yard", "customs"):
            stay = np.array([trip.start_ms // 1000 * 16 + n])
            if noise.uniforms(key, stay, _ROOF)[0] < life.roof_share:
                found |= begun & (along_km >= mark.start_km) & (along_km <= mark.end_km) & (speed_kmh < 1.0)
    return found


def at_the_bridge(life: Life, trip: Trip, start_ms: int) -> Trip:
    """The same trip with what a holiday or a closed bridge does to it."""
    if life.holiday_s is not None:
        trip = _on_a_holiday(life, life.holiday_s, trip, start_ms)
    if life.closed_bridge == trip.way.bridge:
        trip = _at_a_closed_bridge(life, trip, start_ms)
    return trip


def _on_a_holiday(life: Life, holiday_s: Pair, trip: Trip, start_ms: int) -> Trip:
    """Who comes to the line's end waits so many times as long, all along it alike, the line moving up by hops."""
    rng = random.Random(f"{trip.shipment_id}/line")
    queue = trip.way.mark("queue")
    least_km, most_km = life.line_km
    line_km = math.exp(rng.uniform(math.log(least_km), math.log(most_km))) if least_km > 0.0 else 0.0
    comes_ms, enters_ms, leaves_ms = (
        trip.passes_ms(km) for km in (queue.start_km - line_km, queue.start_km, queue.end_km)
    )
    if not _within(comes_ms - start_ms, holiday_s):
        return trip
    own_km = queue.end_km - queue.start_km
    waits_ms = (leaves_ms - enters_ms) * life.holiday_times
    pieces: list[Piece] = []
    at_km = queue.start_km - line_km
    while at_km < queue.start_km:
        to_km = min(queue.start_km, at_km + rng.uniform(*_HOP_KM))
        passes_ms = trip.passes_ms(to_km) - trip.passes_ms(at_km)
        creeps_ms = (to_km - at_km) / _CREEP_KMH * 3_600_000.0
        # What takes longer as it is holds a stay at customs, which the line does not stretch.
        pieces.append((max(creeps_ms, passes_ms), passes_ms / max(creeps_ms, passes_ms)))
        stands_ms = waits_ms * (to_km - at_km) / (own_km + line_km) * rng.uniform(0.4, 1.6) - creeps_ms
        pieces += [(stands_ms, 0.0)] if stands_ms > 0.0 else []
        at_km = to_km
    times = max(1.0, life.holiday_times * own_km / (own_km + line_km))
    pieces.append(((leaves_ms - enters_ms) * times, 1.0 / times))
    return delayed(trip, comes_ms, pieces)


def _at_a_closed_bridge(life: Life, trip: Trip, start_ms: int) -> Trip:
    """Who comes while it is closed stands behind those that came before, and goes on after them."""
    queue = trip.way.mark("queue")
    closed_ms, opens_ms = (start_ms + 1000.0 * s for s in life.closed_s)
    least_km, most_km = life.line_km
    comes_ms, leaves_ms = trip.passes_ms(queue.start_km - most_km), trip.passes_ms(queue.end_km)
    if leaves_ms <= closed_ms or comes_ms >= opens_ms:
        return trip
    grown = float(np.clip((comes_ms - closed_ms) / (opens_ms - closed_ms), 0.0, 1.0))
    first_km = 0.4 * (queue.end_km - queue.start_km)  # so many were there already
    last_km = queue.end_km - queue.start_km + least_km + grown * (most_km - least_km)
    halts_ms = max(closed_ms, trip.passes_ms(queue.end_km - first_km - grown * (last_km - first_km)))
    again_ms = opens_ms + _DISSOLVES_MS * grown
    return trip if halts_ms >= min(leaves_ms, again_ms) else delayed(trip, halts_ms, [(again_ms - halts_ms, 0.0)])


def _within(since_ms: float, span_s: Pair) -> bool:
    return span_s[0] * 1000.0 <= since_ms < span_s[1] * 1000.0
