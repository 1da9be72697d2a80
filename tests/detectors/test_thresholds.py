"""What an operator writes becomes a rule's thresholds, or is refused by the name of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import catalog, thresholds
from detectors.limits import Limit, limits_of
from detectors.shock import Thresholds


def test_a_table_sets_what_it_names_and_leaves_the_rest() -> None:
    read = thresholds.read({"shock": {"threshold_g": 3}, "battery_low": {"confirm_readings": 5}})
    assert read["shock"] == Thresholds(threshold_g=3.0)
    assert (read["battery_low"].confirm_readings, read["battery_low"].low_pct) == (5, 15.0)
    rule = next(rule for rule in catalog.device_rules(read) if rule.card.name == "shock")
    assert rule.thresholds == read["shock"]  # type: ignore[attr-defined]


def test_every_device_rule_with_thresholds_takes_them() -> None:
    given = {name: form() for name, form in thresholds.FORMS.items()}
    for rule in catalog.device_rules(given):
        if rule.card.name in given:
            assert rule.thresholds is given[rule.card.name], rule.card.name  # type: ignore[attr-defined]


def test_rules_of_every_stage_have_their_tables() -> None:
    read = thresholds.read({"unusual_journey": {"open_score": 0.6}, "separation": {"apart_m": 150}})
    assert (read["unusual_journey"].open_score, read["separation"].apart_m) == (0.6, 150.0)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"shok": {}}, "shok is no rule with thresholds; did you mean shock?"),
        ({"seal_mismatch": {}}, "seal_mismatch is no rule with thresholds"),
        ({"shock": 4.0}, "shock must be a table of thresholds"),
        ({"shock": {"treshold_g": 4.0}}, "shock.treshold_g is no threshold; did you mean threshold_g?"),
        ({"shock": {"threshold_g": "4"}}, "shock.threshold_g must be a number"),
        ({"shock": {"threshold_g": -1}}, "shock.threshold_g must be a number from 0.5 to 200 g, and is -1"),
        ({"shock": {"threshold_g": 0}}, "shock.threshold_g must be a number from 0.5 to 200 g, and is 0"),
        (
            {"battery_low": {"confirm_readings": 40_000}},
            "battery_low.confirm_readings must be a whole number from 1 to 100",
        ),
        ({"position_spoofing": {"steps": 128}}, "position_spoofing.steps must be a whole number from 1 to 100 steps"),
        ({"separation": {"together_m": 500}}, "separation: together_m (500) must be at most apart_m (120)"),
        (
            {"temperature_excursion": {"open_score": 0.5, "close_score": 0.9}},
            "temperature_excursion: close_score (0.9)",
        ),
        ({"position_spoofing": {"step_max_s": 15}}, "position_spoofing: step_s (20) must be below step_max_s (15)"),
        ({"reading_gap": {"grace_s": 4_000}}, "reading_gap: grace_s (4000) must be below give_up_s (3600)"),
        ({"shock": {"threshold_g": float("nan")}}, "shock.threshold_g must be a number"),
        ({"shock": {"threshold_g": True}}, "shock.threshold_g must be a number"),
        ({"battery_low": {"confirm_readings": 2.5}}, "battery_low.confirm_readings must be a whole number"),
        (
            {"unusual_journey": {"open_score": 1.5}},
            "unusual_journey.open_score must be a number from 0.05 to 0.99 score, and is 1.5",
        ),
        ({"battery_low": {"low_pct": 50}}, "battery_low: low_pct (50) must be below recovered_pct (20)"),
    ],
)
def test_what_is_wrong_is_named(tables, says: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(says)):
        thresholds.read(tables)


EVERY = [
    pytest.param(rule, key, limit, id=f"{rule}.{key}")
    for rule, form in thresholds.FORMS.items()
    for key, limit in limits_of(form).items()
]


@pytest.mark.parametrize(("rule", "key", "limit"), EVERY)
def test_every_threshold_has_a_unit_a_sentence_and_bounds_that_its_default_is_within(
    rule: str, key: str, limit: Limit
) -> None:
    assert limit.unit
    assert limit.says
    assert limit.says[0].islower()
    assert limit.low < limit.high
    assert limit.allows(limit.default)


@pytest.mark.parametrize(("rule", "key", "limit"), EVERY)
def test_beyond_its_bounds_a_threshold_is_refused_by_its_name_and_the_value_and_on_them_it_is_not(
    rule: str, key: str, limit: Limit
) -> None:
    step: float = 1 if limit.whole else limit.low / 2 or 1.0
    for value in (limit.low - step, limit.high + step, 1e12):
        with pytest.raises(ValueError, match=re.escape(f"{rule}.{key} must be {limit.wanted}, and is {value!r}")):
            thresholds.read({rule: {key: value}})
    assert limit.allows(limit.low)
    assert limit.allows(limit.high)


DEVICES = 8
JUDGES = [rule.card.name for rule in catalog.device_rules() if rule.card.name in thresholds.FORMS]


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_rule_still_judges_with_each_threshold_at_either_end_of_its_bounds(batch, name: str, end: str) -> None:
    form = thresholds.FORMS[name]
    for key, limit in limits_of(form).items():
        try:
            made = form(**{key: getattr(limit, end)})
        except ValueError:
            continue  # for want of another that stands beside it, which a test above has
        judge_journeys(batch, name, made)


@pytest.mark.parametrize(
    ("name", "beyond"),
    [
        ("battery_low", {"confirm_readings": 40_000}),  # more than its column counts
        ("temperature_excursion", {"weight": 3.0}),  # a variance below zero
        ("shock", {"threshold_g": 0.0}),  # a share of nothing
    ],
)
def test_what_the_bounds_keep_out_is_what_a_rule_cannot_bear(batch, name: str, beyond: dict[str, float]) -> None:
    with np.errstate(all="raise"), pytest.raises((OverflowError, FloatingPointError, AssertionError)):
        judge_journeys(batch, name, thresholds.FORMS[name](**beyond))


def judge_journeys(batch, name: str, made: Any) -> None:
    """The rule with these thresholds on ``journeys``: each score is one, each sentence can be said."""
    rule = next(rule for rule in catalog.device_rules({name: made}) if rule.card.name == name)
    rule.columns.ensure(DEVICES)
    for turn, drawn in enumerate(journeys()):
        times = {"time_ms": 30_000 * turn, "uptime_ms": 30_000 * turn}
        seen = batch(DEVICES, rows=list(range(DEVICES)), **times, **drawn)
        verdict = rule.judge(seen)
        assert ((verdict.score >= 0.0) & (verdict.score <= 1.0)).all(), made
        for position in np.flatnonzero(verdict.level).tolist():
            facts = rule.evidence(seen, position)
            texts = rule.card.opened if verdict.level[position] > 0 else rule.card.closed
            assert all(text.format(device_id="d", **facts) for text in texts.values())


def journeys(rounds: int = 150) -> Iterator[dict[str, Any]]:
    """Devices that drive, stand, stick, lose their fix, cool and run empty, by a seed."""
    rng = np.random.default_rng(20)
    lat, dull = np.full(DEVICES, 27.5), rng.uniform(size=DEVICES) < 0.3
    for turn in range(rounds):
        stands = (np.arange(DEVICES) + turn // 40) % 3 == 0
        lat = np.where(stands, lat, lat + rng.uniform(0.0, 0.02, DEVICES))
        blind = (np.arange(DEVICES) + turn // 15) % 4 == 1
        noise = np.where(dull, 0.0, rng.normal(size=DEVICES))
        yield {
            "lat_deg": np.where(blind, np.nan, lat).tolist(),
            "lon_deg": np.where(blind, np.nan, -99.5).tolist(),
            "accuracy_m": 5.0,
            "speed_kmh": np.where(stands, 0.0, 60.0 + noise).tolist(),
            "off_route_m": rng.uniform(0.0, 1_500.0, DEVICES).tolist(),
            "half_width_m": 500.0,
            "temperature_c": (5.0 + 3.0 * noise).tolist(),
            "min_temperature_c": 2.0,
            "max_temperature_c": 8.0,
            "humidity_pct": np.where(dull, 100.0, 50.0 + noise).tolist(),
            "vibration_g": np.abs(0.2 * noise).tolist(),
            "shock_g": (3.0 * noise).tolist(),
            "battery_pct": float(max(0, 100 - turn)),
            "seal_openings": float(turn // 10),
            "missing": int(turn % 7) - 1,
        }


def test_the_document_is_as_declared() -> None:
    assert (Path(__file__).parents[2] / "docs" / "rules.md").read_text() == thresholds.document()
