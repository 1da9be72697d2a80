"""What makes a score: the features whose replacement by what is usual lowers it.

Assumes a score of named values, whatever computes it. A feature's part is how far the score falls when that feature
alone is as usual. Named are those of which each alone, as usual, brings the score below the level that opens; where
none does, one after the other, the greatest part first, until together they do. So what an alert names is what it would
not have been told without, and nothing that it leaves out would alone have kept it from being told. Caveat: parts are
taken alone, so where features act together, fewer of them might have done.

Source: Robnik-Sikonja and Kononenko, "Explaining classifications for individual instances" (2008): the difference that
an attribute's replacement by its expectation makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

Score = Callable[[Mapping[Any, Any]], float]

ANY: Final = math.ulp(0.0)  # the level of a rule that tells whatever scores above 0


class Reason(NamedTuple):
    """A feature, its value, what is usual, and by how much the score falls with that in its place.

    Value and usual are numbers wherever they are computed with; of a state (a seal's) they are words.
    """

    feature: Any
    value: Any
    usual: Any
    falls: float


class Why(NamedTuple):
    """A score that was told, open to question: the function that gave it, the features it was given, what is usual of
    each, and the level below which it would not have opened.

    ``score_of`` must be what the rule itself scores by, and holds fixed whatever is no feature (bounds, what was
    learnt).
    """

    score_of: Score
    x: Mapping[str, Any]
    usual: Mapping[str, Any]
    below: float

    def score(self, **instead: Any) -> float:
        """The score, with these values in the places of those that it was given."""
        return self.score_of({**self.x, **instead})

    def reasons(self) -> list[Reason]:
        """``reasons`` of it."""
        return reasons(self.score_of, self.x, self.usual)

    def named(self, found: Iterable[Reason]) -> list[Reason]:
        """``named`` of its reasons."""
        return named(self.score_of, self.x, found, self.below)

    def evidence(self) -> dict[str, float | str]:
        """``evidence`` of its reasons and of those named."""
        found = self.reasons()
        return evidence(found, self.named(found))


def reasons(score_of: Score, x: Mapping[Any, Any], usual: Mapping[Any, Any]) -> list[Reason]:
    """Each feature of which something is usual; the one that falls most first, equals by name."""
    score = score_of(x)
    found = [Reason(name, x[name], instead, score - score_of({**x, name: instead})) for name, instead in usual.items()]
    return sorted(found, key=lambda reason: (-reason.falls, str(reason.feature)))


def named(score_of: Score, x: Mapping[Any, Any], found: Iterable[Reason], below: float) -> list[Reason]:
    """The first of these: all that alone bring the score ``below`` this, or so many, one after the other, that together
    they do; of those that lower it at all.
    """
    if score_of(x) < below:
        return []
    chosen: list[Reason] = []
    as_usual, enough = dict(x), False
    for reason in found:
        if reason.falls <= 0.0 or (enough and score_of({**x, reason.feature: reason.usual}) >= below):
            break
        chosen.append(reason)
        as_usual[reason.feature] = reason.usual
        enough = enough or score_of(as_usual) < below
    return chosen


def evidence(found: Iterable[Reason], chosen: Iterable[Reason], digits: int = 3) -> dict[str, float | str]:
    """What an alert says: of each feature its value, what is usual and its fall; ``features``, those named in order;
    ``feature``, the first of them.
    """
    names = [str(reason.feature) for reason in chosen]
    said: dict[str, float | str] = {"feature": names[0] if names else "", "features": ",".join(names)}
    for reason in found:
        said[str(reason.feature)] = _rounded(reason.value, digits)
        said[f"usual_{reason.feature}"] = _rounded(reason.usual, digits)
        said[f"falls_{reason.feature}"] = round(reason.falls, 4)
    return said


def _rounded(value: Any, digits: int) -> Any:
    return value if isinstance(value, str) else round(float(value), digits)
