"""Tracks: the positions of a partition's devices, gathered as they come, given out in slices of event time.

A slice is given out once the clock says that nothing of it is still awaited, in an order that depends on what was
measured, never on when it arrived. In columns, a record a position; in checkpoints each position is written once, in
the chunk of those that came since the checkpoint before, and a chunk is taken back when all of it has been used.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.readings import DOUBTED_FIX, LATE, NO_FIX, ShipmentReading
from streams.stage import StateChange

FIX: Final = np.dtype(
    [
        ("time_ms", "i8"), ("boot_id", "i8"), ("seq", "i8"), ("lat_deg", "f8"), ("lon_deg", "f8"),
        ("accuracy_m", "f4"), ("speed_kmh", "f4"), ("along_km", "f4"), ("off_route_m", "f4"), ("temperature_c", "f4"),
        ("member", "i4"), ("flags", "u1"),
    ]
)  # fmt: skip
PLACED: Final = 1  # lies in a stop or a geofence
TOLD: Final = 2  # a rule speaks on this reading, of more than the device itself
UNPLACED: Final = frozenset({LATE, NO_FIX})  # marks of what is no position, or none that a window waits for
DOUBTED: Final = 4  # where it says it is may be a lie

Fixes = NDArray[Any]  # of FIX
_NUMBERS: Final = tuple(name for name in FIX.names or () if name not in ("temperature_c", "member", "flags"))
_numbers_of = attrgetter(*_NUMBERS)
_SPOOFED: Final = "position_spoofing"
# Of the device that they are about, not of the way it goes; some last for hours.
_OF_DEVICE: Final = frozenset({"reading_gap", "battery_low", "sensor_stuck", "seal_mismatch"})
_CHUNK_MAX: Final = 8_000  # positions: half a megabyte


def flags_of(reading: ShipmentReading) -> int:
    """What is known of a position beside its numbers."""
    flags = PLACED if reading.inside else 0
    if DOUBTED_FIX in reading.marks:
        flags |= DOUBTED
    for finding in reading.findings:
        if finding.level == "trip" and finding.rule not in _OF_DEVICE:
            flags |= TOLD | DOUBTED if finding.rule == _SPOOFED else TOLD
    return flags


@dataclass(slots=True)
class _Chunk:
    """What was heard between two checkpoints, by time; before ``start`` it has been given out."""

    number: int
    fixes: Fixes
    times_ms: NDArray[np.int64]  # theirs, side by side in memory: searching a field of a record copies it first
    start: int = 0
    saved: bool = False

    @property
    def rest(self) -> Fixes:
        return self.fixes[self.start :]


class Tracks:
    """``kept``: positions given out, and put back for the next slice (see ``keep``)."""

    def __init__(self, slice_ms: int) -> None:
        self.slice_ms = slice_ms
        self.closed_ms = 0  # every slice that ends by then has been given out
        self.behind = 0  # positions that came after that
        self._numbers, self._celsius = array("d"), array("d")  # heard, and not in columns yet
        self._members, self._flags = array("i"), array("B")
        self._chunks: list[_Chunk] = []
        self.kept: Fixes = np.empty(0, FIX)
        self._kept_chunk = np.empty(0, np.int64)
        self._saved: set[int] = set()
        self._next_chunk = 0

    def hear(self, members: Sequence[int], readings: Sequence[ShipmentReading]) -> None:
        """Take in readings of these members, all of them positions in time. As plain numbers: none is kept as it is."""
        try:
            self._numbers.extend(chain.from_iterable(map(_numbers_of, readings)))
        except TypeError:
            # Something is not told. What came before it in this call was taken already.
            del self._numbers[len(self._members) * len(_NUMBERS) :]
            self._numbers.extend(math.nan if n is None else n for r in readings for n in _numbers_of(r))
        self._celsius.extend([math.nan if (c := r.temperature_c) is None else c for r in readings])
        self._flags.extend([flags_of(r) if r.inside or r.findings or r.marks else 0 for r in readings])
        self._members.extend(members)

    def settle(self) -> None:
        """Bring what was heard into columns."""
        if not self._members:
            return
        fixes = np.empty(len(self._members), FIX)
        for name, column in zip(_NUMBERS, np.array(self._numbers).reshape(-1, len(_NUMBERS)).T, strict=True):
            fixes[name] = column
        fixes["temperature_c"], fixes["member"], fixes["flags"] = self._celsius, self._members, self._flags
        self._numbers, self._celsius = array("d"), array("d")
        self._members, self._flags = array("i"), array("B")
        times_ms = np.ascontiguousarray(fixes["time_ms"])
        order = np.argsort(times_ms, kind="stable")
        fixes, times_ms = fixes[order], times_ms[order]
        behind = int(np.searchsorted(times_ms, self.closed_ms))
        self.behind += behind
        for first in range(behind, len(fixes), _CHUNK_MAX):
            part = slice(first, first + _CHUNK_MAX)
            self._chunks.append(_Chunk(self._next_chunk, fixes[part], times_ms[part]))
            self._next_chunk += 1

    def close(self, until_ms: int) -> Iterator[tuple[int, Fixes, int]]:
        """(end in ms, positions, how many of them were kept) of each slice with any that ends by ``until_ms``.

        The kept come first. Call ``keep`` with positions into the array before taking the next one.
        """
        self.settle()
        until_ms -= until_ms % self.slice_ms
        if until_ms <= self.closed_ms:
            return
        parts, numbers = [np.empty(0, FIX)], [np.empty(0, np.int64)]
        for chunk in self._chunks:
            end = int(np.searchsorted(chunk.times_ms, until_ms))
            if end > chunk.start:
                parts.append(chunk.fixes[chunk.start : end])
                numbers.append(np.full(end - chunk.start, chunk.number))
                chunk.start = end
        fixes, of = np.concatenate(parts), np.concatenate(numbers)
        ends = (fixes["time_ms"] // self.slice_ms + 1) * self.slice_ms
        if len(ends) and ends.min() < ends.max():
            order = np.argsort(ends, kind="stable")
            fixes, of, ends = fixes[order], of[order], ends[order]
        bounds = [0, *(np.flatnonzero(np.diff(ends)) + 1).tolist(), len(ends)]
        for first, last in pairwise(bounds):
            if first < last:
                kept = len(self.kept)
                self.kept = np.concatenate([self.kept, fixes[first:last]])
                self._kept_chunk = np.r_[self._kept_chunk, of[first:last]]
                yield int(ends[first]), self.kept, kept
        self.closed_ms = until_ms

    def keep(self, positions: NDArray[np.intp]) -> None:
        """Of the slice just given out, what the next one needs."""
        self.kept, self._kept_chunk = self.kept[positions], self._kept_chunk[positions]

    @property
    def awaiting(self) -> int:
        """Positions of slices not given out yet."""
        return len(self._members) + sum(len(chunk.rest) for chunk in self._chunks)

    def members(self) -> NDArray[np.int32]:
        """Of whom there are positions."""
        self.settle()
        found = [self.kept["member"], *(chunk.rest["member"] for chunk in self._chunks)]
        return np.unique(np.concatenate(found)).astype(np.int32)

    @property
    def nbytes(self) -> int:
        """Memory of all positions, in bytes."""
        return int(self.kept.nbytes) + sum(int(chunk.fixes.nbytes) for chunk in self._chunks)

    def changes(self) -> Iterator[StateChange]:
        """Chunks of what came since the last call; None for those of which nothing is needed any more."""
        self.settle()
        needed = {chunk.number for chunk in self._chunks if len(chunk.rest)}.union(self._kept_chunk.tolist())
        for chunk in self._chunks:
            if not chunk.saved and chunk.number in needed:
                yield str(chunk.number), chunk.fixes.tobytes()
                self._saved.add(chunk.number)
            chunk.saved = True
        for number in sorted(self._saved - needed):
            yield str(number), None
        self._saved &= needed
        self._chunks = [chunk for chunk in self._chunks if len(chunk.rest)]

    def restore(self, key: str, value: bytes) -> None:
        """One chunk back."""
        number = int(key)
        if len(value) % FIX.itemsize == 0:  # else another release's: its positions are not taken over
            fixes = np.frombuffer(value, FIX)
            self._chunks.append(_Chunk(number, fixes, np.ascontiguousarray(fixes["time_ms"]), saved=True))
        self._saved.add(number)
        self._next_chunk = max(self._next_chunk, number + 1)

    def restored(self, closed_ms: int) -> None:
        """All is back; what lies before ``closed_ms`` had been given out: call ``keep`` on ``kept``."""
        self.closed_ms = closed_ms
        self._chunks.sort(key=lambda chunk: chunk.number)
        for chunk in self._chunks:
            chunk.start = int(np.searchsorted(chunk.times_ms, closed_ms))
            self.kept = np.concatenate([self.kept, chunk.fixes[: chunk.start]])
            self._kept_chunk = np.r_[self._kept_chunk, np.full(chunk.start, chunk.number)]
