"""Where a quantity has been, and how far a new value of it is from there.

The axis is cut into cells. A trusted visit makes a cell and its two neighbours known. A visit in an anomalous stretch
is only seen: it counts for most of the way to knowing, not for all of it, so that what was strange once is less strange
the second time, and still strange. What was seen in two such stretches is a habit: then it is trusted the third time.
Where somebody is being told of a stretch its places are neither, but marked: nothing that goes there from a known place
next to it makes them known, or what is told today would be reached step by step tomorrow. Once that stretch has come to
stay what it marked is known, and what others marked where it will pass. Values beyond the axis' ends are
taken as being at its ends.

Source: the nearest neighbour's distance as novelty, e.g. Knorr and Ng, "Algorithms for mining distance-based outliers
in large datasets" (1998), on one axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final


class KnownCells:
    """An axis from ``low`` to ``high``, with ``per_unit`` cells a unit; seven bytes of state a cell.

    ``still_strange``: part of its distance to what is known that a value keeps where it was seen in an anomalous
    stretch.
    """

    still_strange: ClassVar[float] = 0.15

    __slots__ = ("_before", "_habit", "_known", "_last", "_low", "_now", "_per_unit", "_seen", "_told", "_told_now")

    def __init__(self, low: float, high: float, per_unit: int) -> None:
        self._low = low
        self._per_unit = per_unit
        self._last = int((high - low) * per_unit)
        self._known = bytearray(self._last + 1)
        self._seen = bytearray(self._last + 1)
        self._now = bytearray(self._last + 1)  # seen in the stretch of now
        self._before = bytearray(self._last + 1)  # seen in an earlier one
        self._habit = bytearray(self._last + 1)
        self._told = bytearray(self._last + 1)  # somebody was told of a stretch that was here
        self._told_now = bytearray(self._last + 1)  # of the stretch of now

    def _cell(self, at: float) -> int:
        # Compared before it is cut, for int() of a huge float is a huge integer.
        cell = (at - self._low) * self._per_unit
        if cell >= self._last:
            return self._last
        return int(cell) if cell > 0.0 else 0

    def is_known(self, at: float) -> bool:
        """Whether it has been here in a trusted stretch: then every distance is 0.0, and nobody is told of it."""
        return self._known[self._cell(at)] == 1

    def distance(self, at: float) -> float:
        """Distance, in units of the axis, to the nearest place where the quantity has been; 0.0 if it never was."""
        cell = self._cell(at)
        if self._known[cell]:
            return 0.0
        steps = max(_steps(self._seen, cell), self.still_strange * _steps(self._known, cell))
        return steps / self._per_unit

    def beyond_known(self, at: float) -> float:
        """Distance to the nearest place where it has been in a trusted stretch; 0.0 if there is none."""
        return _steps(self._known, self._cell(at)) / self._per_unit

    def from_habit(self, at: float) -> float:
        """Distance to the nearest place where it has been trusted, or in two stretches; 0.0 if there is none."""
        return _steps(self._habit, self._cell(at)) / self._per_unit

    def dump(self) -> list[bytes]:
        """Where it has been, a bit a cell: each of ``_MARKS`` in turn."""
        return [_bits(getattr(self, name)) for name in _MARKS]

    def __getstate__(self) -> list[Any]:
        """Pickled, a cell is two bits too."""
        return [self._low, self._per_unit, self._last, self.dump()]

    def __setstate__(self, state: list[Any]) -> None:
        self._low, self._per_unit, self._last, dumped = state
        self.load(dumped)

    def load(self, dumped: list[bytes]) -> None:
        """``dump`` of the same axis back."""
        cells = self._last + 1
        for name, bits in zip(_MARKS, dumped, strict=True):
            setattr(self, name, _marks(bits, cells))

    def rescale(self, factor: float, shift: float) -> None:
        """Go on in another unit, no finer: what was at a place is now at ``factor * at + shift``."""
        for name in _MARKS:
            marks, moved = getattr(self, name), bytearray(self._last + 1)
            for cell in _marked(marks):
                moved[self._cell(factor * (self._low + (cell + 0.5) / self._per_unit) + shift)] = 1
            setattr(self, name, moved)

    def visit(self, at: float, trusted: bool) -> None:
        """The quantity has been here, in a stretch that is trusted or not."""
        cell, last = self._cell(at), self._last
        first, end = cell - 1 if cell else 0, cell + 2 if cell < last else last + 1
        if trusted and self._told.find(1, first, end) < 0:
            if self._known.find(0, first, end) < 0:
                return  # what is known has been seen and is a habit
        elif trusted:
            self._told[cell] = self._told_now[cell] = 0
            first, end = first + self._told[first], end - self._told[end - 1]
        self._seen[first:end] = ones = b"\1" * (end - first)
        if trusted:
            self._known[first:end] = self._habit[first:end] = ones
        else:
            self._now[first:end] = ones

    def tell(self, at: float) -> None:
        """The quantity is here, and somebody is being told of it: that is no visit, and is remembered."""
        cell = self._cell(at)
        first, end = max(cell - 1, 0), min(cell + 2, self._last + 1)
        self._told[first:end] = bytes(1 - habit for habit in self._habit[first:end])
        self._told_now[first:end] = self._told[first:end]

    def accept(self, way: tuple[float, float] | None = None) -> None:
        """What the stretch of now was told of has come to stay: it is known, and so is what was told of on the ``way``.

        That is where a value will pass by, from one end to the other, while what is usual comes to it.
        """
        for cell in _marked(self._told_now):
            self._know(cell)
        if way is not None:
            first, last = sorted(self._cell(end) for end in way)
            for cell in _marked(self._told, first, last + 1):
                self._know(cell)

    def _know(self, cell: int) -> None:
        self._known[cell] = self._habit[cell] = self._seen[cell] = 1
        self._told[cell] = self._told_now[cell] = 0

    def was_told(self, at: float) -> bool:
        """Whether somebody was told of a stretch that was here, and it is no habit yet."""
        cell = self._cell(at)
        return self._told[cell] > self._habit[cell]

    def was_visited(self, at: float) -> bool:
        """Whether the quantity has been here, trusted or not, and nobody was being told of it."""
        return bool(self._seen[self._cell(at)])

    def stretch_over(self) -> None:
        """What is seen from now on is seen in another stretch; what was in this one and in one before it is a habit."""
        for cell in _marked(self._now):
            self._habit[cell] |= self._before[cell]
            self._before[cell], self._now[cell] = 1, 0
        for cell in _marked(self._told_now):
            self._told_now[cell] = 0


_MARKS: Final = ("_known", "_seen", "_now", "_before", "_habit", "_told", "_told_now")
_DIGITS: Final = bytes.maketrans(b"\0\1", b"01")
_FLAGS: Final = bytes.maketrans(b"01", b"\0\1")


def _marked(marks: bytearray, first: int = 0, end: int | None = None) -> Iterator[int]:
    """The cells that are marked, from the first on; marks may be taken away meanwhile."""
    end = len(marks) if end is None else end
    cell = marks.find(1, first, end)
    while cell >= 0:
        yield cell
        cell = marks.find(1, cell + 1, end)


def _bits(marks: bytearray) -> bytes:
    return int(marks.translate(_DIGITS), 2).to_bytes((len(marks) + 7) // 8, "big")


def _marks(bits: bytes, cells: int) -> bytearray:
    return bytearray(f"{int.from_bytes(bits, 'big'):0{cells}b}".encode().translate(_FLAGS))


def _steps(marks: bytearray, cell: int) -> int:
    """Cells from this one to the nearest that is marked; 0 where none is."""
    above, below = marks.find(1, cell), marks.rfind(1, 0, cell + 1)
    if above < 0:
        return cell - below if below >= 0 else 0
    return min(above - cell, cell - below) if below >= 0 else above - cell
