"""Labelled series, and what alarms on them are worth by the rules of the Numenta Anomaly Benchmark.

A window is a labelled anomaly. The best alarm in it counts, the earlier the more (a sigmoid over the window, 1 at its
first row); a window without one costs; an alarm outside costs, less so shortly after a window. The first 15 %, at most
750 rows, of a series are not scored. One threshold serves all series: the best one. 0 is no alarm at all, 100 every
window at its first row. Source: Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms", arXiv:1510.03336.

A folder holds ``windows.json`` (series' path: list of first and last instant) and CSV files with ``timestamp,value``.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

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


class SeriesError(ValueError):
    """What is wrong with a folder of labelled series, to be said to who named it."""


class UnscoredError(Exception):
    """Why a detector has no score, and what a row had cost it by then."""

    def __init__(self, why: str, us_per_row: float = 0.0) -> None:
        super().__init__(why)
        self.us_per_row = us_per_row


@dataclass(frozen=True, slots=True)
class Declared:
    """What a detector is told of a series before it begins: the ends of its sensor's range, None where they are not
    declared, and of how many rows at its start nothing that it says counts."""

    low: float | None
    high: float | None
    unscored_rows: int

    @property
    def ends(self) -> tuple[float, float]:
        """Raises UnscoredError where they are not declared."""
        if self.low is None or self.high is None:
            raise UnscoredError("it needs a declared range")
        return self.low, self.high


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

    @property
    def declared(self) -> Declared:
        return Declared(self.low, self.high, self.unscored)


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
    """All series of the folder, by name. Raises SeriesError, which says what of which file, where it is no such
    folder."""
    found = []
    for name, windows in sorted(_windows(folder / "windows.json").items()):
        times, values = _rows(folder / name)
        spans = [_span(times, window, name) for window in windows]
        found.append(labelled(name, times, values, spans, (min(values), max(values))))
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise SeriesError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SeriesError(f"{file} is no text") from None


def _windows(file: Path) -> Mapping[str, list[tuple[str, str]]]:
    try:
        return msgspec.json.decode(_read(file), type=dict[str, list[tuple[str, str]]])
    except msgspec.DecodeError as error:
        raise SeriesError(
            f"{file} must say each series' windows by their first and last instant, such as "
            f'{{"a.csv": [["2024-01-01 00:00:00", "2024-01-01 01:00:00"]], "b.csv": []}}: {error}'
        ) from None


def _rows(file: Path) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Instants (UTC ms) and values."""
    rows = list(csv.DictReader(_read(file).splitlines()))
    try:
        times = tuple(_instant_ms(row["timestamp"]) for row in rows)
        values = tuple(float(row["value"]) for row in rows)
    except (AttributeError, KeyError, TypeError, ValueError):  # a column is missing, short of a row, or says no number
        values = ()
    if not values or not all(map(math.isfinite, values)):
        raise SeriesError(
            f"{file} must have the columns timestamp (2024-01-01 00:00:00) and value (a number), and rows"
        )
    return times, values


def _span(times_ms: tuple[int, ...], window: tuple[str, str], name: str) -> tuple[int, int]:
    """The first and the last row of a window."""
    try:
        first, last = (times_ms.index(_instant_ms(text)) for text in window)
    except ValueError:
        first, last = 1, 0
    if first > last:
        raise SeriesError(f"the window of {name} from {window[0]} to {window[1]} must begin and end at its timestamps")
    return first, last


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


class Curve:
    """What alarms are worth, by threshold, where none at all is worth 0.0 and a window at its first row
    ``profile.found + profile.missed``.

    ``scores`` are by series and row; higher is stranger, any scale will do. Rows are in the order in which a falling
    threshold alarms them: each is worth what it adds.
    """

    def __init__(self, series: Sequence[Series], scores: Sequence[Sequence[float]], profile: Profile) -> None:
        self._most = profile.found + profile.missed
        self._windows = np.array([one.windows for one in series])
        # A window wholly within the unscored start is not in play, and not missed.
        in_play = np.array([len({*one.window[one.unscored :]} - {_OUTSIDE}) for one in series])
        self._spared = profile.missed * (self._windows - in_play)
        pairs = list(zip(series, scores, strict=True))
        at = np.concatenate([np.full(len(one.values) - one.unscored, at) for at, one in enumerate(series)])
        said = np.concatenate([np.asarray(its, dtype=float)[one.unscored :] for one, its in pairs])
        window = np.concatenate([np.asarray(one.window)[one.unscored :] for one in series])
        weight = np.concatenate([np.asarray(one.weight)[one.unscored :] for one in series])
        order = np.lexsort((weight, window, at, -said))
        self._at, self._scores, window, weight = at[order], said[order], window[order], weight[order]
        self._adds = np.where(window == _OUTSIDE, profile.false_alarm * weight, 0.0)
        inside = np.flatnonzero(window != _OUTSIDE)
        for its, number in {(self._at[i], window[i]) for i in inside}:
            rows = inside[(self._at[inside] == its) & (window[inside] == number)]
            worth = profile.found * weight[rows] / _FIRST_ROW + profile.missed
            self._adds[rows] = np.diff(np.maximum.accumulate(np.concatenate(([0.0], worth))))
        # Rows of one score are alarmed together.
        self._whole = np.append(self._scores[1:] != self._scores[:-1], True)

    def best(self, among: Sequence[bool] | None = None) -> Score:
        """The best threshold for these series (by place; all where None) and their score at it."""
        chosen = np.ones(len(self._windows), bool) if among is None else np.asarray(among)
        gained = np.where(self._whole, np.cumsum(np.where(chosen[self._at], self._adds, 0.0)), -np.inf)
        top = int(np.argmax(gained)) if len(gained) else -1
        most, spared = self._most * int(self._windows[chosen].sum()), float(self._spared[chosen].sum())
        if top < 0 or gained[top] <= 0.0:
            return Score(100.0 * spared / most if most else 0.0, None)
        return Score(100.0 * (float(gained[top]) + spared) / most, float(self._scores[top]))

    def gained_at(self, threshold: float | None) -> NDArray[np.float64]:
        """What the alarms at or above this threshold are worth, by series; nothing where it is None."""
        rows = 0 if threshold is None else int(np.searchsorted(-self._scores, -threshold, side="right"))
        return np.bincount(self._at[:rows], self._adds[:rows], len(self._windows)).astype(float)

    def as_score(self, gained: float) -> float:
        """What was gained in all series, 0 to 100 or below; 0 where there is nothing to find."""
        most = self._most * int(self._windows.sum())
        return 100.0 * gained / most if most else 0.0


def score(series: Sequence[Series], scores: Sequence[Sequence[float]], profile: Profile) -> Score:
    """The best threshold's score; ``scores`` are by series and row. Higher is stranger; any scale will do."""
    return Curve(series, scores, profile).best()
