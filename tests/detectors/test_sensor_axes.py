"""Where a value is on six axes: what each is measured from, and what a strange stretch does to that."""

from __future__ import annotations

import math
import random

import pytest

from detectors.sensor_axes import AXES, SensorAxes
from detectors.week_profile import WeekProfile
from detectors.week_spread import WeekSpread

HOUR_MS = 3_600_000
LEAST = 0.002


def fresh() -> SensorAxes:
    return SensorAxes(WeekProfile(24, 0.1), WeekSpread(24), 0.002, LEAST)


def place(axes: SensorAxes, part: float, hour: float = 0.0, in_stretch: bool = False) -> dict[str, float]:
    return dict(zip(AXES, axes.place(int(hour * HOUR_MS), part, in_stretch), strict=True))


def heard(parts: list[float], hours: float = 1 / 60) -> SensorAxes:
    axes = fresh()
    axes.begin(parts[0])
    for at, part in enumerate(parts):
        axes.hear(int(at * hours * HOUR_MS), axes.place(int(at * hours * HOUR_MS), part, False), True, False, at + 1)
    return axes


def test_a_first_value_is_at_its_own_mean_and_no_step_from_itself() -> None:
    axes = fresh()
    axes.begin(0.4)
    assert place(axes, 0.4) == {name: 0.4 if name == "value" else 0.0 for name in AXES}


def test_each_axis_is_measured_from_its_own() -> None:
    axes = heard([0.5, 0.6] * 200)
    at = place(axes, 0.8, 400 / 60)
    assert at["value"] == 0.8
    assert at["deviation"] == pytest.approx(math.asinh((0.8 - 0.55) / 0.05), rel=0.05)
    assert at["usual_of_1_h"] == pytest.approx(0.25, abs=0.06)
    assert at["step"] == pytest.approx(math.asinh((0.8 - 0.6) / 0.1), rel=0.05)
    assert at["usual_smoothed"] < at["usual_of_1_h"] / 2, "the two before were usual"
    assert at["usual_in_spreads"] > 1.5


def test_what_is_constant_has_the_least_spread_and_a_small_noise_on_it_is_small() -> None:
    at = place(heard([0.5] * 300), 0.5 + LEAST, 5.0)
    assert at["deviation"] == at["step"] == pytest.approx(math.asinh(1.0))


def test_what_is_seen_moves_what_is_slow_and_no_profile() -> None:
    moved, held = heard([0.5] * 300), heard([0.5] * 300)
    for at in range(300):
        row = int((5 + at / 60) * HOUR_MS)
        moved.hear(row, moved.place(row, 0.9, True), False, True, 301 + at)
        held.hear(row, held.place(row, 0.9, True), False, False, 301 + at)
    assert abs(place(moved, 0.9, 12.0)["deviation"]) < abs(place(held, 0.9, 12.0)["deviation"])
    for hour in (2.5, 6.5):
        assert place(moved, 0.9, hour)["usual_of_1_h"] == place(held, 0.9, hour)["usual_of_1_h"]
    assert moved.usual_at(int(2.5 * HOUR_MS)) == pytest.approx(0.5)
    assert moved.last == held.last == 0.9


def test_a_stretch_over_has_moved_nothing_and_in_it_the_way_back_is_the_nearer_of_both() -> None:
    axes, before = heard([0.5] * 300), place(heard([0.5] * 300), 0.52, 12.0)["deviation"]
    axes.stretch_begins()
    for at in range(200):
        row = int((5 + at / 60) * HOUR_MS)
        axes.hear(row, axes.place(row, 0.9, True), False, True, 301 + at)
    assert abs(place(axes, 0.52, 12.0)["deviation"]) < before, "the spread has grown"
    assert place(axes, 0.5, 12.0)["deviation"] != 0.0
    assert place(axes, 0.5, 12.0, in_stretch=True)["deviation"] == pytest.approx(0.0, abs=1e-9)
    assert axes.as_trusted(axes.place(0, 0.52, False))[1] == pytest.approx(before)
    axes.stretch_over()
    assert place(axes, 0.52, 12.0)["deviation"] == pytest.approx(before)


def test_in_another_range_all_is_where_it_was() -> None:
    rng = random.Random(3)
    parts = [0.5 + 0.1 * rng.random() for _ in range(400)]
    axes, grown = heard(parts), heard(parts)
    grown.rescale(0.5, 0.5)
    at, then = place(axes, 0.7, 400 / 60), place(grown, 0.5 * 0.7 + 0.5, 400 / 60)
    for name in ("deviation", "usual_in_spreads", "step"):
        assert then[name] == pytest.approx(at[name], rel=1e-4)
    for name in ("usual_of_1_h", "usual_smoothed"):
        assert then[name] == pytest.approx(at[name] / 2, rel=1e-4)
    assert grown.usual_at(HOUR_MS) == pytest.approx(0.5 * axes.usual_at(HOUR_MS) + 0.5)


def test_a_dump_goes_on_as_if_nothing_had_been() -> None:
    axes, restored = heard([0.5, 0.55, 0.6] * 100), fresh()
    axes.stretch_begins()
    restored.load(axes.dump())
    for in_stretch in (False, True):
        assert restored.place(HOUR_MS, 0.7, in_stretch) == axes.place(HOUR_MS, 0.7, in_stretch)
    assert restored.dump() == axes.dump()
