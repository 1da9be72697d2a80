"""Last places: where a device without a fix may be, and whether it is taken to be where a seal may be opened.

A roof over a customs lot takes the fix from whatever is opened under it, so one reading alone says "in no place" where
it ought to say "no word of a place". Idea: a device that loses its fix is taken to be in a place where seals are opened
if it can have come there from its last fix by its first reading without one; for two hours, longer than most
examinations last, unless it tells without a fix that it drives. Where it cannot have come to any such place yet, it is
on the road for sure; between the two its place is not known. Caveat: what is jammed beside a lot, or as it leaves one,
and opened within those two hours is taken to be in it; a device that was switched on under a roof has no last place.

Assumes batches whose doubted fixes are gone: one false fix in a yard is no place to have been last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.columns import Columns, Rows
from detectors.device_batch import DeviceBatch, Floats, Ints
from detectors.geometry import haversine_m
from streams.corridor import Corridor
from streams.reference_book import InForce

HOLDS_MS: Final = 7_200_000
DRIVES_KMH: Final = 30.0  # who drives faster is in no lot, or leaves it
REACH_KMH: Final = 110.0  # few lorries are faster
FALSE_KMH: Final = 160.0  # and none by so much, as ``position_spoofing`` has it too
# From the last fix to the first reading without one, five minutes being the slowest beat: who is silent for longer may
# have been anywhere meanwhile.
GAP_MS_MAX: Final = 330_000
# What came late is a backlog's place as long as the device has told of no place so much newer since it came.
BACKLOG_MS: Final = 600_000
SLACK_KM: Final = 0.1  # a fix's error
_NEVER: Final = -1
_REACH_KM_PER_MS: Final = REACH_KMH / 3_600_000.0


class LastPlaces:
    """One row a device: its last fix (degrees) and when that was (ms, -1 never); when it last told of its place, by a
    fix or by driving; how far (km) it can have come by its first reading without a fix: NaN where there was none yet,
    below 0 where it has driven since.

    And the same of what came late, behind something newer: a backlog's readings go by its own places. There ``told_ms``
    is what the device had told of in order by then.
    """

    __slots__ = ("columns",)

    def __init__(self) -> None:
        self.columns = Columns(
            lat_deg=np.nan, lon_deg=np.nan, fix_ms=np.int64(_NEVER), told_ms=np.int64(_NEVER),
            reach_km=np.float32(np.nan), late_lat_deg=np.nan, late_lon_deg=np.nan, late_fix_ms=np.int64(_NEVER),
            late_told_ms=np.int64(_NEVER), late_reach_km=np.float32(np.nan),
        )  # fmt: skip

    def fill(
        self, whole: DeviceBatch, joined: Sequence[InForce], rounds: Sequence[Rows], until_ms: int, told: Rows
    ) -> None:
        """Of a frame, say of the readings without a fix where they were last seen, whether a seal may be opened there,
        and which of them have no place.

        A late fix counts where it is newer than what told of the place before, else for what comes late itself; where
        the device cannot have been, by its last fix in order, it is none. A time after ``until_ms`` cannot be yet: the
        place holds from then on. Of the readings at ``told`` somebody is being told that their fixes are not to be
        relied on: what they open goes by the place that they claim, for a false alarm of one rule is not to be one of
        another.
        """
        seen = np.isfinite(whole.lat_deg) & np.isfinite(whole.lon_deg)
        at_ms, c = np.minimum(whole.time_ms, until_ms), self.columns
        if seen.all() and whole.in_order.all():
            # Where a device is named more than once its last reading stays.
            self._see("", whole, np.arange(len(at_ms)), at_ms)
            return
        drives = whole.speed_kmh > DRIVES_KMH
        lat_deg, lon_deg, fix_ms = whole.lat_deg.copy(), whole.lon_deg.copy(), at_ms.copy()
        reach_km = np.zeros(len(at_ms))
        for positions in rounds:
            late = at_ms[positions] < c["told_ms"][whole.rows[positions]]
            for prefix, of in (("", positions[~late]), ("late_", positions[late])):
                seen[self._false(whole, of[seen[of]], at_ms)] = False
                self._see(prefix, whole, of[seen[of]], at_ms)
                blind = of[~seen[of]]
                if not len(blind):
                    continue
                at = whole.rows[blind]
                stale = c["told_ms"][at] - c[f"{prefix}told_ms"][at] > BACKLOG_MS
                fix_ms[blind] = np.where(stale, _NEVER, c[f"{prefix}fix_ms"][at])
                lat_deg[blind], lon_deg[blind] = c[f"{prefix}lat_deg"][at], c[f"{prefix}lon_deg"][at]
                gap_ms, reach = at_ms[blind] - fix_ms[blind], c[f"{prefix}reach_km"][at]
                near = (gap_ms >= 0) & (gap_ms <= GAP_MS_MAX)
                reach = np.where(near, np.fmin(reach, gap_ms * _REACH_KM_PER_MS), np.nan_to_num(reach, nan=0.0))
                reach = np.where(drives[blind], -np.inf, reach)
                c[f"{prefix}reach_km"][at] = reach_km[blind] = reach
                moving = drives[blind] & ~stale
                moved = at[moving]
                c[f"{prefix}told_ms"][moved] = c["told_ms"][moved] if prefix else at_ms[blind][moving]
        whole.seen_lat_deg, whole.seen_lon_deg, whole.seen_ms = lat_deg, lon_deg, fix_ms
        seen[told] = True
        blind = np.flatnonzero(~seen)
        away_km = _to_openings_km(lat_deg[blind], lon_deg[blind], [joined[i] for i in blind.tolist()])
        # A release before kept no place of who drove on, but a time.
        age_ms = np.where((fix_ms[blind] == _NEVER) | np.isnan(lat_deg[blind]), -1, at_ms[blind] - fix_ms[blind])
        there = (age_ms >= 0) & (age_ms <= HOLDS_MS) & (away_km <= reach_km[blind] + SLACK_KM)
        whole.seal_may_open[blind] = there
        whole.placed[blind] = there | ((age_ms >= 0) & (away_km > age_ms * _REACH_KM_PER_MS + SLACK_KM))

    def _false(self, whole: DeviceBatch, of: Rows, at_ms: Ints) -> Rows:
        """Of these positions, those whose fix came late and cannot be its device's, by its last fix in order."""
        late = of[~whole.in_order[of]]
        if not len(late):
            return late
        c, at = self.columns, whole.rows[late]
        off_m = haversine_m(c["lat_deg"][at], c["lon_deg"][at], whole.lat_deg[late], whole.lon_deg[late])
        since_ms = np.abs(at_ms[late] - c["fix_ms"][at])
        beyond = off_m > since_ms * FALSE_KMH / 3_600.0 + 1_000.0 * SLACK_KM
        return np.asarray(late[(c["fix_ms"][at] != _NEVER) & beyond])

    def _see(self, prefix: str, whole: DeviceBatch, of: Rows, at_ms: Ints) -> None:
        """Take the fixes of these positions in."""
        c, at = self.columns, whole.rows[of]
        c[f"{prefix}lat_deg"][at], c[f"{prefix}lon_deg"][at] = whole.lat_deg[of], whole.lon_deg[of]
        c[f"{prefix}fix_ms"][at] = at_ms[of]
        c[f"{prefix}told_ms"][at] = c["told_ms"][at] if prefix else at_ms[of]
        c[f"{prefix}reach_km"][at] = np.nan


def _to_openings_km(lat_deg: Floats, lon_deg: Floats, joined: Sequence[InForce]) -> Floats:
    """From these places to the nearest where a seal may be opened, by what is in force for each; inf: there is none."""
    found = np.full(len(joined), np.inf)
    groups: dict[int, tuple[Corridor, list[int]]] = {}
    for i, in_force in enumerate(joined):
        corridor = in_force.corridor
        if corridor is not None and np.isfinite(lat_deg[i]):
            groups.setdefault(id(corridor), (corridor, []))[1].append(i)
    for corridor, at in groups.values():
        found[at] = corridor.to_openings_km(lat_deg[at], lon_deg[at])
    return found
