"""A fuzzy ART network with two vigilances and a bounded memory: categories of what has been, made as it comes.

A category is a box in the space of features, kept by complement coding (features, then 255 less each), a byte a side.
How well an input fits it is the part of the box's weights that the input covers, cubed, times the square of the same
for the newest value alone. An input that fits one as well as ``upper`` asks widens every category that it fits so well.
One that does not becomes a category, where memory is full in the place of the one that was of no use for longest; and
where it fits none as well as ``lower`` asks, it is like nothing that is remembered.

Sources: G. Carpenter, S. Grossberg, D. Rosen, "Fuzzy ART" (1991); L. Brito da Silva, I. Elnabarawy, D. Wunsch, "Dual
vigilance fuzzy adaptive resonance theory" (2019). Cube and square are those of M. Hampton's ARTime (2021).
"""

from __future__ import annotations

from array import array
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FULL: Final = 255


class Fit(NamedTuple):
    """How well the best category fits, 0 to 1, in all and in the newest value; ``new`` where none fits well enough."""

    whole: float
    newest: float
    new: bool


class FuzzyArt:
    """``features``: how many, a byte each, the newest value last; ``most``: categories. Two bytes a feature of one."""

    __slots__ = ("_boxes", "_features", "_inputs", "_most", "_used", "lower", "upper")

    def __init__(self, features: int, most: int, vigilance: float) -> None:
        self.lower = self.upper = vigilance
        self._features, self._most = features, most
        self._inputs = 0
        self._boxes = bytearray(b"\xff" * (2 * features))  # one category that fits all, badly
        self._used = array("I", [0])

    def learn(self, features: NDArray[np.uint8]) -> Fit:
        """Take an input in, and say how well it fitted before."""
        self._inputs += 1
        coded = np.concatenate((features, _FULL - features))
        boxes = np.frombuffer(self._boxes, np.uint8).reshape(-1, len(coded))
        covered = np.minimum(boxes, coded)
        newest = _part(covered[:, self._features - 1 :: self._features], boxes[:, self._features - 1 :: self._features])
        fits = _part(covered, boxes) ** 3 * newest**2
        best = int(fits.argmax())
        whole = float(fits[best])
        fit = Fit(whole, float(newest[best]), whole < min(self.lower, self.upper))
        if whole >= self.upper:
            widened = fits >= self.upper
            boxes[widened] = covered[widened]
            self._used[best] = self._inputs
            return fit
        del boxes  # a bytearray that is looked at cannot grow
        self._commit(coded)
        return fit

    def _commit(self, coded: NDArray[np.uint8]) -> None:
        size = len(coded)
        if len(self._used) < self._most:
            self._used.append(self._inputs)
            self._boxes += coded.tobytes()
            return
        oldest = self._used.index(min(self._used))
        self._used[oldest] = self._inputs
        self._boxes[oldest * size : (oldest + 1) * size] = coded.tobytes()

    def dump(self) -> list[Any]:
        """The state as plain numbers and bytes."""
        return [self.lower, self.upper, self._inputs, self._used.tolist(), bytes(self._boxes)]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of a network of the same size back."""
        self.lower, self.upper, self._inputs, used, boxes = dumped
        self._used, self._boxes = array("I", used), bytearray(boxes)


def _part(covered: NDArray[np.uint8], boxes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Which part of each box's weights is covered."""
    weights: NDArray[np.float64] = boxes.sum(axis=1, dtype=np.float64)
    return np.asarray(covered.sum(axis=1, dtype=np.float64) / np.maximum(weights, 1.0))
