"""How many standard deviations a value is from the mean of all before it: the oldest idea, and the yardstick.

Mean and variance are updated by Welford's formula ("Note on a method for calculating corrected sums of squares and
products", 1962). The score is z / (z + 3): three deviations are 0.5.
"""

from __future__ import annotations

import math
from typing import Final

from deploy.detection.ideas.lone import Lone

_LEAST: Final = 0.002  # of the range: a constant series has no spread, and a hair's breadth is no anomaly
_HALF: Final = 3.0


class ZScore(Lone):
    """Keeps three numbers."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._mean, self._squares = 0.0, 0.0

    def strangeness(self, part: float) -> float:
        spread = math.sqrt(self._squares / max(self.heard - 1, 1))
        z = abs(part - self._mean) / max(spread, _LEAST)
        return z / (z + _HALF)

    def take_in(self, part: float) -> None:
        from_old = part - self._mean
        self._mean += from_old / (self.heard + 1)
        self._squares += from_old * (part - self._mean)
