"""Hard days through the core: what is normal stays silent, and what is hard to tell is told for the most part."""

from __future__ import annotations

from collections import defaultdict

import pytest

from deploy.scorecard import Order, Result, grid, play, result_of, table
from detectors import catalog, separation
from simulators.faults import HARD, NOT_IN_EVERY_LINE

SEED = 1  # one of those that the rules were developed on
TOLD = [(rule, variant) for rule, variants in HARD.items() for variant in variants if rule not in NOT_IN_EVERY_LINE]
TOLD += [("seal_breach", "counter"), ("position_spoofing", "plausible")]


@pytest.fixture(scope="module")
def calm() -> Result:
    """Normal life alone: a heat wave, a holiday, a closed bridge, open doors, roofs, tunnels, brief lawful openings."""
    return result_of("quiet-hard", [play(Order(scenario="quiet-hard", seed=SEED, hours=10.0))])


@pytest.fixture(scope="module")
def hard() -> Result:
    return result_of("hard", [play(Order(scenario="hard", seed=SEED, hours=6.0))])


@pytest.fixture(scope="module")
def sensors() -> Result:
    """A few trucks' watched sensors: a day to learn from, then sick ones."""
    return result_of("hard-sensors", [play(Order(scenario="hard-sensors", seed=SEED, hours=40.0, shipments=6))])


@pytest.fixture(scope="module")
def calm_sensors() -> Result:
    return result_of("quiet-sensors", [play(Order(scenario="quiet-sensors", seed=SEED, hours=30.0, shipments=2))])


@pytest.mark.parametrize("rule", list(catalog.CARDS))
def test_a_hard_day_with_nothing_wrong_is_silent(calm: Result, rule: str) -> None:
    assert calm.refused == 0
    assert calm.shipment_days > 5.0
    assert [of.opening for of in calm.false_alarms if of.opening.rule == rule] == []


def test_clocks_that_differ_are_what_would_part_them_on_such_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order(scenario="quiet-hard", seed=SEED, hours=3.0)
    monkeypatch.setattr(grid, "at", lambda _: {"separation": separation.Thresholds(clock_s=0.0)})
    told = {of.opening.rule for of in result_of("quiet-hard", [play(order)]).false_alarms}
    assert told == {"separation"}


def test_what_comes_near_to_a_fault_is_there_to_be_told_falsely_and_is_counted(calm: Result) -> None:
    assert {of.rule: of.faults >= 3 for of in calm.exempt} == {"shock": True, "battery_low": True}
    assert "Played, and too small to be a fault (an alert of it would be false): shock, " in table(calm)


@pytest.mark.parametrize(("rule", "variant"), TOLD)
def test_a_hard_case_is_told_more_often_than_not(hard: Result, rule: str, variant: str) -> None:
    delays = [of.delay_s for of in hard.faults if (of.fault.rule, of.fault.variant) == (rule, variant)]
    assert len(delays) >= 2
    assert sum(delay is not None for delay in delays) > len(delays) / 2


def test_a_truth_that_no_rule_need_tell_is_counted_apart_and_missed_by_nobody(hard: Result) -> None:
    untold = {of.kind: of for of in hard.of_no_rule}
    assert untold["clock_drift"].episodes >= 2
    assert "Told by no rule: clock_drift" in table(hard)
    assert hard.not_run == []
    assert "clock_drift" not in {rule.rule for rule in hard.rules} | {of.fault.rule for of in hard.faults}


def test_watched_sensors_are_judged_in_a_hard_day_and_none_is_heard_for_long_enough(hard: Result) -> None:
    (rule,) = [rule for rule in hard.rules if rule.rule == "sensor_anomaly"]
    assert (rule.run, rule.faults, rule.alerts) == (True, 0, 0)
    assert sum(of.faults for of in hard.exempt if of.rule == "sensor_anomaly") >= 3
    assert "Not judged, for the sensor had not been heard for a day: sensor_anomaly" in table(hard)


@pytest.mark.parametrize(
    ("rule", "variant"),
    [
        ("sensor_anomaly", "unit"),
        ("sensor_anomaly", "noisy"),
        ("sensor_stuck", "frozen"),
        ("sensor_stuck", "saturated"),
    ],
)
def test_a_sick_sensor_that_is_watched_is_told_more_often_than_not(sensors: Result, rule: str, variant: str) -> None:
    delays = [of.delay_s for of in sensors.faults if (of.fault.rule, of.fault.variant) == (rule, variant)]
    assert len(delays) >= 2
    assert sum(delay is not None for delay in delays) > len(delays) / 2


def test_firmware_that_makes_a_whole_carriers_sensors_sick_is_told_of_more_than_one_truck(sensors: Result) -> None:
    told: dict[str, list[float | None]] = defaultdict(list)
    for of in sensors.faults:
        told[of.fault.episode_id].append(of.delay_s)
    wide = [delays for delays in told.values() if len(delays) > 1]
    assert wide
    assert any(sum(delay is not None for delay in delays) > 1 for delays in wide)


def test_watched_sensors_are_silent_where_nothing_is_wrong_and_nothing_else_is_told_where_some_are_sick(
    sensors: Result, calm_sensors: Result
) -> None:
    assert [of.opening for of in (*sensors.false_alarms, *calm_sensors.false_alarms)] == []
    assert "sensor_anomaly" in {rule.rule for rule in calm_sensors.rules if rule.run}
