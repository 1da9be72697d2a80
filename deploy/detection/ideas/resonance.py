"""ARTime's idea: the shape of the last samples fits no category of an adaptive resonance network.

Values are down-sampled; a sample is the extreme of its values that leaves a moving mean the most, and the series'
median where it is near that. Features are the last eight samples, and the Haar wavelet's coefficients of them drawn out
to 0 to 1. A network (``fuzzy_art``) learns them. The first samples are learnt all at once, and say how vigilant it is;
later its vigilance falls by what it missed and rises while all fits. What fits no category is told, once, unless it
fits far worse than what was told last.

Source: M. Hampton's ARTime, of which there is no paper but its published code; these are our own lines, after its
description. There the down-sampling follows from the length of the series, which is known only once it has ended; here
it is that of a series of ``_SETTLING`` unscored values.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deploy.detection.ideas.fuzzy_art import Fit, FuzzyArt
from deploy.detection.ideas.lone import OneAct

_SETTLING: Final = 600  # values
_WINDOW: Final = 8  # samples
_FEATURES: Final = 2 * _WINDOW
_EACH: Final = _SETTLING // (13 * _WINDOW)  # values to a sample
_LEARNT: Final = _SETTLING // _EACH  # samples before the first score
_MASK: Final = 12  # samples
_LEVELS: Final = 80
_NEAR_MEDIAN: Final = 0.075
_NEAR_MEAN: Final = 0.1  # of the mean
_FIRST_VIGILANCE: Final = 0.8
_MOST_VIGILANCE: Final = 0.97
_RISE: Final = 0.19  # of the room there is
_LEAST_FALL: Final = 0.01

Numbers = NDArray[np.float64]


def _haar(window: Numbers) -> Numbers:
    """The wavelet's coefficients: the mean's, then differences from coarse to fine."""
    details: list[Numbers] = []
    while len(window) > 1:
        even, odd = window[0::2], window[1::2]
        details.insert(0, (odd - even) * np.sqrt(0.5))
        window = (even + odd) * np.sqrt(0.5)
    return np.concatenate([window, *details])


def _drawn_out(numbers: Numbers) -> Numbers:
    apart: Numbers = numbers - numbers.min()
    apart /= apart.max() or 1.0
    return apart


class Sampler:
    """Values in, a sample for each ``_EACH``, in parts of the range.

    Caveat: whether values are near their mean is asked in the value's own unit, as published: 20 °C is not 68 °F.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._size = low, (high - low) or 1.0
        self._values: list[float] = []
        self._mean: float | None = None
        self._sorted: list[int] = []

    def add(self, part: float) -> float | None:
        """The sample that this value completes."""
        self._values.append(self._low + part * self._size)
        if len(self._values) < _EACH:
            return None
        values, self._values = self._values, []
        mean = sum(values) / len(values)
        self._mean = mean if self._mean is None else (self._mean + mean) / 2.0
        extreme = max((max(values), min(values)), key=lambda value: abs(value - (self._mean or 0.0)))
        sample = mean if abs(extreme - mean) < _NEAR_MEAN * mean else extreme
        level = min(max(round((sample - self._low) / self._size * _LEVELS), 0), _LEVELS)
        insort(self._sorted, level)
        median = self._sorted[len(self._sorted) // 2]
        return (median if abs(level - median) < _NEAR_MEDIAN * _LEVELS else level) / _LEVELS


class Vigilance:
    """How well an input has to fit, by how well inputs have fitted so far."""

    def __init__(self) -> None:
        self._fits: deque[float] = deque(maxlen=_LEARNT // 2)
        self._misses: deque[float] = deque(maxlen=_LEARNT)
        self.told: list[float] = []  # fits of what was told
        self._sum, self._count = 0.0, 0

    def hear(self, fit: float, upper: float) -> None:
        self._fits.append(fit)
        self._misses.append(upper - fit)
        self._sum += fit
        self._count += 1

    def adapted(self, lower: float) -> tuple[float, float]:
        """The lower and the upper vigilance from now on."""
        upper, least = min(_MOST_VIGILANCE, self._sum / self._count), min(self._fits)
        if lower <= least:
            return min(upper, lower + _RISE * (least - lower)), upper
        misses = [min(0.37, miss) for miss in self._misses if miss > 0.05]
        fall = sum(misses) / len(misses) if misses and self._count > 2 * _LEARNT else 0.0
        fallen = lower - max(_LEAST_FALL, fall) / 2.0
        if self.told:
            fallen = max(sum(self.told) / len(self.told), fallen)
        return min(upper, fallen), upper


def _features(window: deque[float]) -> Numbers:
    """The shape, then the samples themselves."""
    samples = np.array(window)
    return np.concatenate([_drawn_out(_haar(_drawn_out(samples))), samples])


def _first_vigilance(first: list[Numbers]) -> float:
    """How well the later half of the first inputs fits a network that has learnt all, the most unlike ones first."""
    rows = np.array(first)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    alike = rows @ rows.T / np.maximum(lengths @ lengths.T, 1e-9)
    art = FuzzyArt(_FEATURES, _FIRST_VIGILANCE, _FIRST_VIGILANCE)
    fits = [art.learn(rows[at]).whole for at in np.argsort(alike.sum(axis=0), kind="stable")]
    later = fits[len(fits) // 2 :]
    return sum(later) / len(later)


class Resonance(OneAct):
    """Keeps its network's categories, of which there is no bound, and the last samples."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._sampler, self._vigilance = Sampler(low, high), Vigilance()
        self._window: deque[float] = deque(maxlen=_WINDOW)
        self._first: list[Numbers] = []
        self._art: FuzzyArt | None = None
        self._samples = self._adapted_at = self._fitting = 0
        self._told_at, self._told_fit = -_LEARNT, 0.0
        self._unsettled = True

    def judge(self, part: float) -> float:
        sample = self._sampler.add(part)
        if sample is None:
            return 0.0
        self._window.append(sample)
        self._samples += 1
        if self._samples < _WINDOW:
            return 0.0
        features = _features(self._window)
        if self._art is not None:
            return self._hear(features, self._samples)
        self._first.append(features)
        if self._samples == _LEARNT:
            vigilance = _first_vigilance(self._first)
            self._art = FuzzyArt(_FEATURES, vigilance, vigilance)
            for at, early in enumerate(self._first, _WINDOW):
                self._hear(early, at)
            self._first = []
        return 0.0

    def _hear(self, features: Numbers, at: int) -> float:
        """Learn the features of the sample of this number; how strange they are."""
        art, told_for = self._art, at - self._told_at
        assert art is not None
        upper, lower = art.upper, art.lower
        fit = art.learn(features)
        self._fitting = 0 if fit.new else self._fitting + 1
        self._vigilance.hear(fit.whole, upper)
        if told_for < _MASK and self._vigilance.told:
            self._vigilance.told[-1] = min(self._vigilance.told[-1], fit.whole)
        score = 0.0
        if at > _LEARNT and fit.new and self._is_told(fit, told_for):
            score = _sureness(fit, lower, upper)
            self._vigilance.told.append(fit.whole)
            self._told_fit, self._told_at = fit.whole, at
        self._unsettled = (self._unsettled and self._fitting < _MASK) or fit.new
        if at > _LEARNT and (told_for == _MASK or at - self._adapted_at >= _LEARNT // 2):
            art.lower, art.upper = self._vigilance.adapted(art.lower)
            self._adapted_at, self._unsettled = at, True
        return score

    def _is_told(self, fit: Fit, told_for: int) -> bool:
        """What is new soon after something new is told only if it fits far worse."""
        if told_for <= _MASK:
            return fit.whole < 0.9 * self._told_fit
        return not self._unsettled or fit.whole < 0.7 * self._told_fit


def _sureness(fit: Fit, lower: float, upper: float) -> float:
    """How far below what vigilance asks the fit is, and how badly the newest value fits."""
    whole = min(0.999, fit.whole)
    below = (0.35 * (upper - whole) + 0.65 * (lower - whole)) / (1.0 - whole)
    return min(max(below + 1.5 * (1.0 - fit.newest), 0.0), 1.0)
