"""Whether two score alike: Spearman's rank correlation of pairs of scores, in bounded memory.

Scores from 0 to 1 are counted in a grid of bins, so that millions of pairs are some thousands of counts; what falls in
one bin counts as tied. Ties get the mean of their ranks (Kendall, "Rank Correlation Methods", ch. 3), and the figure is
Pearson's of the ranks: scores that agree in their order agree, whatever their scales.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

_BINS: Final = 200


class RankCorrelation:
    """See the module.

    >>> found = RankCorrelation()
    >>> for score in (0.1, 0.2, 0.5, 0.9):
    ...     found.update(score, score * score)
    >>> found.get() > 0.999
    True
    """

    def __init__(self) -> None:
        self._pairs: Counter[tuple[int, int]] = Counter()

    def update(self, old: float, new: float) -> None:
        """Count a pair of scores, each from 0 to 1."""
        self._pairs[int(old * _BINS), int(new * _BINS)] += 1

    def get(self) -> float | None:
        """-1 to 1; None while either has scored all alike, which orders nothing."""
        olds: Counter[int] = Counter()
        news: Counter[int] = Counter()
        for (old, new), count in self._pairs.items():
            olds[old] += count
            news[new] += count
        of_old, of_new = _ranks(olds), _ranks(news)
        both = sum(count * of_old[old] * of_new[new] for (old, new), count in self._pairs.items())
        spread = math.sqrt(_squared(olds, of_old) * _squared(news, of_new))
        return both / spread if spread > 0.0 else None


def _ranks(counts: Mapping[int, int]) -> dict[int, float]:
    """Of each bin, its mean rank, less the mean of all ranks."""
    total, before, found = sum(counts.values()), 0, {}
    for at in sorted(counts):
        found[at] = before + counts[at] / 2.0 - total / 2.0
        before += counts[at]
    return found


def _squared(counts: Mapping[int, int], ranks: Mapping[int, float]) -> float:
    return sum(count * ranks[at] * ranks[at] for at, count in counts.items())
