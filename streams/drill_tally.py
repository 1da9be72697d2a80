"""How many records of a log are a drill's between two offsets, without reading them again.

A drill's records come in stretches, so what is kept is where the kind changes, and how many drills there were by then:
a subscriber a million records behind is answered by two binary searches.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple


class Split(NamedTuple):
    """Records: real ones, a drill's, and those that came before anybody here looked, which may be either."""

    real: int
    drill: int
    unread: int


class DrillTally:
    """Of every record from offset ``begin`` on, told in order. May be asked by another thread than the one that tells.

    Offsets without a record count as what came before them: nobody waits for long at one.
    """

    def __init__(self, begin: int) -> None:
        self._begin = begin
        # Offsets where stretches begin, a real one first and then a drill's by turns; and the drills before each.
        self._stretches = (array("q", [begin]), array("q", [0]))

    def note(self, offset: int, drill: bool) -> None:
        """The record at this offset, greater than every one before."""
        starts, before = self._stretches
        drills = len(starts) % 2 == 0
        if drill != drills:
            before.append(before[-1] + (offset - starts[-1] if drills else 0))
            starts.append(offset)  # last: what is asked meanwhile finds both

    def split(self, first: int, end: int) -> Split:
        """Of the offsets from ``first`` up to ``end``, how many are of which kind."""
        if end <= first:
            return Split(0, 0, 0)
        read = min(max(first, self._begin), end)
        drill = self._drills_before(end) - self._drills_before(read)
        return Split(end - read - drill, drill, read - first)

    def _drills_before(self, offset: int) -> int:
        starts, before = self._stretches
        at = bisect_right(starts, offset) - 1
        if at < 0:
            return 0
        return before[at] + (offset - starts[at] if at % 2 else 0)

    def forget(self, before: int) -> None:
        """Nobody will ask for what lies before this offset any more."""
        starts, drills = self._stretches
        keep = (bisect_right(starts, before) - 1) // 2 * 2  # from a real stretch on
        if keep > 0:
            self._begin = starts[keep]
            self._stretches = (starts[keep:], drills[keep:])
