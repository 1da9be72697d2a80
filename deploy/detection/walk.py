"""A detector run over series: its scores, and what a row costs it; given up once that is more than a limit.

Some cost the more, the more they have heard: so the limit is held against a trial, and again after each series. Times
are CPU-seconds of this process, so that a shared machine does not matter.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Final

from deploy.detection.benchmark import Series, UnscoredError
from deploy.detection.peers import Factory, Step

_TRIAL_ROWS: Final = 1500


@dataclass(frozen=True, slots=True)
class Walk:
    """A detector's ``scores`` by series and row, and the CPU-microseconds that a row took."""

    scores: list[list[float]]
    us_per_row: float


def walk(factory: Factory, series: Sequence[Series], limit_us: float) -> Walk:
    """What a new detector says of each series. Raises UnscoredError where it costs more than the limit, or raises
    anything: a peer's fault is a result, not the table's end. Nor is what a peer prints a part of a table, or of JSON:
    it is left unsaid."""
    try:
        with redirect_stdout(io.StringIO()):
            return _walk(factory, series, limit_us)
    except UnscoredError:
        raise
    except Exception as error:
        raise UnscoredError(f"{type(error).__name__}: {error}") from error


def _walk(factory: Factory, series: Sequence[Series], limit_us: float) -> Walk:
    longest = max(series, key=lambda one: len(one.values))
    us_per_row = _within(_trial_us(factory(longest.declared), longest, limit_us), limit_us)
    began, rows_done, scores = time.process_time(), 0, []
    for one in series:
        step = factory(one.declared)
        scores.append([step(time_ms, value) for time_ms, value in zip(one.times_ms, one.values, strict=True)])
        rows_done += len(one.values)
        us_per_row = _within((time.process_time() - began) / rows_done * 1e6, limit_us)
    return Walk(scores, us_per_row)


def _within(us_per_row: float, limit_us: float) -> float:
    if us_per_row > limit_us:
        raise UnscoredError(f"given up: over {limit_us:g} us a row", us_per_row)
    return us_per_row


def _trial_us(step: Step, one: Series, limit_us: float) -> float:
    """CPU-microseconds a row over the first rows, given up once the limit is sure to be passed."""
    began, most_s = time.process_time(), limit_us * _TRIAL_ROWS / 1e6
    tried = 0
    for time_ms, value in zip(one.times_ms[:_TRIAL_ROWS], one.values[:_TRIAL_ROWS], strict=True):
        step(time_ms, value)
        tried += 1
        if time.process_time() - began > most_s:
            break
    return (time.process_time() - began) / tried * 1e6
