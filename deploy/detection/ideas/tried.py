"""One row an idea: what it scores beside ours, as it is and told once, on the series as they are and changed.

Ideas of others are told twice: raw, and by our own ``ToldOnce``, for much of a difference between two detectors is that
one of them tells an anomaly at each of its values.

How sure a difference from ours is, is its standard error over series: as if these had been drawn from many. Both are
held against each other series by series, so what is common to both cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Final

import numpy as np

from deploy.detection.benchmark import PROFILES, Curve, Series, UnscoredError
from deploy.detection.ideas.catalog import ALONE, OURS, Idea, all_ideas
from deploy.detection.perturbed import CHANGES, folder_of, held_out
from deploy.detection.walk import walk
from deploy.pools import processes
from detectors.told_once import ToldOnce

# In the order in which they are taken: what each takes away is another accident.
ORDER: Final = (
    *("as it is", "its even rows", "upside down", "25 minutes later", "to the power of 2"),
    *("noise of 1 % of the range", "without its first 5 %", "420 minutes later", "its odd rows", "logarithm"),
)
RAW: Final = "raw"
TOLD_ONCE: Final = "told once"
Sets = Mapping[str, Sequence[Series]]


@dataclass(frozen=True, slots=True)
class Row:
    """Standard scores, 0 to 100; all None where a ``fault`` is said.

    ``standard``, ``at_half``: of the series as they are, at the best threshold and at 0.5. ``changed``,
    ``other_folders``: means over the changes, at the best threshold and at that of all other folders' series.
    ``difference``: ``changed`` less ours, and ``error`` its standard error over series. ``by_series``: what each adds
    to ``changed``.
    """

    idea: str
    kind: str
    says: str
    told: str
    us_per_row: float
    standard: float | None = None
    at_half: float | None = None
    changed: float | None = None
    other_folders: float | None = None
    difference: float | None = None
    error: float | None = None
    by_series: tuple[float, ...] = ()
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All but what each series adds, rounded."""
        whole = {name: value for name, value in asdict(self).items() if name != "by_series"}
        return {name: round(value, 2) if isinstance(value, float) else value for name, value in whole.items()}


def changed_sets(series: Sequence[Series], changes: int) -> dict[str, list[Series]]:
    """The series as they are and changed in so many ways less one."""
    return {change: [CHANGES[change](one) for one in series] for change in ORDER[:changes]}


def told_once(scores: Sequence[float]) -> list[float]:
    """A series' scores, told once."""
    telling, told = ToldOnce(), []
    for score in scores:
        told.append(telling.tell(score))
        telling.learn(score)
    return told


def measure(idea: Idea, sets: Sets, limit_us: float, ours: Row | None = None) -> list[Row]:
    """The rows of one idea; of one that was given up or has failed, it says so."""
    try:
        walks = {change: walk(idea.factory, series, limit_us) for change, series in sets.items()}
    except UnscoredError as error:
        return [Row(idea.name, idea.kind, idea.says, RAW, error.us_per_row, fault=str(error))]
    scores = {change: walked.scores for change, walked in walks.items()}
    cost_us = fmean(walked.us_per_row for walked in walks.values())
    if idea.kind != ALONE:
        return [_row(idea, TOLD_ONCE, cost_us, sets, scores, ours)]
    told = {change: [told_once(one) for one in of_change] for change, of_change in scores.items()}
    return [_row(idea, RAW, cost_us, sets, scores, ours), _row(idea, TOLD_ONCE, cost_us, sets, told, ours)]


def _row(
    idea: Idea, told: str, us_per_row: float, sets: Sets, scores: Mapping[str, list[list[float]]], ours: Row | None
) -> Row:
    curves = {change: Curve(series, scores[change], PROFILES["standard"]) for change, series in sets.items()}
    bests = {change: curve.best() for change, curve in curves.items()}
    first = curves[ORDER[0]]
    of_changes = [
        [curve.as_score(gained) for gained in curve.gained_at(bests[change].threshold)]
        for change, curve in curves.items()
    ]
    by_series = tuple(np.mean(of_changes, axis=0).tolist())
    folders = [held_out(curve, [folder_of(one) for one in sets[change]]) for change, curve in curves.items()]
    difference, error = _difference(by_series, ours.by_series) if ours else (None, None)
    return Row(
        idea.name, idea.kind, idea.says, told, us_per_row,
        standard=bests[ORDER[0]].score,
        at_half=first.as_score(float(first.gained_at(0.5).sum())) if idea.has_level else None,
        changed=float(np.mean([best.score for best in bests.values()])),
        other_folders=float(np.mean(folders)),
        difference=difference, error=error, by_series=by_series,
    )  # fmt: skip


def _difference(by_series: Sequence[float], ours: Sequence[float]) -> tuple[float, float]:
    """The sum of what each series adds more than with ours, and its standard error."""
    apart = np.array(by_series) - np.array(ours)
    count = len(apart)
    return float(apart.sum()), float(apart.std(ddof=1) * math.sqrt(count)) if count > 1 else 0.0


def rows(ideas: Mapping[str, Idea], sets: Sets, limit_us: float, jobs: int = 1) -> Iterator[list[Row]]:
    """Ours, then each idea's rows, in order, as soon as they are known. With more than one job, ideas are those of the
    catalog."""
    ours = measure(OURS, sets, limit_us=math.inf)[0]
    yield [ours]
    if jobs == 1:
        for idea in ideas.values():
            yield measure(idea, sets, limit_us, ours)
        return
    with processes(jobs, _begin, (sets, limit_us, ours)) as pool:
        yield from pool.imap(_work, list(ideas))


_at_work: dict[str, Any] = {}


def _begin(sets: Sets, limit_us: float, ours: Row) -> None:
    """In a process of the pool: what all ideas are measured on."""
    _at_work.update(sets=sets, limit_us=limit_us, ours=ours)


def _work(name: str) -> list[Row]:
    return measure(all_ideas()[name], **_at_work)
