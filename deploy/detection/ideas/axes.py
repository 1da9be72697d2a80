"""Axes that ours does not have. Each says where a value is on it; how far that is from all before, its cells say."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from detectors.known_cells import KnownCells
from detectors.week_profile import WeekProfile

_DAY_MS: Final = 24 * 3_600_000
_LEAST: Final = 0.002  # of the range: a spread is never taken for less
_SLOW: Final = 0.002
_GRID: Final = 64  # cells to the range of a pair


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


class UsualStep(Remembering):
    """The same in usual steps, compressed."""

    def begin(self) -> None:
        super().begin()
        self.cells, self.usual = compressed_cells(), 0.0

    def _step(self, part: float) -> float:
        return part - (self.values[-1] if self.values else part)

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return math.asinh(self._step(part) / max(self.usual, _LEAST))

    def learn(self, time_ms: int, part: float, hourly: float) -> None:
        self.usual += _SLOW * (abs(self._step(part)) - self.usual)
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


class Profiled(Axis):
    """The residual of another profile."""

    per_day: ClassVar[int] = 24
    week: ClassVar[bool] = True

    def begin(self) -> None:
        self.profile = WeekProfile(self.per_day, 0.1)

    def _time(self, time_ms: int) -> int:
        return time_ms if self.week else time_ms % _DAY_MS

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        return self.profile.residual(self._time(time_ms), part)

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        self.profile.learn(self._time(time_ms), part)


class OfTheDay(Profiled):
    """The residual of a profile of the hour of the day."""

    week = False


class OfHalfHours(Profiled):
    """The residual of a weekly profile of half hours."""

    per_day = 48


class OfFourHours(Profiled):
    """The residual of a weekly profile of four hours."""

    per_day = 6


class WeekAgo(Axis):
    """The difference from the value a week ago, to the quarter of an hour."""

    bin_ms: ClassVar[int] = 900_000

    def begin(self) -> None:
        self.before: dict[int, tuple[int, float]] = {}

    def _bin(self, time_ms: int) -> tuple[int, int]:
        return divmod(time_ms // self.bin_ms, 7 * _DAY_MS // self.bin_ms)

    def place(self, time_ms: int, part: float, hourly: float) -> float:  # noqa: ARG002
        week, at = self._bin(time_ms)
        before = self.before.get(at)
        return part - before[1] if before is not None and before[0] < week else 0.0

    def learn(self, time_ms: int, part: float, hourly: float) -> None:  # noqa: ARG002
        week, at = self._bin(time_ms)
        if at not in self.before or self.before[at][0] < week:
            self.before[at] = week, part


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


AXES: Final[Mapping[str, type[Axis]]] = {
    "steps": Step,
    "usual steps": UsualStep,
    "rate of change": RateOfChange,
    "run lengths": RunLength,
    "spread of a window": Spread,
    "mean of a window": MeanOfLast,
    "mean of 12 residuals": LongMean,
    "mean of 48 residuals": LongerMean,
    "change of level": ChangeOfLevel,
    "two means": TwoMeans,
    "daily profile": OfTheDay,
    "profile of 30 minutes": OfHalfHours,
    "profile of 4 h": OfFourHours,
    "value a week ago": WeekAgo,
    "pair with the one before": PairBefore,
    "pair with the time of day": HourAndValue,
}
