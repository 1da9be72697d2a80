"""What a device's columns show while a fault is played: where it says it is, what it measures, what never arrives.

Functions of the samples' times alone, so that how a run is cut into windows changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from contracts.reference import DeviceKind
from simulators import noise, sick_sensors
from simulators.faults import Injection
from simulators.journeys import Trip
from simulators.places import shifted

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

SLOW_SHARES: Final = (0.0, 0.5, 0.65, 0.9, 1.0)  # of a slow deviation: inside the corridor, out, far out, and back
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
    """Samples that are taken and numbered, and lost in the device for good: the first, and half or all of the rest.

    The first comes at most 1.05 intervals after the fault's start, so wherever it falls, one at least is lost.
    """
    found = np.zeros(len(time_ms), dtype=np.bool_)
    for i in injections:
        if i.rule == "reading_gap" and kind in i.kinds:
            scattered = i.variant == "scattered"
            every_ms = (i.end_ms - i.start_ms) / (2.0 * i.size if scattered else i.size)
            found |= (time_ms >= i.start_ms) & (time_ms < i.start_ms + 1.05 * every_ms)
            found |= _during(i, time_ms) & ((noise.uniforms(key, k, _LOST) < 0.5) if scattered else True)
    return found


def jammed(injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples) -> Mask:
    """Samples whose receiver hears no satellite."""
    found = np.zeros(len(time_ms), dtype=np.bool_)
    for i in injections:
        if i.rule == "position_spoofing" and i.variant == "jammed" and kind in i.kinds:
            found |= _during(i, time_ms)
    return found


def clock_off_ms(injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples) -> Floats:
    """By how much the device's clock runs ahead (behind: below 0): it drifts away, until it is set right."""
    off_ms = np.zeros(len(time_ms))
    for i in injections:
        if i.rule == "clock_drift" and kind in i.kinds:
            share = np.clip((time_ms - i.start_ms) / (0.6 * (i.end_ms - i.start_ms)), 0.0, 1.0)
            most_ms = 1000.0 * i.size * (1.0 if i.variant == "ahead" else -1.0)
            off_ms += np.where(_during(i, time_ms), share * most_ms, 0.0)
    return off_ms


def driven(
    injections: Iterable[Injection], kind: DeviceKind, time_ms: Samples, along_km: Floats, speed_kmh: Floats
) -> tuple[Floats, Floats]:
    """Kilometres along and speeds of a device that goes away from the others, waits, and comes back.

    Of one whose track is false the others say that they go on; it falls back and catches up, and says so.
    """
    for i in injections:
        if i.rule == "separation" and i.variant != "swapped" and kind in i.kinds:  # that is a journey of its own
            away_ms = np.minimum(time_ms - i.start_ms, i.end_ms - time_ms)
            false = i.variant == "plausible"
            ahead = -1.0 if false else 1.0
            along_km = along_km + ahead * np.clip(away_ms / i.ramp_ms, 0.0, 1.0) * i.size / 1000.0
            rolling = (away_ms > 0.0) & (away_ms < i.ramp_ms)
            # What stands and goes away comes back: its speed has no sign. What falls back from others is the slower.
            sign = np.where(time_ms - i.start_ms < i.end_ms - time_ms, -1.0, 1.0) if false else 1.0
            speed_kmh = speed_kmh + np.where(rolling, sign * i.size / 1000.0 / (i.ramp_ms / 3_600_000.0), 0.0)
    return along_km, speed_kmh


def aside_m(i: Injection, time_ms: Floats | Samples) -> Floats:
    """Metres from the road's line that this fault leads to at these times."""
    if i.rule == "route_deviation" and i.variant == "slow":
        share = (time_ms - i.start_ms) / max(i.end_ms - i.start_ms, 1.0)
        return np.interp(share, SLOW_SHARES, (0.0, i.value, i.size, i.size, 0.0), left=0.0, right=0.0)
    if i.rule == "route_deviation" or i.variant == "detour":
        most_m = i.value if i.variant == "detour" else i.size
        slope = np.minimum(time_ms - i.start_ms, i.end_ms - time_ms) / max(i.ramp_ms, 1.0)
        return np.asarray(np.clip(slope, 0.0, 1.0) * most_m, np.float64)
    return np.zeros(len(time_ms))


