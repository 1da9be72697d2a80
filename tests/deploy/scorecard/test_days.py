"""A day through the core: every rule finds its plain faults, and what only looks like one is no alert."""

from __future__ import annotations

from collections import Counter

import pytest

from deploy.scorecard import Order, Result, play, play_all, result_of, table
from detectors import catalog
from simulators.faults import VARIANTS

SEED = 2  # one of those that the rules were developed on


@pytest.fixture(scope="module")
def plain() -> Result:
    """The scenario of plain faults of every rule, amid normal life that looks like them."""
    return result_of("rules", [play(Order(scenario="rules", seed=SEED))])


def test_every_rule_of_the_catalog_has_a_fault_and_none_is_said_to_be_run_that_is_not(plain: Result) -> None:
    watching = {"sensor_anomaly"}  # not there to speak: no sensor of this scenario is declared
    assert set(VARIANTS) <= {rule.rule for rule in plain.rules} == set(catalog.CARDS) - watching
    assert (plain.not_run, plain.refused) == ([], 0)
    assert all(rule.run and (rule.faults >= 4 or rule.rule not in VARIANTS) for rule in plain.rules)


@pytest.mark.parametrize("rule", [name for name in VARIANTS if name != "unusual_journey"])
def test_each_plain_fault_is_told_of(plain: Result, rule: str) -> None:
    (found,) = [of for of in plain.rules if of.rule == rule]
    assert found.recall == 1.0, [f.fault for f in plain.faults if f.fault.rule == rule and f.delay_s is None]


def test_most_unusual_journeys_are_told_of_though_their_model_has_seen_but_hours(plain: Result) -> None:
    (found,) = [of for of in plain.rules if of.rule == "unusual_journey"]
    assert found.hits >= 3


@pytest.mark.parametrize("rule", VARIANTS)
def test_a_rules_silent_counterpart_is_no_alert(plain: Result, rule: str) -> None:
    assert [of.opening for of in plain.false_alarms if of.opening.rule == rule] == []


def test_every_alert_is_counted_once(plain: Result) -> None:
    counts = Counter(of.fault.rule for of in plain.faults if of.delay_s is not None)
    repeats, explained = (Counter(of.opening.rule for of in kind) for kind in (plain.repeats, plain.explained))
    for rule in plain.rules:
        assert rule.hits == counts[rule.rule]
        assert (rule.repeats, rule.explained) == (repeats[rule.rule], explained[rule.rule])
        assert rule.alerts == rule.hits + rule.repeats + rule.explained + rule.false_alarms


def test_days_side_by_side_are_those_played_one_after_another() -> None:
    orders = [Order(scenario="day", seed=seed, hours=0.5, shipments=4) for seed in (2, 3)]
    alone = [play(order) for order in orders]
    together = sorted(play_all(orders, 2, lambda *_: None), key=lambda day: day.seed)
    assert [(d.seed, d.openings, d.faults, d.readings, d.shipment_days) for d in together] == [
        (d.seed, d.openings, d.faults, d.readings, d.shipment_days) for d in alone
    ]


def test_an_alert_is_kept_with_when_it_closed() -> None:
    told = play(Order(scenario="rules", seed=SEED, hours=3.0)).openings
    over = [opening for opening in told if opening.closed_ms is not None]
    assert over
    assert all(opening.opened_ms <= (opening.closed_ms or 0) for opening in over)


def test_a_rule_that_is_not_in_the_line_is_named_loudly_and_its_faults_are_missed(plain: Result) -> None:
    day = play(Order(scenario="rules", seed=SEED, hours=1.0, shipments=12))
    day.rules.remove("shock")
    result = result_of("rules", [day])
    assert result.not_run == ["shock"]
    assert "NOT RUN: shock" in table(result)
    assert "NOT RUN" not in table(plain)
