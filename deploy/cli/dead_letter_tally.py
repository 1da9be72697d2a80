"""Dead letters counted by reason with the newest kept, however many there are: the real and the drills' apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from contracts.deadletters import DeadLetter, Reason
from contracts.drills import says_drill


class Tally:
    """Counts of the letters seen, and the newest ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        self.counts: Counter[Reason] = Counter()
        self._limit = limit
        self._newest: list[DeadLetter] = []

    def see(self, letter: DeadLetter) -> None:
        """One more; in any order."""
        self.counts[letter.reason] += 1
        self._newest.append(letter)
        if len(self._newest) >= 2 * self._limit + 1000:  # a topic may hold millions; only the newest are kept
            self._newest = self.newest()

    def newest(self) -> list[DeadLetter]:
        """The newest letters, the newest last."""
        return sorted(self._newest, key=lambda kept: kept.time_ms)[-self._limit :]

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"reasons": dict(self.counts), "letters": [msgspec.to_builtins(kept) for kept in self.newest()]}


class Tallies:
    """The real and the drills' apart, so that a drill can neither be counted as real nor push the real out of sight.

    A letter is a drill's where its bytes say so, as the line's own counts have it.
    """

    def __init__(self, limit: int) -> None:
        self.of: Mapping[bool, Tally] = {False: Tally(limit), True: Tally(limit)}  # by: is it a drill's

    def see(self, letter: DeadLetter) -> None:
        """One more; in any order."""
        self.of[says_drill(letter.bytes_held())].see(letter)

    def as_dict(self) -> dict[str, Any]:
        """As plain data: the real, and beside it ``drill``."""
        return self.of[False].as_dict() | {"drill": self.of[True].as_dict()}
