"""The range of one series: declared, or found out from its first values and doubled when values keep leaving it.

A declared end is never moved. An end that is not declared is first set with room around the inner four fifths of the
first values, so that a wild one among them does not count; later, once more values lay beyond it than a few and a small
part of all heard, the range is doubled on that side. So a single wild value moves nothing, and a series that began
quietly gets the range that it turns out to need. Where all that comes lies on the far side of the one end that is
declared, the other is set at that end: such a value is out of range, and no reason to stop.

Caveat: a range never shrinks. Whoever keeps numbers in parts of the range has to follow ``grow``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

_ROOM: Final = 0.75  # of the inner four fifths, on either side
_STRAYS: Final = 5  # values
_STRAY_PART: Final = 0.005  # of all heard
_FURTHEST: Final = 1.6e308  # an end that is found out, so that doubling it is a float still in quarters
_WIDEST: Final = 4e307  # in quarters: a range that holds every float


class GrowingRange:
    """Values as parts: 0 at the range's low end, 1 at its high end. Numbers are kept in quarters, for the difference
    of two huge floats is no float.

    Raises ValueError where declared ends are not finite and in order.
    """

    __slots__ = ("_grows_down", "_grows_up", "_high", "_low", "_origin", "_size", "_strays")

    def __init__(self, low: float | None, high: float | None) -> None:
        self._low, self._high = _end(low), _end(high)
        self._grows_down, self._grows_up = low is None, high is None
        self._origin, self._size = math.nan, math.nan
        self._strays = 0
        if self._low is not None and self._high is not None:
            self._set(self._low, self._high)

    @property
    def known(self) -> bool:
        """Whether there is a range yet."""
        return not math.isnan(self._size)

    def _set(self, low: float, high: float) -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"a range's ends must be finite and in order, not {low} and {high}")
        self._origin, self._size = low / 4.0, (high / 4.0 - low / 4.0) or max(abs(low) / 4.0, 0.25)

    def find(self, first: Sequence[float]) -> None:
        """Set the ends that are not declared, from the first values."""
        values = sorted(first)
        low, high = values[len(values) // 10], values[-1 - len(values) // 10]
        room = _ROOM * (high - low)
        low = max(low - room, -_FURTHEST) if self._low is None else self._low
        high = min(high + room, _FURTHEST) if self._high is None else self._high
        if low > high:
            low, high = (low, low) if self._high is None else (high, high)
        self._set(low, high)

    def part(self, value: float) -> float:
        """Where in the range; beyond it no more than another range on either side."""
        return min(max((value / 4.0 - self._origin) / self._size, -1.0), 2.0)

    def value(self, part: float) -> float:
        """``part`` back."""
        return 4.0 * (self._origin + part * self._size)

    def grow(self, part: float, heard: int) -> tuple[float, float] | None:
        """Take in where the newest of ``heard`` values lay. Where that doubles the range: a part is now (factor, shift)
        ``factor * part + shift``."""
        if not (part < 0.0 and self._grows_down) and not (part > 1.0 and self._grows_up):
            return None
        self._strays += 1
        if self._strays <= _STRAYS + _STRAY_PART * heard or self._size >= _WIDEST:
            return None
        self._strays = 0
        shift = 0.5 if part < 0.0 else 0.0
        self._origin -= 2.0 * shift * self._size
        self._size *= 2.0
        return 0.5, shift

    def dump(self) -> list[Any]:
        """The state as plain numbers."""
        return [self._origin, self._size, self._strays]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` of a range with the same declared ends back."""
        self._origin, self._size, self._strays = dumped


def _end(end: float | None) -> float | None:
    """A declared end as a float. Raises ValueError for what is no finite number: a range would never be found."""
    if end is None:
        return None
    try:
        number = math.nan if isinstance(end, bool | str) else float(end)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"an end of a range must be a finite number, not {end!r}")
    return number
