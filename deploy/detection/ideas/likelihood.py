"""HTM's anomaly likelihood: are a predictor's errors of late larger than its errors have been for long?

A predictor's error is judged and not the value: a series that is badly foretold has many errors, and one more says
little. The errors of the last ``_LONG`` values have a mean and a standard deviation; the mean of the last ``_SHORT`` is
that many deviations above. The score is the normal tail's probability on a logarithmic scale: log(tail) / log(1e-10).

Source: A. Lavin and S. Ahmad, "Evaluating real-time anomaly detection algorithms", arXiv:1510.03336. There the
predictor is hierarchical temporal memory. Here it is one of two small ones, which is said in their names:
``SequenceMemory``, that counts which level has followed the last two (a Markov chain of order two, falling back on
one), so that the error is the part of what was foretold that did not come, as HTM's; and ``Forecast``, Holt's linear
smoothing, with its error in parts of the range.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import ClassVar, Final, Protocol

from deploy.detection.ideas.lone import Lone

_LONG: Final = 4000  # values
_SHORT: Final = 10
_LEAST: Final = 0.01  # an error's standard deviation is never taken for less
_SURE: Final = math.log(1e-10)
_LEVELS: Final = 32
_ENOUGH: Final = 3  # visits after which a context of two levels speaks
_LEVEL_WEIGHT: Final = 0.3
_TREND_WEIGHT: Final = 0.05


class Predictor(Protocol):
    def error(self, part: float) -> float:
        """How wrong the prediction was, 0 to 1."""

    def learn(self, part: float) -> None:
        """Take the value in."""


class SequenceMemory:
    """Which level of the range has followed which two."""

    def __init__(self) -> None:
        self._last: tuple[int, int] = (0, 0)
        self._followed: dict[tuple[int, ...], Counter[int]] = {}

    def _level(self, part: float) -> int:
        return int(min(max(part, 0.0), 0.999999) * _LEVELS)

    def error(self, part: float) -> float:
        level = self._level(part)
        for context in (self._last, self._last[1:]):
            followed = self._followed.get(context)
            if followed is not None and (total := followed.total()) >= _ENOUGH:
                return 1.0 - sum(followed[near] for near in (level - 1, level, level + 1)) / total
        return 1.0

    def learn(self, part: float) -> None:
        level = self._level(part)
        for context in (self._last, self._last[1:]):
            self._followed.setdefault(context, Counter())[level] += 1
        self._last = self._last[1], level


class Forecast:
    """A level and a trend, each an exponentially weighted mean (Holt, 1957)."""

    def __init__(self) -> None:
        self._level, self._trend = 0.5, 0.0

    def error(self, part: float) -> float:
        return min(abs(part - self._level - self._trend), 1.0)

    def learn(self, part: float) -> None:
        wrong = part - self._level - self._trend
        self._level += self._trend + _LEVEL_WEIGHT * wrong
        self._trend += _LEVEL_WEIGHT * _TREND_WEIGHT * wrong


class Itself:
    """No predictor: the quantity is itself an error."""

    def error(self, part: float) -> float:
        return min(max(part, 0.0), 1.0)

    def learn(self, part: float) -> None:
        pass


class Likelihood(Lone):
    """Keeps the last ``_LONG`` errors and their sums, and its predictor."""

    predictor: ClassVar[type[Predictor]] = SequenceMemory

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._predictor: Predictor = self.predictor()
        self._errors: deque[float] = deque()
        self._short: deque[float] = deque(maxlen=_SHORT)
        self._sum, self._squares = 0.0, 0.0

    def strangeness(self, part: float) -> float:
        count = len(self._errors)
        mean = self._sum / count
        spread = math.sqrt(max(self._squares / count - mean * mean, _LEAST**2))
        recent = [*self._short, self._predictor.error(part)][-_SHORT:]
        above = (sum(recent) / len(recent) - mean) / spread
        tail = max(0.5 * math.erfc(above / math.sqrt(2.0)), 1e-300)
        return min(math.log(tail) / _SURE, 1.0) if above > 0.0 else 0.0

    def take_in(self, part: float) -> None:
        error = self._predictor.error(part)
        self._predictor.learn(part)
        self._short.append(error)
        self._add(error, 1.0)
        self._errors.append(error)
        if len(self._errors) > _LONG:
            self._add(self._errors.popleft(), -1.0)

    def _add(self, error: float, sign: float) -> None:
        self._sum += sign * error
        self._squares += sign * error * error


class ForecastLikelihood(Likelihood):
    """The likelihood of a forecast's errors."""

    predictor: ClassVar[type[Predictor]] = Forecast
