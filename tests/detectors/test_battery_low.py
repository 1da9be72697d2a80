"""The battery rule tells of a battery that runs low, once, and not of one bad sample."""

from __future__ import annotations

import math

import pytest

from detectors.battery_low import CARD, BatteryLow, Thresholds


def charge(*pcts: float) -> list[dict[str, float]]:
    return [{"battery_pct": pct} for pct in pcts]


def test_three_low_readings_open_and_a_charge_past_the_higher_bound_closes(hear) -> None:
    said = hear(BatteryLow(), *charge(16, 15, 14.8, 14.5, 17, 19.9, 20, 21))
    assert said == ["-", "-", "-", "trip", "trip", "trip", "clear", "-"]


@pytest.mark.parametrize("bad", [1, 2])
def test_a_bad_sample_or_two_are_no_low_battery(hear, bad: int) -> None:
    assert set(hear(BatteryLow(), *charge(*[60, *[3] * bad] * 20))) == {"-"}


def test_a_battery_that_drains_through_a_long_day_says_nothing_while_it_is_above(hear) -> None:
    assert set(hear(BatteryLow(), *charge(*[99 - i / 40 for i in range(2_880)]))) == {"-"}


def test_a_charge_that_hovers_at_the_bound_is_one_episode(hear) -> None:
    said = hear(BatteryLow(), *charge(14, 14, 14, *[15.5, 14.5] * 30))
    assert said.count("clear") == 0
    assert said[3:] == ["trip"] * 60


def test_late_missing_and_not_finite_charges_neither_confirm_nor_break(hear) -> None:
    none = [{}, {"battery_pct": math.nan}, {"battery_pct": 80.0, "in_order": False}]
    assert hear(BatteryLow(), *charge(10, 10), *none, *charge(10))[-1] == "trip"
    assert set(hear(BatteryLow(), *charge(10, 10), {"battery_pct": 10.0, "in_order": False})) == {"-"}


def test_what_guards_nothing_is_not_told_of_until_it_does(hear) -> None:
    off = {"battery_pct": 5.0, "guarded": False}
    assert hear(BatteryLow(), off, off, off, *charge(5.0)) == ["-", "-", "-", "trip"]


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"low_pct \(30\) must be below recovered_pct \(20\)"):
        Thresholds(low_pct=30.0)


def test_a_charge_just_at_the_bound_is_said_to_be_low_already() -> None:
    said = {
        language: text.format(device_id="d", battery_pct=15.0, low_pct=15.0) for language, text in CARD.opened.items()
    }
    assert said == {
        "en": "d has 15 % of charge left; 15 % or less is low: charge or replace it.",
        "es": "A d le queda 15 % de carga; 15 % o menos es poco: recargue o cambie.",
    }
