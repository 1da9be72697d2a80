"""What guards one shipment is no longer in one place: the truck goes on, the container or its seal does not.

Idea: at the instant of each position of the cargo, the vehicle lies between its own positions before and after; the
distance between the two, less all that could explain it, is more than a yard's length, twice in a row. What can explain
it: both receivers' accuracy, and how far a way as long as the vehicle's speed allows can stray from the straight line
between two of its positions (the smaller half-axis of the ellipse that holds every such way). So devices with other
intervals are no separation, nor is one that says nothing: without a position before and after, nothing is judged.
Caveat: a vehicle's device that lies, or rides in another vehicle, looks like a container left behind; one whose
container and seal contradict each other is not reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from detectors.columns import Rows
from detectors.device_batch import Bools, Floats, Ints
from detectors.rule import RuleCard

CARD = RuleCard(
    name="separation",
    version=1,
    severity="critical",
    opened={
        "en": "{device_id} is {distance_m:.0f} m from {vehicle_id}; they carry one shipment and should be together.",
        "es": "{device_id} está a {distance_m:.0f} m de {vehicle_id}; llevan un mismo embarque y deben ir juntos.",
    },
    closed={
        "en": "{device_id} and {vehicle_id} are together again, {distance_m:.0f} m apart.",
        "es": "{device_id} y {vehicle_id} están juntos de nuevo, a {distance_m:.0f} m.",
    },
)

EARTH_RADIUS_M: Final = 6_371_008.8
_KMH: Final = 1 / 3.6  # m/s


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Metres beyond all doubt that are apart, and together again; how many positions in a row say so.

    Those that open must be ``confirm_s`` apart in time. Two positions of the vehicle further apart than ``bracket_s``
    say nothing of what was between them. ``speed_kmh`` is a vehicle's where it does not tell; one that it tells may
    be ``speed_doubt_kmh`` too low.
    """

    apart_m: float = 120.0
    together_m: float = 80.0
    confirm_positions: int = 2
    confirm_s: float = 5.0
    bracket_s: float = 300.0
    speed_kmh: float = 110.0
    speed_doubt_kmh: float = 3.0
    accuracy_max_m: float = 200.0


@dataclass(slots=True)
class Points:
    """Positions in order of shipment and time, as arrays of one length. ``vehicle`` marks its vehicle's, ``cargo``
    what should be with it. Degrees, metres, km/h; NaN where not told.
    """

    ship: Ints
    time_ms: Ints
    lat_deg: Floats
    lon_deg: Floats
    accuracy_m: Floats
    speed_kmh: Floats
    vehicle: Bools
    cargo: Bools


@dataclass(slots=True)
class Gaps:
    """For each position judged: which point it is, the vehicle's next point, metres between, metres of doubt."""

    at: Rows
    vehicle: Rows
    distance_m: Floats
    doubt_m: Floats


def neighbours(ship: Ints, marked: Bools) -> tuple[Rows, Rows]:
    """For each point, the last marked one of its ship at or before it, and the first at or after it; -1 for none."""
    n = len(ship)
    here = np.arange(n)
    before = np.maximum.accumulate(np.where(marked, here, -1)) if n else here
    after = np.minimum.accumulate(np.where(marked, here, n)[::-1])[::-1] if n else here
    before = np.where((before >= 0) & (ship[before] == ship), before, -1)
    held = np.minimum(after, n - 1)
    return before, np.where((after < n) & (ship[held] == ship), after, -1)


def gaps(points: Points, thresholds: Thresholds) -> Gaps:
    """Distances of all cargo that has its vehicle before and after it."""
    before, after = neighbours(points.ship, points.vehicle)
    at = np.flatnonzero(points.cargo & (before >= 0) & (after >= 0))
    first, last = before[at], after[at]
    between_s = (points.time_ms[last] - points.time_ms[first]) / 1_000.0
    known = between_s <= thresholds.bracket_s
    at, first, last, between_s = at[known], first[known], last[known], between_s[known]
    since_s = (points.time_ms[at] - points.time_ms[first]) / 1_000.0
    share = np.divide(since_s, between_s, out=np.zeros_like(since_s), where=between_s > 0)
    lat, lon = points.lat_deg, points.lon_deg
    distance_m = _metres(
        lat[at], lon[at], lat[first] + share * (lat[last] - lat[first]), lon[first] + share * (lon[last] - lon[first])
    )
    straight_m = _metres(lat[first], lon[first], lat[last], lon[last])
    told_kmh = np.fmax(points.speed_kmh[first], points.speed_kmh[last])
    told_kmh = np.where(np.isfinite(told_kmh), told_kmh, thresholds.speed_kmh)
    way_m = (told_kmh + thresholds.speed_doubt_kmh) * _KMH * between_s
    stray_m = np.sqrt(np.maximum(way_m**2 - straight_m**2, 0.0)) / 2.0
    accuracy_m = np.minimum(np.where(np.isnan(points.accuracy_m), 0.0, points.accuracy_m), thresholds.accuracy_max_m)
    doubt_m = stray_m + accuracy_m[at] + np.maximum(accuracy_m[first], accuracy_m[last])
    return Gaps(at, last, distance_m, doubt_m)


def verdicts(found: Gaps, thresholds: Thresholds) -> Ints:
    """1 where apart beyond doubt, -1 where together, 0 where it may be either."""
    apart = found.distance_m - found.doubt_m > thresholds.apart_m
    together = found.distance_m <= thresholds.together_m + np.minimum(found.doubt_m, thresholds.together_m)
    return np.where(apart, 1, np.where(together, -1, 0)).astype(np.int64)


@dataclass(slots=True)
class Run:
    """One shipment's state: successive verdicts of one kind (positive: apart), the first one's time, and whether on."""

    count: int = 0
    since_ms: int = 0
    on: bool = False


def follow(run: Run, verdict: int, time_ms: int, thresholds: Thresholds) -> Literal["trip", "clear"] | None:
    """Take one verdict in, in order of time. ``trip`` opens or sustains an episode, ``clear`` closes it."""
    if verdict == 0:
        return None
    if run.count * verdict <= 0:
        run.count, run.since_ms = 0, time_ms
    run.count += verdict
    enough = abs(run.count) >= thresholds.confirm_positions
    if verdict > 0 and (run.on or (enough and time_ms - run.since_ms >= 1_000.0 * thresholds.confirm_s)):
        run.on = True
        return "trip"
    if verdict < 0 and run.on and enough:
        run.on = False
        return "clear"
    return None


def _metres(lat1_deg: Floats, lon1_deg: Floats, lat2_deg: Floats, lon2_deg: Floats) -> Floats:
    """Distance on the plane tangent half-way: within 0.1 % of the great circle up to 100 km below 60 degrees."""
    up = np.radians(lat2_deg - lat1_deg)
    across = np.radians((lon2_deg - lon1_deg + 180.0) % 360.0 - 180.0) * np.cos(np.radians(lat1_deg + lat2_deg) / 2)
    return np.asarray(EARTH_RADIUS_M * np.hypot(up, across))
