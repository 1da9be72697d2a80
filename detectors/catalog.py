"""Every rule by name: the one place that says which there are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from detectors import (
    battery_low,
    position_spoofing,
    reading_gap,
    route_deviation,
    seal_breach,
    seal_mismatch,
    sensor_stuck,
    sensor_watch,
    separation,
    shock,
    signal_lost,
    temperature_excursion,
    unplanned_stop,
    unusual_journey,
)
from detectors.rule import DeviceRule, RuleCard

_RULES: Final[tuple[Any, ...]] = (
    seal_breach,
    seal_mismatch,
    route_deviation,
    unplanned_stop,
    position_spoofing,
    temperature_excursion,
    shock,
    sensor_stuck,
    battery_low,
    reading_gap,
    signal_lost,
    separation,
    unusual_journey,
    sensor_watch,
)
CARDS: Final[dict[str, RuleCard]] = {rule.CARD.name: rule.CARD for rule in _RULES}
THRESHOLDS: Final[dict[str, type]] = {r.CARD.name: r.Thresholds for r in _RULES if hasattr(r, "Thresholds")}


def device_rules(thresholds: Mapping[str, Any] = MappingProxyType({})) -> tuple[DeviceRule, ...]:
    """A fresh set of the rules that judge each device's readings on arrival.

    ``thresholds`` holds, by rule, an object of its module's ``Thresholds``; a rule that is not in it has its defaults.
    """
    given = thresholds.get
    return (
        position_spoofing.PositionSpoofing(given("position_spoofing")),  # before those that go by places
        seal_breach.SealBreach(given("seal_breach")),
        seal_mismatch.SealMismatch(),
        route_deviation.RouteDeviation(given("route_deviation")),
        unplanned_stop.UnplannedStop(given("unplanned_stop")),
        temperature_excursion.TemperatureExcursionRule(given("temperature_excursion")),
        shock.Shock(given("shock")),
        sensor_stuck.SensorStuck(given("sensor_stuck")),
        battery_low.BatteryLow(given("battery_low")),
        reading_gap.ReadingGap(given("reading_gap")),
    )
