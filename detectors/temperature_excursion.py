"""A cargo's temperature leaves the band its shipment allows.

Idea: the probability that the true temperature lies outside the band, given an exponentially weighted mean of the
sensor's values and their weighted variance. A median of three goes before the mean, so that one wild value moves
nothing. Caveat: it answers two readings late by design, and trusts the sensor's noise to be roughly Gaussian.

Two forms of one detector, held equal by a property test: ``TemperatureExcursion`` is a River estimator for one
series; ``TemperatureExcursionRule`` does the same to a row a device.
Source of the weighted mean and variance: Finch, "Incremental calculation of weighted mean and variance" (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from river.base import AnomalyDetector
from scipy.special import ndtr

from detectors.columns import Columns
from detectors.device_batch import CLEAR, TRIP, Bools, DeviceBatch, Floats, Verdict
from detectors.rule import RuleCard

CARD = RuleCard(
    name="temperature_excursion",
    version=1,
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
    """Weight of a new value, the least noise a sensor has (°C), and the scores that open and close an episode."""

    weight: float = 0.5
    noise_floor_c: float = 0.15
    open_score: float = 0.99
    close_score: float = 0.2


def _median3(a: Floats, b: Floats, c: Floats) -> Floats:
    """Median of three; the newest value alone where the older ones are not known yet (NaN)."""
    known = np.isfinite(a) & np.isfinite(b)
    return np.where(known, np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)), c)


def _advance(mean: Floats, variance: Floats, value: Floats, weight: float) -> tuple[Floats, Floats]:
    """Weighted mean and variance after this value; the first value is the mean itself."""
    first = ~np.isfinite(mean)
    step = np.where(first, 0.0, value - mean)
    new_mean = np.where(first, value, mean + weight * step)
    new_variance = np.where(first, 0.0, (1.0 - weight) * (variance + weight * step * step))
    return new_mean, new_variance


def _outside(mean: Floats, variance: Floats, low: Floats, high: Floats, floor: float, weight: float) -> Floats:
    """Probability that the true value is outside [low, high]; an unknown bound is no bound."""
    # A settled mean of values with variance v has variance v * w / (2 - w).
    spread = np.sqrt(np.minimum(variance, 25.0) * weight / (2.0 - weight) + floor * floor)
    has_high, has_low = np.isfinite(high), np.isfinite(low)
    above = np.where(has_high, ndtr((mean - np.where(has_high, high, 0.0)) / spread), 0.0)
    below = np.where(has_low, ndtr((np.where(has_low, low, 0.0) - mean) / spread), 0.0)
    return np.maximum(above, below)


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
            last=np.nan, before=np.nan, mean=np.nan, variance=0.0, low=np.nan, high=np.nan, on=np.bool_(False)
        )

    def score_many(self, batch: DeviceBatch) -> Floats:
        """``TemperatureExcursion.score_one`` for every reading; 0 where there is no temperature."""
        at, t = batch.rows, self.thresholds
        value = np.where(np.isfinite(batch.temperature_c), batch.temperature_c, 0.0)
        middle = _median3(self.columns["before"][at], self.columns["last"][at], value)
        mean, variance = _advance(self.columns["mean"][at], self.columns["variance"][at], middle, t.weight)
        score = _outside(mean, variance, batch.min_temperature_c, batch.max_temperature_c, t.noise_floor_c, t.weight)
        return np.where(np.isfinite(batch.temperature_c), score, 0.0)

    def learn_many(self, batch: DeviceBatch) -> None:
        """``TemperatureExcursion.learn_one`` for every reading that has a temperature."""
        has = np.isfinite(batch.temperature_c)
        at, value = batch.rows[has], batch.temperature_c[has]
        c = self.columns
        middle = _median3(c["before"][at], c["last"][at], value)
        mean, variance = _advance(c["mean"][at], c["variance"][at], middle, self.thresholds.weight)
        c["before"][at], c["last"][at] = c["last"][at], value
        c["mean"][at], c["variance"][at] = mean, variance

    def judge(self, batch: DeviceBatch) -> Verdict:
        """Late readings say nothing of now, and teach nothing."""
        bounded = np.isfinite(batch.min_temperature_c) | np.isfinite(batch.max_temperature_c)
        use = np.flatnonzero(batch.in_order & np.isfinite(batch.temperature_c) & bounded)
        level = np.zeros(len(batch.rows), np.int8)
        score = np.zeros(len(batch.rows))
        if len(use):
            part = batch.take(use)
            ended = self._begin_anew(part)
            # Two values are no series: until the median of three has its three, nothing opens.
            settled = np.isfinite(self.columns["before"][part.rows])
            part_score = self.score_many(part)
            self.learn_many(part)
            on = self.columns["on"]
            was_on = on[part.rows]
            trip = settled & (part_score >= np.where(was_on, self.thresholds.close_score, self.thresholds.open_score))
            clear = ended | (was_on & (part_score < self.thresholds.close_score))
            on[part.rows] = (was_on | trip) & ~clear
            level[use] = np.where(trip, TRIP, np.where(clear, CLEAR, np.int8(0)))
            score[use] = part_score
        return Verdict(level, score)

    def _begin_anew(self, batch: DeviceBatch) -> Bools:
        """Another band is another cargo: forget what was learnt of the last one. True where that ends an episode."""
        c, at = self.columns, batch.rows
        low, high = batch.min_temperature_c, batch.max_temperature_c
        same = np.isclose(c["low"][at], low, equal_nan=True) & np.isclose(c["high"][at], high, equal_nan=True)
        ended = ~same & c["on"][at]
        c.reset(at[~same])
        c["low"][at], c["high"][at] = low, high
        return ended

    def evidence(self, batch: DeviceBatch, position: int) -> dict[str, float | str | None]:
        """The value, its smoothed mean and the band, in °C; ``allowed`` is the band in words."""
        low, high = float(batch.min_temperature_c[position]), float(batch.max_temperature_c[position])
        return {
            "temperature_c": float(batch.temperature_c[position]),
            "smoothed_c": round(float(self.columns["mean"][batch.rows[position]]), 2),
            "min_temperature_c": None if math.isnan(low) else low,
            "max_temperature_c": None if math.isnan(high) else high,
            "allowed": _band(low, high),
        }


def _band(low: float, high: float) -> str:
    if math.isnan(low):
        return f"≤ {high:g} °C"
    if math.isnan(high):
        return f"≥ {low:g} °C"
    return f"{low:g} … {high:g} °C"
