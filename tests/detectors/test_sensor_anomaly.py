"""The general sensor detector: strange means never done before, on every series alike; nothing poisons it."""

from __future__ import annotations

import doctest
import math
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import checks

from detectors import sensor_anomaly
from detectors.scoring import factory
from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_axes import AXES

MINUTE_MS = 60_000
MIDNIGHT_MS = 1_700_006_400_000  # Wednesday, 15 November 2023, UTC
STATE_BYTES = 16_384


def x(value: Any, minute: float) -> dict[str, Any]:
    return {"value": value, "time_ms": int(MIDNIGHT_MS + minute * MINUTE_MS)}


def calm(count: int, scale: float = 1.0, seed: int = 3) -> list[float]:
    """A day's swing with noise, as of a temperature in °C; ``scale`` is another unit of it."""
    rng = random.Random(seed)
    return [scale * (20 + 3 * math.sin(2 * math.pi * m / 1440) + rng.gauss(0, 0.2)) for m in range(count)]


def run(detector: SensorAnomaly, values: list[Any], start: int = 0) -> list[float]:
    scores = []
    for minute, value in enumerate(values, start):
        scores.append(detector.score_one(x(value, minute)))
        detector.learn_one(x(value, minute))
    return scores


def ranged(scale: float = 1.0) -> SensorAnomaly:
    return SensorAnomaly(low=0.0, high=40.0 * scale)


@pytest.mark.parametrize("detector", [ranged(), SensorAnomaly()], ids=["range declared", "range unknown"])
def test_a_spike_after_calm_days_is_worth_an_alarm_and_the_calm_days_are_not(detector: SensorAnomaly) -> None:
    scores = run(detector, [*calm(6000), 33.0])
    assert scores[-1] > 0.8
    assert sum(s >= 0.5 for s in scores[3000:-1]) <= 3


@pytest.mark.parametrize("scale", [1000.0, 0.001])
@pytest.mark.parametrize("declared", [True, False])
def test_another_unit_changes_no_score(scale: float, declared: bool) -> None:
    one = run(ranged() if declared else SensorAnomaly(), [*calm(3000), 33.0])
    other = run(ranged(scale) if declared else SensorAnomaly(), [*calm(3000, scale), 33.0 * scale])
    assert one[-1] > 0.8
    # A value on the edge between two cells may fall into either.
    assert sum(abs(a - b) > 0.05 for a, b in zip(one, other, strict=True)) <= 3
    assert other[-1] == pytest.approx(one[-1], abs=0.02)


def test_a_level_that_is_usual_at_noon_is_strange_at_midnight() -> None:
    def week_day(minute: int) -> float:
        return 30.0 if 480 <= minute % 1440 < 1080 else 10.0

    rng = random.Random(5)
    minutes = range(15 * 1440)
    values = [week_day(m) + rng.gauss(0, 0.3) for m in minutes]
    night = 14 * 1440 + 120  # two o'clock, two weeks on
    values[night : night + 30] = [30.0 + rng.gauss(0, 0.3) for _ in range(30)]
    scores = run(ranged(), values)
    assert max(scores[night : night + 10]) > 0.7  # what opens in the line
    assert max(scores[13 * 1440 : night]) < 0.5


def test_what_was_just_told_is_not_told_again() -> None:
    scores = run(ranged(), [*calm(3000), *[33.0] * 50])
    assert scores[3000] > 0.8
    assert max(scores[3003:]) < 0.5


def test_an_anomalous_stretch_does_not_teach_that_it_is_normal() -> None:
    later = calm(6000, seed=4)
    once, twice = [*calm(3000), *[33.0] * 60, *later, 33.0], [*calm(3000), *calm(60, seed=9), *later, 33.0]
    again, first = run(ranged(), once)[-1], run(ranged(), twice)[-1]
    assert first > 0.8
    assert 0.5 < again < first


def test_a_stretch_that_lasts_is_the_new_normal() -> None:
    rng = random.Random(6)
    scores = run(ranged(), [*calm(3000), *[33.0 + rng.gauss(0, 0.2) for _ in range(2000)]])
    assert scores[3000] > 0.8
    assert max(scores[3600:]) < 0.5


