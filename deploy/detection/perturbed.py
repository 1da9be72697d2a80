"""Labelled series changed in ways that change no label, to see what of a score is the detector's and what is luck.

A detector that was chosen on series fits their accidents: at which minute a bin ends, where a series begins, which way
up it is. Each change takes one of these away; the mean over all says more of series nobody has seen than the score on
those known, and so does a threshold chosen on the series of all other folders.

Caveat: changed series are the old ones' kin. None of this is a substitute for series of other sources.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from deploy.detection.benchmark import PROFILES, Curve, Series, labelled
from deploy.detection.peers import Factory
from deploy.detection.walk import walk

Change = Callable[[Series], Series]
_MINUTE_MS: Final = 60_000
_SEED: Final = 7


def _spans(one: Series) -> list[tuple[int, int]]:
    rows = [[row for row, window in enumerate(one.window) if window == number] for number in range(one.windows)]
    return [(of_window[0], of_window[-1]) for of_window in rows]


def _with_values(one: Series, values: Sequence[float], low: float, high: float) -> Series:
    return labelled(one.name, one.times_ms, tuple(values), _spans(one), (low, high))


def _later(minutes: int) -> Change:
    def change(one: Series) -> Series:
        times = tuple(time_ms + minutes * _MINUTE_MS for time_ms in one.times_ms)
        return labelled(one.name, times, one.values, _spans(one), (one.low, one.high))

    return change


def _rows(keep: Callable[[int, int], bool]) -> Change:
    """Only the rows for which ``keep`` (of row and count) holds. A window that comes to lie in the unscored start is
    left out, or it would be missed by all."""

    def change(one: Series) -> Series:
        count = len(one.values)
        kept = [row for row in range(count) if keep(row, count)]
        at = {row: new for new, row in enumerate(kept)}
        spans = []
        for first, last in _spans(one):
            inside = [at[row] for row in range(first, last + 1) if row in at]
            if len(inside) > 1:
                spans.append((inside[0], inside[-1]))
        times, values = tuple(one.times_ms[row] for row in kept), tuple(one.values[row] for row in kept)
        found = labelled(one.name, times, values, spans, (one.low, one.high))
        scored = [span for span in spans if span[1] >= found.unscored]
        return labelled(one.name, times, values, scored, (one.low, one.high))

    return change


def _bent(bend: Callable[[float], float]) -> Change:
    """Values in parts of the range, bent by a monotone function that leaves 0 and 1 where they are."""

    def change(one: Series) -> Series:
        size = (one.high - one.low) or 1.0
        return _with_values(one, [bend((value - one.low) / size) for value in one.values], 0.0, 1.0)

    return change


def _noisy(part: float) -> Change:
    def change(one: Series) -> Series:
        rng = random.Random(f"{_SEED} {one.name}")
        size = part * (one.high - one.low)
        return _with_values(one, [value + rng.gauss(0.0, size) for value in one.values], one.low, one.high)

    return change


def _wider(factor: float) -> Change:
    def change(one: Series) -> Series:
        room = (factor - 1.0) / 2.0 * (one.high - one.low)
        return _with_values(one, one.values, one.low - room, one.high + room)

    return change


def _upside_down(one: Series) -> Series:
    return _with_values(one, [one.low + one.high - value for value in one.values], one.low, one.high)


CHANGES: Final[Mapping[str, Change]] = {
    "as it is": lambda one: one,
    "upside down": _upside_down,
    **{f"{minutes} minutes later": _later(minutes) for minutes in (10, 25, 40, 420, 2235, 4320)},
    "without its first 2 %": _rows(lambda row, count: row >= 0.02 * count),
    "without its first 5 %": _rows(lambda row, count: row >= 0.05 * count),
    "without its first 10 %": _rows(lambda row, count: row >= 0.1 * count),
    "its even rows": _rows(lambda row, _: row % 2 == 0),
    "its odd rows": _rows(lambda row, _: row % 2 == 1),
    "noise of 0.3 % of the range": _noisy(0.003),
    "noise of 1 % of the range": _noisy(0.01),
    "to the power of 0.5": _bent(math.sqrt),
    "to the power of 0.7": _bent(lambda part: part**0.7),
    "to the power of 1.4": _bent(lambda part: part**1.4),
    "to the power of 2": _bent(lambda part: part * part),
    "logarithm": _bent(lambda part: math.log1p(9.0 * part) / math.log(10.0)),
    "range 1.5 times as wide": _wider(1.5),
}


@dataclass(frozen=True, slots=True)
class Row:
    """Standard scores: at the best threshold, at 0.5, with the threshold of the other folders' series, and with that of
    four folds of series for the fifth."""

    change: str
    best: float
    at_half: float
    other_folders: float
    other_folds: float


def held_out(curve: Curve, groups: Sequence[object]) -> float:
    """The score where each group of series (by place) has the threshold that is best for all others."""
    gained = 0.0
    for group in dict.fromkeys(groups):
        own = [its == group for its in groups]
        gains = curve.gained_at(curve.best([not its for its in own]).threshold)
        gained += float(gains[own].sum())
    return curve.as_score(gained)


def folder_of(one: Series) -> str:
    """Artificial series with an anomaly and without are of one kind."""
    name = one.name.partition("/")[0]
    return "artificial" if name.startswith("artificial") else name


def measure(change: str, factory: Factory, series: Sequence[Series], limit_us: float) -> Row:
    """How good a detector is on series changed so. Raises UnscoredError where it costs more than the limit or fails."""
    changed = [CHANGES[change](one) for one in series]
    curve = Curve(changed, walk(factory, changed, limit_us).scores, PROFILES["standard"])
    order = list(range(len(changed)))
    random.Random(_SEED).shuffle(order)
    fold = {at: place % 5 for place, at in enumerate(order)}
    return Row(
        change,
        curve.best().score,
        curve.as_score(float(curve.gained_at(0.5).sum())),
        held_out(curve, [folder_of(one) for one in changed]),
        held_out(curve, [fold[at] for at in range(len(changed))]),
    )
