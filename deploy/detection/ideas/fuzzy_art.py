"""A fuzzy ART network with two vigilances: categories of what has been, made as it comes and never unlearnt.

A category is a box in the space of features, kept by complement coding (features, then one less each). How well an
input fits it is the part of the category's weights that the input covers; here that, cubed, times the square of the
same for the newest value alone. An input that fits one as well as the upper vigilance asks widens every category that
it fits so well. One that does not becomes a category; and if it fits none as well as the lower vigilance asks, it is a
mismatch: it is like nothing before.

Sources: G. Carpenter, S. Grossberg, D. Rosen, "Fuzzy ART" (1991); L. Brito da Silva, I. Elnabarawy, D. Wunsch, "Dual
vigilance fuzzy adaptive resonance theory" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Fit:
    """How well the best category fits, 0 to 1, in all and in the newest value; ``new`` where none fits well enough."""

    whole: float
    newest: float
    new: bool


class FuzzyArt:
    """``features``: how many, each 0 to 1, the newest value last."""

    def __init__(self, features: int, lower: float, upper: float) -> None:
        self.lower, self.upper = lower, upper
        self._last = features - 1
        self._weights = np.ones((16, 2 * features))
        self._count = 1  # one category that fits all, badly

    def learn(self, features: NDArray[np.float64]) -> Fit:
        """Take an input in, and say how well it fitted before."""
        coded = np.concatenate([features, 1.0 - features])
        weights = self._weights[: self._count]
        covered = np.minimum(weights, coded)
        newest = covered[:, self._last] + covered[:, -1]
        newest /= np.maximum(weights[:, self._last] + weights[:, -1], 1e-9)
        fits = (covered.sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-3)) ** 3 * newest**2
        best = int(fits.argmax())
        fit = Fit(float(fits[best]), float(newest[best]), bool(fits[best] < self.lower))
        if fit.whole >= self.upper:
            widened = fits >= self.upper
            weights[widened] = covered[widened]
        else:
            self._commit(coded)
        return fit

    def _commit(self, coded: NDArray[np.float64]) -> None:
        if self._count == len(self._weights):
            self._weights = np.concatenate([self._weights, np.ones_like(self._weights)])
        self._weights[self._count] = coded
        self._count += 1
