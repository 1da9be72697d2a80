"""What a device's columns show while a fault is played: where it says it is, what it measures, what never arrives.

Functions of the samples' times alone, so that how a run is cut into windows changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.reference import DeviceKind
from simulators import noise
from simulators.fault_plan import PLAUSIBLE_SLOWER
from simulators.faults import Injection
from simulators.journeys import Trip
from simulators.places import shifted

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

FIELDS: Final = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "shock": "shock_g",
    "vibration": "vibration_g",
}
_LOST: Final = 9  # a noise stream


def _during(i: Injection, time_ms: Samples) -> Mask:
    found: Mask = (time_ms >= i.start_ms) & (time_ms < i.end_ms)
    return found


def silent(injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples) -> Mask:
    """Samples that are never taken."""
    found = np.zeros(len(time_ms), dtype=np.bool_)
    for i in injections:
        if i.rule == "signal_lost" and kind in i.kinds:
            found |= _during(i, time_ms)
    return found


def lost(injections: Iterable[Injection], kind: DeviceKind, key: int, k: Samples, time_ms: Samples) -> Mask:
    """Samples that are taken and numbered, and lost in the device for good."""
    found = np.zeros(len(time_ms), dtype=np.bool_)
    for i in injections:
        if i.rule == "reading_gap" and kind in i.kinds:
            scattered = i.variant == "scattered"
            found |= _during(i, time_ms) & ((noise.uniforms(key, k, _LOST) < 0.5) if scattered else True)
    return found


def driven(
    injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples, along_km: Floats, speed_kmh: Floats
) -> tuple[Floats, Floats]:
    """Kilometres along and speeds of a device that goes away from the others, waits, and comes back."""
    for i in injections:
        if i.rule == "separation" and kind in i.kinds:
            away_ms = np.minimum(time_ms - i.start_ms, i.end_ms - time_ms)
            along_km = along_km + np.clip(away_ms / i.ramp_ms, 0.0, 1.0) * i.size / 1000.0
            rolling = (away_ms > 0.0) & (away_ms < i.ramp_ms)
            speed_kmh = speed_kmh + np.where(rolling, i.size / 1000.0 / (i.ramp_ms / 3_600_000.0), 0.0)
    return along_km, speed_kmh


def aside_km(injections: Iterable[Injection], time_ms: Samples) -> tuple[Floats | float, Floats | float]:
    """Kilometres north and east of the road."""
    north_km: Floats | float = 0.0
    east_km: Floats | float = 0.0
    for i in injections:
        if i.rule == "route_deviation" or i.variant == "detour":
            most_m = i.value if i.variant == "detour" else i.size
            slope = np.minimum(time_ms - i.start_ms, i.end_ms - time_ms) / max(i.ramp_ms, 1.0)
            share_km = np.clip(slope, 0.0, 1.0) * most_m / 1000.0
            north_km, east_km = north_km + share_km * i.north, east_km + share_km * i.east
    return north_km, east_km


def spoofed(
    injections: Iterable[Injection],
    kind: DeviceKind,
    trip: Trip,
    time_ms: Samples,
    lat_deg: Floats,
    lon_deg: Floats,
) -> tuple[Floats, Floats]:
    """Positions as told, where they are not those that are true."""
    for i in injections:
        during = _during(i, time_ms)
        if i.rule != "position_spoofing" or kind not in i.kinds or not during.any():
            continue
        lat, lon = lat_deg[during], lon_deg[during]
        if i.variant == "jump":
            lat, lon = shifted(lat, lon, i.north * i.size, i.east * i.size)
        elif i.variant == "mirrored":
            lat, lon = (lat, -lon) if i.north > 0.0 else (-lat, lon)
        elif i.variant == "frozen":
            lat, lon = (np.full(len(lat), float(x[0])) for x in trip.way.at(trip.along_km(np.array([i.start_ms]))))
        else:
            true_km = trip.along_km(time_ms[during])
            told_km = true_km - i.size
            if i.variant == "plausible":  # falls back, then catches up: it begins and ends where the truck is
                first, last = (float(km) for km in trip.along_km(np.array([i.start_ms, i.end_ms])))
                told_km = true_km - PLAUSIBLE_SLOWER * np.minimum(true_km - first, last - true_km)
            noise_lat, noise_lon = (a - b for a, b in zip((lat, lon), trip.way.at(true_km), strict=True))
            lat, lon = (a + b for a, b in zip(trip.way.at(told_km), (noise_lat, noise_lon), strict=True))
        lat_deg, lon_deg = lat_deg.copy(), lon_deg.copy()
        lat_deg[during], lon_deg[during] = lat, lon
    return lat_deg, lon_deg


def celsius(injections: Iterable[Injection], time_ms: Samples, true_c: Floats, bell: Floats, band: Any) -> Floats:
    """Temperatures in a band of (least, greatest) degC that an excursion leaves. ``bell`` is the sensor's noise."""
    low, high = band
    for i in injections:
        if i.rule == "temperature_excursion":
            share = np.clip((time_ms - i.start_ms) / max(i.end_ms - i.start_ms, 1.0), -1.0, 2.0)
            level = np.where((share >= 0.0) & (share < 1.0), 1.0, 0.0)
            if i.variant == "drift":
                level = np.clip(np.minimum(share / 0.4, (1.0 - share) / 0.2), 0.0, 1.0)
            target = (high if i.size > 0 else low) + i.size
            true_c = true_c + level * (target - true_c + 0.12 * bell)
    return true_c


def measured(
    injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples, columns: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The columns with blows, stuck sensors, failing batteries, broken and exchanged seals in them."""
    told = dict(columns)
    for i in injections:
        during = _during(i, time_ms)
        if kind not in i.kinds or not during.any():
            continue
        if i.rule == "shock":
            told["shock_g"] = np.where(during, round(i.value, 3), told["shock_g"])
        elif i.rule == "sensor_stuck":
            told[FIELDS[i.text]] = np.where(during, i.value, told[FIELDS[i.text]])
        elif i.rule == "battery_low":
            full = told["battery_pct"]
            share = np.clip((time_ms - i.start_ms) / (0.4 * (i.end_ms - i.start_ms)), 0.0, 1.0)
            level = share if i.variant == "drain" else np.ones(len(time_ms))
            told["battery_pct"] = np.where(during, np.round(full + level * (np.minimum(i.size, full) - full), 1), full)
        elif i.rule == "seal_mismatch":
            told["seal_number"] = np.where(during, i.text, told["seal_number"])
        elif i.rule == "seal_breach" and i.variant != "counter":
            told["seal_state"] = np.where(during, i.variant, told["seal_state"])
    return told
