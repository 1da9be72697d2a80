"""A stuck sensor is found by its own habit of repeating; its two forms are one detector."""

from __future__ import annotations

import doctest
import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import checks

from detectors import sensor_stuck
from detectors.device_batch import SENSOR_BITS
from detectors.sensor_stuck import SensorStuck, StuckSensor, Thresholds


def cold_store(n: int, seed: int = 1, resolution: float = 0.01, sigma: float = 0.12) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [{"temperature_c": round(rng.gauss(5.0, sigma) / resolution) * resolution} for _ in range(n)]


def test_a_value_that_freezes_opens_lasts_and_closes_when_it_changes(hear) -> None:
    said = hear(SensorStuck(), *cold_store(100), *[{"temperature_c": 5.21}] * 30, *cold_store(5, 2))
    opened = said.index("trip")
    assert 110 <= opened <= 112
    assert said[opened:130] == ["trip"] * (130 - opened)
    assert said[130:] == ["clear", "-", "-", "-", "-"]


def test_a_sensor_that_has_been_stuck_once_is_found_as_it_sticks_again(hear) -> None:
    """What was told as stuck is no habit; the control has learnt a run as long and takes that for one."""
    stuck = [{"temperature_c": 5.21}] * 90
    again = [*cold_store(100), *stuck, *cold_store(50, 2), *stuck, *cold_store(5, 3)]
    said = hear(SensorStuck(), *again)
    assert "trip" in said[100:190]
    assert said[240:330].index("trip") <= 30
    told_never = SensorStuck(Thresholds(chance=1e-15, least_repeats=91))
    assert "trip" not in hear(told_never, *again[:240])
    told_never.thresholds = Thresholds()
    assert "trip" not in hear(told_never, *again[240:])


def stuck_again_and_again(gap: int, run: int, times: int = 10) -> list[float]:
    """Values of a fine sensor that sticks ``times`` times for ``run`` readings, each after ``gap`` of its own."""
    rng = random.Random(1)
    return [v for _ in range(times) for v in (*(round(rng.gauss(5.0, 0.2), 2) for _ in range(gap)), *[5.03] * run)]


def told_after(told: list[bool], gap: int, run: int) -> list[int | None]:
    """The repeat of each run at which it is told; none may be told before its run."""
    each = [told[at : at + gap + run] for at in range(0, len(told), gap + run)]
    assert not any(any(one[:gap]) for one in each)
    return [one.index(True) - gap if any(one) else None for one in each]


def estimated(values: list[float]) -> list[bool]:
    detector, told = StuckSensor(), []
    for value in values:
        told.append(detector.score_one({"value": value}) >= 1.0 - Thresholds().chance)
        detector.learn_one({"value": value})
    return told


@pytest.mark.parametrize("run", [20, 30, 60, 100])
@pytest.mark.parametrize("gap", [100, 300, 1_000])
def test_a_sensor_that_sticks_again_and_again_is_told_as_soon_each_time(gap: int, run: int) -> None:
    found = told_after(estimated(stuck_again_and_again(gap, run)), gap, run)
    assert all(at is not None and at <= 15 for at in found), found


@pytest.mark.parametrize("run", [20, 60])
def test_the_rule_tells_it_where_the_estimator_does_and_has_learnt_the_same(hear, run: int) -> None:
    values, rule, one = stuck_again_and_again(100, run), SensorStuck(), StuckSensor()
    said = hear(rule, *[{"temperature_c": value} for value in values])
    assert [word == "trip" for word in said] == estimated(values)
    for value in values:
        one.learn_one({"value": value})
    learnt = {name: rule.columns.row(0)[f"temperature_{name}"] for name in ("repeats", "changes", "longest", "told_at")}
    assert learnt == {name: getattr(one, f"_{name}") for name in learnt}


def test_the_control_of_these_is_what_told_runs_would_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor_stuck, "_NEAR", 10_000)  # each is learnt as one of a sensor at rest
    found = told_after(estimated(stuck_again_and_again(300, 60)), 300, 60)
    assert found[0] is not None
    assert found[0] <= 15
    assert None in found


