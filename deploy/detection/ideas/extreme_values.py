"""DSPOT: how improbable a value is, by the tail that extreme values of this series have had so far.

What is judged is how far a value lies from the mean of the last usual ones, upwards and downwards apart. The first
values set a level; what lies beyond it (a peak) follows a generalised Pareto distribution, by the theorem of Pickands,
Balkema and de Haan, whatever the series is. With n values, p peaks over the level t, and the fitted shape g and scale
s, a value beyond t by y has the tail probability p/n (1 + g y / s) ** (-1 / g). A value rarer than ``_ALARM`` is an
anomaly, and teaches nothing.

The fit is Grimshaw's (1993): the likelihood depends, at its best, on g / s alone; that is looked for on a grid instead
of by roots, once a new peak has come. A tail that has an end (g below 0) is taken for the lightest that has none:
beyond an end all values are equally impossible, and it is there that they are to be told apart.

The score is l / (l + 4), with l the negative decimal logarithm of the probability: 0.5 is the paper's alarm at 1e-4.

Source: A. Siffer and others, "Anomaly detection in streams with extreme value theory" (KDD 2017). There the first
thousand values set the level at 98 %; the series begin with fewer that may be unscored, so here it is 200 and 95 %.
"""

from __future__ import annotations

import math
from collections import deque
from typing import ClassVar, Final

import numpy as np

from deploy.detection.ideas.lone import Lone

_FIRST: Final = 200  # values
_LEVEL: Final = 0.95  # of the first
_ALARM: Final = 1e-4
_DEPTH: Final = 50  # usual values to a mean
_PEAKS: Final = 300  # the newest, fitted
_HALF: Final = -math.log10(_ALARM)
_LEAST: Final = 1e-3  # of the range: beyond the level by less is no peak
_GRID: Final = np.geomspace(1e-3, 100.0, 40)  # of g / s, times the mean peak


class Tail:
    """The tail of a quantity above a level set by its first values."""

    def __init__(self, first: list[float]) -> None:
        self._level = sorted(first)[int(_LEVEL * len(first))]
        self._heard = len(first)
        peaks = [value - self._level for value in first if value > self._level + _LEAST]
        self._count = len(peaks)
        self._peaks: deque[float] = deque(peaks, maxlen=_PEAKS)
        self.shape, self._scale = 1e-3, _LEAST
        self._fit()

    def probability(self, value: float) -> float:
        """That the quantity is this high or higher; 1.0 up to the level."""
        beyond = value - self._level
        if beyond <= _LEAST:
            return 1.0
        most = max(self._count, 1) / self._heard
        return float(most * math.exp(-math.log1p(self.shape * beyond / self._scale) / self.shape))

    def learn(self, value: float) -> None:
        """Take in a value that was no anomaly."""
        self._heard += 1
        if value > self._level + _LEAST:
            self._count += 1
            self._peaks.append(value - self._level)
            self._fit()

    def _fit(self) -> None:
        if len(self._peaks) < 3:
            self._scale = max([*self._peaks, _LEAST])
            return
        peaks = np.array(self._peaks)
        ratios = _GRID / peaks.mean()
        shapes = np.log1p(ratios[:, None] * peaks).mean(axis=1)
        best = int(np.argmax(-np.log(shapes / ratios) - shapes))
        self.shape, self._scale = float(shapes[best]), float(shapes[best] / ratios[best])


class ExtremeValues(Lone):
    """Keeps two tails' peaks and the last usual values."""

    silent: ClassVar[int] = _FIRST

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._usual: deque[float] = deque(maxlen=_DEPTH)
        self._first: list[float] = []
        self._tails: tuple[Tail, Tail] | None = None

    def _away(self, part: float) -> float:
        return part - sum(self._usual) / len(self._usual) if self._usual else 0.0

    def _probability(self, away: float) -> float:
        if self._tails is None:
            return 1.0
        up, down = self._tails
        return min(up.probability(away), down.probability(-away))

    def strangeness(self, part: float) -> float:
        rare = -math.log10(max(self._probability(self._away(part)), 1e-300))
        return rare / (rare + _HALF)

    def take_in(self, part: float) -> None:
        away = self._away(part)
        if self._tails is None:
            self._first.append(away)
            if len(self._first) == _FIRST:
                self._tails = Tail(self._first), Tail([-one for one in self._first])
        elif self._probability(away) < _ALARM:
            return
        else:
            up, down = self._tails
            up.learn(away)
            down.learn(-away)
        self._usual.append(part)