def aside_km(injections: Iterable[Injection], time_ms: Samples) -> tuple[Floats | float, Floats | float]:
    """Kilometres north and east of the road."""
    north_km: Floats | float = 0.0
    east_km: Floats | float = 0.0
    for i in injections:
        if i.north != 0.0 or i.east != 0.0:
            share_km = aside_m(i, time_ms) / 1000.0
            north_km, east_km = north_km + share_km * i.north, east_km + share_km * i.east
    return north_km, east_km


def speed_aside_kmh(
    injections: Iterable[Injection], time_ms: Samples, speed_kmh: Floats, heading_deg: Floats
) -> Floats:
    """Speeds over ground of a truck that drives along its road and away from it, or back to it, at once."""
    for i in injections:
        if i.rule == "route_deviation" or i.variant == "detour":
            away_kmh = (aside_m(i, time_ms + 500) - aside_m(i, time_ms - 500)) * 3.6
            along = np.radians(heading_deg)
            north_kmh = speed_kmh * np.cos(along) + away_kmh * i.north
            east_kmh = speed_kmh * np.sin(along) + away_kmh * i.east
            speed_kmh = np.where(away_kmh == 0.0, speed_kmh, np.hypot(north_kmh, east_kmh))
    return speed_kmh


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
        if i.rule != "position_spoofing" or i.variant == "jammed" or kind not in i.kinds or not during.any():
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
                told_km = true_km - i.size * np.minimum(true_km - first, last - true_km)
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
            elif i.variant == "failing":
                level = failing_level(share)
            target = (high if i.size > 0 else low) + i.size
            true_c = true_c + level * (target - true_c + 0.12 * bell)
    return true_c


def failing_level(share: Floats) -> Floats:
    """How far a reefer that gives up slowly has let go of its goods, 0 to 1, by the share of the time that is over."""
    return np.asarray(np.clip(np.minimum(share / 0.85, (1.0 - share) / 0.1), 0.0, 1.0), np.float64)


def measured(
    injections: Iterable[Injection],
    kind: DeviceKind,
    time_ms: Samples,
    draws: Floats,
    columns: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The columns with blows, sick sensors, failing batteries, broken and exchanged seals in them.

    ``draws``: the samples' noise, a row a stream (see ``devices``).
    """
    told = dict(columns)
    for i in injections:
        during = _during(i, time_ms)
        if kind not in i.kinds or not during.any():
            continue
        if i.rule == "shock":
            struck = during & _struck(i, time_ms, draws)
            told["shock_g"] = np.where(struck, _blows_g(i, draws), told["shock_g"])
        elif i.rule in ("sensor_stuck", "sensor_anomaly"):
            field = sick_sensors.FIELDS[i.text]
            bell = np.clip(noise.normals(draws[2], draws[3])[0], -3.5, 3.5)
            told[field] = np.where(during, sick_sensors.told(i, told[field], bell), told[field])
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


def _struck(i: Injection, time_ms: Samples, draws: Floats) -> Mask:
    """Which samples a blow falls on: all of a short fault; the first, and about half of the rest, of a volley."""
    found: Mask = (draws[9] < 0.5) | (i.variant != "volley") | (time_ms < i.start_ms + i.ramp_ms)
    return found


def _blows_g(i: Injection, draws: Floats) -> Floats:
    """The blows' peaks: one's is the fault's size, a volley's are about it."""
    spread = 0.7 + 0.6 * draws[8] if i.variant == "volley" else np.ones(draws.shape[1])
    return np.round(i.value * spread, 3)