def test_one_bad_value_spoils_nothing() -> None:
    good, spoilt = ranged(), ranged()
    run(good, calm(3000))
    values: list[float] = calm(3000)
    values[1500] = 1e300
    run(spoilt, values)
    after = [*calm(300, seed=8), 33.0]
    clean, dirty = run(good, after, 3000), run(spoilt, after, 3000)
    assert clean[-1] > 0.8
    assert dirty[-1] > 0.8
    assert sum(s >= 0.5 for s in dirty[:-1]) <= 1


BAD: list[Any] = [None, math.nan, math.inf, -math.inf, "33", [33.0], 10**400]


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_what_is_missing_scores_nothing_and_teaches_nothing(bad: Any) -> None:
    detector = ranged()
    run(detector, calm(500))
    before = pickle.dumps(detector)
    for row in ({"value": bad, "time_ms": 0}, {"value": 33.0, "time_ms": bad}, {"value": 33.0}, {"time_ms": 0}, {}):
        assert detector.score_one(row) == 0.0
        detector.learn_one(row)
    assert pickle.dumps(detector) == before


def test_scoring_changes_nothing() -> None:
    detector = ranged()
    run(detector, calm(500))
    before = pickle.dumps(detector)
    assert detector.score_one(x(33.0, 500)) == detector.score_one(x(33.0, 500)) > 0.5
    assert pickle.dumps(detector) == before


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("at", [50, 150, 2500])
def test_a_detector_restored_goes_on_as_if_nothing_had_been(declared: bool, at: int) -> None:
    values = [*calm(2600), 33.0, *calm(100)]
    through = ranged() if declared else SensorAnomaly()
    stopped = ranged() if declared else SensorAnomaly()
    expected = run(through, values)
    first = run(stopped, values[:at])
    restored = pickle.loads(pickle.dumps(stopped))
    assert first + run(restored, values[at:], at) == expected
    assert pickle.dumps(restored) == pickle.dumps(through)


