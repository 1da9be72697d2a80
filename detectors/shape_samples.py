"""The shape of a series' last stretch: every third value or so is a sample, and eight samples are a shape.

A sample is the extreme of its values that leaves a moving mean the most, or their mean where that extreme is near it;
near the series' median it is the median, so that what a series usually does has one shape. Its features are the Haar
wavelet's coefficients of the eight samples, drawn out to the whole scale, which say the form and not the level, and the
samples themselves, newest last.

Source: features of M. Hampton's ARTime (2021), after its description; there the values to a sample follow from the
series' length, which is known only once it has ended. Caveat: values beyond the range are taken as being at its ends.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any, Final

WINDOW: Final = 8  # samples to a shape
FEATURES: Final = 2 * WINDOW
_EACH: Final = 3  # values to a sample
_LEVELS: Final = 80
_NEAR_MEDIAN: Final = 6  # levels
_NEAR_MEAN: Final = 0.1  # of the mean
_ROOT_HALF: Final = math.sqrt(0.5)


class ShapeSamples:
    """Values in, in parts of the range; samples out, as levels from 0 to 80."""

    __slots__ = ("_below", "_count", "_levels", "_mean", "_median", "_values")

    def __init__(self) -> None:
        self._values: list[float] = []
        self._mean = 0.0
        self._levels = array("I", bytes(4 * (_LEVELS + 1)))  # how often each was
        self._median, self._below, self._count = 0, 0, 0

    def add(self, part: float) -> int | None:
        """The sample that this value completes."""
        self._values.append(min(max(part, 0.0), 1.0))
        if len(self._values) < _EACH:
            return None
        values, self._values = self._values, []
        mean, high, low = sum(values) / _EACH, max(values), min(values)
        self._mean = (self._mean + mean) / 2.0 if self._count else mean
        extreme = low if abs(high - self._mean) < abs(low - self._mean) else high
        level = round(_LEVELS * (mean if abs(extreme - mean) < _NEAR_MEAN * mean else extreme))
        self._take_in(level)
        return self._median if abs(level - self._median) < _NEAR_MEDIAN else level

    def _take_in(self, level: int) -> None:
        levels = self._levels
        levels[level] += 1
        self._count += 1
        self._below += level < self._median
        while 2 * self._below > self._count:
            self._median -= 1
            self._below -= levels[self._median]
        while 2 * (self._below + levels[self._median]) < self._count:
            self._below += levels[self._median]
            self._median += 1

    def dump(self) -> list[Any]:
        """The state as plain numbers."""
        return [self._values, self._mean, self._levels.tolist(), self._median, self._below, self._count]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back."""
        values, self._mean, levels, self._median, self._below, self._count = dumped
        self._values, self._levels = list(values), array("I", levels)


def features(samples: bytes | bytearray) -> bytes:
    """Sixteen bytes that say the shape of eight samples."""
    form = _drawn_out(_haar(*_drawn_out(samples)))
    return bytes([round(255.0 * number) for number in form]) + samples.translate(_IN_BYTES)


_IN_BYTES: Final = bytes(round(255.0 * min(level / _LEVELS, 1.0)) for level in range(256))  # a level's part of 255


def _haar(a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float) -> tuple[float, ...]:
    """The wavelet's coefficients: the mean's, then differences from coarse to fine."""
    ab, cd, ef, gh = (a + b) * _ROOT_HALF, (c + d) * _ROOT_HALF, (e + f) * _ROOT_HALF, (g + h) * _ROOT_HALF
    first, second = (ab + cd) * _ROOT_HALF, (ef + gh) * _ROOT_HALF
    return (
        (first + second) * _ROOT_HALF,
        (second - first) * _ROOT_HALF,
        (cd - ab) * _ROOT_HALF,
        (gh - ef) * _ROOT_HALF,
        (b - a) * _ROOT_HALF,
        (d - c) * _ROOT_HALF,
        (f - e) * _ROOT_HALF,
        (h - g) * _ROOT_HALF,
    )


def _drawn_out(numbers: Sequence[float]) -> list[float]:
    low, high = min(numbers), max(numbers)
    size = (high - low) or 1.0
    return [(number - low) / size for number in numbers]
