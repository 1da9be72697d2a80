"""Readings as arrays: position i of every array is one reading. A rule judges rounds: no two are of one device.

Missing numbers are NaN here and nowhere further in: every rule masks them out before it computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Rows

Floats = NDArray[np.float64]
Degrees = NDArray[np.float32]  # as a rule keeps them: to a metre or two
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Levels = NDArray[np.int8]
Objects = NDArray[Any]

TRIP: Final = np.int8(1)  # opens an episode, or sustains it
HOLD: Final = np.int8(0)
CLEAR: Final = np.int8(-1)  # closes it

SEAL_CODES: Final = {None: 0, "armed": 1, "open": 2, "removed": 3, "tampered": 4}
KIND_CODES: Final = {None: 0, "truck": 1, "container": 2, "seal": 3, "phone": 4}
SENSOR_BITS: Final = {"temperature": 1, "humidity": 2, "vibration": 4, "shock": 8}  # as devices declare them


@dataclass(slots=True)
class DeviceBatch:
    """Arrays of one length. ``in_order`` is false for a reading older than one already judged of its device.

    ``guarded``: a shipment in force names the device; ``new_shipment``: another one than at its reading before.
    ``seal_may_open``, ``may_stand``: the reading lies in a place where customs or the route lets a seal be opened, or
    where standing still is expected. Without a fix the last place holds for ``seal_may_open``; ``placed`` is false
    where none does: then it is not known where a seal is opened. ``seen_ms``, ``seen_lat_deg``, ``seen_lon_deg``: the
    last fix at this reading, its own or one before, -1 and NaN where there was none. ``along_km`` is how far along its
    route it is, ``queue_begins_km`` and ``queue_ends_km`` where the first queue of that route does. Bounds and widths
    are the shipment's and route's, NaN where they have none, as these three; a position is NaN without a fix (0/0 is
    none).
    ``door_open``: the device says that it is. ``kind`` is of ``KIND_CODES``, ``sensors`` a set of ``SENSOR_BITS``.
    ``seal_match``: 1 where the reported seal number is one of the shipment's, -1 where it is none, 0 unknown.
    ``missing``: readings of the device that the ledger lacks, -1 where that has not changed with this reading.
    ``uptime_ms``: the line's up-time on its ticks when the reading came, below 0 before the first.
    """

    rows: Rows
    time_ms: Ints
    in_order: Bools
    guarded: Bools
    new_shipment: Bools
    kind: NDArray[np.int8]
    sensors: NDArray[np.uint8]
    lat_deg: Floats
    lon_deg: Floats
    speed_kmh: Floats
    accuracy_m: Floats
    off_route_m: Floats
    along_km: Floats
    queue_begins_km: Floats
    queue_ends_km: Floats
    half_width_m: Floats
    may_stand: Bools
    temperature_c: Floats
    min_temperature_c: Floats
    max_temperature_c: Floats
    humidity_pct: Floats
    vibration_g: Floats
    shock_g: Floats
    door_open: Bools
    battery_pct: Floats
    seal_code: Ints
    seal_openings: Floats
    seal_may_open: Bools
    placed: Bools
    seen_ms: Ints
    seen_lat_deg: Floats
    seen_lon_deg: Floats
    seal_match: NDArray[np.int8]
    seal_number: Objects
    seal_expected: Objects
    missing: Ints
    uptime_ms: Ints
    _of: DeviceBatch | None = field(default=None, init=False, repr=False)
    _positions: Rows | None = field(default=None, init=False, repr=False)

    def take(self, positions: Rows) -> DeviceBatch:
        """The readings at these positions. A column is taken when somebody first looks at it: no rule looks at all."""
        part = object.__new__(DeviceBatch)
        part._of, part._positions = self, positions
        return part

    def without_fixes(self, positions: Rows) -> DeviceBatch:
        """The same readings; those at these positions do not say where they are. For a whole frame, not for a part."""
        changed = {}
        for name in ("lat_deg", "lon_deg", "off_route_m"):
            changed[name] = getattr(self, name).copy()
            changed[name][positions] = np.nan
        return replace(self, **changed)

    def __getattr__(self, name: str) -> Any:
        if name == "_of" or (of := self._of) is None:
            raise AttributeError(name)
        column = getattr(of, name)[self._positions]
        setattr(self, name, column)
        return column


@dataclass(slots=True)
class Verdict:
    """What a rule says of each reading of a batch: a level, a score in [0, 1].

    ``doubted``: whose position is not to be gone by, also where that is not enough to open an episode; None: nobody's.
    """

    level: Levels
    score: Floats
    doubted: Bools | None = None


def quiet(batch: DeviceBatch) -> Verdict:
    """Nothing to say of any of these readings."""
    n = len(batch.rows)
    return Verdict(np.zeros(n, np.int8), np.zeros(n))


def levels(trip: Bools, clear: Bools) -> Levels:
    """TRIP, CLEAR or HOLD for each reading; where both are true, TRIP."""
    return np.where(trip, TRIP, np.where(clear, CLEAR, HOLD)).astype(np.int8, copy=False)
