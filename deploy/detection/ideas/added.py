"""Ours with something more: another axis, another way to add axes up, another profile, another score.

An added axis is added as the others are: it has cells, a worth, and a distance that is bounded. The worth is that of
the axis of ours that it is most like; nobody looked for a better one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from river.base import AnomalyDetector

from deploy.detection.ideas.axes import (
    Axis,
    ChangeOfLevel,
    LongerMean,
    LongMean,
    MeanOfLast,
    RateOfChange,
    RunLength,
    Spread,
    Step,
    TwoMeans,
    Unsteadiness,
)
from deploy.detection.ideas.change_points import ChangePoints
from deploy.detection.ideas.extreme_values import ExtremeValues
from deploy.detection.ideas.likelihood import Itself, Likelihood
from deploy.detection.ideas.lone import Lone
from deploy.detection.ideas.matrix_profile import MatrixProfile
from deploy.detection.ideas.pair_axes import HourAndValue, PairBefore
from deploy.detection.ideas.parts import other, shaped
from deploy.detection.ideas.relative_entropy import RelativeEntropy
from deploy.detection.ideas.week_axes import OfFourHours, OfHalfHours, OfTheDay, OfTwoHours, WeekAgo
from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_axes import AXES as OUR_AXES
from detectors.told_once import ToldOnce
from detectors.week_profile import WeekProfile

_DAY_MS: Final = 24 * 3_600_000
_WEEKEND: Final = (2, 3)  # days since Thursday, 1 January 1970
_CLIP: Final = 0.1  # of the range
_HOURLY: Final = OUR_AXES.index("usual_of_1_h")


AXES: Final[Mapping[str, type[Axis]]] = {
    "steps": Step,
    "unsteadiness": Unsteadiness,
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
    "profile of 2 h": OfTwoHours,
    "profile of 4 h": OfFourHours,
    "value a week ago": WeekAgo,
    "pair with the one before": PairBefore,
    "pair with the time of day": HourAndValue,
}


class WithAxis(SensorAnomaly):
    """Ours and one axis more."""

    axis: ClassVar[type[Axis]]

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        super().__init__(low, high)
        self._axis = self.axis()
        self._cells = (*self._cells, self._axis.cells)

    def _place(self, time_ms: int, part: float) -> tuple[float, ...]:
        place = super()._place(time_ms, part)
        return (*place, self._axis.place(time_ms, part, place[_HOURLY]))

    def _learn(self, time_ms: int, part: float, alarm: bool) -> float:
        hourly = super()._place(time_ms, part)[_HOURLY]
        told = super()._learn(time_ms, part, alarm)
        self._axis.learn(time_ms, part, hourly)
        return told


class WithIdea(SensorAnomaly):
    """Ours and another's idea: its score, times what it is worth, is one distance more."""

    idea: ClassVar[type[Lone]]
    idea_worth: ClassVar[float] = 0.2

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        super().__init__(low, high)
        self._idea = self.idea(0.0, 1.0)

    def _at_home(self, place: tuple[float, ...]) -> bool:  # noqa: ARG002
        return False  # the idea knows no places

    def _distances(self, place: tuple[float, ...], anyway: bool) -> list[float]:
        return [*super()._distances(place, anyway), self.idea_worth * self._idea.score_one({"value": place[0]})]

    def _learn(self, time_ms: int, part: float, alarm: bool) -> float:
        told = super()._learn(time_ms, part, alarm)
        self._idea.learn_one({"value": part})
        return told


class RootOfSquares(SensorAnomaly):
    """Axes are added up as the sides of a triangle."""

    def _said(self, distances: list[float]) -> float:
        return math.sqrt(sum(super(RootOfSquares, self)._said([one]) ** 2 for one in distances))


class StrangestAxis(SensorAnomaly):
    """The strangest axis alone is heard."""

    def _said(self, distances: list[float]) -> float:
        return super()._said([max(distances)]) if distances else 0.0


class Daily(WeekProfile):
    """What is usual at this hour of the day, whatever the day."""

    __slots__ = ()

    def _both(self, time_ms: int) -> tuple[int, int]:
        return super()._both(time_ms % _DAY_MS)


