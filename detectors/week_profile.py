"""What a quantity usually is at this hour of the week.

The week is cut into bins, each with a mean that becomes an exponentially weighted one once the bin has been heard often
enough, so that a profile of last month does not outlive its reason. The week is UTC's: only that it repeats matters.
A time that stands still or goes back is a visit to a bin like any other.
"""

from __future__ import annotations

import sys
from array import array
from typing import Final

_WEEK_MS: Final = 7 * 24 * 3_600_000


class WeekProfile:
    """``per_day`` bins a day; five bytes of state a bin. ``weight`` is that of a value in a bin well known."""

    __slots__ = ("_bins", "_enough", "_heard", "_mean", "_weight")

    def __init__(self, per_day: int, weight: float) -> None:
        self._bins = 7 * per_day
        self._weight = weight
        self._enough = min(int(1.0 / weight), 255)
        self._mean = array("f", bytes(4 * self._bins))
        self._heard = bytearray(self._bins)

    def residual(self, time_ms: int, value: float) -> float:
        """The value less what is usual now; 0.0 in a bin not heard yet."""
        at = time_ms % _WEEK_MS * self._bins // _WEEK_MS
        return value - self._mean[at] if self._heard[at] else 0.0

    def usual(self, time_ms: int) -> float | None:
        """What is usual now; None in a bin not heard yet."""
        at = time_ms % _WEEK_MS * self._bins // _WEEK_MS
        return self._mean[at] if self._heard[at] else None

    def dump(self) -> list[bytes]:
        """Means (32-bit floats, little end first) and how often each bin was heard."""
        mean = array("f", self._mean)
        if sys.byteorder != "little":
            mean.byteswap()
        return [mean.tobytes(), bytes(self._heard)]

    def load(self, dumped: list[bytes]) -> None:
        """``dump`` of as many bins back."""
        means, heard = dumped
        self._mean, self._heard = array("f", means), bytearray(heard)
        if sys.byteorder != "little":
            self._mean.byteswap()

    def learn(self, time_ms: int, value: float) -> None:
        """Take the value in. Its size must be within a float's of 32 bits."""
        at = time_ms % _WEEK_MS * self._bins // _WEEK_MS
        heard = self._heard[at]
        if heard < self._enough:
            self._heard[at] = heard = heard + 1
            self._mean[at] += (value - self._mean[at]) / heard
        else:
            self._mean[at] += self._weight * (value - self._mean[at])
