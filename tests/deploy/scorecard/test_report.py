"""The report, made of days that were not played: what a line has no rule for, and how sure each share is."""

from __future__ import annotations

import json

import msgspec
import pytest

from deploy.scorecard import Day, result_of, table
from deploy.scorecard.matching import Opening
from simulators.faults import NOT_IN_EVERY_LINE, Exempt, Fault, FaultRule


def true(rule: FaultRule, exempt: Exempt = "", also: tuple[FaultRule, ...] = ()) -> Fault:
    return Fault(
        fault_id="f", episode_id="f", rule=rule, variant="v", device_id="D", shipment_id="S", start_ms=0,
        end_ms=600_000, size=1.0, units="x", subject="D", exempt=exempt, also=also,
    )  # fmt: skip


def day(faults: list[Fault], rules: list[str], *told: tuple[str, int]) -> Day:
    openings = [Opening(rule=rule, device_id="D", shipment_id="S", opened_ms=ms) for rule, ms in told]
    return Day(
        seed=1, faults=faults, openings=openings, rules=rules, readings=9, refused=0, shipment_days=2.0, cpu_s=1.0
    )


@pytest.mark.parametrize("kind", NOT_IN_EVERY_LINE)
def test_where_the_line_has_no_rule_for_it_it_is_counted_apart_and_nobody_missed_it(kind: FaultRule) -> None:
    result = result_of("x", [day([true(kind)], ["shock"])])
    assert [(of.kind, of.episodes) for of in result.of_no_rule if of.episodes] == [(kind, 1)]
    assert result.not_run == []
    assert [rule.rule for rule in result.rules] == ["shock"]
    assert result.faults == []


@pytest.mark.parametrize("kind", NOT_IN_EVERY_LINE)
def test_where_the_line_has_the_rule_it_is_found_or_missed_as_any_other(kind: FaultRule) -> None:
    result = result_of("x", [day([true(kind)], [kind])])
    assert kind not in {of.kind for of in result.of_no_rule}
    assert [(rule.rule, rule.faults, rule.recall) for rule in result.rules] == [(kind, 1, 0.0)]


def test_a_rule_that_every_line_has_is_missed_by_a_line_without_it() -> None:
    assert result_of("x", [day([true("shock")], ["battery_low"])]).not_run == ["shock"]


def test_both_shares_bear_their_intervals_in_the_table_and_for_machines() -> None:
    faults = [true("shock"), true("seal_breach", also=("shock",))]
    result = result_of("x", [day(faults, ["shock"], ("shock", 1_000), ("shock", 2_000))])
    (row,) = [line for line in table(result).splitlines() if line.startswith("shock")]
    assert "1.000 [0.21, 1.00]  0.500 [0.09, 0.91]" in row
    (rule,) = [of for of in json.loads(msgspec.json.encode(result))["rules"] if of["rule"] == "shock"]
    assert rule["of_all_95"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert rule["precision_95"] == pytest.approx([0.2065, 1.0], abs=1e-4)
