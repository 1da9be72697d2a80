"""A hole in a device's numbers is told of once it has stood, not while a backlog may yet fill it."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.device_batch import KIND_CODES
from detectors.reading_gap import ReadingGap, Thresholds


def up(seconds: float, missing: int = -1, **other: Any) -> dict[str, Any]:
    """A reading at this up-time; ``missing`` as the ledger has it, where it has changed."""
    return {"uptime_ms": round(1_000 * seconds), "missing": missing, **other}


def test_a_hole_is_told_after_its_grace_lasts_and_closes_when_it_is_filled(hear) -> None:
    said = hear(ReadingGap(), up(0), up(10, 3), up(100), up(129), up(130), up(200), up(210, 1), up(220, 0), up(230))
    assert said == ["-", "-", "-", "-", "trip", "trip", "trip", "clear", "-"]


def test_a_backlog_that_comes_in_time_fills_the_hole_and_nothing_is_said(hear) -> None:
    backlog = [up(60, 2 - i, in_order=False) for i in range(3)]
    assert set(hear(ReadingGap(), up(10, 3), up(40), *backlog, up(500), up(1_000))) == {"-"}


def test_a_late_backlog_closes_it_though_its_readings_are_late(hear) -> None:
    assert hear(ReadingGap(), up(0, 1), up(200), up(210, 0, in_order=False)) == ["-", "trip", "clear"]


def test_what_never_comes_is_given_up_and_a_new_hole_is_told_anew(hear, batch) -> None:
    rule = ReadingGap(Thresholds(grace_s=60.0, give_up_s=600.0))
    assert hear(rule, up(0, 4), up(60), up(599), up(600), up(900), up(1_000, 6), up(1_059), up(1_060)) == [
        "-", "trip", "trip", "clear", "-", "-", "-", "trip",
    ]  # fmt: skip
    assert rule.evidence(batch(), 0)["missing"] == 2.0
    assert hear(rule, up(1_070, 0)) == ["clear"]
    assert rule.evidence(batch(), 0)["outcome_en"] == "the missing readings have come"


def test_a_phone_numbers_by_the_clock_and_is_exempt(hear) -> None:
    phone = KIND_CODES["phone"]
    assert set(hear(ReadingGap(), up(0, 1_700_000_000, kind=phone), up(999, kind=phone))) == {"-"}


def test_a_hole_of_the_shipment_before_or_of_none_is_not_held_against_the_next(hear) -> None:
    said = hear(ReadingGap(), up(0, 3), up(200), up(300, new_shipment=True), up(900))
    assert said == ["-", "trip", "clear", "-"]
    assert set(hear(ReadingGap(), up(0, 3, guarded=False), up(500, guarded=False), up(900))) == {"-"}


def test_an_outage_of_ours_is_no_time_for_a_hole_to_stand(hear) -> None:
    # Up-time is counted on ticks, so an hour of ours is two seconds of it.
    assert set(hear(ReadingGap(), up(10, 1), up(12), up(13, 0), up(500))) == {"-"}


def test_before_the_first_tick_no_hole_has_an_age(hear) -> None:
    assert hear(ReadingGap(), up(-0.001, 5), up(1_790_000_000), up(1_790_000_119), up(1_790_000_120)) == [
        "-", "-", "-", "trip",
    ]  # fmt: skip


def test_the_score_grows_with_what_is_missing(batch) -> None:
    rule = ReadingGap()
    rule.columns.ensure(3)
    rule.judge(batch(3, missing=[1, 20, 2_000]))
    score = rule.judge(batch(3, uptime_ms=200_000)).score
    assert 0 < score[0] < score[1] == 0.5 < score[2] < 1.0


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"grace_s \(700\) must be below give_up_s \(600\)"):
        Thresholds(grace_s=700.0, give_up_s=600.0)


def test_a_late_reading_opens_nothing_for_its_shipment_may_have_ended_since(hear) -> None:
    assert hear(ReadingGap(), up(0, 2), up(200, in_order=False), up(201)) == ["-", "-", "trip"]
