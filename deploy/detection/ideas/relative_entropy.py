"""How little the last values' histogram is like any histogram that was usual before: relative entropy.

The range is cut into bins; every half window the histogram of the last ``_WINDOW`` values is held against those kept.
If the least relative entropy to one of them is within what chance allows, that one has been seen once more; else it is
kept as a new hypothesis. The score is the least relative entropy (Kullback and Leibler, in bits, both histograms
smoothed), divided by itself plus one.

Source: C. Wang and others, "Statistical techniques for online anomaly detection in data centers" (2011).
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from deploy.detection.ideas.lone import Lone

_BINS: Final = 16
_WINDOW: Final = 48  # values
_SMOOTH: Final = 0.5  # values in an empty bin
_CHANCE: Final = 0.375  # bits: chi-squared's 99.9 % for 15 degrees of freedom, in two windows of 48
_KINDS: Final = 200


class RelativeEntropy(Lone):
    """Keeps up to ``_KINDS`` histograms and how often each was seen."""

    silent: ClassVar[int] = 100

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._last: deque[int] = deque(maxlen=_WINDOW)
        self._kinds = np.zeros((0, _BINS))
        self._seen = np.zeros(0)

    def _histogram(self, bins: list[int]) -> NDArray[np.float64]:
        counts = np.bincount(bins, minlength=_BINS).astype(np.float64)
        counts += _SMOOTH
        counts /= float(counts.sum())
        return counts

    def _bin(self, part: float) -> int:
        return int(min(max(part, 0.0), 0.999999) * _BINS)

    def _entropies(self, now: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (now * np.log2(now / self._kinds)).sum(axis=1)
        return found

    def strangeness(self, part: float) -> float:
        if not len(self._kinds):
            return 0.0
        least = float(self._entropies(self._histogram([*self._last, self._bin(part)][-_WINDOW:])).min())
        return least / (least + 1.0)

    def take_in(self, part: float) -> None:
        self._last.append(self._bin(part))
        if len(self._last) < _WINDOW or self.heard % (_WINDOW // 2):
            return
        now = self._histogram(list(self._last))
        entropies = self._entropies(now)
        if len(entropies) and entropies.min() <= _CHANCE:
            self._seen[int(entropies.argmin())] += 1
            return
        self._kinds, self._seen = np.vstack([self._kinds, now]), np.append(self._seen, 1.0)
        if len(self._seen) > _KINDS:
            rarest = int(self._seen[:-1].argmin())
            self._kinds, self._seen = np.delete(self._kinds, rarest, axis=0), np.delete(self._seen, rarest)
