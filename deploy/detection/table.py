"""One row a detector: its score on labelled series, and what a value costs it.

A detector that spends more than a limit on a value is not run to the end: its row has its cost and no score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.detection.benchmark import PROFILES, Series, UnscoredError, score
from deploy.detection.peers import Factory
from deploy.detection.walk import walk


@dataclass(frozen=True, slots=True)
class Row:
    """``scores`` by profile, 0 to 100, and the standard threshold; None of both where an ``error`` is said."""

    detector: str
    us_per_row: float
    scores: dict[str, float] | None = None
    threshold: float | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "detector": self.detector,
            "us_per_row": round(self.us_per_row, 1),
            **({name: round(value, 1) for name, value in self.scores.items()} if self.scores else {}),
            "threshold": self.threshold,
            "error": self.error,
        }


def measure(name: str, factory: Factory, series: Sequence[Series], limit_us: float) -> Row:
    """The row of one detector; of one that was given up or has failed, it says so."""
    try:
        walked = walk(factory, series, limit_us)
    except UnscoredError as error:
        return Row(name, error.us_per_row, error=str(error))
    found = {profile: score(series, walked.scores, worth) for profile, worth in PROFILES.items()}
    return Row(name, walked.us_per_row, {p: s.score for p, s in found.items()}, found["standard"].threshold)


def rows(factories: Mapping[str, Factory], series: Sequence[Series], limit_us: float) -> Iterator[Row]:
    """The table's rows, each as soon as it is known."""
    for name, factory in factories.items():
        yield measure(name, factory, series, limit_us)
