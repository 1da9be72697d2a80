"""What an operator writes becomes a rule's thresholds, or is refused by the name of what is wrong."""

from __future__ import annotations

import pytest

from detectors import catalog, thresholds
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
        ({"shock": {"threshold_g": -1}}, "shock.threshold_g must be a number, not negative"),
        ({"shock": {"threshold_g": float("nan")}}, "shock.threshold_g must be a number"),
        ({"shock": {"threshold_g": True}}, "shock.threshold_g must be a number"),
        ({"battery_low": {"confirm_readings": 2.5}}, "battery_low.confirm_readings must be a whole number"),
        (
            {"unusual_journey": {"open_score": 1.5}},
            "unusual_journey: close_score must be above 0, and open_score no less",
        ),
        ({"battery_low": {"low_pct": 50}}, "battery_low: low_pct must be below recovered_pct"),
    ],
)
def test_what_is_wrong_is_named(tables, says: str) -> None:
    with pytest.raises(ValueError, match="^" + says.replace(".", r"\.").replace("?", r"\?")):
        thresholds.read(tables)
