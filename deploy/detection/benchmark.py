"""Labelled series, and what alarms on them are worth by the rules of the Numenta Anomaly Benchmark.

A window is a labelled anomaly. The best alarm in it counts, the earlier the more (a sigmoid over the window, 1 at its
first row); a window without one costs; an alarm outside costs, less so shortly after a window. The first 15 %, at most
750 rows, of a series are not scored. One threshold serves all series: the best one. 0 is no alarm at all, 100 every
window at its first row. Source: Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms", arXiv:1510.03336.

A folder holds ``windows.json`` (series' path: list of first and last instant) and CSV files with ``timestamp,value``.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_UNSCORED_PART: Final = 0.15
_UNSCORED_MOST: Final = 750
_OUTSIDE: Final = -1
_FIRST_ROW: Final = 2.0 / (1.0 + math.exp(-5.0)) - 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a window found, a false alarm and a window missed are worth."""

    found: float = 1.0
    false_alarm: float = 0.11
    missed: float = 1.0


PROFILES: Final = {
    "standard": Profile(),
    "low_fp": Profile(false_alarm=0.22),
    "low_fn": Profile(missed=2.0),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series. ``window`` and ``weight``: by row, the window's number or -1, and an alarm's worth there.

    ``low`` and ``high`` are its sensor's range.
    """

    name: str
    times_ms: tuple[int, ...]
    values: tuple[float, ...]
    window: tuple[int, ...]
    weight: tuple[float, ...]
    windows: int
    low: float
    high: float

    @property
    def unscored(self) -> int:
        return min(int(_UNSCORED_PART * len(self.values)), _UNSCORED_MOST)


def _sigmoid(position: float) -> float:
    return -1.0 if position > 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def _weigh(rows: int, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    window, weight = [_OUTSIDE] * rows, [-1.0] * rows
    for number, (first, last) in enumerate(spans):
        width = last - first + 1
        for row in range(first, last + 1):
            window[row], weight[row] = number, _sigmoid(-(last - row + 1) / width)
        until = spans[number + 1][0] if number + 1 < len(spans) else rows
        for row in range(last + 1, until):
            weight[row] = _sigmoid((row - last) / (width - 1)) if width > 1 else -1.0
    return tuple(window), tuple(weight)


def _instant_ms(text: str) -> int:
    return int(datetime.fromisoformat(text.split(".")[0]).replace(tzinfo=UTC).timestamp() * 1000)


def read(folder: Path) -> list[Series]:
    """All series of the folder, by name. Raises OSError, KeyError or ValueError where it is not such a folder."""
    found = []
    for name, windows in sorted(json.loads((folder / "windows.json").read_text()).items()):
        with (folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        times = tuple(_instant_ms(row["timestamp"]) for row in rows)
        at = {time_ms: row for row, time_ms in enumerate(times)}
        spans = [(at[_instant_ms(first)], at[_instant_ms(last)]) for first, last in windows]
        values = tuple(float(row["value"]) for row in rows)
        found.append(labelled(name, times, values, spans, (min(values), max(values))))
    return found


def labelled(
    name: str,
    times_ms: tuple[int, ...],
    values: tuple[float, ...],
    spans: Sequence[tuple[int, int]],
    ends: tuple[float, float],
) -> Series:
    """A series whose anomalies are these rows (first and last of each), of a sensor whose range has these ends."""
    return Series(name, times_ms, values, *_weigh(len(values), spans), len(spans), *ends)


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100 (below 0 is not possible: no alarm at all is one of the thresholds), and the threshold that gives it."""

    score: float
    threshold: float | None


def score(series: Sequence[Series], scores: Sequence[Sequence[float]], profile: Profile) -> Score:
    """The best threshold's score; ``scores`` are by series and row. Higher is stranger; any scale will do."""
    points = sorted(
        (-s, at, one.window[row], one.weight[row])
        for at, (one, row_scores) in enumerate(zip(series, scores, strict=True))
        for row, s in enumerate(row_scores)
        if row >= one.unscored
    )
    # A window wholly within the unscored start is not in play.
    gained = {(at, window): -profile.missed for _, at, window, _ in points if window != _OUTSIDE}
    now = sum(gained.values())
    best, threshold = now, None
    for i, (negative, at, window, weight) in enumerate(points):
        if window == _OUTSIDE:
            now += profile.false_alarm * weight
        else:
            gain = max(gained[at, window], profile.found * weight / _FIRST_ROW) - gained[at, window]
            gained[at, window] += gain
            now += gain
        last_of_its_score = i + 1 == len(points) or points[i + 1][0] != negative
        if last_of_its_score and now > best:
            best, threshold = now, -negative
    windows = sum(one.windows for one in series)
    nothing, perfect = -profile.missed * windows, profile.found * windows
    return Score(100.0 * (best - nothing) / (perfect - nothing), threshold)


def gained_at(threshold: float, series: Sequence[Series], scores: Sequence[Sequence[float]], profile: Profile) -> float:
    """What the alarms at or above this threshold are worth, where none at all is worth 0.0 and a window at its first
    row ``profile.found + profile.missed``."""
    total = 0.0
    for one, row_scores in zip(series, scores, strict=True):
        best: dict[int, float] = {}
        for row in range(one.unscored, len(row_scores)):
            if row_scores[row] < threshold:
                continue
            if one.window[row] == _OUTSIDE:
                total += profile.false_alarm * one.weight[row]
            else:
                gain = profile.found * one.weight[row] / _FIRST_ROW + profile.missed
                best[one.window[row]] = max(best.get(one.window[row], 0.0), gain)
        total += sum(best.values())
    return total
