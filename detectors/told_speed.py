"""How far a device says it drove against how far its fixes moved: a false track that a truck might well have driven.

Idea: in a step of some seconds, a device that drove between the least and the greatest speed that it told there cannot
have moved much less, or more, than those speeds allow. One step proves little (a brake, a bend); several in a row, or
nearly so, do. Bends explain none: to lose an eighth of its way between two fixes a road must turn by a right angle, and
do it in every step. Only steps at both ends of which it says that it drives count as strange.

Assumes that speed and position have two sources (wheels, or a receiver's Doppler against its fix): a spoofer who feeds
both says nothing strange here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Bools, Degrees, Floats, Ints
from detectors.geometry import EARTH_RADIUS_M

_RADIAN: Final = np.float32(np.pi / 180.0)
_DEGREE_M: Final = np.float32(EARTH_RADIUS_M * np.pi / 180.0)
COLUMNS: Final[dict[str, Any]] = {
    "step_lat": np.float32(np.nan),
    "step_lon": np.float32(np.nan),
    "step_ms": np.int64(-1),
    "step_near_m": np.float32(0.0),
    "told_kmh": np.float32(np.nan),
    "least_m": np.float32(0.0),
    "most_m": np.float32(0.0),
    "strays": np.int8(0),
    "astray": np.bool_(False),
    "told_m": np.float32(0.0),
    "moved_m": np.float32(0.0),
}


@dataclass(frozen=True, slots=True)
class Steps:
    """A step lasts ``least_s`` to ``longest_s`` seconds; what lasts longer says nothing.

    It is strange where the device drove ``moving_kmh`` or more throughout, and moved more than ``share`` and
    ``speed_doubt_kmh`` beyond what it told, and beyond its fixes' accuracy. Of ``enough`` more strange than plain ones
    it is astray, until there are as many plain ones.
    """

    least_s: float
    longest_s: float
    moving_kmh: float
    share: float
    speed_doubt_kmh: float
    enough: int


def follow(
    c: Columns, at: Rows, seconds: Floats, time_ms: Ints, lat: Degrees, lon: Degrees, near_m: Degrees, kmh: Floats,
    sound: Bools, steps: Steps,
) -> Bools:  # fmt: skip
    """Take in one fix of each device ``at``, ``seconds`` after its last; true for those that are astray now.

    ``near_m`` is the fix's accuracy; a fix that is not ``sound`` (another check speaks of it) begins a new step.
    """
    before = c["told_kmh"][at]
    told = kmh.astype(np.float32)
    c["told_kmh"][at] = told
    least_m = c["least_m"][at] + np.minimum(before, told) * (seconds / 3.6)
    most_m = c["most_m"][at] + np.maximum(before, told) * (seconds / 3.6)
    lasts_s = (time_ms - c["step_ms"][at]) / 1000.0
    # A speed that was not told is NaN in both, and so is the step; one that ends before it began is a clock's.
    broken = ~sound | ~((lasts_s >= 0.0) & (lasts_s <= steps.longest_s)) | np.isnan(most_m)
    ends = (lasts_s >= steps.least_s) & ~broken
    c["least_m"][at], c["most_m"][at] = least_m, most_m
    i = np.flatnonzero(ends & ((least_m >= steps.moving_kmh / 3.6 * lasts_s) | (c["strays"][at] > 0)))
    if len(i):
        _judge(c, at[i], lasts_s[i], lat[i], lon[i], near_m[i], steps)
    again = np.flatnonzero(ends | broken)
    rows = at[again]
    c["step_lat"][rows], c["step_lon"][rows], c["step_ms"][rows] = lat[again], lon[again], time_ms[again]
    c["step_near_m"][rows], c["least_m"][rows], c["most_m"][rows] = near_m[again], 0.0, 0.0
    return np.asarray(c["astray"][at])


def forget(c: Columns, rows: Rows) -> None:
    """Of the devices in these rows, tell no more of the strange steps so far."""
    c["strays"][rows], c["astray"][rows], c["step_ms"][rows] = 0, False, -1


def _judge(c: Columns, rows: Rows, lasts_s: Floats, lat: Degrees, lon: Degrees, near_m: Degrees, steps: Steps) -> None:
    """Whether each of these steps is strange, and how many have been."""
    # On the plane: a step is some kilometres, and what is longer is another check's.
    across = (lon - c["step_lon"][rows]) * np.cos(lat * _RADIAN)
    moved_m = _DEGREE_M * np.hypot(lat - c["step_lat"][rows], across)
    least_m, most_m = c["least_m"][rows], c["most_m"][rows]
    doubt_m = near_m + c["step_near_m"][rows] + steps.speed_doubt_kmh / 3.6 * lasts_s
    strange = (moved_m + doubt_m < (1.0 - steps.share) * least_m) | (moved_m - doubt_m > (1.0 + steps.share) * most_m)
    strange &= least_m >= steps.moving_kmh / 3.6 * lasts_s
    j = np.flatnonzero(strange | (c["strays"][rows] > 0))
    if not len(j):
        return
    rows, strange, moved_m, told_m = rows[j], strange[j], moved_m[j], (least_m[j] + most_m[j]) / 2
    strays = c["strays"][rows]
    before = strays > 0
    c["told_m"][rows] = np.where(before, c["told_m"][rows], 0.0) + told_m
    c["moved_m"][rows] = np.where(before, c["moved_m"][rows], 0.0) + moved_m
    c["strays"][rows] = strays = np.clip(strays + np.where(strange, 1, -1), 0, steps.enough)
    c["astray"][rows] = (strays > 0) & (c["astray"][rows] | (strays >= steps.enough))
