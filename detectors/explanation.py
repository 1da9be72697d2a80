"""What makes a score: the features whose replacement by what is usual lowers it.

Assumes a score of named numbers, whatever computes it. A feature's part is how far the score falls when that feature
alone is as usual; named are the fewest, the greatest part first, which together bring the score below a level. So what
an alert names is what it would not have been told without.

Source: Robnik-Sikonja and Kononenko, "Explaining classifications for individual instances" (2008): the difference that
an attribute's replacement by its expectation makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

Score = Callable[[Mapping[Any, Any]], float]


class Reason(NamedTuple):
    """A feature, its value, what is usual, and by how much the score falls with that in its place.

    Value and usual are numbers wherever they are computed with; of a state (a seal's) they are words.
    """

    feature: Any
    value: Any
    usual: Any
    falls: float


def reasons(score_of: Score, x: Mapping[Any, Any], usual: Mapping[Any, float]) -> list[Reason]:
    """Each feature of which something is usual; the one that falls most first, equals by name."""
    score = score_of(x)
    found = [Reason(name, float(x[name]), mean, score - score_of({**x, name: mean})) for name, mean in usual.items()]
    return sorted(found, key=lambda reason: (-reason.falls, str(reason.feature)))


def named(score_of: Score, x: Mapping[Any, Any], found: Iterable[Reason], below: float) -> list[Reason]:
    """The first of these, as many as together bring the score ``below`` this; of those that lower it at all."""
    chosen: list[Reason] = []
    as_usual = dict(x)
    for reason in found:
        if reason.falls <= 0.0 or score_of(as_usual) < below:
            break
        chosen.append(reason)
        as_usual[reason.feature] = reason.usual
    return chosen


def evidence(found: Iterable[Reason], chosen: Iterable[Reason], digits: int = 3) -> dict[str, float | str]:
    """What an alert says: of each feature its value, what is usual and its fall; ``features``, those named in order;
    ``feature``, the first of them.
    """
    names = [str(reason.feature) for reason in chosen]
    said: dict[str, float | str] = {"feature": names[0] if names else "", "features": ",".join(names)}
    for reason in found:
        said[str(reason.feature)] = round(reason.value, digits)
        said[f"usual_{reason.feature}"] = round(reason.usual, digits)
        said[f"falls_{reason.feature}"] = round(reason.falls, 4)
    return said
