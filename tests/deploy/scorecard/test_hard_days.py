"""Hard days through the core: what is normal stays silent, and what is hard to tell is told for the most part."""

from __future__ import annotations

import pytest

from deploy.scorecard import Order, Result, play, result_of, table
from detectors import catalog
from simulators.faults import HARD, OF_NO_RULE

SEED = 1  # one of those that the rules were developed on
TOLD = [(rule, variant) for rule, variants in HARD.items() for variant in variants if rule not in OF_NO_RULE]
TOLD += [("seal_breach", "counter"), ("position_spoofing", "plausible")]


@pytest.fixture(scope="module")
def calm() -> Result:
    """Normal life alone: a heat wave, a holiday, a closed bridge, open doors, roofs, tunnels, brief lawful openings."""
    return result_of("quiet-hard", [play(Order(scenario="quiet-hard", seed=SEED, hours=10.0))])


@pytest.fixture(scope="module")
def hard() -> Result:
    return result_of("hard", [play(Order(scenario="hard", seed=SEED, hours=6.0))])


@pytest.mark.parametrize("rule", list(catalog.CARDS))
def test_a_hard_day_with_nothing_wrong_is_silent(calm: Result, rule: str) -> None:
    assert calm.refused == 0
    assert calm.shipment_days > 5.0
    assert [of.opening for of in calm.false_alarms if of.opening.rule == rule] == []


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
