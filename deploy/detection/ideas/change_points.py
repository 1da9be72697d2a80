"""Bayesian online change points: how sure it is that the series has begun anew within the last values.

A run is a stretch in which values are independent and normal, with mean and variance unknown; it ends with a fixed
chance a value. For each length that the present run may have, the posterior (normal-inverse-gamma) says how probable
the next value is (Student's t), and with that how probable the length is. The score is the probability that the run
is no longer than ``_NEW`` values. Lengths of less than ``_LEAST`` are dropped, and all but the most probable
``_LENGTHS``.

Source: R. Adams and D. MacKay, "Bayesian online changepoint detection", arXiv:0710.3742.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from deploy.detection.ideas.lone import Lone

_CHANCE: Final = 1.0 / 1000.0  # that a run ends, a value
_NEW: Final = 5  # values
_LEAST: Final = 1e-6
_LENGTHS: Final = 60
# What is believed of a run before its first value: mean, its worth in values, shape and scale of the variance.
_MEAN: Final = 0.5
_WORTH: Final = 0.1
_SHAPE: Final = 1.0
_SCALE: Final = 0.001

Numbers = NDArray[np.float64]


class ChangePoints(Lone):
    """Keeps five numbers for each length that the run may have."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._lengths = np.zeros(1)
        self._probable = np.ones(1)
        self._mean, self._scale = np.full(1, _MEAN), np.full(1, _SCALE)

    def _after(self, part: float) -> tuple[Numbers, Numbers]:
        """The lengths there may be once this value is in, and how probable each is."""
        worth, shape = _WORTH + self._lengths, _SHAPE + self._lengths / 2.0
        wide = self._scale * (worth + 1.0) / (shape * worth)
        density = np.exp(gammaln(shape + 0.5) - gammaln(shape)) / np.sqrt(2.0 * np.pi * shape * wide)
        weighed = self._probable * density * (1.0 + (part - self._mean) ** 2 / (2.0 * shape * wide)) ** (-shape - 0.5)
        probable = np.concatenate(([_CHANCE * weighed.sum()], (1.0 - _CHANCE) * weighed))
        total = float(probable.sum())
        if total <= 0.0:  # as improbable by every length: it can only be a beginning
            probable[0], total = 1.0, 1.0
        return np.concatenate(([0.0], self._lengths + 1.0)), probable / total

    def strangeness(self, part: float) -> float:
        lengths, probable = self._after(part)
        return min(float(probable[lengths <= _NEW].sum()), 1.0)

    def take_in(self, part: float) -> None:
        lengths, probable = self._after(part)
        worth = _WORTH + self._lengths
        apart = part - self._mean
        mean = np.concatenate(([_MEAN], self._mean + apart / (worth + 1.0)))
        scale = np.concatenate(([_SCALE], self._scale + worth * apart**2 / (2.0 * (worth + 1.0))))
        keep = probable > _LEAST
        keep[0] = True
        if keep.sum() > _LENGTHS:
            keep &= probable >= np.partition(probable, -_LENGTHS)[-_LENGTHS]
            keep[0] = True
        self._lengths, self._mean, self._scale = lengths[keep], mean[keep], scale[keep]
        self._probable = probable[keep] / probable[keep].sum()
