"""KNN-CAD: is the window's distance to its nearest neighbours larger than was usual of windows before it?

The last ``_LONG`` values are a vector. How strange it is, is the sum of its squared distances to its ``_NEIGHBOURS``
nearest of a training set, in a metric that is the inverse of the set's matrix of second moments (Mahalanobis). The
score is the part of earlier windows that were less strange: a conformal p-value told the other way round. Windows wait
in a calibration set before they are trained on. After a score that the paper would alarm, scores are one half for a
while.

Source: E. Burnaev and V. Ishimskaya, "Conformalized density- and distance-based anomaly detection in time-series data",
arXiv:1608.04585. There the sets are as large as the part of a series that is not scored, which is known only once the
series has ended: here they are of the 600 that it is for most series.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from deploy.detection.ideas.lone import Lone

_LONG: Final = 19  # values
_NEIGHBOURS: Final = 27
_SET: Final = 600  # windows
_ALARM: Final = 0.9965
_QUIET: Final = _SET // 5  # values
_RIDGE: Final = 1e-9


class ConformalNeighbours(Lone):
    """Keeps two sets of windows, and the strangeness of each of the last ``_SET``."""

    silent: ClassVar[int] = _SET + _LONG

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._last: deque[float] = deque(maxlen=_LONG)
        self._training = np.zeros((_SET, _LONG))
        self._root = np.eye(_LONG)  # windows times it have Euclidean distances that are those of the metric
        self._placed = self._training
        self._usual = np.zeros(_SET)
        self._calibration: deque[NDArray[np.float64]] = deque()
        self._quiet = 0

    def _window(self, part: float) -> NDArray[np.float64]:
        return np.array([*self._last, part][-_LONG:])

    def _strange(self, window: NDArray[np.float64], itself: bool = False) -> float:
        distances = ((self._placed - window @ self._root) ** 2).sum(axis=1)
        return float(np.partition(distances, _NEIGHBOURS)[: _NEIGHBOURS + itself].sum())

    def strangeness(self, part: float) -> float:
        return 0.5 if self._quiet else self._rank(self._strange(self._window(part)))

    def _rank(self, strange: float) -> float:
        return float((self._usual < strange).mean())

    def take_in(self, part: float) -> None:
        window = self._window(part)
        if self.heard >= self.silent:
            self._judge(window)
        elif len(window) == _LONG:
            self._training[self.heard % _SET] = window
            if self.heard + 1 == self.silent:
                self._measure()
                self._usual = np.array([self._strange(one, itself=True) for one in self._training])
        self._last.append(part)

    def _judge(self, window: NDArray[np.float64]) -> None:
        strange = self._strange(window)
        if self._quiet:
            self._quiet -= 1
        elif self._rank(strange) >= _ALARM:
            self._quiet = _QUIET
        oldest = self.heard % _SET
        self._usual[oldest] = strange
        self._calibration.append(window)
        if len(self._calibration) > _SET:
            self._training[oldest] = self._calibration.popleft()
            self._placed[oldest] = self._training[oldest] @ self._root
        if self.heard % (_SET // 2) == 0:
            self._measure()

    def _measure(self) -> None:
        """Take the metric anew from the training set: the inverse of its second moments."""
        sizes, directions = np.linalg.eigh(self._training.T @ self._training)
        self._root = directions / np.sqrt(sizes + _RIDGE * max(sizes[-1], _RIDGE))
        self._placed = self._training @ self._root
