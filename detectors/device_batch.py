"""One round's readings as arrays: position i of every array is one reading, and no two are of one device.

Missing numbers are NaN here and nowhere further in: every rule masks them out before it computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Levels = NDArray[np.int8]

TRIP: Final = np.int8(1)  # opens an episode, or sustains it
HOLD: Final = np.int8(0)
CLEAR: Final = np.int8(-1)  # closes it

SEAL_CODES: Final = {None: 0, "armed": 1, "open": 2, "removed": 3, "tampered": 4}


@dataclass(slots=True)
class DeviceBatch:
    """Arrays of one length. ``in_order`` is false for a reading older than one already judged of its device.

    ``seal_may_open`` is true where the reading lies in a place where customs or the route lets a seal be opened;
    ``guarded`` where a shipment in force names the device. Bounds and widths are the shipment's and route's, NaN
    where they have none.
    """

    rows: Rows
    time_ms: Ints
    in_order: Bools
    guarded: Bools
    off_route_m: Floats
    half_width_m: Floats
    accuracy_m: Floats
    temperature_c: Floats
    min_temperature_c: Floats
    max_temperature_c: Floats
    seal_code: Ints
    seal_openings: Floats
    seal_may_open: Bools

    def take(self, positions: Rows) -> DeviceBatch:
        """The readings at these positions."""
        return DeviceBatch(*(getattr(self, name)[positions] for name in self.__slots__))


@dataclass(slots=True)
class Verdict:
    """What a rule says of each reading of a batch: a level, a score in [0, 1]."""

    level: Levels
    score: Floats
