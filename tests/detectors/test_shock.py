"""The shock rule tells of a blow, not of a road, and of one in a dead zone too."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from detectors.shock import CARD, Shock, Thresholds

CALM, BLOW = {"shock_g": 0.3}, {"shock_g": 6.5}
AT_ONCE = Thresholds(calm_s=0.0)  # the next calm reading closes


def minutes(*readings: dict[str, Any]) -> list[dict[str, Any]]:
    """One reading a minute."""
    return [{"time_ms": 60_000 * n, **reading} for n, reading in enumerate(readings)]


def test_a_blow_opens_at_once_and_five_calm_minutes_close(hear) -> None:
    assert hear(Shock(), *minutes(CALM, BLOW, *[CALM] * 6)) == ["-", "trip", "-", "-", "-", "-", "clear", "-"]


def test_blow_after_blow_is_one_episode(hear) -> None:
    said = hear(Shock(), *minutes(BLOW, BLOW, {}, CALM, BLOW, *[CALM] * 5))
    assert said == ["trip", "trip", "-", "-", "trip", "-", "-", "-", "-", "clear"]


def test_without_that_patience_each_blow_would_be_an_alert_of_its_own(hear) -> None:
    said = hear(Shock(AT_ONCE), *minutes(BLOW, CALM, BLOW, CALM, BLOW))
    assert said == ["trip", "clear", "trip", "clear", "trip"]


def test_when_it_closes_it_says_for_how_long_it_was_calm(hear, batch) -> None:
    rule = Shock()
    assert hear(rule, *minutes(BLOW, *[CALM] * 5))[-1] == "clear"
    assert rule.evidence(batch(**minutes(CALM)[0] | {"time_ms": 300_000}), 0)["calm_min"] == 5.0


@pytest.mark.parametrize("sign", [1, -1])
def test_either_sign_is_a_blow(hear, sign: int) -> None:
    assert hear(Shock(AT_ONCE), {"shock_g": 3.5 * sign}, {"shock_g": 3.49 * sign}) == ["trip", "clear"]


def test_a_rough_road_is_none(hear) -> None:
    rng = random.Random(3)
    assert set(hear(Shock(), *[{"shock_g": abs(rng.gauss(0.4, 0.5))} for _ in range(2_000)])) == {"-"}


def test_a_late_blow_opens_and_a_late_calm_closes_nothing(hear) -> None:
    late = {"in_order": False}
    assert hear(Shock(AT_ONCE), CALM, {**BLOW, **late}, {**CALM, **late}, CALM) == ["-", "trip", "-", "clear"]


def test_a_device_that_guards_nothing_may_be_thrown_about(hear) -> None:
    assert hear(Shock(), {**BLOW, "guarded": False}, CALM) == ["-", "-"]


def test_missing_and_not_finite_values_say_nothing(hear) -> None:
    assert set(hear(Shock(), {}, {"shock_g": math.nan}, {"shock_g": math.inf}, {"shock_g": -math.inf})) == {"-"}


def test_the_score_is_a_half_at_the_threshold_and_1_at_twice_as_much(batch) -> None:
    rule = Shock(Thresholds(threshold_g=3.0))
    rule.columns.ensure(4)
    assert rule.judge(batch(4, shock_g=[2.9, 3.0, -6.0, 60.0])).score.tolist() == [0.0, 0.5, 1.0, 1.0]


RAIL = {"shock_g": 16.0}


@pytest.mark.parametrize("readings", [1, 4])
def test_a_blow_beyond_the_sensors_range_is_told_with_the_reading_after_it(readings: int, hear, batch) -> None:
    rule = Shock()
    assert hear(rule, *minutes(CALM, *[RAIL] * readings, CALM)) == ["-"] * (readings + 1) + ["trip"]
    after = batch(**CALM, time_ms=60_000 * (readings + 1))
    assert (rule.evidence(after, 0)["shock_g"], rule.evidence(after, 0)["calm_min"]) == (16.0, float(readings))


@pytest.mark.parametrize("rail_g", [16.0, -16.0, 200.0])
def test_a_sensor_that_stays_at_its_rail_is_stuck_and_took_no_blow(rail_g: float, hear) -> None:
    assert set(hear(Shock(), *minutes(CALM, *[{"shock_g": rail_g}] * 40, CALM, CALM))) == {"-"}
    assert "trip" in hear(Shock(), *minutes(CALM, *[{"shock_g": rail_g - 0.1}] * 40, CALM, CALM))


def test_a_blow_within_its_range_is_told_at_once_and_so_is_one_that_follows_the_rail(hear) -> None:
    assert hear(Shock(), *minutes(CALM, {"shock_g": 15.99}, CALM)) == ["-", "trip", "-"]
    assert hear(Shock(), *minutes(CALM, RAIL, BLOW, CALM)) == ["-", "-", "trip", "-"]
    assert hear(Shock(), *minutes(CALM, RAIL, {"shock_g": -16.0}, CALM)) == ["-", "-", "trip", "trip"]


def test_what_guarded_nothing_at_its_rail_is_no_blow_once_it_does(hear) -> None:
    assert hear(Shock(), *minutes(CALM, RAIL | {"guarded": False}, CALM)) == ["-", "-", "-"]


@pytest.mark.parametrize("told_g", [3.5, 3.549])
def test_a_blow_just_at_the_bound_is_not_said_to_be_expected(told_g: float, batch) -> None:
    rule = Shock()
    rule.columns.ensure(1)
    hit = batch(shock_g=told_g)
    rule.judge(hit)
    said = {language: text.format(device_id="d", **rule.evidence(hit, 0)) for language, text in CARD.opened.items()}
    assert said == {
        "en": f"d took a blow of {told_g:.2f} g; less than 3.5 g is expected.",
        "es": f"d recibió un golpe de {told_g:.2f} g; se esperan menos de 3.5 g.",
    }
