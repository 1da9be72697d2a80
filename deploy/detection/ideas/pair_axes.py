"""Axes of a pair of quantities: a value that is usual, but not beside that of the other one."""

from __future__ import annotations

from typing import Final

from deploy.detection.ideas.axes import Axis, Remembering
from detectors.known_cells import KnownCells

_DAY_MS: Final = 24 * 3_600_000
_GRID: Final = 64  # cells to the range of a quantity


class PairCells(KnownCells):
    """Cells of a pair of quantities, each 0 to 1, told as one number: ``_GRID`` times the one's cell, and the other.

    A distance is to the nearest pair known, the larger of both differences; only as far as a quarter of the range.
    """

    def __init__(self) -> None:
        super().__init__(0.0, float(_GRID * _GRID), 1)

    def distance(self, at: float) -> float:
        return self._apart(self._known, at)

    def beyond_known(self, at: float) -> float:
        return self._apart(self._known, at)

    def from_habit(self, at: float) -> float:
        return self._apart(self._habit, at)

    def _apart(self, marks: bytearray, at: float) -> float:
        one, another = divmod(self._cell(at), _GRID)
        for steps in range(_GRID // 4):
            low, high = max(another - steps, 0), min(another + steps, _GRID - 1) + 1
            for row in range(max(one - steps, 0), min(one + steps, _GRID - 1) + 1):
                if marks.find(1, row * _GRID + low, row * _GRID + high) >= 0:
                    return steps / _GRID
        return 0.25


def paired(one: float, another: float) -> float:
    """Two quantities, each 0 to 1 (as far as they are), as one number."""
    cells = [min(max(int(each * _GRID), 0), _GRID - 1) for each in (one, another)]
    return float(cells[0] * _GRID + cells[1])


class PairBefore(Remembering):
    """The pair of the value and the one before."""

    def begin(self) -> None:
        super().begin()
        self.cells = PairCells()

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return paired(self.values[-1] if self.values else part, part)


class HourAndValue(Axis):
    """The pair of the time of day and the value."""

    def begin(self) -> None:
        self.cells = PairCells()

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return paired(time_ms % _DAY_MS / _DAY_MS, part)
