"""A histogram in plain integers: cheap to observe in the line's own paths, read whenever somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

# Seconds, from what an officer does not notice to a device's backlog from a dead zone.
LATENCY_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0)
# Seconds a write to a store takes.
WRITE_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """Counts by upper bound. Observed by one thread; another may read it, and then sees it a moment old at most."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """``bounds`` rise; what lies above the last one is counted too."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value; below nothing it counts as nothing, for a device's clock may run ahead of ours."""
        value = max(value, 0.0)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The value under which ``share`` (0 to 1) of what was counted lies, as Prometheus' ``histogram_quantile`` has it.

    Linear within a bucket, the last bound for what lies above it; None of nothing. ``counts`` are a bucket each, the
    last for what lies above all bounds.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank, below = share * total, 0
    for i, count in enumerate(counts[:-1]):
        if count and below + count >= rank:
            low = bounds[i - 1] if i else 0.0
            return low + (bounds[i] - low) * (rank - below) / count
        below += count
    return bounds[-1]
