"""What guards one shipment is no longer in one place: the truck goes on, the container or its seal does not.

Idea: at the instant of each position of the cargo, the vehicle lies between its own positions before and after; the
distance between the two, less all that could explain it, is more than a yard's length, twice in a row. What can explain
it: both receivers' accuracy, and where a vehicle may have been that was at the one place so long before and at the
other so long after: what two circles have in common, whose radii are time by speed. It may have stood and then driven
as well as it may have strayed aside. How fast it may have been: what it told at both ends holds for a while; the longer
nothing is heard, the faster it may have become; and one that has come further meanwhile than at any speed it told, has
gone as it never told. And their clocks may differ: the way is measured to where the vehicle may have been up to
``clock_s`` before or after. A real parting outgrows that, and of what stands it explains nothing. So devices with other
intervals, or wrong clocks, are no separation, nor is one that says nothing: without a position before and after,
nothing is judged. Likewise each position of the vehicle against where its box was between two positions: so whoever
speaks first after they have parted tells it.
Verdicts that all rest on one position which its device's own track does not bear out (``own_track``) open nothing.
Containers and seals are followed apart: where one of them goes another way than the vehicle, the other's word does not
make it good. Caveats: a device that lies, or rides elsewhere, looks like what it should be with; what follows no more
than ``clock_s`` behind is taken for a late clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from detectors import explanation
from detectors.columns import Rows
from detectors.device_batch import Bools, Floats, Ints
from detectors.explanation import Why
from detectors.geometry import plane_m
from detectors.limits import limit
from detectors.own_track import Pace
from detectors.rule import RuleCard

CARD = RuleCard(
    name="separation",
    version=5,
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

# Shares of the most that clocks differ by, a row each: at the usual eight seconds they lie less than one apart.
_CLOCKS: Final = np.linspace(-1.0, 1.0, 21)[:, None]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Metres beyond all doubt that are apart, and together again; how many positions in a row say so.

    Those that open must be ``confirm_s`` apart in time. Two positions of the vehicle further apart than ``bracket_s``
    say nothing of what was between them. ``speed_kmh`` is a vehicle's where it does not tell; one that it tells may
    be ``speed_doubt_kmh`` too low, and holds for ``steady_s``; each second more may have brought ``gain_kmh``, up to
    ``speed_kmh``: half a km/h is what a lorry needs that drives off, and stands again, within that time.
    """

    apart_m: float = limit(120.0, 10, 10_000, "m", "distance beyond all doubt that is apart")
    together_m: float = limit(80.0, 5, 10_000, "m", "distance that is together again; at most apart_m")
    confirm_positions: int = limit(2, 1, 100, "positions", "in a row that open, or close")
    confirm_s: float = limit(5.0, 0, 3_600, "s", "time between the first and last of those that open")
    bracket_s: float = limit(
        300.0, 30, 3_600, "s", "between two positions of the vehicle from which on they say nothing"
    )
    speed_kmh: float = limit(110.0, 30, 200, "km/h", "a vehicle's speed where it tells none")
    speed_doubt_kmh: float = limit(3.0, 0, 50, "km/h", "how much too low a speed told may be")
    steady_s: float = limit(35.0, 0, 600, "s", "how long a speed told holds")
    gain_kmh: float = limit(0.5, 0, 20, "km/h a second", "what it may have gained after that")
    clock_s: float = limit(8.0, 0, 60, "s", "most that the clocks of two devices may differ by")
    accuracy_max_m: float = limit(200.0, 0, 5_000, "m", "most that a fix's own accuracy excuses")

    @property
    def pace(self) -> Pace:
        """How fast a device may have gone between two of its positions."""
        return Pace(self.speed_kmh, self.speed_doubt_kmh, self.steady_s, self.gain_kmh)

    def fault(self) -> str | None:
        """Why an operator may not have these beside each other; a curve of ``apart_m`` alone passes over it."""
        if self.together_m <= self.apart_m:
            return None
        return f"together_m ({self.together_m:g}) must be at most apart_m ({self.apart_m:g})"


@dataclass(slots=True)
class Points:
    """Positions in order of shipment and time, as arrays of one length. ``vehicle`` marks its vehicle's, ``cargo``
    what should be with it, ``box`` those of one device among that. Degrees, metres, km/h; NaN where not told.
    """

    ship: Ints
    time_ms: Ints
    lat_deg: Floats
    lon_deg: Floats
    accuracy_m: Floats
    speed_kmh: Floats
    vehicle: Bools
    cargo: Bools
    box: Bools


