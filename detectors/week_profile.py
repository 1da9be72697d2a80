"""What a quantity usually is at this hour of the week.

The week is cut into bins twice, the second time half a bin later, and what is usual now is the mean of both: where a
bin ends should not matter. A bin's mean becomes an exponentially weighted one once it has been heard often enough, so
that a profile of last month does not outlive its reason. One value is no habit: a bin says nothing before its second.

Caveat: the week is UTC's; only that it repeats matters. A time that stands still or goes back is a visit like another.
"""

from __future__ import annotations

import sys
from array import array
from typing import ClassVar, Final

WEEK_MS: Final = 7 * 24 * 3_600_000


class WeekProfile:
    """``per_day`` bins a day, twice; ten bytes of state a bin. ``weight`` is that of a value in a bin well known."""

    habit: ClassVar[int] = 2  # values

    __slots__ = ("_bins", "_enough", "_heard", "_mean", "_weight")

    def __init__(self, per_day: int, weight: float) -> None:
        self._bins = 7 * per_day
        self._weight = weight
        self._enough = min(int(1.0 / weight), 255)
        self._mean = array("f", bytes(8 * self._bins))
        self._heard = bytearray(2 * self._bins)

    def _both(self, time_ms: int) -> tuple[int, int]:
        """The two bins of this time."""
        bins = self._bins
        half = time_ms % WEEK_MS * 2 * bins // WEEK_MS
        return half // 2, bins + (half + 1) // 2 % bins

    def residual(self, time_ms: int, value: float) -> float:
        """The value less what is usual now; a bin that has no habit yet finds nothing unusual."""
        one, other = self._both(time_ms)
        heard, mean = self._heard, self._mean
        first = value - mean[one] if heard[one] >= self.habit else 0.0
        return (first + (value - mean[other] if heard[other] >= self.habit else 0.0)) / 2.0

    def usual(self, time_ms: int) -> float | None:
        """What is usual now; None where that is not known.

        Where neither bin is well known, as in a first week, it is what is usual at this hour of the day: of the bins of
        all days, each as much as it has been heard.
        """
        both, heard = self._both(time_ms), self._heard
        bins = [at for at in both if heard[at] >= self._enough]
        if not bins:
            per_week, per_day = self._bins, self._bins // 7
            bins = [at // per_week * per_week + (at + day * per_day) % per_week for at in both for day in range(7)]
        visits = sum(heard[at] for at in bins)  # two a value: one of each cut
        return sum(heard[at] * self._mean[at] for at in bins) / visits if visits >= 2 * self.habit else None

    def rescale(self, factor: float, shift: float) -> None:
        """Go on in another unit: a value is now ``factor`` times what it was, and ``shift``."""
        for at, heard in enumerate(self._heard):
            if heard:
                self._mean[at] = self._mean[at] * factor + shift

    def dump(self) -> list[bytes]:
        """Means (32-bit floats, little end first) and how often each bin was heard."""
        return [little(self._mean), bytes(self._heard)]

    def load(self, dumped: list[bytes]) -> None:
        """``dump`` of as many bins back."""
        means, heard = dumped
        self._mean, self._heard = from_little(means), bytearray(heard)

    def learn(self, time_ms: int, value: float) -> None:
        """Take the value in. Its size must be within a float's of 32 bits."""
        for at in self._both(time_ms):
            heard = self._heard[at]
            if heard < self._enough:
                self._heard[at] = heard = heard + 1
                self._mean[at] += (value - self._mean[at]) / heard
            else:
                self._mean[at] += self._weight * (value - self._mean[at])


def little(numbers: array[float]) -> bytes:
    """32-bit floats, little end first, whatever the machine."""
    copy = array("f", numbers)
    if sys.byteorder != "little":
        copy.byteswap()
    return copy.tobytes()


def from_little(dumped: bytes) -> array[float]:
    """``little`` back."""
    numbers = array("f", dumped)
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers
