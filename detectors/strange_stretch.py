"""A strange stretch of one series: when it begins and is over, whether it has been told, and when it has come to stay.

A strange value begins a stretch, and the stretch is over with the first value that is none. One of which somebody is
told is over with ``ordinary`` such values in a row: a few in its midst are trusted, and end no change that is there to
stay. What has lasted for ``new_normal`` values and ``new_normal_ms`` has come to stay, and its values are trusted from
then on; what is told in it is no part of it, but begins another.

A stretch shorter than ``untold`` values is wild ones: what comes soon after them may go untold because of them. One as
long of which nothing was told is due to be told. Shortly after a stretch as long, another may be only its end.

Assumes values counted from 0. Knows no clock, no place, and no reason why a value is strange: those are its caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class StretchShape:
    """What is chosen once for all series. Distances are all axes' together, in the axes' worth."""

    untrusted: float = 1.5  # distance from which on a value is far
    certain: float = 0.46  # told strangeness (a score of 0.88) that begins a strange stretch, though it is less far
    goes_on: float = 0.5  # part of the distance at which such a stretch began, within which it is over
    new_normal: int = 100  # values, and no less time than
    new_normal_ms: int = 8 * HOUR_MS
    untold: int = 5  # values of a strange stretch after which it is told, whatever came before it
    ordinary: int = 15  # values in a row after which a stretch is over of which somebody is told
    ending: int = 30  # values after so long a stretch in which its end may look like another


class Turn(NamedTuple):
    """What a value made of the stretch, in this order: one is over, one begins, the one of now has come to stay.

    ``trusted``: the value belongs to none, or to one that has come to stay.
    """

    over: bool
    begins: bool
    stays: bool
    trusted: bool


class StrangeStretch:
    """The stretch of now, if there is one, and what is known of those before it."""

    __slots__ = (
        "_lasted_at", "_lasted_ms", "_ordinary", "_shape", "_told", "_wild_at", "_wild_for", "alarmed", "bound",
        "new_normal_ms", "values",
    )  # fmt: skip

    def __init__(self, shape: StretchShape, wild_for: int) -> None:
        """``wild_for`` is how many values after a wild one it may hide what comes."""
        self._shape = shape
        self.values = 0  # in the stretch of now
        self.bound = shape.untrusted  # distance from which on a value belongs to it, or would begin it
        self.new_normal_ms = -1  # the time of the newest value that one came to stay with
        self._lasted_ms = 0
        self._told = False
        self.alarmed, self._ordinary = False, 0  # whether somebody is told of it; values since that are none
        self._lasted_at = -shape.ending  # the newest value of one that was ``untold`` values long or longer
        self._wild_for = wild_for
        self._wild_at = -wild_for  # the value after the last one that was shorter

    def begins_at(self, distance: float) -> None:
        """The next value is told for certain, so far away: it begins a stretch, and what is about as far is in it."""
        self.bound = min(self._shape.untrusted, self._shape.goes_on * distance)

    def is_due(self, at: int) -> bool:
        """Whether a strange value ``at`` this number makes a stretch ``untold`` values long of which none was told."""
        if self.values + 1 != self._shape.untold or self._told:
            return False
        return at - self._lasted_at > self._shape.ending

    def follows_wild(self, at: int) -> bool:
        """Whether a wild value came shortly before this one, and no longer stretch since."""
        return at - self._wild_at <= self._wild_for and self._wild_at > self._lasted_at

    def take(self, strange: bool, certain: bool, told: bool, alarm: bool, at: int, time_ms: int, since_ms: int) -> Turn:
        """The value ``at`` this number is strange or not, was ``told`` or not, for ``certain`` or somebody's ``alarm``.

        ``since_ms`` is the time from the value before it to ``time_ms``: no more than an hour of it counts, for a wrong
        time makes no stretch longer.
        """
        over = False
        self._lasted_ms += min(max(since_ms, 0), HOUR_MS) if self.values else 0
        if strange and certain and self._stays():
            over = self._end(at)
        self._ordinary = 0 if strange else self._ordinary + 1
        if not strange:
            if self.values and (not self.alarmed or self._ordinary >= self._shape.ordinary):
                over = self._end(at)
            return Turn(over, begins=False, stays=False, trusted=True)
        begins = self.values == 0
        self.alarmed = self.alarmed or alarm
        self.values += 1
        if self.values >= self._shape.untold:
            self._lasted_at = at
        self._told = self._told or told
        stays = self._stays()
        if stays:
            self.new_normal_ms = time_ms
        return Turn(over, begins, stays, trusted=stays)

    def _stays(self) -> bool:
        return self.values > self._shape.new_normal and self._lasted_ms >= self._shape.new_normal_ms

    def _end(self, at: int) -> bool:
        if self.values < self._shape.untold:
            self._wild_at = at
        self.values, self._lasted_ms, self._told, self.alarmed = 0, 0, False, False
        self.bound = self._shape.untrusted
        return True

    def dump(self) -> list[Any]:
        """The state as plain numbers."""
        return [
            [self.values, self._lasted_ms, self._told, self.bound, self.alarmed, self._ordinary],
            [self._lasted_at, self._wild_at, self.new_normal_ms],
        ]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back."""
        (self.values, self._lasted_ms, self._told, self.bound, *of_alarm), before = dumped
        self.alarmed, self._ordinary = of_alarm
        self._lasted_at, self._wild_at, self.new_normal_ms = before