def nasty(rng: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Values of every size, flat stretches, times that stand still, go back and jump."""
    minute = 0.0
    for i in range(count):
        kind = (i // 500) % 5
        value = [rng.gauss(20, 5), rng.gauss(0, 1) * 10 ** rng.uniform(-300, 300), 7.0, rng.choice(BAD), i * 0.01][kind]
        minute += rng.choice([0, 0, 1, 1, 1, 5, -300, 10_000])
        yield {"value": value, "time_ms": int(minute * MINUTE_MS)}


@pytest.mark.parametrize("detector", [ranged(), SensorAnomaly()], ids=["range declared", "range unknown"])
def test_its_state_stays_small_and_its_score_a_score_whatever_it_hears(detector: SensorAnomaly) -> None:
    seed = 12
    print(f"seed {seed}")
    for i, row in enumerate(nasty(random.Random(seed), 20_000)):
        assert 0.0 <= detector.score_one(row) < 1.0
        detector.learn_one(row)
        if i % 97 == 0:
            assert len(pickle.dumps(detector)) <= STATE_BYTES


def test_falling_strangeness_is_the_largest_state_and_still_small() -> None:
    detector = ranged()
    run(detector, calm(3000))
    largest = 0
    for i in range(200):  # every value a little less strange than the last: each has to be remembered
        detector.learn_one(x(39.0 - 0.05 * i, 3000 + i))
        largest = max(largest, len(pickle.dumps(detector)))
    assert largest <= STATE_BYTES


@pytest.mark.parametrize("steps", [[0], [-1], [1, -1], [10**12, -(10**12)]], ids=repr)
def test_times_that_stand_still_or_go_back_do_no_harm(steps: list[int]) -> None:
    detector, minute = ranged(), 0
    for i, value in enumerate(calm(3000)):
        detector.learn_one(x(value, minute))
        minute += steps[i % len(steps)]
    assert detector.score_one(x(33.0, minute)) > 0.8


@pytest.mark.parametrize("value", [0.0, 5.0, -1e308, 1e308, 5e-324])
@pytest.mark.parametrize("declared", [True, False])
def test_a_constant_series_is_silent_and_a_change_of_it_is_not(value: float, declared: bool) -> None:
    detector = SensorAnomaly(min(value, 0.0), max(value, 1.0)) if declared else SensorAnomaly()
    assert max(run(detector, [value] * 1000)) == 0.0
    assert detector.score_one(x(value / 2 if abs(value) > 1 else 1.0, 1000)) > 0.5


def test_huge_ranges_and_no_ranges_are_borne() -> None:
    assert max(run(SensorAnomaly(-1.7e308, 1.7e308), [*calm(500), 1.7e308])) > 0.5
    with pytest.raises(ValueError, match="finite and in order"):
        SensorAnomaly(2.0, 1.0)


def test_it_is_had_from_the_package_and_nothing_else_is() -> None:
    import detectors

    assert detectors.SensorAnomaly is SensorAnomaly
    with pytest.raises(AttributeError, match="no attribute 'Sensor'"):
        _ = detectors.Sensor


@pytest.mark.parametrize("end", [math.nan, math.inf, -math.inf, 10**400, True, "3"])
def test_an_end_of_a_range_that_is_no_finite_number_is_refused_at_once(end: Any) -> None:
    for ends in ({"low": end}, {"high": end}, {"low": end, "high": 1.0}, {"low": 0.0, "high": end}):
        with pytest.raises(ValueError, match="must be a finite number"):
            SensorAnomaly(**ends)


def grown(values: list[float], low: float | None = None) -> list[float]:
    """Scores without a declared range: a day of small numbers first, then ``values``."""
    small = [value / 100.0 for value in calm(1440)]
    return run(SensorAnomaly(low=low), [*small, *values])[1440:]


@pytest.mark.parametrize("low", [None, 0.0])
def test_a_range_found_out_too_small_grows_and_what_follows_is_judged_in_the_new_one(low: float | None) -> None:
    """Small numbers, then a hundred times as large for two weeks: a usual value is silent and a spike is not."""
    scores = grown([*calm(14 * 1440), 33.0], low)
    assert scores[-1] > 0.75
    assert sum(score >= 0.5 for score in scores[7 * 1440 : -1]) <= 3
    again = grown([*calm(14 * 1440), 20.5], low)
    assert again[-1] < 0.5


def test_a_dump_taken_after_a_range_has_grown_goes_on_as_if_nothing_had_been() -> None:
    values = [*[value / 100.0 for value in calm(300)], *calm(2000), 33.0, *calm(100, seed=4)]
    through, stopped, restored = SensorAnomaly(), SensorAnomaly(), SensorAnomaly()
    expected = run(through, values)
    first = run(stopped, values[:1500])
    restored.load(stopped.dump())
    assert first + run(restored, values[1500:], 1500) == expected
    assert restored.dump() == through.dump()


def test_a_dump_of_another_layout_is_refused() -> None:
    dumped = ranged().dump()
    with pytest.raises(ValueError, match="layout"):
        ranged().load([dumped[0] + 1, *dumped[1:]])
    with pytest.raises(ValueError, match="layout"):
        ranged().load(dumped[1:])


def test_a_sensor_that_has_become_noisy_is_told_by_its_steps() -> None:
    """Twelve times as noisy, and not once as far out as the day's swing has been."""
    rng, detector = random.Random(9), ranged()
    quiet = [20.0 + 3 * math.sin(2 * math.pi * m / 1440) + rng.gauss(0, 0.05) for m in range(3 * 1440)]
    run(detector, quiet)
    told: list[dict[str, float]] = []
    for minute in range(3 * 1440, 3 * 1440 + 30):
        row = x(20.0 + rng.gauss(0, 0.6), minute)
        if detector.score_one(row) >= 0.5:
            told.append(detector.axes_of(row))
        detector.learn_one(row)
    assert told
    assert max(axes["step"] for axes in told) > 0.0


@pytest.mark.parametrize("jump", [1.6, -1.6])
def test_a_jump_within_what_it_has_done_is_told_by_its_step_alone(jump: float) -> None:
    """A slow walk about 20: every level within 1 of it is usual at every hour, but none is reached in one minute."""
    rng, detector, level, minute = random.Random(9), ranged(), 20.0, 0
    while minute < 15 * 1440 or abs(level + jump / 2 - 20.0) > 0.1:
        level += 0.05 * (20.0 - level) + rng.gauss(0, 0.2)
        minute += 1
        detector.learn_one(x(level, minute))
    row = x(level + jump, minute + 1)
    assert {name for name, says in detector.axes_of(row).items() if says > 0.0} == {"step"}
    assert detector.score_one(row) > 0.5 > detector.score_one(x(level + jump / 100, minute + 1))


def test_one_end_declared_is_used() -> None:
    scores = run(SensorAnomaly(low=0.0), [*calm(3000), 33.0])
    assert scores[-1] > 0.8


def test_it_is_silent_for_its_first_hundred_values() -> None:
    rng = random.Random(2)
    assert max(run(ranged(), [rng.uniform(0, 40) for _ in range(100)])) == 0.0


def test_it_does_not_look_ahead_and_does_not_guess() -> None:
    values = calm(1500)
    assert run(ranged(), [*values, 33.0])[:1500] == run(ranged(), [*values, -5.0])[:1500]
    assert run(ranged(), values) == run(ranged(), values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=120, max_size=160), st.booleans())
