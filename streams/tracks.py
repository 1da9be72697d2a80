"""Tracks: the positions of a partition's devices, gathered as they come, given out in slices of event time.

A slice is given out once the clock says that nothing of it is still awaited, in an order that depends on what was
measured, never on when it arrived. In columns, a record a position; in checkpoints each position is written once, in
the chunk of those that came since the checkpoint before, and a chunk is taken back when all of it has been used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.readings import LATE, NO_FIX, ShipmentReading
from streams.stage import StateChange

FIX: Final = np.dtype(
    [
        ("time_ms", "i8"), ("boot_id", "i8"), ("seq", "i8"), ("lat_deg", "f8"), ("lon_deg", "f8"),
        ("accuracy_m", "f4"), ("speed_kmh", "f4"), ("along_km", "f4"), ("off_route_m", "f4"), ("temperature_c", "f4"),
        ("member", "i4"), ("flags", "u1"),
    ]
)  # fmt: skip
PLACED: Final = 1  # lies in a stop or a geofence
TOLD: Final = 2  # a rule speaks on this reading
DOUBTED: Final = 4  # where it says it is may be a lie

Fixes = NDArray[Any]  # of FIX
_NUMBERS: Final = tuple(name for name in FIX.names or () if name not in ("temperature_c", "member", "flags"))
_numbers_of = attrgetter(*_NUMBERS)
_SPOOFED: Final = "position_spoofing"
_CHUNK_MAX: Final = 8_000  # positions: half a megabyte
_UNSAVED: Final = -1


def flags_of(reading: ShipmentReading) -> int:
    """What is known of a position beside its numbers."""
    flags = PLACED if reading.inside else 0
    for finding in reading.findings:
        if finding.level == "trip":
            flags |= TOLD | DOUBTED if finding.rule == _SPOOFED else TOLD
    return flags


class Tracks:
    """``open``: of slices not given out yet. ``kept``: given out, and put back for the next one (see ``keep``)."""

    def __init__(self, slice_ms: int) -> None:
        self.slice_ms = slice_ms
        self.closed_ms = 0  # every slice that ends by then has been given out
        self.behind = 0  # positions that came after that
        self._readings: list[ShipmentReading] = []
        self._members: list[int] = []
        self.open: Fixes = np.empty(0, FIX)
        self.kept: Fixes = np.empty(0, FIX)
        self._open_chunk = np.empty(0, np.int32)
        self._kept_chunk = np.empty(0, np.int32)
        self._chunks: set[int] = set()
        self._next_chunk = 0
        self._used = False  # whether positions were let go of since the last checkpoint

    @staticmethod
    def wants(reading: ShipmentReading) -> bool:
        """A position in time, of a shipment."""
        return (
            reading.lat_deg is not None
            and reading.shipment_id is not None
            and not (reading.marks and (LATE in reading.marks or NO_FIX in reading.marks))
        )

    def hear(self, members: list[int], readings: list[ShipmentReading]) -> None:
        """Take in readings that are wanted, and whose members these are."""
        self._members += members
        self._readings += readings

    def settle(self) -> Fixes:
        """Bring what was heard into columns; those just brought in."""
        readings, members = self._readings, self._members
        if not readings:
            return self.open[:0]
        self._readings, self._members = [], []
        fixes = np.empty(len(readings), FIX)
        for name, column in zip(_NUMBERS, _matrix(readings).T, strict=True):
            fixes[name] = column
        fixes["temperature_c"] = np.array([reading.temperature_c for reading in readings], np.float64)
        fixes["member"] = members
        fixes["flags"] = [flags_of(r) if r.inside or r.findings else 0 for r in readings]
        awaited = fixes["time_ms"] >= self.closed_ms
        if not awaited.all():
            self.behind += int(np.count_nonzero(~awaited))
            fixes = fixes[awaited]
        self.open = np.concatenate([self.open, fixes])
        self._open_chunk = np.r_[self._open_chunk, np.full(len(fixes), _UNSAVED, np.int32)]
        return fixes

    def close(self, until_ms: int) -> Iterator[tuple[int, Fixes, int]]:
        """(end in ms, positions, how many of them were kept) of each slice with any that ends by ``until_ms``.

        The kept come first. Call ``keep`` with positions into the array before taking the next one.
        """
        self.settle()
        until_ms -= until_ms % self.slice_ms
        if until_ms <= self.closed_ms:
            return
        due = self.open["time_ms"] < until_ms
        fixes, chunk = self.open[due], self._open_chunk[due]
        self.open, self._open_chunk = self.open[~due], self._open_chunk[~due]
        ends = (fixes["time_ms"] // self.slice_ms + 1) * self.slice_ms
        order = np.argsort(ends, kind="stable")
        fixes, chunk, ends = fixes[order], chunk[order], ends[order]
        bounds = [0, *(np.flatnonzero(np.diff(ends)) + 1).tolist(), len(ends)]
        for first, last in pairwise(bounds):
            if first == last:
                continue
            kept = len(self.kept)
            whole = np.concatenate([self.kept, fixes[first:last]])
            self._kept_chunk = np.r_[self._kept_chunk, chunk[first:last]]
            self.kept = whole
            yield int(ends[first]), whole, kept
        self.closed_ms = until_ms

    def keep(self, positions: NDArray[np.intp]) -> None:
        """Of the slice just given out, what the next one needs."""
        self.kept, self._kept_chunk = self.kept[positions], self._kept_chunk[positions]
        self._used = True

    def members(self) -> NDArray[np.int32]:
        """Of whom there are positions."""
        self.settle()
        return np.concatenate([self.open["member"], self.kept["member"]]).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Memory of all positions, in bytes."""
        chunks = self._open_chunk.nbytes + self._kept_chunk.nbytes
        return int(self.open.nbytes + self.kept.nbytes + chunks)

    def changes(self) -> Iterator[StateChange]:
        """Chunks of what came since the last call; None for those of which nothing is needed any more."""
        self.settle()
        if self._used:
            needed = np.unique(np.r_[self._open_chunk, self._kept_chunk]).tolist()
            for number in sorted(self._chunks.difference(needed)):
                self._chunks.discard(number)
                yield str(number), None
            self._used = False
        for fixes, chunk in ((self.open, self._open_chunk), (self.kept, self._kept_chunk)):
            at = np.flatnonzero(chunk == _UNSAVED)
            for first in range(0, len(at), _CHUNK_MAX):
                part = at[first : first + _CHUNK_MAX]
                number, self._next_chunk = self._next_chunk, self._next_chunk + 1
                chunk[part] = number
                self._chunks.add(number)
                yield str(number), fixes[part].tobytes()

    def restore(self, key: str, value: bytes) -> None:
        """One chunk back."""
        number = int(key)
        fixes = np.frombuffer(value, FIX)
        self.open = np.concatenate([self.open, fixes])
        self._open_chunk = np.r_[self._open_chunk, np.full(len(fixes), number, np.int32)]
        self._chunks.add(number)
        self._next_chunk = max(self._next_chunk, number + 1)

    def restored(self, closed_ms: int) -> None:
        """All is back; what lies before ``closed_ms`` had been given out: call ``keep`` on ``kept``."""
        self.closed_ms = closed_ms
        given = self.open["time_ms"] < closed_ms
        self.kept, self._kept_chunk = self.open[given], self._open_chunk[given]
        self.open, self._open_chunk = self.open[~given], self._open_chunk[~given]


def _matrix(readings: Sequence[ShipmentReading]) -> NDArray[np.float64]:
    """Their numbers, a row each; NaN where there is none."""
    rows = list(map(_numbers_of, readings))
    try:
        # Three times as cheap as np.array; but it takes no None.
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(_NUMBERS))
    except TypeError:
        return np.array(rows, np.float64)
    return flat.reshape(-1, len(_NUMBERS))
