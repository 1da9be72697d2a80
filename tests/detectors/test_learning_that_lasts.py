"""What every estimator owes: a bad value poisons nothing, an anomalous stretch is not learnt, restarts change nothing.

``JourneyNorm`` has the same in ``test_unusual_journey``, where windows are drawn.
"""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from river.base import AnomalyDetector

from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_stuck import StuckSensor
from detectors.temperature_excursion import TemperatureExcursion

USUAL = 400
WILD = [math.nan, math.inf, -math.inf, 1e300, -1e300, 1.7e308, 1e6, -1e6, 85.0, 18.0, 15.0, True, None, "4.0"]


@dataclass(frozen=True)
class Case:
    """An estimator, a usual stretch of its values, an anomalous one, and where its score says so.

    ``settled``: values after which what is usual is told no more, also where the first ones were bad.
    """

    make: Callable[[], AnomalyDetector]
    x: Callable[[float, int], dict[str, Any]]
    strange: list[float]
    alarm: float
    quiet: float
    settled: int

    def usual(self, n: int, seed: int) -> list[float]:
        rng = random.Random(seed)
        return [round(rng.gauss(5.0, 0.2), 2) for _ in range(n)]

    def hear(self, detector: AnomalyDetector, values: list[Any], at: int) -> list[float]:
        """Score, then learn each; values are a minute apart, from minute ``at`` on."""
        scores = []
        for n, value in enumerate(values):
            x = self.x(value, at + n)
            scores.append(detector.score_one(x))
            detector.learn_one(x)
        return scores


CASES = {
    "temperature_excursion": Case(
        TemperatureExcursion,
        lambda value, _: {"temperature_c": value, "low_c": 2.0, "high_c": 8.0},
        [12.0 + 0.1 * (n % 3) for n in range(20)], 0.99, 0.2, 3,
    ),
    "sensor_stuck": Case(
        StuckSensor, lambda value, _: {"value": value}, [5.03] * 80, 1.0 - 1e-6, 1.0 - 1e-6, 3,
    ),
    "sensor_anomaly": Case(
        lambda: SensorAnomaly(low=-30.0, high=30.0),
        lambda value, n: {"value": value, "time_ms": 60_000 * n},
        [11.0 + 0.1 * (n % 3) for n in range(20)], 0.5, 0.5, 204,
    ),
    "sensor_anomaly of no declared range": Case(
        SensorAnomaly,
        lambda value, n: {"value": value, "time_ms": 60_000 * n},
        [11.0 + 0.1 * (n % 3) for n in range(20)], 0.5, 0.5, 204,
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@EVERY
def test_the_control_a_strange_stretch_is_told_and_a_usual_one_is_not(case: Case) -> None:
    detector = case.make()
    scores = case.hear(detector, case.usual(USUAL, 1), 0)
    assert max(scores[case.settled :]) <= case.quiet
    assert max(case.hear(detector, case.strange, USUAL)) >= case.alarm


@EVERY
@pytest.mark.parametrize("wild", WILD, ids=repr)
@pytest.mark.parametrize("at", [0, 1, 2, 50, 200, USUAL - 60, USUAL - 20, USUAL - 5])
def test_one_bad_value_poisons_nothing(case: Case, wild: Any, at: int) -> None:
    """Wherever it comes: what is usual is told no more than without it, and what is strange is told all the same."""
    values: list[Any] = case.usual(USUAL, 1)
    values.insert(at, wild)
    detector = case.make()
    scores = case.hear(detector, values, 0)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert max(scores[max(case.settled, at + 3) :], default=0.0) <= case.quiet
    assert max(case.hear(detector, case.strange, USUAL + 1)) >= case.alarm


@EVERY
def test_an_anomalous_stretch_does_not_teach_that_it_is_normal(case: Case) -> None:
    """What was told is told again when it comes back a day later, and what is usual is as usual as before."""
    detector, day = case.make(), 1_440
    case.hear(detector, case.usual(2 * day, 2), 0)
    assert max(case.hear(detector, case.strange, 2 * day)) >= case.alarm
    between = case.hear(detector, case.usual(day, 3), 2 * day + 200)
    assert max(between[10:]) <= case.quiet
    assert max(case.hear(detector, case.strange, 3 * day + 300)) >= case.alarm


WEEK = 7 * 1_440


@pytest.mark.parametrize("again_after", [1_440, WEEK])
@pytest.mark.parametrize("minutes", [30, 60, 90])
def test_a_stretch_of_an_hour_is_as_strange_when_it_comes_back_and_what_is_usual_at_that_hour_stays(
    minutes: int, again_after: int
) -> None:
    """A reefer at 4 °C is at 20 °C for a while, and again at the same hour of the next day or of the next week."""
    rng, detector, begins = random.Random(minutes), SensorAnomaly(-30.0, 50.0), WEEK + 600
    monday_ms = 1_699_833_600_000
    told, false = {0: 0.0, 1: 0.0}, 0
    for minute in range(begins + again_after + minutes + 60):
        spell = next((n for n in (0, 1) if 0 <= minute - begins - n * again_after < minutes), None)
        value = rng.gauss(4.0 if spell is None else 20.0, 0.3)
        x = {"value": value, "time_ms": monday_ms + minute * 60_000}
        score = detector.score_one(x)
        if spell is not None:
            told[spell] = max(told[spell], score)
        elif minute > WEEK:
            false += score >= 0.7
            if minute < begins + again_after:
                assert abs(detector.usual_at(x["time_ms"]) - 4.0) < 1.0
        detector.learn_one(x)
    assert min(told.values()) >= 0.7
    assert false == 0


@EVERY
@pytest.mark.parametrize("at", [0, 1, 99, 101, 250, USUAL + 5])
def test_scores_after_a_restart_equal_an_undisturbed_runs(case: Case, at: int) -> None:
    values = case.usual(USUAL, 4) + case.strange + case.usual(50, 5)
    undisturbed = case.hear(case.make(), values, 0)
    detector = case.make()
    before = case.hear(detector, values[:at], 0)
    restored = pickle.loads(pickle.dumps(detector))
    assert before + case.hear(restored, values[at:], at) == undisturbed