def test_any_floats_give_scores(values: list[float], declared: bool) -> None:
    scores = run(ranged() if declared else SensorAnomaly(), values)
    assert all(0.0 <= s < 1.0 for s in scores)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([19.0, 20.0, 20.5, 21.0, 33.0, -7.0, 1e9, None]) | st.floats(), min_size=20, max_size=160),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_scoring_and_learning_at_once_is_both_in_turn_to_the_bit(values: list[Any], declared: bool, seed: int) -> None:
    at_once = ranged() if declared else SensorAnomaly()
    in_turn = ranged() if declared else SensorAnomaly()
    all_of_them = [*calm(300, seed=seed), *values]
    assert [at_once.score_then_learn(x(value, m)) for m, value in enumerate(all_of_them)] == run(in_turn, all_of_them)
    assert at_once.dump() == in_turn.dump()


class Measured(SensorAnomaly):
    """The control: every distance is worked out, of what is at home too."""

    def _at_home(self, place: tuple[float, ...]) -> bool:
        return False


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([18.0, 20.0, 20.5, 22.0, 26.0, 33.0, -7.0]), min_size=20, max_size=200),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_what_is_at_home_on_every_axis_is_judged_as_if_it_had_been_measured(
    values: list[float], declared: bool, seed: int
) -> None:
    ends = (0.0, 40.0) if declared else (None, None)
    short, measured = SensorAnomaly(*ends), Measured(*ends)
    rng = random.Random(seed)
    for minute, value in enumerate([*calm(400, seed=seed), *values, *values]):
        row, telling = x(value, minute), rng.random() < 0.1
        for again in (False, True):
            assert short.score_with(row, again=again) == measured.score_with(row, again=again)
        for detector in (short, measured):
            (detector.learn_alarm if telling else detector.learn_one)(row)
    assert short.dump() == measured.dump()


def test_the_factory_scores_then_learns() -> None:
    step, detector = factory(0.0, 40.0), ranged()
    values = [*calm(1500), 33.0]
    assert [step(x(v, m)["time_ms"], v) for m, v in enumerate(values)] == run(detector, values)


# -- River's own checks -----------------------------------------------------------------------------------------


def spiked_days() -> list[tuple[dict[str, float], bool]]:
    """A seeded series with an odd value now and then; River's checks need both labels."""
    rng, days = random.Random(7), []
    for minute in range(600):
        odd = minute > 150 and minute % 120 == 77
        days.append((x(rng.gauss(5.0, 0.5) + (rng.choice([-30, 30]) if odd else 0.0), minute), odd))
    return days


