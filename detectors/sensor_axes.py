"""Where a value of one sensor's series is on each of six axes, and what these are measured from.

The value itself, in parts of the range; its deviation from a slow mean, in spreads of the series, compressed (asinh);
its residual from the usual at this hour of the week; the mean of the last three such residuals; the residual in parts
of its usual size at this hour, compressed; the step from the value before, in usual steps of the series, compressed.

Mean, spread and step follow what is trusted or seen. While a strange stretch lasts, a deviation is measured from them
as they were when it began too: the stretch may be over, whatever the mean has done since.

Assumes values in parts of a range and counted from 1. What is trusted, seen, or a stretch, its caller decides.
"""

from __future__ import annotations

import math
from typing import Any, Final

from detectors.week_profile import WeekProfile
from detectors.week_spread import WeekSpread

AXES: Final = ("value", "deviation", "usual_of_1_h", "usual_smoothed", "usual_in_spreads", "step")


class SensorAxes:
    """``slow`` is the weight of a newest value in mean, spread and step; ``least_spread``, in parts of the range, what
    spreads and steps are never below: noise below it is no noise worth a word.
    """

    __slots__ = (
        *("_before_last", "_centre", "_hourly", "_last_residual", "_least", "_sizes", "_slow", "_spread", "_step"),
        *("_trusted_centre", "_trusted_spread", "last"),
    )

    def __init__(self, hourly: WeekProfile, sizes: WeekSpread, slow: float, least_spread: float) -> None:
        self._hourly, self._sizes = hourly, sizes
        self._slow, self._least = slow, least_spread
        self._centre, self._spread, self._step = 0.0, 0.0, 0.0
        self._trusted_centre, self._trusted_spread = 0.0, 0.0  # as they were when the stretch began
        self._last_residual, self._before_last = 0.0, 0.0
        self.last = 0.0  # value

    def begin(self, part: float) -> None:
        """The first value of all: the mean is there, and no step leads to it."""
        self._centre = self.last = part

    def place(self, time_ms: int, part: float, in_stretch: bool) -> tuple[float, ...]:
        """Where this value is, an element an axis."""
        hourly = self._hourly.residual(time_ms, part)
        deviation = math.asinh((part - self._centre) / max(self._spread, self._least))
        if in_stretch:
            deviation = min(deviation, self._trusted_deviation(part), key=abs)
        return (
            part,
            deviation,
            hourly,
            (hourly + self._last_residual + self._before_last) / 3.0,
            math.asinh(hourly / max(self._sizes.usual(time_ms), self._least)),
            math.asinh((part - self.last) / max(self._step, self._least)),
        )

    def as_trusted(self, place: tuple[float, ...]) -> tuple[float, ...]:
        """This place with its deviation as it was measured when the stretch began."""
        part, _, *others = place
        return (part, self._trusted_deviation(part), *others)

    def _trusted_deviation(self, part: float) -> float:
        return math.asinh((part - self._trusted_centre) / max(self._trusted_spread, self._least))

    def usual_at(self, time_ms: int) -> float:
        """What is usual now: this hour's mean, or the slow mean where it has none."""
        hourly = self._hourly.usual(time_ms)
        return self._centre if hourly is None else hourly

    def hear(self, time_ms: int, place: tuple[float, ...], trusted: bool, seen: bool, heard: int) -> None:
        """Take in the value at this ``place``, the ``heard``-th: what is usual follows what is ``trusted``, what is
        slow also what is ``seen``.
        """
        part, _, hourly, *_ = place
        step = abs(part - self.last)
        self._before_last, self._last_residual, self.last = self._last_residual, hourly, part
        if trusted:
            self._hourly.learn(time_ms, part)
            self._sizes.learn(time_ms, abs(hourly))
        if trusted or seen:
            weight = max(self._slow, 1.0 / heard)
            deviation = part - self._centre
            self._spread += weight * (abs(deviation) - self._spread)
            self._centre += weight * deviation
            self._step += weight * (step - self._step)

    def stretch_begins(self) -> None:
        """What is slow is trusted as it is now, until the stretch is over."""
        self._trusted_centre, self._trusted_spread = self._centre, self._spread

    def stretch_over(self) -> None:
        """Mean and spread are what they were when it began: it has moved nothing for longer than it lasted."""
        self._centre, self._spread = self._trusted_centre, self._trusted_spread

    def rescale(self, factor: float, shift: float) -> None:
        """Go on in another range: what was at a part is now at ``factor * part + shift``."""
        self._hourly.rescale(factor, shift)
        self._sizes.rescale(factor)
        self._centre, self.last = factor * self._centre + shift, factor * self.last + shift
        self._spread, self._step = factor * self._spread, factor * self._step
        self._trusted_centre = factor * self._trusted_centre + shift
        self._trusted_spread = factor * self._trusted_spread
        self._last_residual, self._before_last = factor * self._last_residual, factor * self._before_last

    def dump(self) -> list[Any]:
        """The state as plain numbers and bytes: mean, spread, last value and step; residuals; what was trusted; the
        week's profiles.
        """
        return [
            [self._centre, self._spread, self.last, self._step],
            [self._last_residual, self._before_last],
            [self._trusted_centre, self._trusted_spread],
            [self._hourly.dump(), self._sizes.dump()],
        ]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of axes of the same profiles back."""
        slow, residuals, trusted, (hourly, sizes) = dumped
        self._centre, self._spread, self.last, self._step = slow
        self._last_residual, self._before_last = residuals
        self._trusted_centre, self._trusted_spread = trusted
        self._hourly.load(hourly)
        self._sizes.load(sizes)
