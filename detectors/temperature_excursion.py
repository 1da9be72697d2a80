"""A cargo's temperature leaves the band its shipment allows.

Idea: the probability that the true temperature lies outside the band, given an exponentially weighted mean of the
sensor's values and their weighted variance. A median of three goes before the mean, so that one wild value moves
nothing; the mean begins with the first such median, for a sensor's very first value may be its word for "just switched
on". Where a door is lawfully open (the device says so, where customs or the route lets a seal be opened) warm air comes
in, and is cold again long before the cargo would be warm: nothing opens then, nor for ``door_s`` after; what is still
out of its band by then is told. Caveat: it answers two readings late by design, trusts the sensor's noise to be roughly
Gaussian, and hears only then of a reefer that fails while its door is open.

Two forms of one detector, held equal by a property test: ``TemperatureExcursion`` is a River estimator for one
series; ``TemperatureExcursionRule`` does the same to a row a device.
Source of the weighted mean and variance: Finch, "Incremental calculation of weighted mean and variance" (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import numpy as np
from river.base import AnomalyDetector
from scipy.special import ndtr

from detectors.columns import Columns, Rows
from detectors.device_batch import Bools, DeviceBatch, Floats, Verdict, levels, quiet
from detectors.explanation import Why
from detectors.limits import limit
from detectors.rule import RuleCard

CARD = RuleCard(
    name="temperature_excursion",
    version=5,
    severity="critical",
    opened={
        "en": "{device_id} reads {temperature_c:.1f} °C; the shipment allows {allowed}.",
        "es": "{device_id} marca {temperature_c:.1f} °C; el embarque permite {allowed}.",
    },
    closed={
        "en": "{device_id} is back in its band at {temperature_c:.1f} °C ({allowed}).",
        "es": "{device_id} volvió a su rango con {temperature_c:.1f} °C ({allowed}).",
    },
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Weight of a new value, the least noise a sensor has (°C), and the scores that open and close an episode.

    Nothing opens for ``door_s`` seconds after a door was last lawfully open.
    """

    weight: float = limit(0.5, 0.01, 1, "share", "what a new value counts for in the mean")
    noise_floor_c: float = limit(0.15, 0.01, 5, "°C", "least noise of a sensor")
    open_score: float = limit(0.99, 0.5, 0.999999, "score", "probability of being outside the band that opens")
    close_score: float = limit(0.2, 1e-06, 0.95, "score", "probability below which it closes; at most open_score")
    door_s: float = limit(1_800.0, 0, 86_400, "s", "after a door was lawfully open, in which nothing opens")

    def __post_init__(self) -> None:
        if not self.close_score <= self.open_score:
            raise ValueError(
                f"close_score ({self.close_score:g}) must be no more than open_score ({self.open_score:g})"
            )


_STEP_MAX_C: Final = 1_000.0  # so that no value, however wild, makes a variance that is no number
_NEVER: Final = -1
_OF_NONE: Final = np.inf  # the lower bound of no cargo


def _median3(a: Floats, b: Floats, c: Floats) -> Floats:
    """Median of three; NaN while one of them is not known."""
    return np.asarray(np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)))


def _advance(mean: Floats, variance: Floats, value: Floats, weight: float) -> tuple[Floats, Floats]:
    """Weighted mean and variance after this value; the first value is the mean itself."""
    first = np.isnan(mean)
    step = np.where(first, 0.0, np.minimum(np.maximum(value - mean, -_STEP_MAX_C), _STEP_MAX_C))
    return np.where(first, value, mean + weight * step), (1.0 - weight) * (variance + weight * step * step)


def _outside(mean: Floats, variance: Floats, low: Floats, high: Floats, floor: float, weight: float) -> Floats:
    """Probability that the true value is outside [low, high]; an unknown bound is no bound, an unknown mean says 0."""
    # A settled mean of values with variance v has variance v * w / (2 - w).
    spread = np.sqrt(np.minimum(variance, 25.0) * weight / (2.0 - weight) + floor * floor)
    # NaN, from a bound or a mean that is not known, is passed over by fmax.
    low, high = np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)
    return np.asarray(np.fmax(ndtr(np.fmax((mean - high) / spread, (low - mean) / spread)), 0.0))


