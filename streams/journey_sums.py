"""Sums over one journey window, a row a shipment: what its vehicle did, and how its cargo was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.journeys import JourneyWindow, window_id
from contracts.reference import Shipment
from detectors.columns import Rows
from streams.audiences import border_km
from streams.corridor import Corridor
from streams.reference_book import ReferenceBook
from streams.tracks import PLACED, TOLD, Fixes

WALKING_KMH: Final = 5.0
_SUMMED: Final = ("speed", "speed_sq", "stopped", "off", "off_sq", "placed")
_LAST: Final = ("time_ms", "along_km", "lat_deg", "lon_deg", "boot_id", "seq", "member")
FIELDS: Final = [
    ("n", "i4"), *((name, "f8") for name in _SUMMED), ("celsius", "f8"), ("celsius_n", "i4"), ("told", "i4"),
    ("first_ms", "i8"), ("first_km", "f8"), ("first_lat_deg", "f8"), ("first_lon_deg", "f8"),
    ("time_ms", "i8"), ("along_km", "f8"), ("lat_deg", "f8"), ("lon_deg", "f8"), ("boot_id", "i8"), ("seq", "i8"),
    ("member", "i4"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class JourneySum:
    """One window of one shipment: of its vehicle's readings, and ``celsius``, its containers' mean (NaN: none).

    ``time_ms``, position, ``boot_id`` and ``seq`` are the vehicle's last; it lasts ``covered_ms`` from the first.
    """

    shipment_id: str
    exercise: bool
    device_id: str
    boot_id: int
    seq: int
    time_ms: int
    start_ms: int
    end_ms: int
    readings: int
    covered_ms: int
    lat_deg: float
    lon_deg: float
    along_km: float
    border_km: float
    progress_km: float
    speed_kmh: float
    speed_spread_kmh: float
    stopped_share: float
    off_route_m: float
    off_route_spread_m: float
    celsius: float
    placed_share: float
    told_share: float


def add(
    ships: NDArray[Any],
    ship: Rows,
    fixes: Fixes,
    vehicle: NDArray[np.bool_],
    container: NDArray[np.bool_],
    new: NDArray[np.bool_],
) -> None:
    """Add the new ones among these positions, in order of shipment and time, to their shipments' rows."""
    warm = np.flatnonzero(container & new & np.isfinite(fixes["temperature_c"]))
    if len(warm):
        starts, at = _groups(ship[warm])
        ships["celsius"][at] += np.add.reduceat(fixes["temperature_c"][warm].astype(np.float64), starts)
        ships["celsius_n"][at] += np.diff(np.r_[starts, len(warm)])
    # What a rule says of any of its devices is said of the shipment.
    told = np.flatnonzero(new & ((fixes["flags"] & TOLD) != 0))
    if len(told):
        starts, at = _groups(ship[told])
        ships["told"][at] += np.diff(np.r_[starts, len(told)])
    moved = np.flatnonzero(vehicle & new & np.isfinite(fixes["speed_kmh"]) & np.isfinite(fixes["along_km"]))
    if not len(moved):
        return
    part = fixes[moved]
    starts, at = _groups(ship[moved])
    speed, off = part["speed_kmh"].astype(np.float64), part["off_route_m"].astype(np.float64)
    values = (
        speed, speed * speed, speed < WALKING_KMH, off, off * off,
        (part["flags"] & PLACED) != 0,
    )  # fmt: skip
    begins = ships["n"][at] == 0
    ships["first_ms"][at[begins]] = part["time_ms"][starts[begins]]
    for name, of in (("first_km", "along_km"), ("first_lat_deg", "lat_deg"), ("first_lon_deg", "lon_deg")):
        ships[name][at[begins]] = part[of][starts[begins]]
    ships["n"][at] += np.diff(np.r_[starts, len(moved)])
    for name, value in zip(_SUMMED, values, strict=True):
        ships[name][at] += np.add.reduceat(value.astype(np.float64), starts)
    ends = np.r_[starts[1:], len(moved)] - 1
    for name in _LAST:
        ships[name][at] = part[name][ends]


def _groups(ship: Rows) -> tuple[Rows, Rows]:
    """Where each shipment's positions begin, and which shipment that is."""
    starts = np.flatnonzero(np.r_[True, ship[1:] != ship[:-1]])
    return starts, ship[starts]


