"""Versions of the models: which there are, and that each does what it is offered for and its elder does not."""

from __future__ import annotations

import itertools
import random

import pytest

from detectors import catalog, model_versions
from detectors.journey_norm import PLACE, JourneyNorm
from detectors.model_versions import BY_NAME, OWN, ModelVersion
from detectors.sensor_anomaly import SensorAnomaly
from detectors.unusual_journey import Thresholds


def other_of(rule: str) -> ModelVersion:
    (other,) = (model for model in BY_NAME.values() if model.rule == rule and model is not OWN[rule])
    return other


def test_each_rule_that_learns_has_its_own_version_named_by_the_rules_and_another():
    assert set(OWN) == {"unusual_journey", "sensor_anomaly"}
    for rule, model in OWN.items():
        assert model.name == f"{rule}@{catalog.CARDS[rule].version}"
        assert other_of(rule).version.startswith(f"{model.version}-")
        assert model_versions.find(rule, model.version) is model


@pytest.mark.parametrize(
    ("rule", "version", "says"),
    [
        ("shock", "1", "shock is no rule whose model has versions"),
        ("unusual_journey", "2-swif", "did you mean 2-swift"),
        ("sensor_anomaly", "99", "there are 8, 8-own-range"),
    ],
)
def test_a_version_that_is_none_is_refused_by_name(rule: str, version: str, says: str):
    with pytest.raises(ValueError, match=says):
        model_versions.find(rule, version)


def windows_until_usual(model: JourneyNorm) -> int:
    """A road of 95 km/h is one of 60 from now on, a window a minute: after how many is that usual."""
    rng, minutes = random.Random(4), itertools.count()

    def learn(speed: float) -> float:
        x = {"speed_kmh": rng.gauss(speed, 4.0), "off_route_m": rng.uniform(2.0, 8.0), PLACE: "110,-399"}
        score = model.score_one(x)
        minute = next(minutes)
        model.learn_one(x, f"truck-{minute % 12}", minute * 60_000)
        return score

    usual = [learn(95.0) for _ in range(500)]
    assert max(usual[100:]) < 0.5  # neither tells of what is usual
    changed = [learn(60.0) for _ in range(3_000)]
    assert changed[0] >= 0.5  # and both of the change
    return next(n for n in range(len(changed)) if max(changed[n : n + 20]) < 0.5)


def test_the_swift_norm_takes_a_lasting_change_for_usual_in_a_third_of_the_windows():
    own, swift = (
        windows_until_usual(model.fresh("road", Thresholds()))
        for model in (OWN["unusual_journey"], other_of("unusual_journey"))
    )
    print(f"windows until usual: {own} and {swift}")
    assert 3 * swift < own


def highest(model: ModelVersion, jump: float) -> tuple[float, float]:
    """The highest score of a minute of a reefer's probe, declared for -200 to 850 °C: before it jumps, and after."""
    rng, detector = random.Random(5), model.fresh(-200.0, 850.0)
    assert isinstance(detector, SensorAnomaly)
    scores = []
    for minute in range(2_000):
        x = {"value": rng.gauss(4.0, 0.2) + (jump if minute >= 1_900 else 0.0), "time_ms": minute * 60_000}
        scores.append(detector.score_one(x))
        detector.learn_one(x)
    return max(scores[1_440:1_900]), max(scores[1_900:])


def test_a_range_found_out_hears_what_is_small_in_a_wide_declared_one():
    own, found_out = OWN["sensor_anomaly"], other_of("sensor_anomaly")
    before, after = highest(found_out, 3.0)
    print(f"found out: {before:.3f} and {after:.3f}; declared: {highest(own, 3.0)}")
    assert before < 0.7 < after
    assert highest(own, 3.0)[1] < after  # the control: in parts of the declared range three degrees are little
