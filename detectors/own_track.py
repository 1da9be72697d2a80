"""A device's positions beside each other: which of them its own track does not bear out, for its place or its time.

Idea: between two positions a device went about as fast as it told at either end. A position that it would have had to
go faster for, or so slowly that it told otherwise, or of a number lower than that of the one before it, is unsure: so
is one whose time is wrong, for it says where the device was, or will be; and one whose place is. The next one is unsure
as well, for nobody knows which of the two it is. Nothing is proved by it: a road bends, a lorry brakes.

Caveat: a clock that is off by as much all the while shows nothing here, nor does a device that stands, or so small an
error of time (a few seconds on the highway) that it may have gone so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from detectors.columns import Rows
from detectors.device_batch import Bools, Floats, Ints
from detectors.geometry import plane_m

_KMH: Final = 1 / 3.6  # m/s


@dataclass(frozen=True, slots=True)
class Pace:
    """A speed told may be ``doubt_kmh`` off and holds for ``steady_s``; each second more may have changed it by
    ``gain_kmh``. Nothing goes faster than ``most_kmh`` that did not tell so; that is also what it may have gone where
    nothing was told.
    """

    most_kmh: float
    doubt_kmh: float
    steady_s: float
    gain_kmh: float

    def fastest_m_s(self, kmh: Floats, other_kmh: Floats, between_s: Floats) -> Floats:
        """Metres a second that it went at the most, ``between_s`` seconds long, by what it told at both ends."""
        told_kmh = np.fmax(kmh, other_kmh)
        most_kmh = np.fmin(told_kmh + self._off_kmh(between_s), np.fmax(told_kmh, self.most_kmh))
        return np.where(np.isfinite(told_kmh), most_kmh, self.most_kmh) * _KMH

    def slowest_m_s(self, kmh: Floats, other_kmh: Floats, between_s: Floats) -> Floats:
        """Metres a second that it went at the least."""
        return np.fmax(np.minimum(kmh, other_kmh) - self._off_kmh(between_s), 0.0) * _KMH

    def _off_kmh(self, between_s: Floats) -> Floats:
        return np.asarray(self.doubt_kmh + self.gain_kmh * np.maximum(between_s - self.steady_s, 0.0))


@dataclass(slots=True)
class Told:
    """What a device told of each position, as arrays of one length: ms, its start and number, degrees, metres, km/h."""

    time_ms: Ints
    boot_id: Ints
    seq: Ints
    lat_deg: Floats
    lon_deg: Floats
    accuracy_m: Floats
    speed_kmh: Floats

    def at(self, rows: Rows) -> Told:
        """Of these positions."""
        return Told(*(getattr(self, field.name)[rows] for field in fields(self)))


def unsure(device: Ints, told: Told, pace: Pace) -> Bools:
    """Which of these positions are; in order of time, those of one ``device`` of one number. A first one is sure."""
    order = np.argsort(device, kind="stable")
    follows = np.flatnonzero(device[order[1:]] == device[order[:-1]])
    before, after = order[:-1][follows], order[1:][follows]
    between_s = (told.time_ms[after] - told.time_ms[before]) / 1_000.0
    moved_m = plane_m(told.lat_deg[before], told.lon_deg[before], told.lat_deg[after], told.lon_deg[after])
    noise_m = np.nan_to_num(told.accuracy_m[before]) + np.nan_to_num(told.accuracy_m[after])
    speeds_kmh = told.speed_kmh[before], told.speed_kmh[after]
    strange = moved_m - noise_m > pace.fastest_m_s(*speeds_kmh, between_s) * between_s
    strange |= moved_m + noise_m < pace.slowest_m_s(*speeds_kmh, between_s) * between_s
    strange |= (told.boot_id[after] == told.boot_id[before]) & (told.seq[after] < told.seq[before])
    found = np.zeros(len(device), np.bool_)
    found[after[strange]] = True
    return found
