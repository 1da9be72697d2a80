"""The curve: each rule's main threshold from lax to strict, its default in the middle, each level really played."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from deploy.cli.scorecard import scorecard
from deploy.scorecard import LEVELS, SET_POINT, Order, Result, curve_table, grid, play, result_of
from deploy.scorecard.curve import curves
from deploy.scorecard.matching import Hit, Matched, Opening
from detectors import catalog, signal_lost
from detectors.limits import limits_of
from simulators.faults import Fault

SEED = 3


@pytest.mark.parametrize("rule", list(grid.MAIN))
def test_the_grid_runs_from_lax_to_strict_through_the_default(rule: str) -> None:
    values, default = grid.values(rule), getattr(catalog.THRESHOLDS[rule](), grid.MAIN[rule].name)
    assert len(values) == LEVELS
    assert values[SET_POINT] == default
    assert all(map(limits_of(catalog.THRESHOLDS[rule])[grid.MAIN[rule].name].allows, values)), "an operator may set it"
    assert list(values) in (sorted(set(values)), sorted(set(values), reverse=True))
    assert all(type(value) is type(default) for value in values)


def test_every_rule_with_thresholds_is_on_the_grid_but_those_that_a_seal_speaks_for() -> None:
    assert set(catalog.THRESHOLDS) - set(grid.MAIN) <= {"seal_breach", "seal_mismatch"}


def test_a_level_moves_the_main_thresholds_and_what_goes_with_them_and_nothing_else() -> None:
    assert grid.at(SET_POINT) == {}
    for rule, moved in grid.at(0).items():
        usual = catalog.THRESHOLDS[rule]()
        changed = [f.name for f in dataclasses.fields(usual) if getattr(usual, f.name) != getattr(moved, f.name)]
        assert changed == [grid.MAIN[rule].name, *grid.MAIN[rule].beside]


@pytest.mark.parametrize("level", [level for level in range(LEVELS) if level != SET_POINT])
def test_every_level_of_silence_is_another_one_for_a_device_that_speaks_each_half_minute(level: int) -> None:
    """Of two bounds the longer counts: moved alone, either would leave the rule as it is."""
    usual, moved = signal_lost.Thresholds(), grid.at(level)["signal_lost"]

    def told_s(thresholds: signal_lost.Thresholds) -> int:
        return int(np.argmax(signal_lost.score(1_000 * np.arange(2_000), 30.0, thresholds)))

    assert told_s(usual) == 301
    assert abs(told_s(moved) - 300 * grid.values("signal_lost")[level] / 10) <= 1.0


def blow(name: str) -> Fault:
    return Fault(
        fault_id=name, episode_id=name, rule="shock", variant="blow", device_id=name, shipment_id="S", start_ms=0,
        end_ms=60_000, size=5.0, units="g", subject=name,
    )  # fmt: skip


def test_a_point_has_the_figures_of_its_level() -> None:
    alarm = Opening(rule="shock", device_id="x", shipment_id="S", opened_ms=30_000)
    strict = Matched(hits=[Hit(blow("a"), alarm)], missed=[blow("b")])
    lax = Matched(hits=[Hit(blow("a"), alarm), Hit(blow("b"), alarm)], false=[alarm])
    (found,) = curves(["seal_breach", "shock"], {4: {1: strict}, SET_POINT: {1: lax}}, 2.0)
    assert (found.rule, found.threshold) == ("shock", "threshold_g")
    assert [(p.set_point, p.recall, p.false_per_shipment_day, p.delay_median_s) for p in found.points] == [
        (True, 1.0, 0.5, 30.0),
        (False, 0.5, 0.0, 30.0),
    ]
    assert [p.value for p in found.points] == [3.5, 8.75]


@pytest.fixture(scope="module")
def swept() -> Result:
    orders = [Order(scenario="rules", seed=SEED, hours=2.0, shipments=16, level=level) for level in (0, SET_POINT, 4)]
    return result_of("rules", [play(order) for order in orders])


def test_a_lax_threshold_finds_more_of_what_is_not_there_and_a_strict_one_less_of_what_is(swept: Result) -> None:
    (shock,) = [curve for curve in swept.curves if curve.rule == "shock"]
    lax, at_default, strict = shock.points
    assert lax.false_per_shipment_day > at_default.false_per_shipment_day == 0.0, "rough roads"
    assert (at_default.recall, lax.set_point, at_default.set_point) == (1.0, False, True)
    assert strict.recall is not None
    assert strict.recall < 1.0, "blows below its 10 g"
    stop = next(curve for curve in swept.curves if curve.rule == "unplanned_stop")
    delays = [p.delay_median_s for p in stop.points if p.delay_median_s is not None]
    assert delays == sorted(delays)
    assert delays[0] < delays[1]


def test_the_set_point_of_the_curve_is_the_table_itself(swept: Result) -> None:
    for curve in swept.curves:
        (own,) = [p for p in curve.points if p.set_point]
        (row,) = [rule for rule in swept.rules if rule.rule == curve.rule]
        assert (own.precision, own.recall, own.delay_median_s) == (row.precision, row.recall, row.delay_median_s)
    said = curve_table(swept)
    assert sum(" <  " in line for line in said.splitlines()) == len(swept.curves)
    assert "threshold_g" in said


def test_the_command_plays_every_level_and_writes_the_curves(tmp_path: Path) -> None:
    out = tmp_path / "curve.json"
    asked = ["--seed", "2", "--hours", "0.3", "--shipments", "3", "--jobs", "1", "--curve", "--json", str(out)]
    done = CliRunner().invoke(scorecard, asked, standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    assert "from lax to strict" in done.output
    written = json.loads(out.read_text())
    assert written["seeds"] == [2]
    assert {curve["rule"] for curve in written["curves"]} == set(grid.MAIN) - {"sensor_anomaly"}  # nothing is watched
    assert all(len(curve["points"]) == LEVELS for curve in written["curves"])
