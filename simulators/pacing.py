"""Pacing: when, on the wall clock, each reading of a fleet's run is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from contracts.readings import Reading
from simulators.fleet import Fleet

Mode: TypeAlias = Literal["clock", "fast"]
Due: TypeAlias = tuple[float, Reading]  # wall clock in UTC milliseconds, and what is published then


@dataclass(frozen=True, slots=True)
class Pace:
    """``clock``: each reading at its own time, so a fleet's ``start_ms`` should be about now and its past is caught up.

    With a ``speed`` other than 1 time runs so much faster from the beginning of the call. ``fast``: all at once.
    ``rate``: so many readings a second, whatever the mode.
    """

    mode: Mode = "clock"
    rate: float | None = None
    speed: float = 1.0

    def paced(self, fleet: Fleet, now_ms: int, exercise: bool = False) -> Iterator[Due]:
        """The fleet's run with the wall clock of each publish, begun at ``now_ms``; ``exercise`` marks it a drill."""
        for n, (send_ms, _, reading) in enumerate(fleet.run()):
            if exercise:
                reading.exercise = True
            if self.rate is not None:
                yield now_ms + 1000.0 * n / self.rate, reading
            elif self.mode == "fast":
                yield 0.0, reading
            elif self.speed == 1.0:
                yield float(send_ms), reading
            else:
                yield now_ms + (send_ms - fleet.start_ms) / self.speed, reading
