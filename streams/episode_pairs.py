"""Episodes that two versions told, paired one to one: which of the one's is which of the other's.

An alert tells of one thing. So one that stays open while the other version tells thirty things one after the other is
one of those, and an alert told in two halves is one and one more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

_ALWAYS: Final = 1 << 62


@dataclass(slots=True)
class Episode:
    """One that a version told; ``closed_ms`` is far ahead while it is open."""

    alert_id: str
    subject: str
    group: str
    opened_ms: int
    closed_ms: int = _ALWAYS

    def open_ms(self, since_ms: int, until_ms: int) -> int:
        """How long of this time it was open."""
        return max(0, min(self.closed_ms, until_ms) - max(self.opened_ms, since_ms))


class Paired(NamedTuple):
    """Those that both told, by pairs, and those that only one of them told."""

    both: list[tuple[Episode, Episode]]
    old: list[Episode]
    new: list[Episode]


def paired(old: Iterable[Episode], new: Iterable[Episode]) -> Paired:
    """Each with one of the same subject that overlaps it, in order of opening, as many as there can be.

    So many, for of one subject a version has no two open at a time.
    """
    found, olds, news = Paired([], [], []), _by_subject(old), _by_subject(new)
    for subject in {**olds, **news}:
        _pair(olds.get(subject, []), news.get(subject, []), found)
    return found


def _pair(old: list[Episode], new: list[Episode], found: Paired) -> None:
    """``old`` and ``new`` are of one subject, the earliest last."""
    while old and new:
        was, now = old[-1], new[-1]
        if was.closed_ms < now.opened_ms:
            found.old.append(old.pop())
        elif now.closed_ms < was.opened_ms:
            found.new.append(new.pop())
        else:
            found.both.append((old.pop(), new.pop()))
    found.old.extend(reversed(old))
    found.new.extend(reversed(new))


def _by_subject(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for episode in sorted(episodes, key=lambda each: -each.opened_ms):
        found.setdefault(episode.subject, []).append(episode)
    return found
