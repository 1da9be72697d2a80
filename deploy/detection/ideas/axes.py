"""Axes that ours does not have. Each says where a value is on it; how far that is from all before, its cells say."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import ClassVar, Final

from detectors.known_cells import KnownCells

_LEAST: Final = 0.002  # of the range: a spread is never taken for less
_SLOW: Final = 0.002


def residual_cells() -> KnownCells:
    """Cells of a difference, in parts of the range."""
    return KnownCells(-2.0, 2.0, 128)


def compressed_cells() -> KnownCells:
    """Cells of a difference in spreads, compressed."""
    return KnownCells(-8.0, 8.0, 16)


def _mean(numbers: Iterable[float]) -> float:
    numbers = list(numbers)
    return sum(numbers) / len(numbers) if numbers else 0.0


class Axis:
    """An axis: ``worth`` is what one unit of it is worth."""

    worth: ClassVar[float] = 1.0

    def __init__(self) -> None:
        self.cells = residual_cells()
        self.begin()

    def begin(self) -> None:
        """Set up what is remembered."""

    def place(self, time_ms: int, part: float, hourly: float) -> float:
        """Where a value is; ``hourly`` is its residual from the hourly profile. Changes nothing."""
        raise NotImplementedError

    def learn(self, time_ms: int, part: float, hourly: float) -> None:
        """Take the value in."""


class Remembering(Axis):
    """An axis that remembers the last ``window`` values and residuals."""

    window: ClassVar[int] = 1

    def begin(self) -> None:
        self.values: deque[float] = deque(maxlen=self.window)
        self.residuals: deque[float] = deque(maxlen=self.window)

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        self.values.append(part)
        self.residuals.append(hourly)


class Step(Remembering):
    """The difference from the value before."""

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return part - (self.values[-1] if self.values else part)


class Unsteadiness(Remembering):
    """How much larger the last five steps are than usual: twice the logarithm."""

    worth = 0.2

    def begin(self) -> None:
        super().begin()
        self.cells = KnownCells(0.0, 8.0, 16)
        self.usual = self.now = 0.0

    def _now(self, part: float) -> float:
        step = abs(part - self.values[-1]) if self.values else 0.0
        return self.now + 0.2 * (step - self.now)

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return 2.0 * math.log(max(1.0, (self._now(part) + 3.0 * _LEAST) / (self.usual + 3.0 * _LEAST)))

    def learn(self, time_ms: int, part: float, hourly: float) -> None:
        step = abs(part - self.values[-1]) if self.values else 0.0
        self.now = self._now(part)
        self.usual += _SLOW * (step - self.usual)
        super().learn(time_ms, part, hourly)


class RateOfChange(Axis):
    """The difference from the value before, an hour, compressed."""

    def begin(self) -> None:
        self.cells = compressed_cells()
        self.last: tuple[int, float] | None = None

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        if self.last is None or time_ms <= self.last[0]:
            return 0.0
        return math.asinh((part - self.last[1]) * 3_600_000 / (time_ms - self.last[0]))

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        self.last = time_ms, part


class RunLength(Axis):
    """How long the value has been exactly the same: the logarithm of values."""

    worth = 0.2

    def begin(self) -> None:
        self.cells = KnownCells(0.0, 16.0, 4)
        self.last, self.run = math.nan, 0

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return math.log2(2.0 + self.run) - 1.0 if part == self.last else 0.0

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        self.run = self.run + 1 if part == self.last else 0
        self.last = part


class Spread(Remembering):
    """The standard deviation of the last 16 values."""

    window = 16

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        values = [*self.values, part][-self.window :]
        mean = _mean(values)
        return math.sqrt(_mean((value - mean) ** 2 for value in values))


class MeanOfLast(Remembering):
    """The mean of the last 16 values."""

    window = 16

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return _mean([*self.values, part][-self.window :])


class LongMean(Remembering):
    """The mean of the last 12 residuals of the hourly profile."""

    worth, window = 4.0, 12

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return _mean([*self.residuals, hourly][-self.window :])


class LongerMean(LongMean):
    """The mean of the last 48 residuals of the hourly profile."""

    window = 48


class ChangeOfLevel(Remembering):
    """The mean of the last 30 values less that of the 30 before."""

    window = 60

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        values = [*self.values, part][-self.window :]
        half = len(values) // 2
        return _mean(values[half:]) - _mean(values[:half])


class TwoMeans(Axis):
    """A fast mean less a slow one (weights 0.2 and 0.02)."""

    def begin(self) -> None:
        self.fast = self.slow = math.nan

    def _after(self, part: float) -> tuple[float, float]:
        if math.isnan(self.fast):
            return part, part
        return self.fast + 0.2 * (part - self.fast), self.slow + 0.02 * (part - self.slow)

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        fast, slow = self._after(part)
        return fast - slow

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        self.fast, self.slow = self._after(part)
