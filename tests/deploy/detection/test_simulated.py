"""Simulated days as labelled series: minutes as the line makes them, windows where that very sensor was sick."""

from __future__ import annotations

from collections import defaultdict

import pytest

from contracts.sensors import MINUTE_MS
from deploy.core_line import CoreLine
from deploy.detection.benchmark import Series
from deploy.detection.simulated import SCENARIO, days
from simulators import scenarios

SEED = 3
HOURS = 30.0
SHIPMENTS = 4
START_MS = 1_790_000_000_000


@pytest.fixture(scope="module")
def series() -> list[Series]:
    return days(SEED, HOURS, SHIPMENTS)


def test_each_watched_sensor_is_a_series_of_rising_minutes_within_its_range_but_where_it_is_sick(series) -> None:
    assert {one.name.rpartition("/")[2] for one in series} == {"temperature_c", "humidity_pct", "vibration_g"}
    for one in series:
        assert all(late > early for early, late in zip(one.times_ms, one.times_ms[1:], strict=False))
        assert all(time_ms % MINUTE_MS == 0 for time_ms in one.times_ms)
        well = [v for v, window in zip(one.values, one.window, strict=True) if window < 0]
        assert one.low <= min(well) <= max(well) <= one.high, one.name


def test_the_windows_are_the_faults_of_watched_sensors_that_are_played(series) -> None:
    fleet = scenarios.load(SCENARIO).make(
        SEED, START_MS, live_first=True, shipments=SHIPMENTS, horizon_s=3_600.0 * HOURS
    )
    sick = [i for rig in fleet.rigs for i in rig.injections if i.text in ("temperature", "humidity", "vibration")]
    assert sick, f"seed {SEED} has none"
    assert sum(one.windows for one in series) == len(sick)
    first_ms = min(i.start_ms for i in sick)
    rows = [at for one in series for at, window in zip(one.times_ms, one.window, strict=True) if window >= 0]
    assert min(rows) == pytest.approx(first_ms, abs=2 * MINUTE_MS)


def test_the_minutes_are_those_that_the_line_makes() -> None:
    """Stage 1 itself, on the same run, tells the same values."""
    fleet = scenarios.load(SCENARIO).make(SEED, START_MS, live_first=True, shipments=2, horizon_s=5_400.0)
    line = CoreLine(fleet.reference(), tick_ms=2_000)
    heard = defaultdict(dict)
    judge = line.sensor[0].models.judge

    def listen(told, *more):
        heard[told.device_id, told.sensor][told.time_ms] = told.value
        return judge(told, *more)

    line.sensor[0].models.judge = listen
    line.run(fleet.run())
    found = {tuple(one.name.split("/")[1:]): one for one in days(SEED, 1.5, 2)}
    assert set(heard) == set(found)
    for name, minutes in heard.items():
        told = dict(zip(found[name].times_ms, found[name].values, strict=True))
        assert len(minutes) > 30
        assert {at: pytest.approx(told[at]) for at in minutes} == minutes
