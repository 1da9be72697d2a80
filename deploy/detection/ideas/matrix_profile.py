"""How far the last values' shape is from the most similar one before: the left matrix profile, one entry a value.

Windows are normalised (mean 0, length 1), so a shape counts and neither its level nor its size: their Euclidean
distance is the square root of 2 - 2 r, r being their correlation. A value's score is that distance, divided by 2, to
the nearest window of a bounded history that does not overlap it. A flat window has no shape: it is as near as can be to
a flat one, and as far as two that have nothing in common from any other.

Source: C.-C. Yeh and others, "Matrix Profile I" (ICDM 2016), section on discords and on streaming. Our own few lines of
numpy and not a library's: incremental profiles of the usual one (stumpy) need numba, and keep all that ever was, so
that a value costs the more the more have been heard; here it is one product of a matrix and a vector.
"""

from __future__ import annotations

import math
from collections import deque
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from deploy.detection.ideas.lone import Lone

_WINDOW: Final = 8  # values
_HISTORY: Final = 2000  # windows
_FLAT: Final = 0.005  # of the range: a spread below it is no shape


class MatrixProfile(Lone):
    """Keeps the last ``_HISTORY`` normalised windows."""

    silent: ClassVar[int] = 100

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._last: deque[float] = deque(maxlen=_WINDOW)
        self._windows = np.zeros((_HISTORY, _WINDOW))
        self._kept = 0
        self._flat_ever = False
        self._waiting: deque[NDArray[np.float64]] = deque()  # windows that overlap the newest

    def _shape(self, part: float) -> NDArray[np.float64]:
        window = np.array([*self._last, part][-_WINDOW:])
        window -= window.mean()
        length = math.sqrt(float(window @ window))
        return window / length if length > _FLAT * math.sqrt(_WINDOW) else np.zeros(len(window))

    def strangeness(self, part: float) -> float:
        shape = self._shape(part)
        if not self._kept:
            return 0.0
        if not shape.any():
            return 0.0 if self._flat_ever else math.sqrt(0.5)
        nearest = float((self._windows[: min(self._kept, _HISTORY)] @ shape).max())
        return math.sqrt(max(2.0 - 2.0 * nearest, 0.0)) / 2.0

    def take_in(self, part: float) -> None:
        if len(self._last) == _WINDOW:
            self._waiting.append(self._shape(part))
        if len(self._waiting) > _WINDOW:
            shape = self._waiting.popleft()
            self._windows[self._kept % _HISTORY] = shape
            self._kept += 1
            self._flat_ever = self._flat_ever or not shape.any()
        self._last.append(part)
