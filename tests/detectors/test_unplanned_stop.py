"""The stop rule opens where nobody is expected to stand, and is silent at approved stops, in queues and in tunnels."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from detectors.unplanned_stop import Thresholds, UnplannedStop

LAT, LON = 28.0, -99.4
METRE = 1.0 / 111_195.0  # degrees of latitude
ON_ROUTE = {"half_width_m": 500.0}


def here(minute: float, metres: float = 0.0, speed_kmh: float = 0.0, **other: Any) -> dict[str, Any]:
    """A fix at this minute, so many metres north."""
    place = {"lat_deg": LAT + metres * METRE, "lon_deg": LON, "speed_kmh": speed_kmh}
    return {**ON_ROUTE, **place, "time_ms": round(60_000 * minute), **other}


def standing(first: int, last: int, metres: float = 0.0, **other: Any) -> list[dict[str, Any]]:
    return [here(minute, metres, **other) for minute in range(first, last)]


def driving(first: int, last: int, **other: Any) -> list[dict[str, Any]]:
    return [here(minute, 1_500.0 * (minute + 1), 90.0, **other) for minute in range(first, last)]


def test_a_stop_opens_after_ten_minutes_lasts_and_closes_when_it_has_driven_on(hear) -> None:
    said = hear(UnplannedStop(), *driving(0, 5), *standing(5, 25), *driving(25, 30))
    assert said == ["-"] * 15 + ["trip"] * 10 + ["-", "clear", "-", "-", "-"]


BEFORE_A_QUEUE = {"along_km": 205.0, "queue_begins_km": 210.0, "queue_ends_km": 213.0}
NO_QUEUE = {"queue_begins_km": math.nan, "queue_ends_km": math.nan}


@pytest.mark.parametrize("along_km", [200.0, 205.0, 210.0, 211.0, 213.0])
def test_where_a_line_before_the_border_may_stand_a_stop_is_told_after_hours(hear, along_km: float) -> None:
    said = hear(UnplannedStop(), *standing(0, 362, **{**BEFORE_A_QUEUE, "along_km": along_km}))
    assert said == ["-"] * 360 + ["trip"] * 2
    assert hear(UnplannedStop(), *standing(0, 12))[-1] == "trip", "elsewhere it is told after minutes"


@pytest.mark.parametrize("where", [{"along_km": 199.0}, {"along_km": 214.0}, NO_QUEUE])
def test_further_before_a_queue_behind_it_and_without_one_no_line_is_expected(hear, where: dict[str, float]) -> None:
    assert hear(UnplannedStop(), *standing(0, 12, **{**BEFORE_A_QUEUE, **where}))[-1] == "trip"


def test_a_line_that_moves_up_now_and_then_never_tells_however_long_it_takes(hear) -> None:
    hops = [here(m, 250.0 * (m // 300), **BEFORE_A_QUEUE) for m in range(1_500)]
    assert set(hear(UnplannedStop(), *hops)) == {"-"}
    rule = UnplannedStop(Thresholds(line_km=0.0))
    assert "trip" in hear(rule, *hops), "were no line expected"


def test_a_stop_before_a_queue_says_how_long_is_allowed_there(hear, batch) -> None:
    rule = UnplannedStop()
    hear(rule, *standing(0, 365, **BEFORE_A_QUEUE))
    assert rule.evidence(batch(**here(364, **BEFORE_A_QUEUE)), 0) == {
        "stood_min": 364.0,
        "allowed_min": 360.0,
        "speed_kmh": 0.0,
    }
    why = rule.why(batch(**here(364, **BEFORE_A_QUEUE)), 0)
    assert why.score(standing_s=21_600.0) == pytest.approx(0.5)
    assert why.score(standing_s=21_599.0) == 0.0


def test_gps_jitter_neither_makes_a_stop_of_driving_nor_ends_one(hear) -> None:
    rng = random.Random(5)
    jitter = [here(m, rng.gauss(0, 15) + (400.0 if m % 7 == 3 else 0.0), rng.uniform(0, 3)) for m in range(60)]
    said = hear(UnplannedStop(), *jitter)
    assert said.count("clear") == 0
    assert said[10:].count("trip") == 50 - len([m for m in range(10, 60) if m % 7 == 3])


def test_a_stop_where_standing_is_expected_says_nothing_however_long(hear) -> None:
    assert set(hear(UnplannedStop(), *standing(0, 300, may_stand=True))) == {"-"}


def test_standing_is_counted_from_where_it_is_not_expected(hear) -> None:
    said = hear(UnplannedStop(), *standing(0, 30, may_stand=True), *standing(30, 42))
    assert said == ["-"] * 40 + ["trip"] * 2


def test_a_truck_towed_to_where_it_may_stand_closes_it(hear) -> None:
    assert hear(UnplannedStop(), *standing(0, 11), here(11, may_stand=True))[-2:] == ["trip", "clear"]


def test_a_queue_that_creeps_is_no_stop(hear) -> None:
    creeping = [here(m, 60.0 * m, 3.6) for m in range(120)]
    assert set(hear(UnplannedStop(), *creeping)) == {"-"}


def test_a_tunnel_without_fixes_says_nothing_and_a_stop_that_spans_it_goes_on(hear) -> None:
    dark = [{**here(m), "lat_deg": math.nan, "lon_deg": math.nan} for m in range(60)]
    assert set(hear(UnplannedStop(), *dark)) == {"-"}
    said = hear(UnplannedStop(), here(0), *dark[1:20], here(20), here(21))
    assert said == ["-"] * 20 + ["trip", "trip"]


def test_a_device_that_reports_slowly_is_judged_by_its_own_times(hear) -> None:
    slow = [here(30 * i, 40_000.0 * i, 80.0) for i in range(20)]
    assert set(hear(UnplannedStop(), *slow)) == {"-"}
    assert hear(UnplannedStop(), here(0), here(30)) == ["-", "trip"]


def test_a_device_without_a_speed_is_judged_by_its_fixes(hear) -> None:
    said = hear(UnplannedStop(), *[{**r, "speed_kmh": math.nan} for r in [*driving(0, 20), *standing(20, 34)]])
    assert said == ["-"] * 30 + ["trip"] * 4


def test_without_a_shipment_or_a_route_it_says_nothing_and_a_new_shipment_begins_anew(hear) -> None:
    assert set(hear(UnplannedStop(), *standing(0, 60, guarded=False))) == {"-"}
    assert set(hear(UnplannedStop(), *standing(0, 60, half_width_m=math.nan))) == {"-"}
    said = hear(UnplannedStop(), *standing(0, 12), here(12, new_shipment=True), *standing(13, 24))
    assert said == ["-"] * 10 + ["trip"] * 2 + ["clear"] + ["-"] * 9 + ["trip"] * 2


def test_a_new_shipment_that_begins_without_a_fix_begins_anew_too(hear) -> None:
    dark = {**here(8), "lat_deg": math.nan, "lon_deg": math.nan, "new_shipment": True}
    said = hear(UnplannedStop(), *standing(0, 8), dark, *standing(9, 20))
    assert said == ["-"] * 19 + ["trip"]


def test_late_readings_say_and_teach_nothing(hear) -> None:
    rule, undisturbed = UnplannedStop(), UnplannedStop()
    late = here(-5, 9_000.0, 90.0, in_order=False)
    hear(rule, *[r for reading in standing(0, 12) for r in (reading, late)])
    hear(undisturbed, *standing(0, 12))
    assert str(rule.columns.row(0)) == str(undisturbed.columns.row(0))


def test_how_long_and_how_near_are_thresholds(hear, batch) -> None:
    rule = UnplannedStop(Thresholds(stop_s=120.0, radius_m=50.0))
    assert hear(rule, *standing(0, 4)) == ["-", "-", "trip", "trip"]
    evidence = rule.evidence(batch(**here(4)), 0)
    assert evidence == {"stood_min": 3.0, "allowed_min": 2.0, "speed_kmh": 0.0}