def river_checks() -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_yield_datasets", lambda _model, scale=1: iter([spiked_days() * scale]))
        model = SensorAnomaly()
        skips = {*model._unit_test_skips(), "check_roc_auc"}  # needs scikit-learn; held by the next test
        return [c for c in checks.yield_checks(model) if c.__name__ not in skips]


@pytest.mark.parametrize("check", river_checks(), ids=lambda check: check.__name__)
def test_it_is_a_river_estimator(check: Any) -> None:
    random.seed(5)
    check(SensorAnomaly().clone())


def test_odd_values_outrank_the_rest() -> None:
    detector = SensorAnomaly()
    scores: dict[bool, list[float]] = {True: [], False: []}
    for row, odd in spiked_days():
        scores[odd].append(detector.score_one(row))
        detector.learn_one(row)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[True] for b in scores[False]]
    assert sum(pairs) / len(pairs) > 0.95  # the area under the ROC curve


def test_its_example_runs() -> None:
    outcome = doctest.testmod(sensor_anomaly)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize(
    ("low", "high", "level", "spread"),
    [
        (10.0, None, 4.0, 0.0), (None, -5.0, 4.0, 1.0), (0.0, None, -5.0, 1.0), (None, None, 0.0, 1.5e308),
        (None, None, 8.5e307, 8.5e307), (None, 0.0, 1e300, 1e299), (-1.7e308, None, 1.0, 1.0),
    ],
)  # fmt: skip
def test_a_range_of_one_end_or_none_bears_whatever_comes_and_its_state_stays_small(
    low: float | None, high: float | None, level: float, spread: float
) -> None:
    rng = random.Random(4)
    detector = SensorAnomaly(low, high)
    largest = 0
    for minute in range(700):
        at = x(level + spread * rng.uniform(-1.0, 1.0), minute)
        assert 0.0 <= detector.score_one(at) <= 1.0
        detector.learn_one(at)
        largest = max(largest, len(pickle.dumps(detector)))
    assert detector.heard == 700
    assert largest <= STATE_BYTES


@pytest.mark.parametrize("time_ms", [1.7e308, 10**300, -(2**63), True, None, "now"])
def test_what_no_clock_tells_is_no_time(time_ms: Any) -> None:
    detector = SensorAnomaly()
    for _ in range(150):
        assert detector.score_one({"value": 1.0, "time_ms": time_ms}) == 0.0
        detector.learn_one({"value": 1.0, "time_ms": time_ms})
    assert detector.heard == 0
    assert len(pickle.dumps(detector)) <= STATE_BYTES


def test_a_truth_value_is_no_number() -> None:
    detector = ranged()
    run(detector, [True] * 150)
    assert detector.heard == 0


def wave(count: int) -> list[float]:
    rng = random.Random(3)
    return [20.0 + 12.0 * math.sin(2 * math.pi * minute / 60) + rng.gauss(0, 0.4) for minute in range(count)]


class Alone(SensorAnomaly):
    """The control: a detector without the second opinion."""

    shape = replace(SensorAnomaly.shape, unseen_shape=0.0)


def test_a_stretch_of_unseen_shape_makes_what_is_strange_in_it_stranger_and_tells_nothing_by_itself() -> None:
    stopped = [*wave(3000), *[25.0] * 30, 35.0]
    with_opinion, alone = ranged(), Alone(low=0.0, high=40.0)
    both, one = run(with_opinion, stopped), run(alone, stopped)
    told = with_opinion.shape.unseen_shape
    assert told / (told + with_opinion.shape.usual_alarm) < 0.5
    assert both[-1] > one[-1] > 0.5
    assert max(both[3001:-1]) < 0.5
    assert sum(score >= 0.5 for score in both[1000:3000]) == sum(score >= 0.5 for score in one[1000:3000])


