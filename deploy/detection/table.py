"""One row a detector: its score on labelled series, and what a value costs it.

A detector that spends more than a limit on a value is not run to the end: its row has its cost and no score. Times are
CPU-seconds of this process, so that a shared machine does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.detection.benchmark import PROFILES, Series, score
from deploy.detection.peers import Factory, Step

_TRIAL_ROWS: Final = 1500


@dataclass(frozen=True, slots=True)
class Row:
    """``scores`` by profile, 0 to 100, and the standard threshold; None of both where the detector was too slow."""

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


def _walk(step: Step, one: Series) -> list[float]:
    return [step(time_ms, value) for time_ms, value in zip(one.times_ms, one.values, strict=True)]


def _begin(factory: Factory, one: Series) -> Step:
    return factory(one.low, one.high)


def trial_us(step: Step, one: Series, limit_us: float) -> float:
    """CPU-microseconds a row over the first rows, given up once the limit is sure to be passed."""
    began, most_s = time.process_time(), limit_us * _TRIAL_ROWS / 1e6
    tried = 0
    for time_ms, value in zip(one.times_ms[:_TRIAL_ROWS], one.values[:_TRIAL_ROWS], strict=True):
        step(time_ms, value)
        tried += 1
        if time.process_time() - began > most_s:
            break
    return (time.process_time() - began) / tried * 1e6


def measure(name: str, factory: Factory, series: Sequence[Series], limit_us: float) -> Row:
    """The row of one detector. What it raises is told in its row: a peer's fault is a result, not the table's end."""
    try:
        longest = max(series, key=lambda one: len(one.values))
        cost_us = trial_us(_begin(factory, longest), longest, limit_us)
        if cost_us > limit_us:
            return Row(name, cost_us, error=f"over {limit_us:g} us a row")
        began, rows_done, scores = time.process_time(), 0, []
        for one in series:
            scores.append(_walk(_begin(factory, one), one))
            rows_done += len(one.values)
            cost_us = (time.process_time() - began) / rows_done * 1e6
            if cost_us > limit_us:  # some cost the more, the more they have heard
                return Row(name, cost_us, error=f"over {limit_us:g} us a row")
    except Exception as error:
        return Row(name, 0.0, error=f"{type(error).__name__}: {error}")
    found = {profile: score(series, scores, worth) for profile, worth in PROFILES.items()}
    return Row(name, cost_us, {p: s.score for p, s in found.items()}, found["standard"].threshold)


def rows(factories: Mapping[str, Factory], series: Sequence[Series], limit_us: float) -> Iterator[Row]:
    """The table's rows, each as soon as it is known."""
    for name, factory in factories.items():
        yield measure(name, factory, series, limit_us)
