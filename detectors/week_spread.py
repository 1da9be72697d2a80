"""How far values usually are from the usual, at this hour of the week.

A bin has a mean of absolute residuals, drawn towards the mean of all hours as long as it has been heard little
(shrinkage, as in James and Stein's estimator): a week's history is one visit to each hour, too few to stand alone. A
bin is cut off at ``_ENOUGH`` values, so the mean of all hours always has two thirds of the say.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

from detectors.week_profile import WEEK_MS, from_little, little

_ENOUGH: Final = 10  # values after which a bin's mean is an exponentially weighted one
_ALL_HOURS_WEIGHT: Final = 0.002
_ALL_HOURS_WORTH: Final = 20.0  # values of a bin


class WeekSpread:
    """``per_day`` bins a day; five bytes of state a bin."""

    __slots__ = ("_all_hours", "_bins", "_heard", "_mean")

    def __init__(self, per_day: int) -> None:
        self._bins = 7 * per_day
        self._all_hours = 0.0
        self._mean = array("f", bytes(4 * self._bins))
        self._heard = bytearray(self._bins)

    def usual(self, time_ms: int) -> float:
        """The usual size of a residual now; 0.0 before anything was learnt."""
        at = time_ms % WEEK_MS * self._bins // WEEK_MS
        heard = self._heard[at]
        return (heard * self._mean[at] + _ALL_HOURS_WORTH * self._all_hours) / (heard + _ALL_HOURS_WORTH)

    def learn(self, time_ms: int, size: float) -> None:
        """Take a residual's size in."""
        at = time_ms % WEEK_MS * self._bins // WEEK_MS
        if self._heard[at] < _ENOUGH:
            self._heard[at] += 1
        self._mean[at] += (size - self._mean[at]) / self._heard[at]
        self._all_hours += _ALL_HOURS_WEIGHT * (size - self._all_hours)

    def rescale(self, factor: float) -> None:
        """Go on in another unit: a size is now ``factor`` times what it was."""
        self._mean = array("f", (size * factor for size in self._mean))
        self._all_hours *= factor

    def dump(self) -> list[Any]:
        """All hours' mean, the bins' (32-bit floats, little end first) and how often each was heard."""
        return [self._all_hours, little(self._mean), bytes(self._heard)]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of as many bins back."""
        self._all_hours, means, heard = dumped
        self._mean, self._heard = from_little(means), bytearray(heard)
