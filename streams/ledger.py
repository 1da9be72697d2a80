"""The ledger: which readings have passed, as merged ranges of ``seq`` for each device and boot.

A last ``seq`` would not do: a backlog sent after live data would look like repeats and be lost. The common case, the
next ``seq`` of the running boot, costs one comparison on a column; everything else lives in a small dict of ranges.
Bounded, or one device's record would outgrow what Kafka takes: its oldest boots and oldest ranges are let go past a
limit; a repeat of those would pass, and be caught by the history's key.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Final, Literal

from contracts.readings import EARLIEST_TIME_MS

Passage = Literal[0, 1, 2, 3]
NEXT: Final = 0  # new, and just what was expected
AHEAD: Final = 1  # new, but a seq was skipped before it
BEHIND: Final = 2  # new, and older than what has passed: a backlog fills a hole
REPEAT: Final = 3  # has passed before

BOOTS_MAX: Final = 64
RANGES_MAX: Final = 2_048  # of all boots of a device together, the running one aside

_NO_BOOTS: Final[dict[int, list[int]]] = {}


def counts_nothing(seq: int, time_ms: int) -> bool:
    """True where ``seq`` is the reading's own second, as phones have it (``ingest.decoders.owntracks``).

    Such a device counts nothing, so it skips nothing, and its boots are kinds of message and no starts.
    """
    return seq * 1000 == time_ms >= EARLIEST_TIME_MS


class Ledger:
    """One row a device. Rows are the caller's, dense from 0."""

    __slots__ = ("_boot", "_next", "_ranges", "_start")

    def __init__(self) -> None:
        # The running range of each device: [start, next) of the boot it spoke of last, above all others of that boot.
        # Boot -1: none yet.
        self._boot = array("q")
        self._start = array("q")
        self._next = array("q")
        # All other ranges: row -> boot -> flat, sorted, disjoint [start, end, start, end ...).
        self._ranges: dict[int, dict[int, list[int]]] = {}

    def ensure(self, size: int) -> None:
        """Make rows 0 to ``size`` - 1 exist."""
        more = size - len(self._boot)
        if more > 0:
            self._boot.extend([-1] * more)
            self._start.extend([0] * more)
            self._next.extend([0] * more)

    def admit(self, row: int, boot: int, seq: int) -> Passage:
        """Has this (boot, seq) of the device passed before? If not, note that it has now."""
        if self._boot[row] == boot:
            following = self._next[row]
            if seq == following:
                self._next[row] = following + 1
                return NEXT
            if seq > following:
                self._retire(row)
                self._start[row], self._next[row] = seq, seq + 1
                return AHEAD
            return REPEAT if seq >= self._start[row] else self._admit_old(row, boot, seq)
        known = self._ranges.get(row, _NO_BOOTS).get(boot)
        if known is not None:
            if seq < known[-1]:
                return self._admit_old(row, boot, seq)
            self._take_up(row, boot, known)
            return self.admit(row, boot, seq)
        self._retire(row)
        self._boot[row], self._start[row], self._next[row] = boot, seq, seq + 1
        return NEXT if seq == 0 else AHEAD

    def _retire(self, row: int) -> None:
        """Move the running range to the others."""
        if self._boot[row] == -1:
            return
        boots = self._ranges.setdefault(row, {})
        ranges = boots.setdefault(self._boot[row], [])
        ranges += (self._start[row], self._next[row])
        self._bound(boots)

    def _take_up(self, row: int, boot: int, ranges: list[int]) -> None:
        """Let the last range of a boot that goes on, after another's backlog was heard, be the running one again."""
        start, following = ranges[-2:]
        del ranges[-2:]
        if not ranges:
            del self._ranges[row][boot]
        self._retire(row)
        self._boot[row], self._start[row], self._next[row] = boot, start, following

    def _bound(self, boots: dict[int, list[int]]) -> None:
        """Let the oldest go. Only a gap or a new boot gets here, so counting is cheap enough."""
        if len(boots) > BOOTS_MAX:
            del boots[next(iter(boots))]
        while sum(map(len, boots.values())) > 2 * RANGES_MAX:
            oldest = next(iter(boots))
            del boots[oldest][:2]
            if not boots[oldest]:
                del boots[oldest]

    def _admit_old(self, row: int, boot: int, seq: int) -> Passage:
        """A seq below the running range, or of another boot: look it up among the ranges, else put it there."""
        ranges = self._ranges.get(row, {}).get(boot, [])
        at = bisect_right(ranges, seq)
        if at % 2 == 1:
            return REPEAT
        joins_left = at > 0 and ranges[at - 1] == seq
        joins_right = at < len(ranges) and ranges[at] == seq + 1
        if joins_left and joins_right:
            del ranges[at - 1 : at + 1]
        elif joins_left:
            ranges[at - 1] = seq + 1
        elif joins_right:
            ranges[at] = seq
        elif self._boot[row] == boot and self._start[row] == seq + 1:
            self._start[row] = seq
            return BEHIND
        else:
            ranges[at:at] = (seq, seq + 1)
            boots = self._ranges.setdefault(row, {})
            boots[boot] = ranges
            self._bound(boots)
        if self._boot[row] == boot and ranges and ranges[-1] == self._start[row]:
            self._swallow(row, boot, ranges)
        return BEHIND

    def _swallow(self, row: int, boot: int, ranges: list[int]) -> None:
        """The range that ends where the running one begins becomes part of it."""
        self._start[row] = ranges[-2]
        del ranges[-2:]
        if not ranges:
            del self._ranges[row][boot]
            if not self._ranges[row]:
                del self._ranges[row]

    def missing(self, row: int) -> int:
        """How many readings lie in the holes between what has passed, boot by boot.

        What a boot lost before its first reading that came, or after its last, leaves no hole.
        """
        lacking = 0
        for boot, ranges in self._ranges.get(row, {}).items():
            lacking += sum(ranges[2::2]) - sum(ranges[1:-1:2])
            if ranges and boot == self._boot[row]:
                lacking += self._start[row] - ranges[-1]
        return lacking

    def dump(self, row: int) -> list[object]:
        """One device's ranges as plain data, for a checkpoint."""
        return [self._boot[row], self._start[row], self._next[row], self._ranges.get(row, {})]

    def load(self, row: int, dumped: list[object]) -> None:
        """Put a dumped row back."""
        self.ensure(row + 1)
        boot, start, following, ranges = dumped
        assert isinstance(boot, int)
        assert isinstance(start, int)
        assert isinstance(following, int)
        self._boot[row], self._start[row], self._next[row] = boot, start, following
        self._ranges.pop(row, None)
        if isinstance(ranges, dict) and ranges:
            self._ranges[row] = {int(b): list(r) for b, r in ranges.items()}

    def ranges(self, row: int) -> dict[int, list[tuple[int, int]]]:
        """Everything that has passed of this device: boot -> [(first, last)], for a person or a test."""
        found = {b: [(r[i], r[i + 1] - 1) for i in range(0, len(r), 2)] for b, r in self._ranges.get(row, {}).items()}
        if self._boot[row] != -1:
            running = (self._start[row], self._next[row] - 1)
            found[self._boot[row]] = sorted([*found.get(self._boot[row], []), running])
        return found
