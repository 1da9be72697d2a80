"""A watched sensor's alert names axes without which it would not have been told, and says what was expected instead."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from contracts.sensors import SensorValue
from detectors.sensor_anomaly import SECOND_OPINION, SensorAnomaly
from detectors.sensor_axes import AXES
from detectors.sensor_watch import (
    AS_AT_THIS_HOUR,
    NOTHING_NEW,
    OTHERWISE,
    STAYED,
    STAYED_FOR_LONG,
    TOLD_BEFORE,
    UNUSUALLY,
    apart,
    called,
    closing,
    feature_of,
    is_back,
    opening,
    usual_now,
    why,
    words,
)

MINUTE_MS = 60_000
T0_MS = 1_700_006_400_000


def strange_minutes(
    detector: SensorAnomaly, values: Iterable[float], level: float
) -> Iterator[tuple[dict[str, Any], float]]:
    """The values that score this much after the first two hours, and their scores; the detector is as it was then."""
    for minute, value in enumerate(values):
        x = {"value": value, "time_ms": T0_MS + minute * MINUTE_MS}
        score = detector.score_one(x)
        if score >= level and minute > 120:
            yield x, score
        detector.learn_one(x)


def compressor(seed: int) -> Iterator[float]:
    """On and off, at 2 and at 30, and strange now and then."""
    rng, level = random.Random(seed), 2.0
    for _ in range(2_600):
        if rng.random() < 0.1:
            level = 32.0 - level
        strange = rng.uniform(-8.0, 8.0) if rng.random() < 0.02 else 0.0
        yield level + strange + rng.gauss(0, 1.5)


def square_wave(seed: int) -> Iterator[float]:
    """Four hours at -5, four at 20, and a stray value now and then."""
    rng = random.Random(seed)
    for minute in range(1_000):
        level = (20.0 if (minute // 240) % 2 else -5.0) + rng.gauss(0, 0.1)
        yield level + (rng.gauss(0, 20) if rng.random() < 0.003 else 0.0)


def expected(detector: SensorAnomaly, x: dict[str, Any]) -> dict[float, float]:
    """What could have been expected, this hour's mean first, and the score of each in the value's place."""
    return {
        value: detector.score_one({**x, "value": value}) for value in (detector.usual_at(x["time_ms"]), detector.last)
    }


def test_a_compressor_that_goes_on_and_off_is_told_with_what_was_expected_of_it(broken_promises) -> None:
    """The mean of the hour, unless that too would have been told; then the value before."""
    chosen = set()
    for seed in (1, 8):
        detector = SensorAnomaly(-40.0, 60.0)
        for x, score in strange_minutes(detector, compressor(seed), 0.5):
            assert broken_promises(why(detector, x["value"], x["time_ms"], 0.5), score) == []
            mean, before = scores = expected(detector, x)
            usual = usual_now(detector, x["time_ms"], 0.5)
            assert scores[usual] < 0.5
            assert usual == (mean if scores[mean] < 0.5 else before)
            chosen.add(usual == mean)
    assert chosen == {True, False}  # the control: neither would always do


def test_a_square_wave_is_told_by_its_last_three_values_where_no_value_in_place_of_the_last_would_do(
    broken_promises,
) -> None:
    """Of a sensor without a declared range. Either expected value is told more than the one there was, or as much."""
    detector, told = SensorAnomaly(), 0
    for x, score in strange_minutes(detector, square_wave(28), 0.7):
        asked = why(detector, x["value"], x["time_ms"], 0.7)
        assert broken_promises(asked, score) == []
        assert asked.x.keys() == {feature_of(axis) for axis in (*AXES, SECOND_OPINION)}
        assert all(asked.x[feature] == 0.0 for feature in asked.x.keys() - asked.usual.keys())
        scores = expected(detector, x)
        if min(scores.values()) >= 0.7:
            told += 1
            assert asked.evidence()["feature"] == "axis_usual_smoothed"
            assert scores[usual_now(detector, x["time_ms"], 0.7)] == min(scores.values())
    assert told > 0


def test_its_evidence_has_what_each_axis_adds_and_the_value_beside_what_was_expected() -> None:
    detector = SensorAnomaly(-40.0, 60.0)
    x, _ = next(strange_minutes(detector, compressor(1), 0.5))
    asked = why(detector, x["value"], x["time_ms"], 0.5)
    found = asked.reasons()
    named = asked.named(found)
    value = SensorValue(
        subject="box-1", sensor="temperature_c", time_ms=x["time_ms"], value=x["value"], low=-40.0, high=60.0,
        device_id="box-1", boot_id=1, seq=1,
    )  # fmt: skip
    said = words(value, 2.0, found, named)
    added = {axis: adds for axis, adds in detector.axes_of(x).items() if adds > 0.0}
    assert said["axes"] == ",".join(sorted(added, key=lambda axis: -added[axis]))
    assert said["features"] == ",".join(reason.feature for reason in named) != ""
    for axis, adds in added.items():
        assert (said[feature_of(axis)], said[f"usual_{feature_of(axis)}"]) == (round(adds, 4), 0.0)
    assert (said["temperature_c"], said["usual_temperature_c"]) == (round(x["value"], 3), 2.0)
    assert (said["told"], said["usual"]) == (f"{x['value']:.1f} °C", "2.0 °C")


def test_where_nothing_is_judged_nothing_is_named() -> None:
    asked = why(SensorAnomaly(0.0, 1.0), 0.5, T0_MS, 0.5)
    assert asked.evidence() == {"feature": "", "features": ""}


def test_an_episode_closes_as_before_or_as_usual_from_now_on_or_as_nothing_new() -> None:
    def said(value: float, stayed: float | None = None, usual: float = 4.0, strange: float = 12.0) -> object:
        return closing(value, stayed, usual, 8.0, strange)

    assert said(12.1, stayed=12.0) is STAYED
    assert said(5.0, stayed=5.2) is STAYED  # the outside air cools by evening, and is warmer than it was all the same
    assert said(4.2, stayed=12.0) is STAYED_FOR_LONG
    assert said(4.1, stayed=4.2) is None  # what came to stay is what it always was
    assert said(5.0) is None
    assert said(11.0) is NOTHING_NEW
    # What counts is what is usual by now, and not what was at the opening.
    assert said(12.0, usual=13.0, strange=20.0) is None
    assert said(12.0, usual=13.0) is AS_AT_THIS_HOUR, "it may have changed or not: what was told is usual by now"
    assert said(13.0, stayed=13.0, usual=13.0, strange=20.0) is None
    assert said(5.0, stayed=5.0, usual=-3.0) is STAYED
    assert said(5.0, usual=-3.0) is NOTHING_NEW


def test_a_value_is_back_that_is_nearer_to_the_usual_than_to_what_was_told() -> None:
    assert is_back(7.9, usual=4.0, off=8.0)
    assert not is_back(8.1, usual=4.0, off=8.0)
    assert is_back(-9.0, usual=4.0, off=8.0)
    assert not is_back(-9.0, usual=4.0, off=-8.0)
    assert is_back(40.0, usual=4.0, off=0.0)  # where nobody knows what was told


def test_a_strange_value_is_as_never_before_or_as_was_told_or_only_otherwise_than_usual() -> None:
    assert opening(told_before=False, been_there=False, not_alone=False) is None
    assert opening(told_before=False, been_there=True, not_alone=False) is OTHERWISE
    assert opening(told_before=True, been_there=False, not_alone=False) is TOLD_BEFORE
    assert opening(told_before=True, been_there=True, not_alone=True) is UNUSUALLY


def test_a_value_and_what_was_expected_do_not_read_alike() -> None:
    assert apart("temperature_c", 12.0, 4.0) == ("12.0 °C", "4.0 °C")
    assert apart("temperature_c", 9.72, 9.68) == ("9.72 °C", "9.68 °C")
    assert apart("wait_s", 600.2, 600.8) == ("10.00 min", "10.01 min")
    assert apart("wait_s", 5_400.0, 1_210.0) == ("90 min", "20 min")
    assert apart("crossing_s", 300.0, 95.0) == ("5 min", "95 s")
    assert apart("crossing_s", 181.0, 179.0) == ("181 s", "179 s")
    assert apart("crossing_s", 180.2, 179.8) == ("180.2 s", "179.8 s")
    assert apart("temperature_c", -0.04, 4.0) == ("0.0 °C", "4.0 °C")
    assert apart("temperature_c", 9.7, 9.7) == ("9.7000 °C", "9.7000 °C")  # there is no saying it


def test_a_series_is_called_by_its_device_or_by_its_bridge_with_the_words_of_each_language() -> None:
    box = {"what_en": "The temperature of PTNE-R00012", "what_es": "La temperatura de PTNE-R00012"}
    assert called("PTNE-R00012:temperature_c") == called("PTNE-R00012:temperature_c:2.0..8.0") == box
    assert called("WTB:northbound:standard:wait_s") == {
        "what_en": "The wait at WTB (northbound, standard lane)",
        "what_es": "La espera en WTB (hacia el norte, carril normal)",
    }
    assert called("COL:southbound:fast:crossing_s") == {
        "what_en": "The crossing of COL (southbound, FAST lane)",
        "what_es": "El cruce de COL (hacia el sur, carril FAST)",
    }
    assert called("WTB:None:other:wait_s")["what_en"] == "The wait at WTB (None, other lane)"
    assert called("wait_s:temperature_c")["what_en"] == "The temperature of wait_s"
