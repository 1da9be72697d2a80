"""What every stand-alone idea shares: a River detector of one sensor's series that judges values in parts of the range.

A value that is missing or no number scores 0.0 and teaches nothing. Scores are 0 to 1: the stranger, the higher; what
0.5 stands for is each idea's own.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

from river.base import AnomalyDetector


class Lone(AnomalyDetector):  # type: ignore[misc]
    """``low`` and ``high``: the ends of the sensor's declared range, in the value's unit.

    ``silent``: values before the first score.
    """

    silent: ClassVar[int] = 100

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high
        self.heard = 0

    @abstractmethod
    def strangeness(self, part: float) -> float:
        """How strange a value at this part of the range is, 0 to 1. Changes nothing."""

    @abstractmethod
    def take_in(self, part: float) -> None:
        """Learn the value."""

    def _part(self, x: dict[str, Any]) -> float | None:
        value = x.get("value")
        if value is None or not math.isfinite(value):
            return None
        return float(value - self.low) / ((self.high - self.low) or 1.0)

    def score_one(self, x: dict[str, Any]) -> float:
        """How strange ``x["value"]`` is, 0 to 1."""
        part = self._part(x)
        return 0.0 if part is None or self.heard < self.silent else self.strangeness(part)

    def learn_one(self, x: dict[str, Any]) -> None:
        """Take ``x["value"]`` in."""
        part = self._part(x)
        if part is not None:
            self.take_in(part)
            self.heard += 1


class OneAct(Lone):
    """An idea in which judging and learning are one act: ``score_one`` does both, ``learn_one`` of a value that was
    just scored nothing more."""

    silent: ClassVar[int] = 0

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._scored: tuple[float, float] | None = None  # the value that waits for being learnt, and its score

    @abstractmethod
    def judge(self, part: float) -> float:
        """How strange the value is, 0 to 1; it is learnt."""

    def strangeness(self, part: float) -> float:
        if self._scored is None or self._scored[0] != part:
            self._scored = part, self.judge(part)
        return self._scored[1]

    def take_in(self, part: float) -> None:
        self.strangeness(part)
        self._scored = None