@dataclass(slots=True)
class Gaps:
    """For each position judged: which point it is, the one before it of the other device, the cargo's point and the
    vehicle's (one of them itself, the other its next), metres between the two at that time, metres of doubt.
    """

    at: Rows
    before: Rows
    cargo: Rows
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
    """All cargo that has its vehicle before and after it, and all vehicles that have their box."""
    with_vehicle = _apart(points, points.cargo, points.vehicle, thresholds)
    with_box = _apart(points, points.vehicle, points.box, thresholds)
    (at, first, last, *rest), (at2, first2, last2, *rest2) = with_vehicle, with_box
    one, other = (at, first, at, last, *rest), (at2, first2, last2, at2, *rest2)
    both = [np.concatenate(pair) for pair in zip(one, other, strict=True)]
    return Gaps(*both)


def _apart(
    points: Points, judged: Bools, held_to: Bools, thresholds: Thresholds
) -> tuple[Rows, Rows, Rows, Floats, Floats]:
    """Of the points ``judged`` that have one ``held_to`` before and after: which, those two, metres, doubt."""
    before, after = neighbours(points.ship, held_to)
    at = np.flatnonzero(judged & (before >= 0) & (after >= 0))
    first, last = before[at], after[at]
    between_s = (points.time_ms[last] - points.time_ms[first]) / 1_000.0
    known = between_s <= thresholds.bracket_s
    at, first, last, between_s = at[known], first[known], last[known], between_s[known]
    since_s = (points.time_ms[at] - points.time_ms[first]) / 1_000.0
    share = np.divide(since_s, between_s, out=np.zeros_like(since_s), where=between_s > 0)
    lat, lon = points.lat_deg, points.lon_deg
    distance_m = plane_m(
        lat[at], lon[at], lat[first] + share * (lat[last] - lat[first]), lon[first] + share * (lon[last] - lon[first])
    )
    accuracy_m = np.minimum(np.where(np.isnan(points.accuracy_m), 0.0, points.accuracy_m), thresholds.accuracy_max_m)
    doubt_m = accuracy_m[at] + np.maximum(accuracy_m[first], accuracy_m[last])
    # Nearly all cargo is where its vehicle should be: only of the rest is there to ask where else it may have been.
    far = np.flatnonzero(distance_m - doubt_m > thresholds.together_m)
    if len(far):
        out = at[far], first[far], last[far]
        doubt_m[far] += distance_m[far] - _out_of_reach_m(points, *out, since_s[far], between_s[far], thresholds)
    return at, first, last, distance_m, doubt_m


def _out_of_reach_m(
    points: Points, at: Rows, first: Rows, last: Rows, since_s: Floats, between_s: Floats, thresholds: Thresholds
) -> Floats:
    """Metres from each position to the nearest point that its vehicle can have been at, within what clocks differ by.

    One row a difference: with the time between its two positions goes the split of it, and what is beyond either of
    them adds to both circles.
    """
    lat, lon = points.lat_deg, points.lon_deg
    straight_m = plane_m(lat[first], lon[first], lat[last], lon[last])
    speeds_kmh, pace = (points.speed_kmh[first], points.speed_kmh[last]), thresholds.pace
    average_m_s = straight_m / np.maximum(between_s, 1e-3)
    told_m_s = pace.fastest_m_s(*speeds_kmh, np.zeros_like(between_s))
    # In stop-and-go it stands whenever it speaks, and what it drives in between is told nowhere.
    untold = (between_s > pace.steady_s) & (average_m_s > told_m_s)
    fastest_m_s = np.where(untold, pace.most_kmh / 3.6, pace.fastest_m_s(*speeds_kmh, between_s))
    m_s = np.maximum(fastest_m_s, average_m_s)
    then_s = since_s + thresholds.clock_s * _CLOCKS
    held_s = np.clip(then_s, 0.0, between_s)
    beyond_m = fastest_m_s * np.abs(then_s - held_s)
    out_m = _from_lens_m(
        plane_m(lat[first], lon[first], lat[at], lon[at]),
        plane_m(lat[last], lon[last], lat[at], lon[at]),
        straight_m,
        m_s * held_s + beyond_m,
        m_s * (between_s - held_s) + beyond_m,
    )
    return np.asarray(out_m.min(axis=0))