class WorkingDays(WeekProfile):
    """What is usual at this hour of a working day, or of a day of the weekend."""

    __slots__ = ()

    def _both(self, time_ms: int) -> tuple[int, int]:
        weekend = time_ms // _DAY_MS % 7 in _WEEKEND
        return super()._both(time_ms % _DAY_MS + (_WEEKEND[0] * _DAY_MS if weekend else 0))


class Clipped(WeekProfile):
    """A value far from the usual teaches no more than one a tenth of the range away."""

    __slots__ = ()

    def learn(self, time_ms: int, value: float) -> None:
        usual = self.usual(time_ms)
        super().learn(time_ms, value if usual is None else min(max(value, usual - _CLIP), usual + _CLIP))


class ThirdAbove(ToldOnce):
    """What is told has to exceed the last peak by a third."""

    __slots__ = ()

    def _is_peak(self, strangeness: float) -> bool:
        return super()._is_peak(0.75 * strangeness)


class LikelihoodOfItself(Likelihood):
    """HTM's likelihood of a quantity, with no predictor between."""

    predictor = Itself


class Rescored(AnomalyDetector):  # type: ignore[misc]
    """Ours, not told; then another's idea of when a quantity is strange, on its strangeness; then told once."""

    judge: ClassVar[type[Lone]]

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self._untold = shaped(told=other(ToldOnce, memory=0, weariness=0.0, novice=0))(low, high)
        self._judge = self.judge(0.0, 1.0)
        self._told = ToldOnce()

    def _strangeness(self, x: dict[str, Any]) -> float:
        return float(self._judge.score_one({"value": self._untold.score_one(x)}))

    def score_one(self, x: dict[str, Any]) -> float:
        """How strange the strangeness of this value is, 0 to 1."""
        return self._told.tell(self._strangeness(x))

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in."""
        self._told.learn(self._strangeness(x))
        self._judge.learn_one({"value": self._untold.score_one(x)})
        self._untold.learn_one(x)


def axes() -> Iterator[tuple[str, str, type[SensorAnomaly]]]:
    """Name, what it is, and the detector, for each axis added."""
    for name, axis in AXES.items():
        shape = replace(SensorAnomaly.shape, worth=(*SensorAnomaly.shape.worth, axis.worth))
        says = (axis.__doc__ or "").rstrip(".")
        yield f"with {name}", says, type("With", (WithAxis,), {"shape": shape, "axis": axis})


def ideas() -> Iterator[tuple[str, str, type[SensorAnomaly]]]:
    """Name, what it is, and the detector, for each idea of others added as one distance more."""
    for name, idea in (
        ("matrix profile", MatrixProfile), ("change points", ChangePoints), ("relative entropy", RelativeEntropy),
        ("DSPOT", ExtremeValues), ("likelihood", Likelihood),
    ):  # fmt: skip
        yield f"with {name}", "its score is one distance more", type("With", (WithIdea,), {"idea": idea})


def others() -> Iterator[tuple[str, str, type[SensorAnomaly]]]:
    """Name, what it is, and the detector, for whatever else is changed."""
    yield "root of squares", "axes added up as squares", RootOfSquares
    yield "strangest axis", "only the strangest axis is heard", StrangestAxis
    yield "daily profiles", "the hour of the day in place of the week's", shaped(profile=Daily)
    yield "working days", "profiles of working days and of weekends", shaped(profile=WorkingDays)
    yield "clipped profiles", "profiles learn no more than 0.1 of the range at once", shaped(profile=Clipped)
    yield "a third above", "told only what exceeds the last peak by a third", shaped(told=ThirdAbove)


def rescored() -> Iterator[tuple[str, str, type[AnomalyDetector]]]:
    """Name, what it is, and the detector, for each other score of our strangeness. 0.5 is not one level for them."""
    for name, judge in (("DSPOT", ExtremeValues), ("likelihood", LikelihoodOfItself)):
        yield f"{name} of strangeness", "in place of the fixed score", type("Rescored", (Rescored,), {"judge": judge})
