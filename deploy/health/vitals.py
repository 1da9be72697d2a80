"""What a role tells of itself: the parts that make it ready, and its metrics. And how a standstill is recognized.

Pure: time comes in. ``Vitals`` is what a role writes; ``deploy.health.process`` does the rest.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple, Protocol

from contracts.metric_types import Sample


class Check(NamedTuple):
    """One part of being ready. ``says`` is a sentence for whoever is woken by it: what is not so, and since when."""

    name: str
    ok: bool
    says: str


class Vitals(Protocol):
    """A role's own. ``checks`` and ``samples`` are called from another thread: read, copy, change nothing."""

    def observe(self, now_s: float) -> None:
        """Look at what must move; called once a second, on the event loop. ``now_s`` is monotonic."""
        ...

    def checks(self, now_s: float) -> Iterable[Check]:
        """Every part of being ready, those that hold too."""
        ...

    def samples(self) -> Iterable[Sample]:
        """The role's metrics, as they are now."""
        ...


class Standstill:
    """Since when things that must move have not moved."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[object, float]] = {}

    def see(self, thing: Hashable, where: object, now_s: float) -> float:
        """How long ``thing`` has been where it is, in s: 0.0 where it has moved since it was last seen."""
        known = self._seen.get(thing)
        if known is None or known[0] != where:
            self._seen[thing] = where, now_s
            return 0.0
        return now_s - known[1]

    def forget(self, but: Iterable[Hashable]) -> None:
        """Forget all but these: what we no longer answer for."""
        kept = set(but)
        self._seen = {thing: seen for thing, seen in self._seen.items() if thing in kept}


def listed(names: Iterable[object], most: int = 8) -> str:
    """Names in a sentence; of many, the first few and how many more."""
    all_names = [str(name) for name in names]
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more