def _from_lens_m(d1: Floats, d2: Floats, apart: Floats, r1: Floats, r2: Floats) -> Floats:
    """Distance of a point, ``d1`` and ``d2`` from two centres ``apart``, to what circles of these radii share.

    They must meet; all in metres. The nearest point lies on the one circle, on the other, or where they cross.
    """
    apart = np.maximum(apart, 1e-6)
    x = (d1**2 - d2**2 + apart**2) / (2.0 * apart)  # along the line of the centres, from the first
    y = np.sqrt(np.maximum(d1**2 - x**2, 0.0))
    corner_x = np.clip((r1**2 - r2**2 + apart**2) / (2.0 * apart), -r1, r1)
    corner_y = np.sqrt(np.maximum(r1**2 - corner_x**2, 0.0))
    found = np.hypot(x - corner_x, y - corner_y)
    on1, on2 = r1 / np.maximum(d1, 1e-6), r2 / np.maximum(d2, 1e-6)
    in2 = np.hypot(x * on1 - apart, y * on1) <= r2
    in1 = np.hypot(apart + (x - apart) * on2, y * on2) <= r1
    found = np.where(in1 & (d2 > r2), d2 - r2, found)
    found = np.where(in2 & (d1 > r1), d1 - r1, found)
    return np.asarray(np.where((d1 <= r1) & (d2 <= r2), 0.0, found))


def verdicts(found: Gaps, thresholds: Thresholds) -> Ints:
    """1 where apart beyond doubt, -1 where together, 0 where it may be either."""
    apart = found.distance_m - found.doubt_m > thresholds.apart_m
    together = found.distance_m <= thresholds.together_m + np.minimum(found.doubt_m, thresholds.together_m)
    return np.where(apart, 1, np.where(together, -1, 0)).astype(np.int64)


def score(distance_m: float, thresholds: Thresholds) -> float:
    """0 where together, towards 1 the further apart."""
    return max(0.0, 1.0 - thresholds.apart_m / max(distance_m, 1e-6))


def why(distance_m: float, thresholds: Thresholds) -> Why:
    """The one feature that makes the score: together, it would be 0."""
    return Why(
        lambda x: score(x["distance_m"], thresholds), {"distance_m": distance_m}, {"distance_m": 0.0}, explanation.ANY
    )


@dataclass(slots=True)
class Run:
    """What is followed: successive verdicts of one kind (positive: apart), the time of the first, whether it is on, and
    the unsure positions on which every one of those verdicts rests.
    """

    count: int = 0
    since_ms: int = 0
    on: bool = False
    rests_on: frozenset[int] = frozenset()


def state_sha256(run: Run, other: Run, thresholds: Thresholds) -> str:
    """64 hexadecimal digits: of the rule's name and version, and of all that it will look at of what it follows.

    Of a run that is together nothing counts but how many more positions it needs to close: so whoever began to listen
    later than the rule did has the same.
    """
    most = thresholds.confirm_positions
    kept = [
        (max(-most, min(most, r.count)), *((r.since_ms, sorted(r.rests_on)) if r.count > 0 else (0, [])), r.on)
        for r in (run, other)
    ]
    return hashlib.sha256(repr([CARD.name, CARD.version, kept]).encode()).hexdigest()


def follow(
    run: Run, other: Run, verdict: int, time_ms: int, rests_on: frozenset[int], thresholds: Thresholds
) -> Literal["trip", "clear"] | None:
    """Take one verdict in, in order of time. ``trip`` opens or sustains an episode, ``clear`` closes it.

    ``other``, the shipment's other cargo, is a witness where it is apart too; where it is not, it says nothing. What
    the verdict ``rests_on`` are names of unsure positions: on verdicts that all rest on one of them nothing opens.
    """
    if verdict == 0:
        return None
    if run.count * verdict <= 0:
        run.count, run.since_ms, run.rests_on = 0, time_ms, rests_on
    run.count += verdict
    if verdict > 0:
        run.rests_on &= rests_on
        also = other.count > 0
        enough = run.count + also * other.count >= thresholds.confirm_positions
        enough &= not (run.rests_on & other.rests_on if also else run.rests_on)
        since_ms = min(run.since_ms, other.since_ms) if also else run.since_ms
        if run.on or (enough and time_ms - since_ms >= 1_000.0 * thresholds.confirm_s):
            run.on = True
            return "trip"
    elif run.on and -run.count >= thresholds.confirm_positions:
        run.on = False
        return "clear"
    return None