def clear(ships: NDArray[Any], over: NDArray[np.bool_]) -> None:
    """Begin a new window in every row whose own is ``over``."""
    for name, _ in FIELDS:
        ships[name][over] = 0


def read(row: Any, name: tuple[str, bool], device_id: str, start_ms: int, lasts_ms: int) -> JourneySum:
    """A row's window."""
    n = int(row["n"])
    speed, off = float(row["speed"]) / n, float(row["off"]) / n
    cold = int(row["celsius_n"])
    return JourneySum(
        shipment_id=name[0],
        exercise=name[1],
        device_id=device_id,
        boot_id=int(row["boot_id"]),
        seq=int(row["seq"]),
        time_ms=int(row["time_ms"]),
        start_ms=start_ms,
        end_ms=start_ms + lasts_ms,
        readings=n,
        covered_ms=int(row["time_ms"] - row["first_ms"]),
        lat_deg=float(row["lat_deg"]),
        lon_deg=float(row["lon_deg"]),
        along_km=float(row["along_km"]),
        border_km=min(
            border_km(float(row["lat_deg"]), float(row["lon_deg"])),
            border_km(float(row["first_lat_deg"]), float(row["first_lon_deg"])),
        ),
        progress_km=float(row["along_km"] - row["first_km"]),
        speed_kmh=speed,
        speed_spread_kmh=math.sqrt(max(0.0, float(row["speed_sq"]) / n - speed * speed)),
        stopped_share=float(row["stopped"]) / n,
        off_route_m=off,
        off_route_spread_m=math.sqrt(max(0.0, float(row["off_sq"]) / n - off * off)),
        celsius=float(row["celsius"]) / cold if cold else math.nan,
        placed_share=float(row["placed"]) / n,
        told_share=min(1.0, float(row["told"]) / n),
    )


def window_of(sums: JourneySum, shipment: Shipment, corridor: Corridor, book: ReferenceBook) -> JourneyWindow:
    """What the model of this corridor is told of it."""
    low, high = shipment.min_temperature_c, shipment.max_temperature_c
    dev = 0.0
    if low is not None and high is not None and low < high and math.isfinite(sums.celsius):
        # What lies outside the band is another rule's to tell.
        dev = min(1.0, max(-1.0, (sums.celsius - (low + high) / 2) / ((high - low) / 2)))
    progress_kmh = sums.progress_km / sums.covered_ms * 3_600_000.0 if sums.covered_ms > 0 else 0.0
    planned_kmh = corridor.length_km / corridor.route.expected_travel_s * 3_600.0
    asked = shipment.direction, None, sums.start_ms, sums.end_ms - 1
    notices = [notice for bridge in corridor.bridges if (notice := book.notice(bridge, *asked)) is not None]
    return JourneyWindow(
        window_id=window_id(sums.shipment_id, sums.exercise, sums.start_ms, sums.end_ms),
        shipment_id=sums.shipment_id,
        corridor=corridor.route.corridor_name,
        direction=shipment.direction,
        start_ms=sums.start_ms,
        end_ms=sums.end_ms,
        readings=sums.readings,
        device_id=sums.device_id,
        boot_id=sums.boot_id,
        seq=sums.seq,
        lat_deg=round(sums.lat_deg, 6),
        lon_deg=round(sums.lon_deg, 6),
        speed_kmh=round(sums.speed_kmh, 2),
        speed_spread_kmh=round(sums.speed_spread_kmh, 2),
        stopped_share=round(sums.stopped_share, 3),
        progress_kmh=round(progress_kmh, 2),
        pace=round(progress_kmh / planned_kmh, 4) if planned_kmh > 0 else 0.0,
        off_route_m=round(sums.off_route_m, 1),
        off_route_spread_m=round(sums.off_route_spread_m, 1),
        temperature_dev=round(dev, 3),
        ends_km=round(max(0.0, min(sums.along_km - max(sums.progress_km, 0.0), corridor.length_km - sums.along_km)), 2),
        border_km=round(sums.border_km, 1),
        placed_share=round(sums.placed_share, 3),
        told_share=round(sums.told_share, 3),
        exercise=sums.exercise,
        notice=notices[0].notice_id if notices else None,
    )
