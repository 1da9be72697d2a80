"""What is noted of a position beside its numbers: which rules have the journey in hand, and which speak of a device."""

from __future__ import annotations

import pytest

from contracts.readings import Finding, ShipmentReading
from detectors import catalog
from streams.tracks import DOUBTED, PLACED, TOLD, flags_of

OF_THE_DEVICE = ("reading_gap", "battery_low", "sensor_stuck", "seal_mismatch")
DEVICE_RULES = sorted(rule.card.name for rule in catalog.device_rules())


def heard(*rules: str, level: str = "trip", **more: object) -> ShipmentReading:
    findings = tuple(Finding(rule, level, 1.0) for rule in rules)  # type: ignore[arg-type]
    return ShipmentReading(device_id="truck-1", boot_id=1, seq=1, time_ms=0, findings=findings, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", DEVICE_RULES)
def test_a_rule_about_the_device_itself_leaves_its_journey_to_be_judged(rule: str) -> None:
    """A hole in a device's numbers stands for six hours: whoever crawls meanwhile crawls all the same."""
    assert bool(flags_of(heard(rule)) & TOLD) == (rule not in OF_THE_DEVICE)
    assert set(OF_THE_DEVICE) <= set(DEVICE_RULES)


def test_what_another_rule_says_beside_it_still_counts() -> None:
    assert flags_of(heard("reading_gap", "unplanned_stop")) == TOLD
    assert flags_of(heard("battery_low", "position_spoofing")) == TOLD | DOUBTED
    assert flags_of(heard("reading_gap", inside=("yard",))) == PLACED
    assert flags_of(heard("unplanned_stop", level="clear")) == 0
