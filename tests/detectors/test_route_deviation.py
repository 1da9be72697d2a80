"""The route rule opens on a detour, not on a bad fix, and closes once the vehicle is back."""

from __future__ import annotations

import math

from detectors.route_deviation import RouteDeviation, Thresholds


def at(off_route_m: float, **other: float | bool) -> dict[str, float | bool]:
    return {"off_route_m": off_route_m, "half_width_m": 500.0, **other}


OUT, IN = at(900.0), at(20.0)


def test_a_detour_opens_at_the_third_reading_lasts_and_closes_at_the_third_back(hear) -> None:
    said = hear(RouteDeviation(), IN, OUT, OUT, OUT, OUT, IN, IN, IN, IN)
    assert said == ["-", "-", "-", "trip", "trip", "-", "-", "clear", "-"]


def test_bad_fixes_that_do_not_follow_each_other_are_no_detour(hear) -> None:
    assert set(hear(RouteDeviation(), *[IN, OUT, OUT] * 20)) == {"-"}


def test_one_fix_inside_does_not_end_a_detour(hear) -> None:
    assert hear(RouteDeviation(), OUT, OUT, OUT, IN, OUT, IN, IN, OUT) == [
        "-",
        "-",
        "trip",
        "-",
        "trip",
        "-",
        "-",
        "trip",
    ]


def test_a_fix_is_given_its_own_accuracy(hear) -> None:
    assert set(hear(RouteDeviation(), *[at(600.0, accuracy_m=150.0)] * 5)) == {"-"}
    assert hear(RouteDeviation(), *[at(600.0, accuracy_m=50.0)] * 3)[-1] == "trip"


def test_a_device_cannot_hide_behind_a_bad_accuracy(hear) -> None:
    assert hear(RouteDeviation(), *[at(5_000.0, accuracy_m=1e6)] * 3)[-1] == "trip"


def test_on_the_edge_is_inside(hear) -> None:
    assert set(hear(RouteDeviation(), *[at(500.0)] * 5)) == {"-"}


def test_late_readings_and_those_without_a_fix_or_a_route_neither_confirm_nor_break(hear) -> None:
    silent = [at(900.0, in_order=False), at(math.nan), at(900.0, half_width_m=math.nan), {}]
    assert set(hear(RouteDeviation(), *silent * 5)) == {"-"}
    assert hear(RouteDeviation(), OUT, OUT, *silent, OUT)[-1] == "trip"
    assert hear(RouteDeviation(), OUT, OUT, OUT, IN, IN, at(10.0, in_order=False), IN)[-2:] == ["-", "clear"]


def test_how_many_readings_confirm_is_a_threshold(hear) -> None:
    assert hear(RouteDeviation(Thresholds(confirm_readings=1)), OUT, IN) == ["trip", "clear"]


def test_the_score_grows_from_0_at_the_edge_towards_1(batch) -> None:
    rule = RouteDeviation(Thresholds(confirm_readings=1))
    rule.columns.ensure(4)
    score = rule.judge(batch(4, off_route_m=[100.0, 501.0, 1_000.0, 1e9], half_width_m=500.0)).score
    assert score[0] == 0.0
    assert 0.0 < score[1] < 0.01
    assert score[2] == 0.5
    assert 0.99 < score[3] <= 1.0
