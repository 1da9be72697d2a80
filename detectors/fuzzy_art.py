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
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FULL: Final = 255
_COMPLEMENT: Final = bytes(range(_FULL, -1, -1))


class Fit(NamedTuple):
    """How well the best category fits, 0 to 1, in all and in the newest value; ``new`` where none fits well enough."""

    whole: float
    newest: float
    new: bool


class FuzzyArt:
    """``features``: how many, a byte each, the newest value last; ``most``: categories. Two bytes a feature of one."""

    __slots__ = ("_boxes", "_features", "_inputs", "_most", "_sides", "_used", "_weights", "lower", "upper")

    def __init__(self, features: int, most: int, vigilance: float) -> None:
        self.lower = self.upper = vigilance
        self._features, self._most = features, most
        self._inputs = 0
        self._boxes = bytearray(b"\xff" * (2 * features))  # one category that fits all, badly
        self._used = array("I", [0])
        self._weigh()

    def learn(self, features: bytes) -> Fit:
        """Take an input in, and say how well it fitted before."""
        self._inputs += 1
        coded = features + features.translate(_COMPLEMENT)
        boxes = np.frombuffer(self._boxes, np.uint8).reshape(-1, len(coded))
        weights = np.frombuffer(self._weights, np.float32).reshape(-1, 2)
        covered = np.minimum(boxes, np.frombuffer(coded, np.uint8))
        weight = covered.astype(np.float32) @ self._sides
        parts = np.divide(weight, weights, dtype=np.float64)
        fits = parts[:, 0] ** 3 * parts[:, 1] ** 2
        best = int(fits.argmax())
        whole = float(fits[best])
        fit = Fit(whole, float(parts[best, 1]), whole < min(self.lower, self.upper))
        if whole >= self.upper:
            widened = fits >= self.upper
            boxes[widened] = covered[widened]
            weights[widened] = np.maximum(weight[widened], 1.0)
            self._used[best] = self._inputs
            return fit
        del boxes, weights  # what is looked at cannot grow
        self._commit(coded)
        return fit

    def _commit(self, coded: bytes) -> None:
        size, weights = len(coded), (_FULL * self._features, _FULL)  # of a feature and its complement, 255
        if len(self._used) < self._most:
            self._used.append(self._inputs)
            self._boxes += coded
            self._weights.extend(weights)
            return
        oldest = self._used.index(min(self._used))
        self._used[oldest] = self._inputs
        self._boxes[oldest * size : (oldest + 1) * size] = coded
        self._weights[2 * oldest : 2 * oldest + 2] = array("f", weights)

    def _weigh(self) -> None:
        """Work out what follows from the boxes: each one's weight, and that of its newest value, 1 at least."""
        self._sides = _sides_of(self._features)
        boxes = np.frombuffer(self._boxes, np.uint8).reshape(-1, 2 * self._features)
        self._weights = array("f", np.maximum(boxes.astype(np.float32) @ self._sides, 1.0).tobytes())

    def __getstate__(self) -> list[Any]:
        """Pickled without what follows from the boxes."""
        return [self._features, self._most, *self.dump()]

    def __setstate__(self, state: list[Any]) -> None:
        self._features, self._most, *dumped = state
        self.load(dumped)

    def dump(self) -> list[Any]:
        """The state as plain numbers and bytes."""
        return [self.lower, self.upper, self._inputs, self._used.tolist(), bytes(self._boxes)]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of a network of the same size back."""
        self.lower, self.upper, self._inputs, used, boxes = dumped
        self._used, self._boxes = array("I", used), bytearray(boxes)
        self._weigh()


@cache
def _sides_of(features: int) -> NDArray[np.float32]:
    """What sums a box's sides, all of them and those of the newest value: whole numbers, exact in 32 bits."""
    sides = np.zeros((2 * features, 2), np.float32)
    sides[:, 0] = 1.0
    sides[features - 1 :: features, 1] = 1.0
    return sides
