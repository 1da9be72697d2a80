"""Changed series keep their anomalies; a threshold is never chosen on the series that it is used on."""

from __future__ import annotations

import pytest

from deploy.detection.benchmark import PROFILES, Curve, Series, labelled
from deploy.detection.peers import Step
from deploy.detection.perturbed import CHANGES, measure

ROWS = 400
STANDARD = PROFILES["standard"]


def spiked(name: str, size: float = 60.0) -> Series:
    values = tuple(20.0 + row % 7 + (size if row == 303 else 0.0) for row in range(ROWS))
    return labelled(name, tuple(300_000 * row for row in range(ROWS)), values, [(290, 320)], (0.0, 100.0))


@pytest.mark.parametrize("change", [change for change in CHANGES if "rows" not in change])
def test_a_change_keeps_the_anomaly_in_its_window(change: str) -> None:
    one = CHANGES[change](spiked("a/x.csv"))
    assert one.windows == 1
    middle = sorted(one.values)[len(one.values) // 2]
    wildest = max(range(len(one.values)), key=lambda row: abs(one.values[row] - middle))
    assert one.window[wildest] == 0
    assert one.low <= min(one.values) + 0.1
    assert list(one.times_ms) == sorted(one.times_ms)


def test_every_second_row_is_half_the_rows_and_half_the_window() -> None:
    even, odd = (CHANGES[f"its {which} rows"](spiked("a/x.csv")) for which in ("even", "odd"))
    assert len(even.values) == len(odd.values) == ROWS // 2
    assert sum(window == 0 for window in even.window) == 16
    assert max(odd.values) > 60.0 > max(even.values)


def test_what_is_gained_at_the_best_threshold_is_the_score() -> None:
    series = [spiked("a/x.csv"), spiked("b/y.csv", 5.0)]
    scores = [[value / 100.0 for value in one.values] for one in series]
    curve = Curve(series, scores, STANDARD)
    best = curve.best()
    assert best.threshold is not None
    assert 100.0 * curve.gained_at(best.threshold).sum() / 4.0 == pytest.approx(best.score)
    assert curve.gained_at(None).sum() == 0.0


def test_a_threshold_of_the_others_is_used_where_it_was_not_chosen() -> None:
    """Two folders on scales of their own: each threshold finds nothing in the other, the best one finds all."""
    series = [spiked("a/x.csv"), spiked("b/y.csv", 25.0)]

    def factory(low: float, high: float) -> Step:
        return lambda _, value: (value - low) / (high - low) if value > 40.0 else 0.0

    row = measure("as it is", factory, series)
    assert row.best > row.other_folders
    assert row.at_half == pytest.approx(row.best / 2.0)
