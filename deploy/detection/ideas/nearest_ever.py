"""How far a value is from the nearest that ever was, in parts of the range: "never seen", and nothing else.

Source: E. Knorr and R. Ng, "Algorithms for mining distance-based outliers in large datasets" (1998), on one axis.
"""

from __future__ import annotations

from typing import Final

from deploy.detection.ideas.lone import Lone
from detectors.known_cells import KnownCells

_CELLS: Final = 128  # to the range


class NearestEver(Lone):
    """Keeps which cells of the range were visited."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._cells = KnownCells(-1.0, 2.0, _CELLS)

    def strangeness(self, part: float) -> float:
        return min(self._cells.distance(part), 1.0)

    def take_in(self, part: float) -> None:
        self._cells.visit(part, trusted=True)
