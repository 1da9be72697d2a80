"""Axes of what is usual at a time: residuals of other profiles than ours, and the value a week ago."""

from __future__ import annotations

from typing import ClassVar, Final

from deploy.detection.ideas.axes import Axis
from detectors.week_profile import WeekProfile

_DAY_MS: Final = 24 * 3_600_000


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


class OfTwoHours(Profiled):
    """The residual of a weekly profile of two hours."""

    per_day = 12


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
