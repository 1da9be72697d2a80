"""Every rule by name: the one place that says which there are."""

from __future__ import annotations

from typing import Final

from detectors import route_deviation, seal_breach, signal_lost, temperature_excursion
from detectors.rule import DeviceRule, RuleCard

CARDS: Final[dict[str, RuleCard]] = {
    card.name: card for card in (seal_breach.CARD, route_deviation.CARD, temperature_excursion.CARD, signal_lost.CARD)
}


def device_rules() -> tuple[DeviceRule, ...]:
    """A fresh set of the rules that judge each device's readings on arrival."""
    return (
        seal_breach.SealBreach(),
        route_deviation.RouteDeviation(),
        temperature_excursion.TemperatureExcursionRule(),
    )