def loose_for_a_few(gap: int) -> list[float]:
    """A fine sensor's own values, three runs of 300 with few between, and after 50 good ones a fourth."""
    return [*stuck_again_and_again(300, 0, 1), *stuck_again_and_again(gap, 300, 3), *stuck_again_and_again(50, 300, 1)]


@pytest.mark.parametrize("gap", [1, 3, 5])
def test_a_sensor_that_comes_loose_for_a_few_readings_only_is_told_each_time_if_later(
    hear, monkeypatch: pytest.MonkeyPatch, gap: int
) -> None:
    """Not all of a told run soon after another is learnt; in the control it is, and two runs are excused."""

    def found() -> list[int | None]:
        told = estimated(loose_for_a_few(gap))
        return [*told_after(told[300:-350], gap, 300), *told_after(told[-350:], 50, 300)]

    for at, latest in zip(found(), (15, 15, 90, 250), strict=True):
        assert at is not None
        assert at <= latest
    said = hear(SensorStuck(), *[{"temperature_c": value} for value in loose_for_a_few(gap)])
    assert [word == "trip" for word in said] == estimated(loose_for_a_few(gap))
    monkeypatch.setattr(Thresholds, "learnt_of_told", lambda thresholds, _: thresholds.learn_max)
    assert found()[2:] == [None, None]


def test_what_was_told_at_a_rail_is_no_habit_either(hear) -> None:
    stuck, error = [{"temperature_c": 5.21}] * 20, [{"temperature_c": -127.0}] * 9
    assert hear(SensorStuck(), *cold_store(100), *error, *cold_store(100, 2), *stuck)[209:].index("trip") <= 15
    no_rail = [{"temperature_c": -126.0}] * 9  # the control: as long, but not told
    assert "trip" not in hear(SensorStuck(), *cold_store(100), *no_rail, *cold_store(100, 2), *stuck)[209:]


