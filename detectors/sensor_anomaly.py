"""One sensor's series does what it has never done: a general detector for any quantity.

Idea: a value is strange by its distance from everything that the sensor has done before, on six axes:

- the value itself, in parts of the declared range;
- its deviation from a slow mean, in spreads of the series, compressed (asinh): the finer, the more usual;
- its residual from the usual at this time of the week, with bins of two hours, one hour and half an hour;
- the mean of the last three residuals of the hourly profile: a small deviation that stays.

The distances are added, each with a weight that says what one unit of that axis is worth. What was told once is not
told again at once (``detectors.told_once``). From a very strange value on, nothing far from the known is trusted: it
has been seen, which makes it less strange and not normal. If the stretch lasts, it is the new normal.

The score is told / (told + ``_USUAL_ALARM``): 0.5 is the level that serves all series best on the development data.
``docs/detection.md`` says what was tried, and what each part gives.

Caveat: silent for the first hundred values. Knows nothing of a sensor's neighbours. A slow drift that is never far from
what was before is not found.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Final

from river.base import AnomalyDetector

from detectors.known_cells import KnownCells
from detectors.told_once import ToldOnce
from detectors.week_profile import WeekProfile

_SILENT: Final = 100  # values
_CELLS: Final = 128  # to the declared range
_SPREAD_CELLS: Final = 16  # to a unit of compressed spreads
_PER_DAY: Final = (12, 24, 48)
_HOURLY: Final = 1  # the profile of those whose residual is smoothed
_PROFILE_WEIGHT: Final = 0.1
_SLOW: Final = 0.001
_LEAST_SPREAD: Final = 0.002  # of the range: noise below it is no noise worth a word
_WORTH: Final = (2.0, 1.0, 1.0, 1.0, 1.0, 4.0)
AXES: Final = ("value", "deviation", "usual_of_2_h", "usual_of_1_h", "usual_of_30_min", "usual_smoothed")
_UNTRUSTED: Final = 0.75
_NEW_NORMAL: Final = 100  # values
_USUAL_ALARM: Final = 0.1
_ROOM: Final = 1.5  # on either side of what was first seen, where no range is declared


class SensorAnomaly(AnomalyDetector):  # type: ignore[misc]
    """River estimator for one series: ``x`` has ``value`` and ``time_ms`` (milliseconds since 1970, UTC).

    ``low`` and ``high`` are the ends of the sensor's declared range, in the value's unit. Where one is None, it is
    made of the first hundred values. A missing or not finite ``value`` or ``time_ms`` scores 0.0 and teaches nothing.

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

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = low
        self.high = high
        self._heard = 0
        self._first: list[tuple[int, float]] = []
        self._origin, self._range = math.nan, math.nan
        self._centre, self._spread = 0.0, 0.0
        self._strange_for = 0
        self._last_residual, self._residual_before = 0.0, 0.0
        self._profiles = tuple(WeekProfile(per_day, _PROFILE_WEIGHT) for per_day in _PER_DAY)
        self._cells = (
            KnownCells(-1.0, 2.0, _CELLS),
            KnownCells(-8.0, 8.0, _SPREAD_CELLS),
            *(KnownCells(-2.0, 2.0, _CELLS) for _ in range(len(_PER_DAY) + 1)),
        )
        self._told = ToldOnce()
        if low is not None and high is not None:
            self._set_range(float(low), float(high))

    def score_one(self, x: dict[str, Any]) -> float:
        """How strange this value is, 0 to 1, the same on every series; 0.5 is worth an alarm. Changes nothing."""
        value, time_ms = _number(x.get("value")), _number(x.get("time_ms"))
        if value is None or time_ms is None or self._heard < _SILENT:
            return 0.0
        told = self._told.tell(self._strangeness(self._place(int(time_ms), self._in_range(value))))
        return told / (told + _USUAL_ALARM)

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in."""
        value, time_ms = _number(x.get("value")), _number(x.get("time_ms"))
        if value is None or time_ms is None:
            return
        if math.isnan(self._range):
            self._first.append((int(time_ms), value))
            if len(self._first) < _SILENT:
                return
            self._make_range()
            first, self._first = self._first, []
            for at_ms, early in first:
                self._learn(at_ms, self._in_range(early))
            return
        self._learn(int(time_ms), self._in_range(value))

    @property
    def heard(self) -> int:
        """Values learnt."""
        return self._heard

    def axes_of(self, x: dict[str, Any]) -> dict[str, float]:
        """What each axis adds to the strangeness of this value, by name; all 0.0 while nothing is judged."""
        value, time_ms = _number(x.get("value")), _number(x.get("time_ms"))
        if value is None or time_ms is None or self._heard < _SILENT:
            return dict.fromkeys(AXES, 0.0)
        place = self._place(int(time_ms), self._in_range(value))
        parts = (worth * cells.distance(at) for worth, cells, at in zip(_WORTH, self._cells, place, strict=True))
        return dict(zip(AXES, parts, strict=True))

    def unfamiliar_one(self, x: dict[str, Any]) -> float:
        """How far, as a score, this value is from all that is trusted: neither told once nor seen lately lowers it."""
        value, time_ms = _number(x.get("value")), _number(x.get("time_ms"))
        if value is None or time_ms is None or self._heard < _SILENT:
            return 0.0
        beyond = self._beyond_known(self._place(int(time_ms), self._in_range(value)))
        return beyond / (beyond + _USUAL_ALARM)

    def usual_at(self, time_ms: int) -> float:
        """What is usual now, in the value's unit: this hour of the week's mean, or the slow mean where it has none."""
        hourly = self._profiles[_HOURLY].usual(time_ms)
        part = self._centre if hourly is None else hourly
        return 4.0 * (self._origin + part * self._range)

    # -- checkpoints --------------------------------------------------------------------------------------------

    def dump(self) -> list[Any]:
        """All that it has learnt as plain numbers and bytes: some 4 kB packed."""
        return [
            [self._heard, self._strange_for, self._origin, self._range, self._centre, self._spread],
            [self._last_residual, self._residual_before],
            [list(pair) for pair in self._first],
            [profile.dump() for profile in self._profiles],
            [cells.dump() for cells in self._cells],
            self._told.dump(),
        ]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of a detector with the same range back."""
        numbers, (self._last_residual, self._residual_before), first, profiles, cells, told = dumped
        self._heard, self._strange_for, self._origin, self._range, self._centre, self._spread = numbers
        self._first = [(time_ms, value) for time_ms, value in first]
        for profile, state in zip(self._profiles, profiles, strict=True):
            profile.load(state)
        for axis, state in zip(self._cells, cells, strict=True):
            axis.load(state)
        self._told.load(told)

    # -- the range ----------------------------------------------------------------------------------------------

    def _set_range(self, low: float, high: float) -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"a range's ends must be finite and in order, not {low} and {high}")
        # Quarters, for the difference of two huge floats is no float.
        self._origin, self._range = low / 4.0, (high / 4.0 - low / 4.0) or max(abs(low) / 4.0, 0.25)

    def _make_range(self) -> None:
        """Room around the inner four fifths of what was first seen: one wild value is not in them."""
        values = sorted(value for _, value in self._first)
        low, high = values[len(values) // 10], values[-1 - len(values) // 10]
        room = _ROOM * (high - low)
        self._set_range(low - room if self.low is None else self.low, high + room if self.high is None else self.high)

    def _in_range(self, value: float) -> float:
        """0 at the range's low end, 1 at its high end; beyond it no more than another range on either side."""
        return min(max((value / 4.0 - self._origin) / self._range, -1.0), 2.0)

    # -- strangeness --------------------------------------------------------------------------------------------

    def _place(self, time_ms: int, part: float) -> tuple[float, ...]:
        """Where on each axis this value is."""
        residuals = [profile.residual(time_ms, part) for profile in self._profiles]
        smooth = (residuals[_HOURLY] + self._last_residual + self._residual_before) / 3.0
        compressed = math.asinh((part - self._centre) / max(self._spread, _LEAST_SPREAD))
        return (part, compressed, *residuals, smooth)

    def _strangeness(self, place: tuple[float, ...]) -> float:
        return sum(worth * cells.distance(at) for worth, cells, at in zip(_WORTH, self._cells, place, strict=True))

    def _beyond_known(self, place: tuple[float, ...]) -> float:
        return sum(worth * cells.beyond_known(at) for worth, cells, at in zip(_WORTH, self._cells, place, strict=True))

    def _learn(self, time_ms: int, part: float) -> None:
        if self._heard == 0:
            self._centre = part
        place = self._place(time_ms, part)
        strangeness = self._strangeness(place) if self._heard >= _SILENT else 0.0
        self._told.learn(strangeness)
        strange = strangeness >= _UNTRUSTED
        # A stretch that began strange goes on while it is far from what is trusted, though its cells have been seen.
        goes_on = strange or (self._strange_for > 0 and self._beyond_known(place) >= _UNTRUSTED)
        self._strange_for = self._strange_for + 1 if goes_on else 0
        trusted = not 0 < self._strange_for <= _NEW_NORMAL
        for cells, at in zip(self._cells, place, strict=True):
            cells.visit(at, trusted)
        self._residual_before, self._last_residual = self._last_residual, place[2 + _HOURLY]
        self._heard += 1
        if trusted or not strange:
            for profile in self._profiles:
                profile.learn(time_ms, part)
            weight = max(_SLOW, 1.0 / self._heard)
            deviation = part - self._centre
            self._spread += weight * (abs(deviation) - self._spread)
            self._centre += weight * deviation


def _number(value: Any) -> float | None:
    """The value as a finite float, or None for what is none."""
    if type(value) is not float and not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
