"""How far the last values' shape is from the nearest shape that ever was: windows down-sampled to a few means.

A window of 32 values is told as eight means of four; its distance is the largest difference of two means (Chebyshev),
to the nearest of the windows kept. A window that is nearer than ``_NEW`` to one kept is not kept again, so that the
memory holds kinds of windows, as categories do in adaptive resonance; when it is full the oldest kind goes.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from deploy.detection.ideas.lone import Lone

_MEANS: Final = 8
_EACH: Final = 4  # values to a mean
_NEW: Final = 1.0 / 64.0  # of the range
_KINDS: Final = 500


class SampledWindows(Lone):
    """Keeps up to ``_KINDS`` windows of ``_MEANS`` numbers."""

    silent: ClassVar[int] = 100

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._last: deque[float] = deque(maxlen=_MEANS * _EACH)
        self._kinds = np.zeros((_KINDS, _MEANS))
        self._kept, self._next = 0, 0

    def _window(self, part: float) -> NDArray[np.float64]:
        values = [*self._last, part][-_MEANS * _EACH :]
        means: NDArray[np.float64] = np.array(values).reshape(_MEANS, _EACH).mean(axis=1)
        return means

    def _distance(self, window: NDArray[np.float64]) -> float:
        return float(np.abs(self._kinds[: self._kept] - window).max(axis=1).min()) if self._kept else 0.0

    def strangeness(self, part: float) -> float:
        return min(self._distance(self._window(part)), 1.0)

    def take_in(self, part: float) -> None:
        if len(self._last) == self._last.maxlen:
            window = self._window(part)
            if not self._kept or self._distance(window) > _NEW:
                self._kinds[self._next] = window
                self._next = (self._next + 1) % _KINDS
                self._kept = max(self._kept, self._next or _KINDS)
        self._last.append(part)
