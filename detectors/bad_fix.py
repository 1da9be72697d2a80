"""Which of a device's fixes was the bad one: the one that leaves what the device tells, where the others go on as told.

Idea: between two fixes a device went as far as the speeds that it told at both allow. Where a fix goes on so from one
before the last, and the last does not, the last was bad, however far it is from either.

Assumes that speed and position have two sources; without a speed told nothing is as told. Not decided is what may have
been either: a fix where the truck would be had it turned round, or one in a gap in which all may have been driven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Bools, Degrees, Floats, Ints
from detectors.geometry import haversine_m

# Beside those of the rule: what was told at the trusted fix before a jump, and the fix before that, or before the last.
COLUMNS: Final[dict[str, Any]] = {
    "true_kmh": np.float32(np.nan),
    "before_lat": np.float32(np.nan),
    "before_lon": np.float32(np.nan),
    "before_ms": np.int64(-1),
    "before_kmh": np.float32(np.nan),
}
_GAP_STEPS: Final = 1.5  # from how many times the step before it on a step has a reading lost in it
_LAST: Final = ("lat", "lon", "told_kmh", "at_ms")
_TRUE: Final = ("true_lat", "true_lon", "true_kmh", "true_ms")
_BEFORE: Final = ("before_lat", "before_lon", "before_kmh", "before_ms")


@dataclass(frozen=True, slots=True)
class AsTold:
    """How far a way may differ from what the speeds told say: by ``share`` of it, and by ``speed_doubt_kmh`` of speed.

    Nothing goes faster than ``speed_max_kmh``. A step longer than ``step_max_s`` seconds is a gap.
    """

    share: float
    speed_doubt_kmh: float
    speed_max_kmh: float
    step_max_s: float

    def is_gap(self, step_s: Floats, before_s: Floats) -> Bools:
        """Whether a reading was lost in this step, after one of ``before_s`` seconds."""
        return np.asarray(step_s > np.maximum(self.step_max_s, _GAP_STEPS * before_s))


class Fix(NamedTuple):
    """One fix of each of some devices: degrees, the speed told with it (km/h), ms."""

    lat: Degrees
    lon: Degrees
    kmh: Floats
    time_ms: Ints

    def of(self, positions: Rows) -> Fix:
        """Those at these positions."""
        return Fix(self.lat[positions], self.lon[positions], self.kmh[positions], self.time_ms[positions])


def remember(c: Columns, rows: Rows) -> None:
    """Keep the last fix of the devices in these rows as the one before, for there is another."""
    for before, last in zip(_BEFORE, _LAST, strict=True):
        c[before][rows] = c[last][rows]


def leaves_alone(c: Columns, at: Rows, fix: Fix, near_m: Floats, gap: Bools, bounds: AsTold) -> Bools:
    """Whether these fixes, no jump from one that was, go on from before it as they tell, and so leave it alone.

    They must not go on from it as well, where they do not also go on from the fix before that; but after a ``gap``, in
    which all may have been driven, both may be. ``near_m``: the fixes' accuracy.
    """
    last, true, before = (_as_told(_fix(c, each, at), fix, near_m, gap, bounds) for each in (_LAST, _TRUE, _BEFORE))
    return true & (gap | before | ~last)


def was_bad(c: Columns, at: Rows, fix: Fix, near_m: Floats, bounds: AsTold) -> Bools:
    """Whether the last fix, from which these jumped, was the bad one: it, and not they, leaves what was told before."""
    before, last = _fix(c, _BEFORE, at), _fix(c, _LAST, at)
    return _as_told(before, fix, near_m, False, bounds) & ~_as_told(before, last, c["near_m"][at], False, bounds)


def _fix(c: Columns, columns: tuple[str, str, str, str], at: Rows) -> Fix:
    return Fix(*(c[name][at] for name in columns))


def _as_told(start: Fix, end: Fix, near_m: Floats, gap: Bools | bool, bounds: AsTold) -> Bools:
    """Whether these went from one to the other as they told at both; through a ``gap`` they may have stood."""
    seconds = (end.time_ms - start.time_ms) / 1000.0
    slow_kmh, fast_kmh = np.minimum(start.kmh, end.kmh), np.maximum(start.kmh, end.kmh)
    least_m = np.where(gap, 0.0, slow_kmh) / 3.6 * seconds
    most_m = np.minimum(fast_kmh, bounds.speed_max_kmh) / 3.6 * seconds
    doubt_m = 2.0 * near_m + bounds.speed_doubt_kmh / 3.6 * seconds
    moved_m = haversine_m(start.lat, start.lon, end.lat, end.lon)
    least_m, most_m = (1.0 - bounds.share) * least_m - doubt_m, (1.0 + bounds.share) * most_m + doubt_m
    # A speed that was not told is NaN, and so is every bound.
    return np.asarray((moved_m >= least_m) & (moved_m <= most_m))