def test_the_second_opinion_is_named_beside_the_axes() -> None:
    detector = ranged()
    run(detector, [*wave(3000), *[30.0] * 20])
    said = detector.axes_of(x(30.0, 3020))[sensor_anomaly.SECOND_OPINION]
    assert 0.0 < said <= detector.shape.unseen_shape
    alone = Alone(low=0.0, high=40.0)
    run(alone, [*wave(3000), *[30.0] * 20])
    assert alone.axes_of(x(30.0, 3020))[sensor_anomaly.SECOND_OPINION] == 0.0


def test_what_is_told_with_the_second_opinions_help_is_not_told_without_it() -> None:
    stopped = [*wave(3000), *[30.0] * 4]
    helped, alone = ranged(), Alone(low=0.0, high=40.0)
    run(helped, stopped)
    run(alone, stopped)
    slightly = x(33.7, 3004)
    without = helped.score_with(slightly, {sensor_anomaly.SECOND_OPINION})
    assert alone.score_one(slightly) == without < 0.5 < helped.score_one(slightly)


def test_shapes_begin_anew_when_the_range_has_grown() -> None:
    """What was learnt in other parts of the range is no shape of this one: as silent as in the first 312 values."""
    hotter = [value + 60.0 for value in wave(160)]  # soon the range is doubled
    values = [*wave(1500), *hotter, *[50.0] * 60]
    growing, wide = SensorAnomaly(), SensorAnomaly(low=0.0, high=100.0)
    said: dict[SensorAnomaly, list[float]] = {growing: [], wide: []}
    for minute, value in enumerate(values):
        for detector, opinions in said.items():
            opinions.append(detector.axes_of(x(value, minute))[sensor_anomaly.SECOND_OPINION])
            detector.learn_one(x(value, minute))
    assert max(said[growing][1500:1512]) > 0.0
    assert max(said[growing][1520:]) == 0.0
    assert max(said[wide][1660:]) > 0.04  # the control: in a range that was wide enough a wave that stops is unseen


@pytest.mark.parametrize("level", [33.0, 34.0, -5.0])
def test_an_axis_as_usual_takes_what_it_adds_from_the_score_and_with_all_of_them_nothing_is_told(level: float) -> None:
    detector = ranged()
    run(detector, [*wave(3000), *[25.0] * 5])
    row = x(level, 3005)
    added, score = detector.axes_of(row), detector.score_one(row)
    assert score == detector.score_with(row) > 0.0
    for axis, adds in added.items():
        fallen = detector.score_with(row, {axis})
        assert fallen < score if adds > 0.0 else fallen == score
        told, before = (one / (1.0 - one) for one in (fallen, score))  # score is told / (told + a constant)
        share = 1.0 - adds / sum(added.values())
        assert fallen == 0.0 or told / before == pytest.approx(share)
    assert detector.score_with(row, added) == 0.0


def test_no_score_rises_with_one_more_axis_as_usual() -> None:
    rng, detector = random.Random(6), ranged()
    run(detector, [*wave(3000), *[25.0] * 5])
    axes = [*AXES, sensor_anomaly.SECOND_OPINION]
    for _ in range(200):
        row = x(rng.uniform(-20.0, 60.0), 3005)
        scores = [detector.score_with(row, axes[:count]) for count in range(len(axes) + 1)]
        assert scores == sorted(scores, reverse=True)
        assert scores[-1] == 0.0
        rng.shuffle(axes)


def days_of(detector: SensorAnomaly, alarms: bool, minutes: int = 180, visits: int = 4) -> list[float]:
    """The best score of each of some visits at 20 °C of a reefer at 4 °C, a day apart, learnt as alarms or not."""
    rng, best, minute = random.Random(8), [], 0

    def hear(value: float, learn: Callable[[dict[str, Any]], None]) -> float:
        nonlocal minute
        score = detector.score_one(x(value, minute))
        learn(x(value, minute))
        minute += 1
        return score

    for _ in range(2 * 1_440):
        hear(rng.gauss(4.0, 0.3), detector.learn_one)
    for _ in range(visits):
        learn = detector.learn_alarm if alarms else detector.learn_one
        best.append(max(hear(rng.gauss(20.0, 0.3), learn) for _ in range(minutes)))
        for _ in range(1_440 - minutes):
            hear(rng.gauss(4.0, 0.3), detector.learn_one)
    return best


