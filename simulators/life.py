"""Normal life that looks like a fault: what must stay silent, and without which precision would mean nothing.

Each is a rule's counterpart: a tunnel and a dead zone (``signal_lost``, ``reading_gap``, ``position_spoofing``), a
holiday's queue, a closed bridge and a driver's brief stop (``unplanned_stop``, ``unusual_journey``), customs putting on
another seal (``seal_breach``, ``seal_mismatch``), a heat wave (``temperature_excursion``), rough roads (``shock``),
coarse sensors (``sensor_stuck``), a battery's bad sample under load (``battery_low``), a receiver that has restarted
and has no fix yet; a reefer's doors open where they may be (``temperature_excursion``), a seal that customs open and
close within one interval (``seal_breach``), a truck under a roof (``position_spoofing``), clocks that are a little off
(``separation``). ``[life]`` in a scenario's file sets them; what is not set does not happen.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators import noise
from simulators.journeys import Trip, delayed
from simulators.places import BRIDGES
from simulators.warps import Piece

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Pair: TypeAlias = tuple[float, float]

BACKLOG_AFTER_MS: Final = 90_000  # a device that sends live data first sends its backlog so much later
_ROOF: Final = 51  # a noise stream


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``dead_zones``: there are a tunnel and a dead zone. ``heat_wave_c``: so much hotter than usual. Chances: of a
    brief stop in each leg of some kilometres, of another seal in each inspection, of a blow of the road or a battery's
    bad sample in each sample, of a device to have coarse sensors. Who comes to a bridge in ``holiday_s`` (from the
    run's start) waits ``holiday_times`` as long; ``closed_bridge`` lets nobody over in ``closed_s``.
    ``cold_start_samples``: so many samples after a restart have no fix. ``doors_warm``: open doors let the warm air in.
    ``peek_chance``: of a seal opened for seconds, in each stay at customs without an inspection. ``roof_share``: of the
    stays in yards and at customs in which the truck stands under a roof. ``clock_off_s``: no device's clock is further
    off. ``watched_sensors``: the reference declares the ranges of temperature, humidity and vibration.
    """

    dead_zones: bool = False
    heat_wave_c: float = 0.0
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
    holiday_s: Pair | None = None
    holiday_times: float = 2.0
    closed_bridge: str | None = None
    closed_s: Pair = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.closed_bridge is not None and self.closed_bridge not in BRIDGES.values():
            raise ValueError(f"closed_bridge is {', '.join(BRIDGES.values())}, not {self.closed_bridge}")
        if self.holiday_times < 1.0:
            raise ValueError("holiday_times must be at least 1")


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


def roofed(life: Life, trip: Trip, key: int, along_km: Floats, speed_kmh: Floats) -> Mask:
    """Where the truck stands under a roof, in a yard or at customs: it has no fix there."""
    found = np.zeros(len(along_km), np.bool_)
    for n, mark in enumerate(trip.way.marks):
        if mark.kind in ("yard", "customs"):
            stay = np.array([trip.start_ms // 1000 * 16 + n])
            if noise.uniforms(key, stay, _ROOF)[0] < life.roof_share:
                found |= (along_km >= mark.start_km) & (along_km <= mark.end_km) & (speed_kmh < 1.0)
    return found


def at_the_bridge(life: Life, trip: Trip, start_ms: int, eagerness: float) -> Trip:
    """The same trip with what a holiday or a closed bridge does to it; ``eagerness`` (0 to 1) is its place in line."""
    queue = trip.way.mark("queue")
    enters_ms, leaves_ms = (trip.passes_ms(km) for km in (queue.start_km, queue.end_km))
    if life.holiday_s is not None and _within(enters_ms - start_ms, life.holiday_s):
        pieces: list[Piece] = [((leaves_ms - enters_ms) * life.holiday_times, 1.0 / life.holiday_times)]
        trip = delayed(trip, enters_ms, pieces)
        leaves_ms = trip.passes_ms(queue.end_km)
    if life.closed_bridge == trip.way.bridge and _within(leaves_ms - start_ms, life.closed_s):
        halts_ms = max(start_ms + 1000.0 * life.closed_s[0], enters_ms + 0.6 * (leaves_ms - enters_ms))
        again_ms = start_ms + 1000.0 * life.closed_s[1] + 1_800_000.0 * eagerness
        if halts_ms < leaves_ms:
            trip = delayed(trip, halts_ms, [(again_ms - halts_ms, 0.0)])
    return trip


def _within(since_ms: float, span_s: Pair) -> bool:
    return span_s[0] * 1000.0 <= since_ms < span_s[1] * 1000.0
