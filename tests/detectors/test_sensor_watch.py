"""What a watched sensor's alert names lowers its score, also where a sensor goes to and fro, never at its mean."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from detectors.explanation import Why
from detectors.sensor_anomaly import SensorAnomaly
from detectors.sensor_watch import why, words

MINUTE_MS = 60_000
T0_MS = 1_700_006_400_000


def strange_minutes(seed: int) -> Iterator[tuple[SensorAnomaly, dict[str, Any], float]]:
    """A compressor that goes on and off, and is strange now and then: the detector, the value and its score then."""
    rng = random.Random(seed)
    detector, level = SensorAnomaly(-40.0, 60.0), 2.0
    for minute in range(2_600):
        if rng.random() < 0.1:
            level = 32.0 - level
        strange = rng.uniform(-8.0, 8.0) if rng.random() < 0.02 else 0.0
        x = {"value": level + strange + rng.gauss(0, 1.5), "time_ms": T0_MS + minute * MINUTE_MS}
        score = detector.score_one(x)
        if score >= 0.5 and minute > 120:
            yield detector, x, score
        detector.learn_one(x)


def said(told_by: Why, axes: dict[str, float]) -> dict[str, float | str]:
    found = told_by.reasons()
    return words("box-1", found, told_by.named(found), axes)


def test_a_compressor_that_goes_on_and_off_is_explained_by_what_lowers_the_score() -> None:
    told = mean_would_not = 0
    for detector, x, score in strange_minutes(1):
        told += 1
        mean_would_not += detector.score_one({**x, "value": detector.usual_at(x["time_ms"])}) >= score
        told_by = why(detector, "temperature_c", x["value"], x["time_ms"], 0.5)
        usual = told_by.usual["temperature_c"]
        assert detector.score_one({**x, "value": usual}) == told_by.score(temperature_c=usual) < 0.5 <= score
        assert said(told_by, detector.axes_of(x))["features"] == "temperature_c"
    assert told >= 3
    assert mean_would_not >= 1  # the control: what is usual at this hour alone would have named what changes nothing


def test_where_nothing_lowers_the_score_nothing_is_named() -> None:
    detector = SensorAnomaly(0.0, 1.0)
    told_by = why(detector, "temperature_c", 0.5, T0_MS, 0.5)
    assert said(told_by, detector.axes_of({"value": 0.5, "time_ms": T0_MS}))["features"] == ""
