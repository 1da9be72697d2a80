"""The report, made of days that were not played: what a line has no rule for, and how sure each share is."""

from __future__ import annotations

import json

import msgspec
import pytest

from deploy.scorecard import Day, result_of, table, variants_table
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
        seed=1,
        faults=faults,
        openings=openings,
        rules=rules,
        readings=9,
        refused=0,
        shipment_days=2.0,
        cpu_s=1.0,
        interval_s=30.0,
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


def test_beside_what_is_not_judged_stands_the_recall_were_it_all_missed() -> None:
    faults = [true("position_spoofing"), true("position_spoofing", "slight"), true("shock", "below")]
    said = table(result_of("x", [day(faults, ["position_spoofing", "shock"], ("position_spoofing", 1_000))]))
    assert "Not judged, for not even its companions contradict so small a share: position_spoofing, 1; " in said
    assert "position_spoofing, 1; were they all missed, its recall would be 0.500." in said
    assert "(an alert of it would be false): shock, 1." in said


def test_both_shares_bear_their_intervals_in_the_table_and_for_machines() -> None:
    faults = [true("shock"), true("seal_breach", also=("shock",))]
    result = result_of("x", [day(faults, ["shock"], ("shock", 1_000), ("shock", 2_000))])
    (row,) = [line for line in table(result).splitlines() if line.startswith("shock")]
    assert "1.000 [0.21, 1.00]  0.500 [0.09, 0.91]" in row
    (rule,) = [of for of in json.loads(msgspec.json.encode(result))["rules"] if of["rule"] == "shock"]
    assert rule["of_all_95"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert rule["precision_95"] == pytest.approx([0.2065, 1.0], abs=1e-4)


def test_the_median_delay_bears_its_interval_where_there_are_faults_enough() -> None:
    days = [msgspec.structs.replace(day([true("shock")], ["shock"], ("shock", 1_000 * s)), seed=s) for s in range(1, 7)]
    result = result_of("x", days)
    (row,) = [line for line in table(result).splitlines() if line.startswith("shock")]
    assert row.split()[12:16] == ["4", "[1,", "6]", "6"]
    assert "[1, " not in table(result_of("x", days[:5])), "five are too few"
    (rule,) = json.loads(msgspec.json.encode(result))["rules"]
    assert rule["delay_median_95_s"] == [1.0, 6.0]


def test_what_came_of_each_variant_is_for_machines_always_and_for_people_a_table_of_its_own() -> None:
    quick, slow = true("shock"), msgspec.structs.replace(true("shock"), fault_id="g", variant="w", start_ms=300_000)
    result = result_of("x", [day([quick, slow], ["shock"], ("shock", 1_000))])
    (rule,) = json.loads(msgspec.json.encode(result))["rules"]
    assert {name: (of["faults"], of["found"], of["delay_median_s"]) for name, of in rule["variants"].items()} == {
        "v": (1, 1, 1.0),
        "w": (1, 0, None),
    }
    rows = [line.split() for line in variants_table(result).splitlines()[1:3]]
    assert rows == [["shock", "v", "1", "1", "1"], ["w", "1", "0", "-"]]


def test_every_alert_that_counts_as_neither_is_there_with_the_fault_that_excuses_it() -> None:
    seal = true("seal_breach", also=("shock",))
    told = day([seal], ["shock", "seal_breach"], ("seal_breach", 1_000), ("seal_breach", 2_000), ("shock", 3_000))
    closed = msgspec.structs.replace(told.openings[2], closed_ms=9_000)
    told = msgspec.structs.replace(told, openings=[*told.openings[:2], closed])
    result = result_of("x", [told])
    written = json.loads(msgspec.json.encode(result))
    (repeat,), (explained,) = written["repeats"], written["explained"]
    assert (repeat["seed"], repeat["opening"]["opened_ms"], repeat["opening"]["closed_ms"]) == (1, 2_000, None)
    assert (explained["opening"]["rule"], explained["opening"]["closed_ms"]) == ("shock", 9_000)
    for excused in (repeat, explained):
        fault = excused["fault"]
        assert (fault["rule"], fault["variant"], fault["device_id"]) == ("seal_breach", "v", "D")
        assert (fault["start_ms"], fault["end_ms"]) == (0, 600_000)
    assert "Explained, by fault -> alert: seal_breach -> shock 1" in table(result).splitlines()


def test_where_nothing_is_explained_no_line_says_so() -> None:
    assert "Explained" not in table(result_of("x", [day([true("shock")], ["shock"], ("shock", 1_000))]))
