"""Standings: what the reference says of each device, in columns, worked out again only where its answer has changed.

A device's answer (``InForce``) is one object for as long as it holds, so that comparing objects tells whether the
columns are still right; asking each reading's shipment and route for its fields was a third of the screening's cost.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from operator import is_not
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors import seal_mismatch
from detectors.columns import Columns, Rows
from detectors.device_batch import KIND_CODES, SENSOR_BITS, Bools, DeviceBatch
from streams.reference_book import InForce

_NAN: Final = float("nan")
_FILLED: Final = (
    *("guarded", "kind", "sensors", "half_width_m", "queue_begins_km", "queue_ends_km"),
    *("min_temperature_c", "max_temperature_c"),
)


class Standings:
    """One row a device. ``shipment`` is a hash of the shipment last guarded, 0 for none: the one part worth keeping."""

    __slots__ = ("_known", "columns", "shipment")

    def __init__(self) -> None:
        self._known: list[InForce | None] = []
        self.shipment = Columns(shipment=np.uint32(0))
        self.columns = Columns(
            guarded=np.bool_(False),
            kind=np.int8(0),
            sensors=np.uint8(0),
            half_width_m=np.float32(np.nan),
            queue_begins_km=np.float32(np.nan),
            queue_ends_km=np.float32(np.nan),
            min_temperature_c=np.nan,
            max_temperature_c=np.nan,
        )

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        self.shipment.ensure(size)
        self.columns.ensure(size)
        if size > len(self._known):
            self._known.extend([None] * (size - len(self._known)))

    def fill(self, whole: DeviceBatch, rows: Sequence[int], joined: Sequence[InForce], rounds: Sequence[Rows]) -> None:
        """Set the columns of a frame that the reference decides; ``rows`` and ``joined`` are its, in order."""
        known = self._known
        if not any(map(is_not, map(known.__getitem__, rows), joined)):
            for name, column in self._columns_at(whole.rows):
                setattr(whole, name, column)
            return
        for name in _FILLED:
            setattr(whole, name, np.empty(len(rows), self.columns[name].dtype))
        for positions in rounds:
            changed = [i for i in positions.tolist() if known[rows[i]] is not joined[i]]
            self._learn(changed, rows, joined, whole.in_order, whole.new_shipment)
            for name, column in self._columns_at(whole.rows[positions]):
                getattr(whole, name)[positions] = column

    def _columns_at(self, at: Rows) -> list[tuple[str, Any]]:
        return [(name, self.columns[name][at]) for name in _FILLED]

    def _learn(
        self, changed: list[int], rows: Sequence[int], joined: Sequence[InForce], in_order: Bools, new: Bools
    ) -> None:
        c, shipments = self.columns, self.shipment["shipment"]
        for i in changed:
            row, found = rows[i], joined[i]
            # What a late reading says holds for it alone: the next in order is to find its shipment new.
            self._known[row] = found if in_order[i] else None
            device, shipment = found.device, found.shipment
            c["guarded"][row] = shipment is not None
            c["kind"][row] = KIND_CODES[device.device_kind if device else None]
            c["sensors"][row] = sum(SENSOR_BITS.get(s, 0) for s in set(device.sensors)) if device else 0
            c["half_width_m"][row] = found.corridor.half_width_m if found.corridor else _NAN
            queue_km = found.corridor.queue_km if found.corridor else (_NAN, _NAN)
            c["queue_begins_km"][row], c["queue_ends_km"][row] = queue_km
            c["min_temperature_c"][row] = _number(shipment.min_temperature_c if shipment else None)
            c["max_temperature_c"][row] = _number(shipment.max_temperature_c if shipment else None)
            name = 0 if shipment is None else zlib.crc32(shipment.shipment_id.encode()) or 1
            # A late reading of the shipment before does not make the present one a new one.
            if in_order[i] and shipments[row] != name:
                shipments[row], new[i] = name, True

    @property
    def nbytes(self) -> int:
        """Memory of the columns and the answers' references, in bytes."""
        return self.columns.nbytes + self.shipment.nbytes + 8 * len(self._known)


def _number(value: float | None) -> float:
    return _NAN if value is None else value


def seal_columns(
    numbers: list[str | None], joined: Sequence[InForce]
) -> tuple[NDArray[np.int8], NDArray[Any], NDArray[Any]]:
    """How each reported seal number stands to the shipment's: match, reported, expected (``DeviceBatch`` has them).

    Case and blanks at the ends are no difference. A shipment that names no seals expects none.
    """
    n = len(numbers)
    match = np.zeros(n, np.int8)
    reported, expected = np.empty(n, object), np.empty(n, object)
    reported[:] = numbers
    for i, number in enumerate(numbers):
        if number is not None:
            shipment = joined[i].shipment
            known = shipment.seal_numbers if shipment is not None else ()
            match[i] = found = seal_mismatch.match(number, known)
            if found < 0:
                expected[i] = known
    return match, reported, expected
