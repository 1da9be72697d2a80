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

import random
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators import noise
from simulators.climate import HeatWave
from simulators.delays import Delays
from simulators.journeys import Trip
from simulators.places import BRIDGES

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Pair: TypeAlias = tuple[float, float]

ANY: Final = "any"
BACKLOG_AFTER_MS: Final = 90_000  # a device that sends live data first sends its backlog so much later
_ROOF: Final = 51  # a noise stream


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``dead_zones``: there are a tunnel and a dead zone. ``heat_wave_c``: so much hotter than usual it becomes, in
    ``heat_wave_rise_s``, from ``heat_wave_from_s`` after the run's start, each drawn between its least and most.
    Chances: of a brief stop in each leg of some kilometres, of another seal in each inspection, of a blow of the road
    or a battery's bad sample in each sample, of a device to have coarse sensors. A holiday begins ``holiday_from_s``
    after the run's start and lasts ``holiday_lasts_s``, its waits ``holiday_times`` as long as usual; a closure begins
    ``closed_from_s`` and lasts ``closed_lasts_s``, of ``closed_bridge``, or of one of them (``any``); each drawn
    between its least and most. ``line_km``: how far before the bridge's own queue such a line reaches (``delays``).
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
    holiday_from_s: Pair = (0.0, 0.0)
    holiday_lasts_s: Pair = (0.0, 0.0)
    holiday_times: Pair = (1.0, 1.0)
    closed_bridge: str | None = None
    closed_from_s: Pair = (0.0, 0.0)
    closed_lasts_s: Pair = (0.0, 0.0)
    line_km: Pair = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name, drawn in msgspec.structs.asdict(self).items():
            if isinstance(drawn, tuple) and not 0.0 <= drawn[0] <= drawn[1]:
                raise ValueError(f"{name} must be [least, most], not negative: got [{drawn[0]:g}, {drawn[1]:g}]")
        if self.closed_bridge not in (None, ANY, *BRIDGES.values()):
            raise ValueError(f"closed_bridge is {', '.join(BRIDGES.values())} or {ANY}, not {self.closed_bridge}")
        if self.closed_bridge is not None and self.closed_lasts_s[0] <= 0.0:
            raise ValueError("closed_lasts_s must be above 0 where a bridge is closed")
        if self.holiday_times[0] < 1.0:
            raise ValueError("holiday_times must be at least 1")

    def heat_wave(self, seed: int, start_ms: int) -> HeatWave:
        """The wave of the run of this seed."""
        rng = random.Random(f"{seed}/heat")
        spans = (self.heat_wave_c, self.heat_wave_from_s, self.heat_wave_rise_s)
        most_c, from_s, rises_s = (rng.uniform(*of) for of in spans)
        return HeatWave(most_c, start_ms + 1000.0 * from_s, 1000.0 * rises_s)

    def delays(self, seed: int, start_ms: int) -> Delays:
        """The holiday and the closed bridge of the run of this seed."""
        rng = random.Random(f"{seed}/delays")
        spans = (self.holiday_from_s, self.holiday_lasts_s, self.closed_from_s, self.closed_lasts_s)
        holiday_s, lasts_s, closed_s, shut_s = (rng.uniform(*of) for of in spans)
        times, any_bridge = rng.uniform(*self.holiday_times), rng.choice(list(BRIDGES.values()))
        return Delays(
            (start_ms + 1000.0 * holiday_s, start_ms + 1000.0 * (holiday_s + lasts_s)),
            times,
            any_bridge if self.closed_bridge == ANY else self.closed_bridge,
            (start_ms + 1000.0 * closed_s, start_ms + 1000.0 * (closed_s + shut_s)),
            self.line_km,
        )


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
