"""Whether what is strange in a place has become usual there: most of the last vehicles do it, and have for hours.

Idea: of the last vehicles that came through, what each did last. Once most of them did something strange, and for hours
no fewer than half have, it is no anomaly of theirs but how the place is. So one vehicle makes nothing usual, however
long it goes on, nor do a few: they are too few, and those who pass between them are the majority. Where hardly anything
has been usual yet, there is nothing that it could be strange to, and the majority is enough.

Caveats: a place through which fewer vehicles come than must agree never changes; one through which only a single
carrier's come changes with them. What is strange is not told apart: where some crawl and others leave the road, both
count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class LastingChange:
    """One place's: ``strange`` is whether what a vehicle did last here was, the vehicle heard of last at the end.

    ``since_ms`` is when most of them were first, None from when it is not even half of them.
    """

    strange: dict[str, bool] = field(default_factory=dict)
    since_ms: int | None = None

    def hear(self, vehicle: str, strange: bool, at_ms: int, most: int, of: int) -> None:
        """What a vehicle did here. The last ``of`` are kept; of so many, ``most`` must be strange."""
        self.strange.pop(vehicle, None)
        self.strange[vehicle] = strange
        if len(self.strange) > of:
            del self.strange[next(iter(self.strange))]
        strange_ones = sum(self.strange.values())
        if 2 * strange_ones < of:
            self.since_ms = None
        elif (self.since_ms is None and strange_ones >= most) or (self.since_ms or 0) > at_ms:
            self.since_ms = at_ms

    def lasts(self, at_ms: int, lasting_ms: int) -> bool:
        """Whether they have been strange for so long."""
        return self.since_ms is not None and at_ms - self.since_ms >= lasting_ms

    def dump(self) -> list[Any]:
        """The state as plain data."""
        return [self.since_ms, [list(pair) for pair in self.strange.items()]]

    @classmethod
    def of(cls, dumped: list[Any]) -> LastingChange:
        """``dump`` back."""
        since_ms, strange = dumped
        return cls(dict(strange), since_ms)
