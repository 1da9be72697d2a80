"""Whatever is read and however the thresholds are set, what a rule names at an opening keeps its promises.

Each rule judges drawn readings (or windows, or a sensor's series) itself and is asked why at the one that opens: the
score that it names by must be the one that it told, and each feature as usual is put to it again.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.journeys import FEATURES
from detectors import catalog, sensor_watch, separation, signal_lost, unusual_journey
from detectors.device_batch import CLEAR, TRIP
from detectors.journey_norm import PLACE
from detectors.limits import limits_of

NAN = math.nan


def now_and_then(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


# What each rule is shown: few values, so that runs of one come up, and some that are drawn from all there are.
READINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "seal_breach": {
        "seal_state": now_and_then(None, "armed", "open", "removed", "tampered"),
        "seal_openings": now_and_then(NAN, 0.0, 1.0, 2.0, 7.0),
        "seal_may_open": st.booleans(),
    },
    "seal_mismatch": {"seal": now_and_then((1, "ESL1", None), (-1, " esl9 ", "1"), (0, None, None))},
    "route_deviation": {
        "off_route_m": st.floats(0, 1e6) | now_and_then(0.0, 900.0, 501.0),
        "accuracy_m": now_and_then(NAN, 5.0, 300.0),
        "half_width_m": st.just(500.0),
    },
    "unplanned_stop": {
        "lat_deg": now_and_then(28.0, 28.0, 28.0, 28.5),
        "lon_deg": st.just(-99.4),
        "speed_kmh": now_and_then(0.0, 0.0, NAN, 5.0, 60.0),
        "half_width_m": st.just(500.0),
    },
    "position_spoofing": {
        "lat_deg": now_and_then(28.0, 28.0, 28.005, 28.01, 40.0, -28.0, NAN),
        "lon_deg": st.just(-99.4),
        "speed_kmh": now_and_then(NAN, 5.0, 90.0),
        "accuracy_m": now_and_then(NAN, 8.0),
        "vibration_g": now_and_then(NAN, 0.3),
    },
    "temperature_excursion": {
        "temperature_c": st.floats(-60, 90) | now_and_then(5.0, 15.0, NAN),
        "min_temperature_c": st.just(2.0),
        "max_temperature_c": st.just(8.0),
    },
    "shock": {"shock_g": st.floats(-300, 300) | now_and_then(NAN, 0.1)},
    "sensor_stuck": {"temperature_c": now_and_then(5.0, 85.0, 85.0, 85.0), "humidity_pct": now_and_then(NAN, 40.0)},
    "battery_low": {"battery_pct": st.floats(0, 100) | now_and_then(3.0, 3.0, NAN)},
    "reading_gap": {"missing": now_and_then(-1, -1, 0, 1, 3, 200)},
}
STRETCHES = st.integers(1, 14)  # readings alike, one after the other


def thresholds_of(form: type) -> st.SearchStrategy[Any]:
    """Anything that an operator may set, mostly the defaults; what contradicts itself is left out."""
    limits = limits_of(form)

    def made(values: dict[str, float]) -> Any:
        try:
            found = form(**values)
        except ValueError:
            return form()
        return form() if hasattr(found, "fault") and found.fault() else found

    each = {
        name: st.just(limit.default)
        | (st.integers(int(limit.low), int(limit.high)) if limit.whole else st.floats(limit.low, limit.high))
        for name, limit in limits.items()
    }
    return st.just(form()) | st.fixed_dictionaries(each).map(made)


def stretches(rule: str) -> st.SearchStrategy[list[tuple[dict[str, Any], int]]]:
    return st.lists(st.tuples(st.fixed_dictionaries(READINGS[rule]), STRETCHES), min_size=1, max_size=6)


def plain(reading: dict[str, Any]) -> dict[str, Any]:
    """A drawn reading as columns."""
    if "seal" not in reading:
        return reading
    match, number, expected = reading["seal"]
    return {"seal_match": match, "seal_number": number, "seal_expected": expected}


def made(name: str, thresholds: Any) -> Any:
    given_ = {} if thresholds is None else {name: thresholds}
    return next(rule for rule in catalog.device_rules(given_) if rule.card.name == name)


@pytest.mark.parametrize("name", READINGS)
def test_every_device_rule_is_drawn_and_what_it_names_keeps_its_promises(batch, broken_promises, name: str) -> None:
    told = 0
    form = catalog.THRESHOLDS.get(name)

    @settings(max_examples=150)
    @given(thresholds_of(form) if form is not None else st.none(), stretches(name), st.integers(1, 400))
    def drawn(thresholds: Any, drive: list[tuple[dict[str, Any], int]], step_s: int) -> None:
        nonlocal told
        rule, on, time_ms = made(name, thresholds), False, 0
        rule.columns.ensure(1)
        for reading in (plain(reading) for reading, times in drive for _ in range(times)):
            time_ms += 1_000 * step_s
            one = batch(time_ms=time_ms, uptime_ms=time_ms, **reading)
            verdict = rule.judge(one)
            if verdict.level[0] == TRIP and not on:
                told += 1
                assert broken_promises(rule.why(one, 0), float(verdict.score[0])) == []
            on = (on or verdict.level[0] == TRIP) and verdict.level[0] != CLEAR

    drawn()
    assert told > 5


def test_all_rules_are_drawn() -> None:
    assert set(READINGS) == {rule.card.name for rule in catalog.device_rules()}
    others = {rule.CARD.name for rule in (signal_lost, separation, unusual_journey, sensor_watch)}
    assert READINGS.keys() | others == catalog.CARDS.keys()


@settings(max_examples=150)
@given(thresholds_of(signal_lost.Thresholds), st.floats(0.1, 86_400), st.integers(1, 10**9))
def test_a_silence_names_itself(
    broken_promises: Callable[..., list[str]], thresholds: Any, interval_s: float, silent_ms: int
) -> None:
    score = float(signal_lost.score(silent_ms, interval_s, thresholds))
    if score > 0.0:
        assert broken_promises(signal_lost.why(silent_ms / 1_000.0, interval_s, thresholds), score) == []


@settings(max_examples=150)
@given(thresholds_of(separation.Thresholds), st.floats(0, 1e7), st.floats(0, 1e5))
def test_a_parting_names_its_distance(
    broken_promises: Callable[..., list[str]], thresholds: Any, distance_m: float, doubt_m: float
) -> None:
    if distance_m - doubt_m > thresholds.apart_m:  # as ``verdicts`` has it
        score = separation.score(distance_m, thresholds)
        assert broken_promises(separation.why(distance_m, thresholds), score) == []


ZONES, PLACES = now_and_then("road", "town"), now_and_then("a", "b", "never seen")
WINDOWS = st.fixed_dictionaries({name: st.floats(-1e6, 1e6) | now_and_then(0.0, 95.0, NAN) for name in FEATURES})


def test_an_unusual_journey_keeps_its_promises(broken_promises: Callable[..., list[str]]) -> None:
    told = 0

    @settings(max_examples=150)
    @given(thresholds_of(unusual_journey.Thresholds), ZONES, WINDOWS, WINDOWS, PLACES, st.integers(0, 2**32))
    def drawn(thresholds: Any, zone: str, centre: Any, window: Any, place: str, seed: int) -> None:
        nonlocal told
        rng, model = random.Random(seed), unusual_journey.fresh(zone, thresholds)
        for _ in range(30):
            near = {name: value + rng.gauss(0, 3) for name, value in centre.items()}
            model.learn_one({**near, PLACE: rng.choice("ab")})
        mixed = {name: window[name] if rng.random() < 0.5 else centre[name] for name in FEATURES}
        x = {**mixed, PLACE: place}
        score = model.score_one(x)
        if score >= thresholds.open_score:
            told += 1
            assert broken_promises(unusual_journey.why(model, x, thresholds.open_score), score) == []

    drawn()
    assert told > 50


# What a sensor may do, by the minute and a source of noise; ``every`` is how long it does one thing.
SENSORS: dict[str, Callable[[int, int, random.Random], float]] = {
    "levels at random": lambda _, every, rng: rng.choice([-20.0, 4.0, 4.5 + every / 60]) + rng.gauss(0, 0.1),
    "a wave": lambda minute, every, rng: 10 + 20 * math.sin(minute / every) + rng.gauss(0, 0.3),
    "a square wave": lambda minute, every, rng: (20.0 if (minute // every) % 2 else -5.0) + rng.gauss(0, 0.2),
    "two levels without noise": lambda minute, every, _: 30.0 if (minute // every) % 2 else 2.0,
    "mostly low": lambda _, __, rng: -30.0 + 80.0 * rng.random() ** 8,
    "noise that grows": lambda minute, _, rng: rng.gauss(0, 0.5 if minute < 400 else 3.0),
}
LEVELS = (0.1, 0.5, 0.7, 0.99)  # that open


def test_a_watched_sensor_keeps_its_promises(broken_promises: Callable[..., list[str]]) -> None:
    told: Counter[float] = Counter()

    @settings(max_examples=60)
    @given(st.sampled_from(sorted(SENSORS)), st.integers(20, 300), st.booleans(), st.integers(0, 2**32))
    def drawn(kind: str, every: int, declared: bool, seed: int) -> None:
        rng, detector = random.Random(seed), sensor_watch.fresh(-30.0, 50.0, own_range=not declared)
        for minute in range(700):
            value = SENSORS[kind](minute, every, rng) + (rng.gauss(0, 20) if rng.random() < 0.01 else 0.0)
            x = {"value": value, "time_ms": minute * 60_000}
            score = detector.score_one(x)
            for level in (level for level in LEVELS if score >= level):
                told[level] += 1
                assert broken_promises(sensor_watch.why(detector, value, x["time_ms"], level), score) == []
            detector.learn_one(x)

    drawn()
    assert min(told[level] for level in LEVELS[:3]) > 50
    assert told[0.99] == 0  # so much is not to be had: six axes say 0.25 each at most, and 0.96 is all that makes