def test_what_somebody_is_told_of_never_becomes_normal_and_else_twice_is_told_and_then_it_is_a_habit() -> None:
    assert min(days_of(SensorAnomaly(-30.0, 50.0), alarms=True)) >= 0.7
    first, second, _, fourth = days_of(SensorAnomaly(-30.0, 50.0), alarms=False)
    assert min(first, second) >= 0.7
    assert fourth < 0.5


def test_a_stretch_is_told_at_its_fifth_value_where_a_wild_one_came_just_before_it_and_a_shorter_is_not() -> None:
    for long, told in ((4, False), (5, True)):
        rng, detector, scores = random.Random(4), SensorAnomaly(-30.0, 50.0), []
        values = [rng.gauss(4.0, 0.3) for _ in range(1_440)]
        values += [44.5, *(rng.gauss(4.0, 0.3) for _ in range(20)), *(rng.gauss(20.0, 0.3) for _ in range(long))]
        for minute, value in enumerate(values):
            scores.append(detector.score_one(x(value, minute)))
            detector.learn_one(x(value, minute))
        assert (max(scores[-long:]) >= 0.7) is told
        assert max(scores[-long - 20 : -long]) < 0.5


@pytest.mark.parametrize("wild", [12.0, 20.0, 85.0, -40.0])
@pytest.mark.parametrize("before", [10, 60, 90, 1_440])
@pytest.mark.parametrize("level", [8.0, 12.0, 16.0])
def test_one_wild_value_of_any_size_hides_no_stretch_that_follows_it(wild: float, before: int, level: float) -> None:
    """It is told to the end as anything is, and what is usual afterwards is what was before."""
    rng, detector, scores = random.Random(9), SensorAnomaly(-30.0, 50.0), []
    for minute in range(3 * 1_440):
        value = x(wild if minute == 3 * 1_440 - before else rng.gauss(4.0, 0.3), minute)
        detector.learn_one(value)
    for minute in range(3 * 1_440, 3 * 1_440 + 180):
        value = x(rng.gauss(level, 0.3), minute)
        scores.append(detector.score_one(value))
        told = max(scores) >= 0.7 and detector.unfamiliar_one(value) >= 0.7
        (detector.learn_alarm if told else detector.learn_one)(value)
    assert max(scores[:5]) >= 0.7
    assert abs(detector.usual_at(60_000 * (3 * 1_440 + 180)) - 4.0) < 1.0


def test_a_stretch_that_nobody_is_told_of_moves_nothing_for_longer_than_it_lasts() -> None:
    rng, detector, day = random.Random(9), SensorAnomaly(-30.0, 50.0), 1_440
    levels = [4.0] * 7 * day + [12.0] * 180 + [4.0] * (day - 180) + [12.0] * 10
    scores = run(detector, [rng.gauss(level, 0.3) for level in levels])
    assert abs(detector.usual_at(int(MIDNIGHT_MS)) - 4.0) < 0.5
    assert max(scores[7 * day + 185 : 8 * day]) < 0.5  # its end may be told, and is over
    assert max(scores[8 * day :]) >= 0.7


@pytest.mark.parametrize("wrong_h", [None, -9.0, 24.0, -1_000_000.0])
@pytest.mark.parametrize("at", [0, 3, 120])
def test_one_wrong_time_makes_no_new_normal_of_a_stretch(wrong_h: float | None, at: int) -> None:
    rng, detector, day = random.Random(9), SensorAnomaly(-30.0, 50.0), 1_440
    for minute in range(3 * day):
        detector.learn_one(x(rng.gauss(4.0, 0.3), minute))
    for minute in range(3 * day, 3 * day + 180):
        value = x(rng.gauss(20.0, 0.3), minute)
        if wrong_h is not None and minute == 3 * day + at:
            value["time_ms"] += int(wrong_h * 3_600_000)
        detector.learn_one(value)
    assert detector.unfamiliar_one(x(20.0, 3 * day + 180)) >= 0.7
    assert abs(detector.usual_at(int(MIDNIGHT_MS + 60 * MINUTE_MS)) - 4.0) < 1.0


