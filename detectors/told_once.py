"""An anomaly is told when it begins, not at each of its values, and a series that often surprises is heard less.

Three habits of a good watchman, all without a threshold, so that they hold for every alarm level at once:

- A value is told only if it is stranger than everything in the ``memory`` values before it. (What has to be told
  though something stranger came just before it, the caller tells ``anyway``.)
- What was told adds to a weariness that fades slowly; strangeness is divided by one plus a part of it. What rises value
  by value adds only what it rose: a slow failure is one surprise, not one a minute.
- The less has been heard, the less a first time says: of the hundredth value half is told, of the thousandth 91 %.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar


class ToldOnce:
    """State: the last values that nothing after them exceeded, at most ``memory`` of them."""

    memory: ClassVar[int] = 100  # values
    weariness: ClassVar[float] = 0.1
    rise: ClassVar[int] = 30  # values within which what is stranger still is the same surprise
    fading: ClassVar[float] = 0.9995  # a value
    novice: ClassVar[int] = 100  # values after which half is told

    __slots__ = ("_heard", "_peaks", "_weary")

    def __init__(self) -> None:
        self._heard = 0
        self._weary = 0.0
        self._peaks: deque[tuple[int, float]] = deque()  # strangeness falls from left to right

    def _is_peak(self, strangeness: float) -> bool:
        peaks = self._peaks
        for row, peak in peaks:
            if row >= self._heard - self.memory:
                return strangeness > peak
        return strangeness > 0.0

    def tell(self, strangeness: float, anyway: bool = False) -> float:
        """What of it is worth telling; 0.0 for what is no stranger than what was just told. Changes nothing."""
        if not (anyway or self._is_peak(strangeness)):
            return 0.0
        heard = self._heard / (self._heard + self.novice)
        return strangeness * heard / (1.0 + self.weariness * self.fading * self._weary)

    def dump(self) -> list[Any]:
        """The state as plain numbers."""
        return [self._heard, self._weary, [list(peak) for peak in self._peaks]]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back."""
        self._heard, self._weary, peaks = dumped
        self._peaks = deque((row, peak) for row, peak in peaks)

    def learn(self, strangeness: float, anyway: bool = False) -> float:
        """Take the next value's strangeness in; ``tell`` of it."""
        told = self.tell(strangeness, anyway)
        self._weary *= self.fading
        peaks = self._peaks
        while peaks and peaks[0][0] < self._heard - self.memory:
            peaks.popleft()
        if told:
            rises = not anyway and peaks and peaks[0][0] >= self._heard - self.rise
            self._weary += strangeness - (peaks[0][1] if rises else 0.0)
        while peaks and peaks[-1][1] <= strangeness:
            peaks.pop()
        if strangeness > 0.0:
            peaks.append((self._heard, strangeness))
        self._heard += 1
        return told