class TemperatureExcursion(AnomalyDetector):  # type: ignore[misc]
    """River estimator for one series: ``x`` has ``temperature_c`` and, where there is a bound, ``low_c``, ``high_c``.

    A missing or not finite temperature scores 0.0 and teaches nothing.

    >>> detector = TemperatureExcursion()
    >>> for t in [4.1, 3.9, 4.0, 4.2, 9.5, 9.6, 9.4]:
    ...     x = {"temperature_c": t, "low_c": 2.0, "high_c": 8.0}
    ...     score = detector.score_one(x)
    ...     detector.learn_one(x)
    >>> round(score, 1)
    0.5
    """

    def __init__(self, weight: float = 0.5, noise_floor_c: float = 0.15) -> None:
        self.weight = weight
        self.noise_floor_c = noise_floor_c
        self._last = math.nan
        self._before = math.nan
        self._mean = math.nan
        self._variance = 0.0

    def _next(self, value: float) -> tuple[Floats, Floats]:
        middle = _median3(np.float64(self._before), np.float64(self._last), np.float64(value))  # type: ignore[arg-type]
        return _advance(np.float64(self._mean), np.float64(self._variance), middle, self.weight)  # type: ignore[arg-type]

    @staticmethod
    def _value(x: dict[str, Any], name: str) -> float:
        value = x.get(name)
        return float(value) if isinstance(value, Real) and math.isfinite(value) else math.nan

    def score_one(self, x: dict[str, Any]) -> float:
        """Probability, 0 to 1, that the true temperature is out of the band now. Changes nothing."""
        value = self._value(x, "temperature_c")
        if math.isnan(value):
            return 0.0
        mean, variance = self._next(value)
        low, high = np.float64(self._value(x, "low_c")), np.float64(self._value(x, "high_c"))
        return float(_outside(mean, variance, low, high, self.noise_floor_c, self.weight))  # type: ignore[arg-type]

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take the value in."""
        value = self._value(x, "temperature_c")
        if math.isnan(value):
            return
        mean, variance = self._next(value)
        self._before, self._last = self._last, value
        self._mean, self._variance = float(mean), float(variance)


class TemperatureExcursionRule:
    """The same, a row a device, with the two scores between which an episode lives."""

    card = CARD

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or Thresholds()
        self.columns = Columns(
            last=np.nan,
            before=np.nan,
            mean=np.nan,
            variance=0.0,
            low=np.nan,
            high=np.nan,
            door_ms=np.int64(_NEVER),
            on=np.bool_(False),
        )

    def _next(self, at: Rows, value: Floats) -> tuple[Floats, Floats]:
        """Mean and variance with these values in them, of the devices in these rows."""
        c = self.columns
        middle = _median3(c["before"][at], c["last"][at], value)
        return _advance(c["mean"][at], c["variance"][at], middle, self.thresholds.weight)

    def _score(self, mean: Floats, variance: Floats, low: Floats, high: Floats) -> Floats:
        return _outside(mean, variance, low, high, self.thresholds.noise_floor_c, self.thresholds.weight)

    def _learn(self, at: Rows, value: Floats, mean: Floats, variance: Floats) -> None:
        c = self.columns
        c["before"][at], c["last"][at] = c["last"][at], value
        c["mean"][at], c["variance"][at] = mean, variance

    def score_many(self, batch: DeviceBatch) -> Floats:
        """``TemperatureExcursion.score_one`` for every reading; 0 where there is no temperature."""
        has = np.isfinite(batch.temperature_c)
        mean, variance = self._next(batch.rows, np.where(has, batch.temperature_c, 0.0))
        return np.where(has, self._score(mean, variance, batch.min_temperature_c, batch.max_temperature_c), 0.0)

    def learn_many(self, batch: DeviceBatch) -> None:
        """``TemperatureExcursion.learn_one`` for every reading that has a temperature."""
        has = np.isfinite(batch.temperature_c)
        at, value = batch.rows[has], batch.temperature_c[has]
        self._learn(at, value, *self._next(at, value))

    def heeds(self, batch: DeviceBatch) -> Bools:
        """Temperatures, lawful openings and beginnings, of cargo that has a band."""
        bounded = np.isfinite(batch.min_temperature_c) | np.isfinite(batch.max_temperature_c)
        said = np.isfinite(batch.temperature_c) | (batch.door_open & batch.seal_may_open) | batch.new_shipment
        return np.asarray(bounded & batch.in_order & said)

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Late readings say nothing of now, and teach nothing."""
        verdict, c, t = quiet(batch), self.columns, self.thresholds
        heeded = self.heeds(batch)
        opened = (heeded & batch.door_open & batch.seal_may_open).nonzero()[0]
        c["door_ms"][batch.rows[opened]] = batch.time_ms[opened]
        c["low"][batch.rows[heeded & batch.new_shipment]] = _OF_NONE
        use = (heeded & np.isfinite(batch.temperature_c)).nonzero()[0]
        if not len(use):
            return verdict
        at, value = batch.rows[use], batch.temperature_c[use]
        low, high = batch.min_temperature_c[use], batch.max_temperature_c[use]
        ended = self._begin_anew(at, low, high)
        mean, variance = self._next(at, value)
        score = self._score(mean, variance, low, high)
        self._learn(at, value, mean, variance)
        was_on = c["on"][at]
        trip = score >= np.where(was_on, t.close_score, t.open_score)
        if trip.any():
            door_ms = c["door_ms"][at]
            excused = (door_ms != _NEVER) & (batch.time_ms[use] - door_ms < 1_000.0 * t.door_s)
            trip &= was_on | ~excused
        clear = ended | (was_on & (score < t.close_score))
        c["on"][at] = (was_on | trip) & ~clear
        verdict.level[use] = levels(trip, clear)
        verdict.score[use] = score
        return verdict

    def _begin_anew(self, at: Rows, low: Floats, high: Floats) -> Bools:
        """Another shipment or band is another cargo: what was learnt is forgotten. True where that ends an episode."""
        c = self.columns
        was_low, was_high = c["low"][at], c["high"][at]
        same = ((was_low == low) | (np.isnan(was_low) & np.isnan(low))) & (
            (was_high == high) | (np.isnan(was_high) & np.isnan(high))
        )
        ended = ~same & c["on"][at]
        if not same.all():
            anew = ~same
            door_ms = c["door_ms"][at[anew]]
            c.reset(at[anew])
            c["low"][at], c["high"][at], c["door_ms"][at[anew]] = low, high, door_ms
        return np.asarray(ended)

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The value and the band, in °C; ``allowed`` is the band in words."""
        low, high = float(batch.min_temperature_c[position]), float(batch.max_temperature_c[position])
        return {
            "temperature_c": float(batch.temperature_c[position]),
            "min_temperature_c": None if math.isnan(low) else low,
            "max_temperature_c": None if math.isnan(high) else high,
            "allowed": _band(low, high),
        }

    def why(self, batch: DeviceBatch, position: int) -> Why:
        """The smoothed value, which makes the score; expected is the middle of the band that was shipped for: the mean
        follows an excursion within a few readings, and what it was before is not kept. Of one bound there is no middle:
        expected is then as far inside as the sensor's least noise, for at the bound itself it is as likely out as in.
        """
        row = slice(position, position + 1)
        low, high = batch.min_temperature_c[row], batch.max_temperature_c[row]
        mean, variance = (self.columns[name][batch.rows[row]] for name in ("mean", "variance"))
        middle_c, floor_c = (low + high) / 2.0, self.thresholds.noise_floor_c  # NaN where there is but one bound
        expected_c = np.where(np.isnan(middle_c), np.fmax(low + floor_c, high - floor_c), middle_c)
        return Why(
            lambda x: float(self._score(np.array([x["smoothed_c"]]), variance, low, high)[0]),
            {"smoothed_c": float(mean[0])},
            {"smoothed_c": float(expected_c[0])},
            self.thresholds.open_score,
        )


def _band(low: float, high: float) -> str:
    if math.isnan(low):
        return f"≤ {high:g} °C"
    if math.isnan(high):
        return f"≥ {low:g} °C"
    return f"{low:g} … {high:g} °C"
