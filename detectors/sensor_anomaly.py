"""One sensor's series does what it has never done: a general detector for any quantity.

Idea: a value is strange by its distance from everything that the sensor has done before, on six axes
(``detectors.sensor_axes``): the value itself; its deviation from a slow mean, the finer, the more usual; its residual
from the usual at this hour of the week; the mean of the last three such residuals, for a small deviation that stays;
the residual in parts of its usual size; the step from the value before, for a jump, and a sensor that has become noisy.

A second opinion, which knows neither hour nor range of old, is added: the shape of the last stretch is like none
before (``detectors.unseen_shape``). It says too little to be an alarm by itself; a value that is a little strange is
one in the midst of such a shape.

Each distance has a weight that says what one unit of that axis is worth, and is worth less and less the farther, so
that no axis outvotes all others; then they are added. What was told once is not told again at once
(``detectors.told_once``), but a stretch of which nothing was told, because a wild value came just before it, is told at
its fifth value. What is far from all that is trusted is not trusted either, nor is what was told for certain, nor what
a wild value before it hides: it has been seen, which makes it less strange and not normal. If the stretch lasts for
hours, it is the new normal (``detectors.strange_stretch``); what comes a third time is a habit. Who tells people of a
stretch says so: then it is not even seen, and its places on the axes are marked (``detectors.known_cells``).

The score is told / (told + ``usual_alarm``), so that one threshold serves all series. ``docs/detection.md`` says which,
what was tried, and what each part gives.

Caveat: silent for the first hundred values. Knows nothing of a sensor's neighbours. A slow drift that is never far from
what was before is not found.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Final

from river.base import AnomalyDetector

from detectors.growing_range import GrowingRange
from detectors.known_cells import KnownCells
from detectors.sensor_axes import AXES, SensorAxes
from detectors.strange_stretch import StrangeStretch, StretchShape
from detectors.told_once import ToldOnce
from detectors.unseen_shape import UnseenShape
from detectors.week_profile import WeekProfile
from detectors.week_spread import WeekSpread

SECOND_OPINION: Final = "unseen_shape"
_LAST_TIME_MS: Final = 2**62
_LEVELS: Final = (0, 2, 3)  # axes on which a strange stretch stays apart: the value, and what it is beside the usual
_LAYOUT: Final = 9  # of ``dump``: another layout's numbers are not these


@dataclass(frozen=True, slots=True)
class Shape(StretchShape):
    """What is chosen once for all series. A subclass with another is another detector, for trying."""

    silent: int = 100  # values
    cells: int = 128  # to the range
    spread_cells: int = 16  # to a unit of compressed spreads
    hourly: int = 24  # bins a day
    profile_weight: float = 0.1
    slow: float = 0.002
    least_spread: float = 0.002  # of the range: noise below it is no noise worth a word
    worth: tuple[float, ...] = (2.0, 1.0, 1.0, 4.0, 0.25, 0.2)
    half_worth: float = 0.25  # a distance that says half of what it is worth, and the most that one axis can say
    unseen_shape: float = 0.05  # what the second opinion adds at most: less than is worth an alarm by itself
    hidden: float = 0.15  # strangeness of a value that would have been worth telling, had no wild one come before it
    usual_alarm: float = 0.063  # what, told, is worth a score of 0.5
    known: type[KnownCells] = KnownCells
    profile: type[WeekProfile] = WeekProfile
    told: type[ToldOnce] = ToldOnce


class SensorAnomaly(AnomalyDetector):  # type: ignore[misc]
    """River estimator for one series: ``x`` has ``value`` and ``time_ms`` (milliseconds since 1970, UTC).

    ``low`` and ``high`` are the ends of the sensor's declared range, in the value's unit. Where one is None, it is
    found out from the values. A missing or not finite ``value`` or ``time_ms`` scores 0.0 and teaches nothing.

    >>> import random
    >>> rng = random.Random(3)
    >>> detector = SensorAnomaly(low=-30.0, high=30.0)
    >>> for minute in range(3000):
    ...     x = {"value": rng.gauss(4.0, 0.2) + (6.0 if minute == 2999 else 0.0), "time_ms": minute * 60_000}
    ...     score = detector.score_one(x)
    ...     detector.learn_one(x)
    >>> score > 0.8
    True
    """

    shape: ClassVar[Shape] = Shape()

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        shape = self.shape
        self.low = low
        self.high = high
        self._heard = 0
        self._first: list[tuple[int, float]] = []
        self._range = GrowingRange(low, high)
        self._axes = SensorAxes(
            shape.profile(shape.hourly, shape.profile_weight), WeekSpread(shape.hourly), shape.slow, shape.least_spread
        )
        self._last_ms = 0
        self._stretch = StrangeStretch(shape, shape.told.memory)
        self._stayed = 0.0  # the newest value of a stretch that has come to stay
        self._cells = (
            shape.known(-1.0, 2.0, shape.cells),
            shape.known(-8.0, 8.0, shape.spread_cells),
            *(shape.known(-2.0, 2.0, shape.cells) for _ in range(2)),
            *(shape.known(-8.0, 8.0, shape.spread_cells) for _ in range(2)),
        )
        self._unseen = UnseenShape()
        self._told = shape.told()

    def score_one(self, x: dict[str, Any]) -> float:
        """How strange this value is, 0 to 1, the same on every series. Changes nothing."""
        return self.score_with(x)

    def score_with(self, x: dict[str, Any], as_usual: Collection[str] = (), again: bool = False) -> float:
        """``score_one`` with these axes (of ``AXES``, and ``SECOND_OPINION``) as expected: at no distance from what is
        known. It never rises with one more of them, and is 0.0 with all.

        ``again``: nobody is being told now. Then what somebody was told of before is told again, and judged by what is
        trusted, whatever was seen or told since.
        """
        place = self._judged(x)
        if place is None:
            return 0.0
        home = self._at_home(place)
        anyway = not home and self._anyway(place, again)
        distances = [] if home else self._distances(place, anyway)
        for at, axis in enumerate(AXES if as_usual and distances else ()):
            if axis in as_usual:
                distances[at] = 0.0
        return self._score(self._told.tell(self._strangeness(distances, SECOND_OPINION not in as_usual), anyway))

    def score_then_learn(self, x: dict[str, Any]) -> float:
        """``score_one`` and then ``learn_one``, to the bit, in half the time: what both need is worked out once."""
        return self._score(self._take(x, alarm=False))

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in."""
        self._take(x, alarm=False)

    def learn_alarm(self, x: dict[str, Any]) -> None:
        """Take in a value of which somebody is being told: it belongs to a strange stretch, and is not even seen."""
        self._take(x, alarm=True)

    def _take(self, x: dict[str, Any], alarm: bool) -> float:
        """Take the value in; what of it is told."""
        value, time_ms = _number(x.get("value")), _time(x.get("time_ms"))
        if value is None or time_ms is None:
            return 0.0
        if self._range.known:
            return self._learn(time_ms, self._range.part(value), alarm)
        self._first.append((time_ms, value))
        if len(self._first) >= self.shape.silent:
            self._range.find([early for _, early in self._first])
            first, self._first = self._first, []
            for at_ms, early in first:
                self._learn(at_ms, self._range.part(early), alarm=False)
        return 0.0

    @property
    def heard(self) -> int:
        """Values learnt."""
        return self._heard

    def axes_of(self, x: dict[str, Any], again: bool = False) -> dict[str, float]:
        """What each axis adds to the strangeness of this value, by name; all 0.0 while nothing is judged.

        ``again`` as of ``score_with``.
        """
        place = self._judged(x)
        if place is None:
            return dict.fromkeys((*AXES, SECOND_OPINION), 0.0)
        distances = self._distances(place, self._anyway(place, again))
        said = {name: self._said([distance]) for name, distance in zip(AXES, distances, strict=True)}
        return {**said, SECOND_OPINION: self._strangeness([])}

    def unfamiliar_one(self, x: dict[str, Any]) -> float:
        """How far, as a score, this value is from all that is trusted: neither told once nor seen lately lowers it."""
        place = self._judged(x)
        if place is None:
            return 0.0
        return self._score(self._said(self._beyond_known(place)))

    def familiar_one(self, x: dict[str, Any], level: float) -> bool:
        """Whether this value is nearer than ``level`` (a score) to what is trusted, and nobody was told of its like."""
        place = self._judged(x)
        return place is None or (not self._was_told(place) and self.unfamiliar_one(x) < level)

    def been_at(self, x: dict[str, Any]) -> bool:
        """Whether the sensor has had about this value before, and nobody was being told of it then."""
        place = self._judged(x)
        return place is None or self._cells[0].was_visited(place[0])

    def told_before(self, x: dict[str, Any]) -> bool:
        """Whether somebody was told of about this value; of one that is trusted at another hour, of one so far off."""
        place = self._judged(x)
        if place is None:
            return False
        value = self._cells[0]
        return value.was_told(place[0]) or (value.beyond_known(place[0]) == 0.0 and self._was_told(place))

    @property
    def new_normal_ms(self) -> int:
        """The time of the newest value that a strange stretch became the new normal with, -1 if none did."""
        return self._stretch.new_normal_ms

    @property
    def stayed(self) -> float:
        """That value, in its unit, as far as the range goes."""
        return self._range.value(self._stayed)

    @property
    def in_stretch(self) -> bool:
        """Whether the newest value learnt belongs to a strange stretch."""
        return self._stretch.values > 0

    @property
    def last(self) -> float:
        """The newest value learnt, in the value's unit, as far as the range goes."""
        return self._range.value(self._axes.last)

    def usual_at(self, time_ms: int) -> float:
        """What is usual now, in the value's unit: this hour's mean, or the slow mean where it has none."""
        return self._range.value(self._axes.usual_at(time_ms))

    # -- checkpoints --------------------------------------------------------------------------------------------

    def dump(self) -> list[Any]:
        """All that it has learnt as plain numbers and bytes: 4 to 9 kB packed. Its first element is the layout's."""
        (centre, spread, last, step), residuals, trusted, week = self._axes.dump()
        return [
            _LAYOUT,
            [self._heard, centre, spread, last, self._last_ms, step],
            residuals,
            *self._stretch.dump(),
            [*trusted, self._stayed],
            [list(pair) for pair in self._first],
            self._range.dump(),
            week,
            [cells.dump() for cells in self._cells],
            self._unseen.dump(),
            self._told.dump(),
        ]

    @staticmethod
    def reads(dumped: list[Any]) -> bool:
        """Whether a dump has the layout that ``load`` reads."""
        return bool(dumped) and dumped[0] == _LAYOUT

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of a detector with the same range back. Raises ValueError for a dump of another layout."""
        if not self.reads(dumped):
            raise ValueError(f"a dump of layout {_LAYOUT} is needed")
        _, numbers, residuals, stretch, ended, (*trusted, stayed), first, ends, week, cells, unseen, told = dumped
        self._heard, centre, spread, last, self._last_ms, step = numbers
        self._axes.load([[centre, spread, last, step], residuals, trusted, week])
        self._stretch.load([stretch, ended])
        self._stayed = stayed
        self._first = [(time_ms, value) for time_ms, value in first]
        self._range.load(ends)
        for axis, state in zip(self._cells, cells, strict=True):
            axis.load(state)
        self._unseen.load(unseen)
        self._told.load(told)

    # -- strangeness --------------------------------------------------------------------------------------------

    def _judged(self, x: dict[str, Any]) -> tuple[float, ...] | None:
        """Where on each axis this value is; None of what is no value, and while nothing is judged."""
        value, time_ms = _number(x.get("value")), _time(x.get("time_ms"))
        if value is None or time_ms is None or self._heard < self.shape.silent:
            return None
        return self._place(time_ms, self._range.part(value))

    def _place(self, time_ms: int, part: float) -> tuple[float, ...]:
        """Where on each axis this value is."""
        return self._axes.place(time_ms, part, self._stretch.values > 0)

    def _at_home(self, place: tuple[float, ...]) -> bool:
        """Whether no axis finds this value far from anything, nor was anybody told of it, as of nearly all values."""
        return not self._stretch.values and all(map(KnownCells.is_known, self._cells, place))

    def _anyway(self, place: tuple[float, ...], again: bool) -> bool:
        """Whether this value is told whatever came before it; ``again`` as of ``score_with``."""
        return self._untold(place) or (again and self._was_told(place))

    def _untold(self, place: tuple[float, ...]) -> bool:
        """Whether this value makes a strange stretch ``untold`` values long of which none was told.

        It is told whatever wild value came before it, and judged as if the stretch had only begun with it. Not so where
        another stretch as long came shortly before: that was the anomaly, and this may be its end.
        """
        if not self._stretch.is_due(self._heard):
            return False
        unfamiliar = self._unfamiliar(place)
        return sum(unfamiliar) >= self._stretch.bound or self._was_told(place) or self._hidden(unfamiliar)

    def _was_told(self, place: tuple[float, ...]) -> bool:
        """Whether somebody was told of a stretch like this, which has not become a habit since."""
        return any(self._cells[level].was_told(place[level]) for level in _LEVELS)

    def _hidden(self, unfamiliar: list[float]) -> bool:
        """Whether what is so far from the familiar may go untold for a wild value that came just before it."""
        lately = self._stretch.follows_wild(self._heard)
        return lately and self._said(unfamiliar) >= self.shape.hidden

    def _distances(self, place: tuple[float, ...], anyway: bool) -> list[float]:
        """From what was trusted or seen; of what is told ``anyway``, from what was trusted."""
        if anyway:
            return self._beyond_known(place)
        return [
            worth * cells.distance(at) for worth, cells, at in zip(self.shape.worth, self._cells, place, strict=True)
        ]

    def _beyond_known(self, place: tuple[float, ...]) -> list[float]:
        return [
            worth * cells.beyond_known(at)
            for worth, cells, at in zip(self.shape.worth, self._cells, place, strict=True)
        ]

    def _unfamiliar(self, place: tuple[float, ...]) -> list[float]:
        """Distances from what is trusted or a habit; of a stretch, by the mean and spread that it began with."""
        if self._stretch.values:
            place = self._axes.as_trusted(place)
        return [
            worth * cells.from_habit(at) for worth, cells, at in zip(self.shape.worth, self._cells, place, strict=True)
        ]

    def _said(self, distances: list[float]) -> float:
        """Strangeness: a small distance is said in full, a great one by ``half_worth`` at most."""
        most = self.shape.half_worth
        return sum(most * distance / (most + distance) for distance in distances)

    def _strangeness(self, distances: list[float], second_opinion: bool = True) -> float:
        """What this value's distances say, and the second opinion: the shape of what was heard before it."""
        return self._said(distances) + (self.shape.unseen_shape * self._unseen.lately if second_opinion else 0.0)

    def _score(self, told: float) -> float:
        return told / (told + self.shape.usual_alarm)

    def _learn(self, time_ms: int, part: float, alarm: bool) -> float:
        """Take in where in the range the next value is; what of it is told."""
        shape = self.shape
        if self._heard == 0:
            self._axes.begin(part)
        place = self._place(time_ms, part)
        judged = self._heard >= shape.silent
        home = judged and self._at_home(place)
        measured = judged and not home
        # An alarm of what was told before is a surprise again, if it is none else: what comes often tires.
        anyway = measured and self._anyway(place, alarm and not self._stretch.alarmed)
        distances = self._distances(place, anyway) if measured else []
        unfamiliar = self._unfamiliar(place) if measured else []
        told = self._told.learn(self._strangeness(distances) if judged else 0.0, anyway)
        beyond = sum(unfamiliar)
        if not self._stretch.values and min(told, self._said(unfamiliar)) >= shape.certain:  # else it is a habit
            self._stretch.begins_at(beyond)
        strange = alarm
        if not strange and not home:
            strange = self._was_told(place) or (judged and beyond >= self._stretch.bound)
            strange = strange or (not told and self._hidden(unfamiliar))
        trusted = self._trusts(time_ms, place, strange, told, alarm)
        self._last_ms = time_ms
        if trusted or not alarm:
            for cells, at in zip(self._cells, place, strict=True):
                cells.visit(at, trusted)
        else:
            for cells, at in zip(self._cells, place, strict=True):
                cells.tell(at)
        self._heard += 1
        # What is slow follows a stretch that has been seen, so that its end is not as strange; trust does not.
        seen = not alarm and sum(distances) < shape.untrusted
        self._axes.hear(time_ms, place, trusted, seen, self._heard)
        grown = self._range.grow(part, self._heard) if self._heard > shape.silent else None
        if grown is not None:
            self._rescale(*grown)
        self._unseen.learn(part)
        return told

    def _trusts(self, time_ms: int, place: tuple[float, ...], strange: bool, told: float, alarm: bool) -> bool:
        """Whether this value belongs to no strange stretch, or to one that has come to stay; follows the stretch."""
        certain = told >= self.shape.usual_alarm  # a score of 0.5
        turn = self._stretch.take(strange, certain, told > 0.0, alarm, self._heard, time_ms, time_ms - self._last_ms)
        if turn.over:
            self._axes.stretch_over()
            for cells in self._cells:
                cells.stretch_over()
        if turn.begins or turn.stays:  # what stays is over once familiar by the mean and spread of then
            self._axes.stretch_begins()
        if turn.stays:
            self._stayed = place[0]
            value, *others = self._cells
            value.accept()
            for cells, at in zip(others, place[1:], strict=True):
                cells.accept((0.0, at))  # for the mean and the profiles will follow
        return turn.trusted

    def _rescale(self, factor: float, shift: float) -> None:
        """The range has grown: all that is kept in parts of it follows, but shapes, which begin anew."""
        self._unseen = UnseenShape()
        value, _, *residuals, _, _ = self._cells
        value.rescale(factor, shift)
        for cells in residuals:
            cells.rescale(factor, 0.0)
        self._axes.rescale(factor, shift)
        self._stayed = factor * self._stayed + shift


def _time(value: Any) -> int | None:
    """The time in whole milliseconds, or None for what is none: what no clock's 64 bits hold is not kept either."""
    number = _number(value)
    return None if number is None or abs(number) > _LAST_TIME_MS else int(number)


def _number(value: Any) -> float | None:
    """The value as a finite float, or None for what is none; a truth value is none."""
    kind = type(value)
    if kind is not float and kind is not int and (isinstance(value, bool) or not isinstance(value, Real)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
