"""Last places: where a device without a fix is taken to be, and that this is not known where nothing tells.

A roof over a customs lot takes the fix from whatever is opened under it, so one reading alone says "in no place" where
it ought to say "no word of a place". Idea: the last fix holds as long as nothing says that the device has moved: for
two hours, longer than most examinations last, unless that fix was taken at a speed that no lot is driven at, or the
device tells such a speed without a fix. Caveat: what leaves a lot jammed and opens within those two hours is taken to
be in it yet; a device that was switched on under a roof has no last place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import Bools, DeviceBatch, Floats
from streams.corridor import Corridor
from streams.reference_book import InForce

HOLDS_MS: Final = 7_200_000
DRIVES_KMH: Final = 30.0  # who drives faster is in no lot, or leaves it
_NOWHERE: Final = -1


class LastPlaces:
    """One row a device: its last fix, in degrees and ms; NaN and -1 where none holds."""

    __slots__ = ("columns",)

    def __init__(self) -> None:
        self.columns = Columns(lat_deg=np.nan, lon_deg=np.nan, at_ms=np.int64(_NOWHERE))

    def fill(self, whole: DeviceBatch, joined: Sequence[InForce], until_ms: int) -> None:
        """Of a frame, say where a seal may be opened of the readings without a fix, and which of them have no place.

        Its order must be set. A time after ``until_ms`` cannot be yet: no place holds from then on.
        """
        seen = np.isfinite(whole.lat_deg) & np.isfinite(whole.lon_deg)
        drives = whole.speed_kmh > DRIVES_KMH
        tells = whole.in_order & (seen | drives)
        holds = seen & ~drives
        lat_deg, lon_deg = (np.where(holds, each, np.nan) for each in (whole.lat_deg, whole.lon_deg))
        at_ms = np.where(holds, np.minimum(whole.time_ms, until_ms), _NOWHERE)
        if not seen.all():
            blind = np.flatnonzero(~seen)
            last = _last_before(whole.rows, tells, blind)
            own, c, rows = last >= 0, self.columns, whole.rows[blind]
            was_lat = np.where(own, lat_deg[last], c["lat_deg"][rows])
            was_lon = np.where(own, lon_deg[last], c["lon_deg"][rows])
            age_ms = whole.time_ms[blind] - np.where(own, at_ms[last], c["at_ms"][rows])
            known = np.isfinite(was_lat) & (age_ms <= HOLDS_MS) & (whole.in_order[blind] | (age_ms >= 0))
            whole.placed[blind] = known
            whole.seal_may_open[blind] = known & _may_open(was_lat, was_lon, known, [joined[i] for i in blind.tolist()])
        # Where a device is named more than once the last stays, and those in order are of rising times.
        told = np.flatnonzero(tells)
        rows = whole.rows[told]
        for name, values in (("lat_deg", lat_deg), ("lon_deg", lon_deg), ("at_ms", at_ms)):
            self.columns[name][rows] = values[told]


def _last_before(rows: Rows, tells: Bools, of: Rows) -> Rows:
    """By position in ``of``: the position of the last reading of its device, up to itself, that tells; -1 for none."""
    order = rows.argsort(kind="stable")
    place = np.empty(len(rows), np.intp)
    place[order] = np.arange(len(rows))
    last = np.maximum.accumulate(np.where(tells[order], np.arange(len(rows)), -1))[place[of]]
    found: Rows = np.where(last >= rows[order].searchsorted(rows[of]), order[last], -1)
    return found


def _may_open(lat_deg: Floats, lon_deg: Floats, known: Bools, joined: Sequence[InForce]) -> Bools:
    """Whether a seal may be opened at these places, by what is in force for each reading."""
    found = np.zeros(len(known), np.bool_)
    groups: dict[int, tuple[Corridor, list[int]]] = {}
    for i in np.flatnonzero(known).tolist():
        corridor = joined[i].corridor
        if corridor is not None:
            groups.setdefault(id(corridor), (corridor, []))[1].append(i)
    for corridor, at in groups.values():
        inside = corridor.inside(lat_deg[at], lon_deg[at])
        found[at] = [any(corridor.places[place].seal_may_open for place in places) for places in inside]
    return found
