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
_NEVER: Final = -1


class LastPlaces:
    """One row a device: when it last told of its place (ms, -1 never), and that place (degrees), NaN where it drove.

    And the same of what came late, behind something newer: a backlog's readings go by its own places.
    """

    __slots__ = ("columns",)

    def __init__(self) -> None:
        self.columns = Columns(
            lat_deg=np.nan, lon_deg=np.nan, at_ms=np.int64(_NEVER),
            late_lat_deg=np.nan, late_lon_deg=np.nan, late_at_ms=np.int64(_NEVER),
        )  # fmt: skip

    def fill(self, whole: DeviceBatch, joined: Sequence[InForce], rounds: Sequence[Rows], until_ms: int) -> None:
        """Of a frame, say where a seal may be opened of the readings without a fix, and which of them have no place.

        A late fix counts where it is newer than what told of the place before, else for what comes late itself. A time
        after ``until_ms`` cannot be yet: the place holds from then on.
        """
        seen = np.isfinite(whole.lat_deg) & np.isfinite(whole.lon_deg)
        drives = whole.speed_kmh > DRIVES_KMH
        tells, holds = seen | drives, seen & ~drives
        lat_deg, lon_deg = (np.where(holds, each, np.nan) for each in (whole.lat_deg, whole.lon_deg))
        at_ms, c = np.minimum(whole.time_ms, until_ms), self.columns
        if seen.all() and whole.in_order.all():
            # Where a device is named more than once its last reading stays.
            c["lat_deg"][whole.rows], c["lon_deg"][whole.rows], c["at_ms"][whole.rows] = lat_deg, lon_deg, at_ms
            return
        for positions in rounds:
            told = positions[tells[positions]]
            newer = at_ms[told] >= c["at_ms"][whole.rows[told]]
            for prefix, of in (("", told[newer]), ("late_", told[~newer])):
                at = whole.rows[of]
                c[f"{prefix}lat_deg"][at], c[f"{prefix}lon_deg"][at] = lat_deg[of], lon_deg[of]
                c[f"{prefix}at_ms"][at] = at_ms[of]
            blind = positions[~seen[positions]]
            if len(blind):
                at = whole.rows[blind]
                late = at_ms[blind] < c["at_ms"][at]
                lat_deg[blind] = np.where(late, c["late_lat_deg"][at], c["lat_deg"][at])
                lon_deg[blind] = np.where(late, c["late_lon_deg"][at], c["lon_deg"][at])
                age_ms = at_ms[blind] - np.where(late, c["late_at_ms"][at], c["at_ms"][at])
                whole.placed[blind] = np.isfinite(lat_deg[blind]) & (age_ms >= 0) & (age_ms <= HOLDS_MS)
        held = np.flatnonzero(~seen & whole.placed)
        if len(held):
            whole.seal_may_open[held] = _may_open(lat_deg[held], lon_deg[held], [joined[i] for i in held.tolist()])


def _may_open(lat_deg: Floats, lon_deg: Floats, joined: Sequence[InForce]) -> Bools:
    """Whether a seal may be opened at these places, by what is in force for each reading."""
    found = np.zeros(len(joined), np.bool_)
    groups: dict[int, tuple[Corridor, list[int]]] = {}
    for i, in_force in enumerate(joined):
        corridor = in_force.corridor
        if corridor is not None:
            groups.setdefault(id(corridor), (corridor, []))[1].append(i)
    for corridor, at in groups.values():
        inside = corridor.inside(lat_deg[at], lon_deg[at])
        found[at] = [any(corridor.places[place].seal_may_open for place in places) for places in inside]
    return found