def test_eight_hours_of_a_level_make_it_the_new_normal_and_seven_do_not() -> None:
    for hours, usual in ((7, False), (9, True)):
        rng, detector = random.Random(9), SensorAnomaly(-30.0, 50.0)
        run(detector, [rng.gauss(level, 0.3) for level in [4.0] * 3 * 1_440 + [20.0] * hours * 60])
        assert (detector.unfamiliar_one(x(20.0, 3 * 1_440 + hours * 60)) < 0.5) is usual


@pytest.mark.parametrize("warmer_c", [10.0, 25.0])
@pytest.mark.parametrize(
    "usual",
    [
        pytest.param(lambda minute: 2.5 if minute // 17 % 2 else 5.5, id="compressor"),
        pytest.param(lambda minute: 15.0 - 6.0 * math.cos(2.0 * math.pi * minute / 1_440), id="outside air"),
    ],
)
def test_what_is_told_for_certain_teaches_nothing_where_nobody_says_that_it_was_told(
    usual: Callable[[int], float], warmer_c: float
) -> None:
    """Three hours at mid-morning, nearer to what was before than what is not learnt for that alone."""
    rng, detector, begins = random.Random(3), SensorAnomaly(-30.0, 50.0), 8 * 1_440 + 600
    levels = [usual(minute) + (warmer_c if minute >= begins else 0.0) for minute in range(begins + 180)]
    scores = run(detector, [rng.gauss(level, 0.2) for level in levels])
    assert max(scores[begins : begins + 5]) >= 0.88
    at = begins + 179
    assert abs(detector.usual_at(int(MIDNIGHT_MS + at * MINUTE_MS)) - usual(at)) < warmer_c / 4
    assert not detector.familiar_one(x(levels[at], at + 1), 0.5)


def test_a_habit_that_is_told_for_certain_keeps_nothing_that_follows_from_being_learnt() -> None:
    """Far beyond the range a third visit still says 0.89; what is usual afterwards teaches all the same."""
    rng, detector, day = random.Random(4), SensorAnomaly(-30.0, 50.0), 1_440
    visit = [70.0] * 180 + [4.0] * (day - 180)
    levels = [4.0] * 14 * day + visit * 2 + [70.0] * 180 + [4.8] * 120
    scores = run(detector, [rng.gauss(level, 0.3) for level in levels])
    assert max(scores[-300:-120]) >= 0.88
    assert abs(detector.usual_at(int(MIDNIGHT_MS + (len(levels) - 1) * MINUTE_MS)) - 4.8) < 0.3


def test_once_a_level_is_the_new_normal_what_is_far_from_it_is_strange_and_does_not_teach() -> None:
    rng, detector, day = random.Random(5), SensorAnomaly(-30.0, 50.0), 1_440
    levels = [4.0] * 3 * day + [14.0] * 3 * day + ([30.0] * 60 + [14.0] * (day - 60)) * 2
    scores = run(detector, [rng.gauss(level, 0.3) for level in levels])
    assert max(scores[4 * day : 6 * day]) < 0.5
    assert max(scores[6 * day : 6 * day + 60]) >= 0.7
    assert max(scores[7 * day : 7 * day + 60]) >= 0.7
    assert abs(detector.usual_at(int(MIDNIGHT_MS + (6 * day + 30) * MINUTE_MS)) - 14.0) < 1.0


def test_soon_after_a_stretch_another_is_taken_for_its_end_and_later_it_is_told() -> None:
    for gap, told in ((20, False), (45, True)):
        rng, detector, scores = random.Random(4), SensorAnomaly(-30.0, 50.0), []
        levels = [4.0] * 1_440 + [44.0] * 10 + [4.0] * gap + [20.0] * 15
        for minute, level in enumerate(levels):
            each = x(rng.gauss(level, 0.3), minute)
            scores.append(detector.score_one(each))
            detector.learn_one(each)
        assert (max(scores[-15:]) >= 0.7) is told