@pytest.mark.parametrize("seed", range(4))
def test_a_coarse_sensor_whose_noise_falls_at_night_learns_that_in_a_few_runs(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """It is told at first, and no more once a second long run has come soon after; the control never learns it."""

    def told_at_night() -> int:
        readings = [*cold_store(1_500, seed, 0.5, 1.0), *cold_store(1_500, seed + 10, 0.5, 0.1)]
        told = estimated([reading["temperature_c"] for reading in readings])
        assert not any(told[:1_500])
        return sum(now and not before for before, now in itertools.pairwise(told))

    assert 1 <= told_at_night() <= 3
    monkeypatch.setattr(sensor_stuck, "_NEAR", -1)
    assert told_at_night() > 4


def test_a_sensor_that_is_stuck_from_its_first_reading_is_found_late(hear) -> None:
    said = hear(SensorStuck(), *[{"temperature_c": 5.0}] * 120)
    assert 85 <= said.index("trip") <= 100


@pytest.mark.parametrize("seed", range(4))
def test_a_coarse_sensor_in_a_steady_cold_store_says_nothing(hear, seed: int) -> None:
    assert set(hear(SensorStuck(), *cold_store(3_000, seed, resolution=0.5))) == {"-"}


@pytest.mark.parametrize("seed", range(4))
def test_a_coarse_sensor_says_nothing_when_the_true_value_comes_to_lie_on_one_of_its_steps(hear, seed: int) -> None:
    """Between two steps it hardly repeats itself, on one of them nearly always: the share of repeats is no measure."""
    rng = random.Random(seed)
    drift = [5.25 + 0.25 * math.sin(i / 250) for i in range(1_800)]
    warm = [{"temperature_c": round(rng.gauss(level, 0.12) * 2) / 2} for level in drift]
    damp = [{"humidity_pct": float(round(rng.gauss(80 + 4 * level, 0.5)))} for level in drift]
    runs = [len(list(same)) for _, same in itertools.groupby(reading["temperature_c"] for reading in warm)]
    assert max(runs) > 40  # the control: by the mean share of repeats that is no chance
    assert set(hear(SensorStuck(), *warm)) == {"-"}
    assert set(hear(SensorStuck(), *damp)) == {"-"}


def test_the_finer_the_sensor_the_sooner_it_is_told(hear) -> None:
    def repeats(resolution: float) -> int:
        known, held = cold_store(2_000, resolution=resolution, sigma=0.5), {"temperature_c": 5.0}
        return hear(SensorStuck(), *known, *[held] * 400).index("trip") - 2_000

    fine, middling, coarse = (repeats(resolution) for resolution in (0.01, 0.5, 1.0))
    assert fine <= 12
    assert fine < middling < coarse < 60


def test_a_value_off_the_sensors_steps_does_not_make_it_a_fine_one(hear) -> None:
    stuck = [{"temperature_c": 5.21}] * 400
    said = hear(SensorStuck(), *cold_store(500, 1, 0.5), *stuck, *cold_store(2_000, 2, 0.5))
    assert set(said[900:]) <= {"-", "clear"}


def test_a_heat_wave_says_nothing(hear) -> None:
    rng = random.Random(4)
    hot = [{"temperature_c": round(48.0 + math.sin(i / 300) + rng.gauss(0, 0.2), 2)} for i in range(2_880)]
    assert set(hear(SensorStuck(), *hot)) == {"-"}


def test_saturation_at_a_rail_is_found_after_a_few_repeats(hear) -> None:
    said = hear(SensorStuck(), *cold_store(20), *[{"temperature_c": -127.0}] * 6)
    assert said == ["-"] * 24 + ["trip", "trip"]
    said = hear(SensorStuck(), *[{"vibration_g": -16.0, "speed_kmh": 90.0}] * 6)
    assert said == ["-"] * 4 + ["trip", "trip"]


def test_vibration_of_a_truck_that_stands_may_be_still(hear) -> None:
    rng = random.Random(6)
    drive = [{"vibration_g": round(0.25 + 0.05 * rng.random(), 3), "speed_kmh": 90.0} for _ in range(100)]
    rest = [{"vibration_g": 0.02, "speed_kmh": 0.0}] * 400
    assert set(hear(SensorStuck(), *drive, *rest, *drive, *rest)) == {"-"}
    assert "trip" in hear(SensorStuck(), *drive, *[{"vibration_g": 0.02, "speed_kmh": 90.0}] * 20)
    assert "trip" in hear(SensorStuck(), *drive, *[{"vibration_g": 0.31, "speed_kmh": 0.0}] * 20)


def test_only_what_the_device_declares_is_judged(hear) -> None:
    declared = SENSOR_BITS["humidity"] | SENSOR_BITS["vibration"]
    assert set(hear(SensorStuck(), *[{"temperature_c": 5.0, "sensors": declared}] * 200)) == {"-"}
    assert "trip" in hear(SensorStuck(), *[{"humidity_pct": 5.0, "sensors": declared}] * 200)


def test_two_sensors_of_a_device_are_one_episode(hear, batch) -> None:
    rule = SensorStuck()
    rng = random.Random(8)
    both = [{**r, "humidity_pct": round(80 + rng.random(), 2)} for r in cold_store(300)]
    frozen = [{**r, "humidity_pct": 81.0} for r in cold_store(20, 3)]
    said = hear(rule, *both, *frozen, *[{"temperature_c": 5.0, "humidity_pct": 81.0}] * 20)
    assert said[315:] == ["trip"] * 25
    assert rule.evidence(batch(), 0)["sensor"] == "humidity"  # the longer run
    assert hear(rule, {"temperature_c": 85.0, "humidity_pct": 81.0}, *[{"temperature_c": 85.0}] * 4)[-1] == "trip"
    assert rule.evidence(batch(), 0)["value"] == "85 °C"  # at a rail: surer than the other
    assert hear(rule, {"temperature_c": 5.1, "humidity_pct": 81.0}) == ["trip"]
    assert rule.evidence(batch(), 0)["value"] == "81 %"
    assert hear(rule, {"temperature_c": 5.2, "humidity_pct": 80.0}) == ["clear"]


def test_late_missing_and_not_finite_values_say_and_teach_nothing(hear) -> None:
    rule, undisturbed = SensorStuck(), SensorStuck()
    noise = [{"temperature_c": 5.0, "in_order": False}, {"temperature_c": math.nan}, {"temperature_c": math.inf}, {}]
    hear(rule, *[r for reading in cold_store(30) for r in (reading, *noise)])
    hear(undisturbed, *cold_store(30))
    assert str(rule.columns.row(0)) == str(undisturbed.columns.row(0))


# -- two forms of one detector --------------------------------------------------------------------------------

values = st.one_of(st.sampled_from([4.0, 4.0, 4.0, 4.1, math.nan, math.inf]), st.floats(-60, 60))
series = st.lists(
    st.one_of(st.tuples(values, st.booleans(), st.just(1)), st.tuples(values, st.just(False), st.integers(1, 90))),
    max_size=8,
).map(lambda runs: [(v, rest) for v, rest, n in runs for _ in range(n)])


@given(st.lists(series, min_size=1, max_size=4).filter(any), st.integers(0, 12), st.integers(0, 70))
def test_scoring_and_learning_by_column_is_scoring_and_learning_one_by_one(fleet, least, learn_max) -> None:
    rule = SensorStuck(Thresholds(least_repeats=least, learn_max=learn_max))
    rule.columns.ensure(len(fleet))
    singles = [StuckSensor(least, learn_max=learn_max) for _ in fleet]
    for turn in range(max(map(len, fleet))):
        rows = [r for r, one in enumerate(fleet) if turn < len(one) and math.isfinite(one[turn][0])]
        value, resting = (np.array([fleet[row][turn][i] for row in rows]) for i in (0, 1))
        at, value, resting = np.array(rows, np.intp), value.astype(np.float64), resting.astype(np.bool_)
        scores = rule.score_many("vibration", at, value, resting)
        rule.learn_many("vibration", at, value, resting)
        for i, row in enumerate(rows):
            x = {"value": fleet[row][turn][0], "resting": fleet[row][turn][1]}
            assert scores[i] == singles[row].score_one(x)
            singles[row].learn_one(x)


@given(series)
def test_a_score_is_a_probability_and_scoring_changes_nothing(one) -> None:
    detector = StuckSensor()
    for value, resting in one:
        x = {"value": value, "resting": resting}
        first = detector.score_one(x)
        assert 0.0 <= first <= 1.0
        assert detector.score_one(x) == first
        detector.learn_one(x)


# -- River's own checks -----------------------------------------------------------------------------------------


def stuck_day() -> list[tuple[dict[str, float], bool]]:
    """A seeded series with two spans in which it is stuck; River's checks need a few features, both labels."""
    rng, day, held = random.Random(7), [], 0.0
    for minute in range(400):
        stuck = 100 <= minute < 150 or 300 <= minute < 340
        held = held if stuck else round(rng.gauss(5.0, 0.5), 2)
        day.append(({"value": held, "resting": 0.0, "humidity_pct": 60.0}, stuck))
    return day


def river_checks() -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_yield_datasets", lambda _model, scale=1: iter([stuck_day() * scale]))
        model = StuckSensor()
        skips = {*model._unit_test_skips(), "check_roc_auc"}
        return [c for c in checks.yield_checks(model) if c.__name__ not in skips]


@pytest.mark.parametrize("check", river_checks(), ids=lambda check: check.__name__)
def test_it_is_a_river_estimator(check: Any) -> None:
    random.seed(5)
    check(StuckSensor().clone())


def test_stuck_values_outrank_the_rest() -> None:
    detector = StuckSensor(least_repeats=3, longest_times=0)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for x, stuck in stuck_day():
        scores[stuck].append(detector.score_one(x))
        detector.learn_one(x)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[True] for b in scores[False]]
    assert sum(pairs) / len(pairs) > 0.95  # the area under the ROC curve


def test_its_example_runs() -> None:
    assert doctest.testmod(sensor_stuck).attempted > 0
    assert doctest.testmod(sensor_stuck).failed == 0
