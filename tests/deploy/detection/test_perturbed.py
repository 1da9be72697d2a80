"""Changed series keep their anomalies; a threshold is never chosen on the series that it is used on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli.detectors import detectors
from deploy.detection.benchmark import PROFILES, Curve, Declared, Series, labelled
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

    def factory(declared: Declared) -> Step:
        low, high = declared.ends
        return lambda _, value: (value - low) / (high - low) if value > 40.0 else 0.0

    row = measure("as it is", factory, series, limit_us=1e9)
    assert row.best > row.other_folders
    assert row.at_half == pytest.approx(row.best / 2.0)


# -- the command --------------------------------------------------------------------------------------------------


def perturbed(folder: Path, *args: str) -> tuple[str, dict]:
    said = CliRunner().invoke(detectors, ["table", str(folder), "--perturbed", "--json", *args])
    assert said.exit_code == 0, said.output
    return said.stderr, json.loads(said.stdout)


def test_the_command_has_a_row_for_each_change_and_their_mean(folder: Path) -> None:
    said, written = perturbed(folder, "--only", "SensorAnomaly")
    assert [row["change"] for row in written["perturbed"]["SensorAnomaly"]] == list(CHANGES)
    assert [line.split()[0] for line in said.splitlines()[-2:]] == ["mean", "standard"]


def test_without_a_range_what_needs_one_says_so_and_ours_goes_on(folder: Path) -> None:
    only = ("--only", "SensorAnomaly", "--only", "River HalfSpaceTrees")
    said, written = perturbed(folder, *only, "--no-range")
    assert len(written["perturbed"]["SensorAnomaly"]) == len(CHANGES)
    needs = {"change": "as it is", "error": "it needs a declared range"}
    assert written["perturbed"]["River HalfSpaceTrees"] == [needs]
    assert "it needs a declared range" in said


def test_one_that_costs_more_than_the_limit_is_given_up_at_the_first_change(folder: Path) -> None:
    said, written = perturbed(folder, "--only", "SensorAnomaly", "--limit-us", "0.001")
    gone = {"change": "as it is", "error": "given up: over 0.001 us a row"}
    assert written["perturbed"]["SensorAnomaly"] == [gone]
    assert "given up: over 0.001 us a row" in said


def test_simulated_days_are_not_changed_and_asking_for_it_is_a_usage_error(folder: Path) -> None:
    said = CliRunner().invoke(detectors, ["table", str(folder), "--perturbed", "--simulated", "1"])
    assert said.exit_code == 2
    assert "leave it or --simulated out" in said.stderr
