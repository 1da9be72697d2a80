"""The grid of thresholds on which a rule's curve is measured: each rule's main threshold, from lax to strict.

The default lies in the middle, at ``SET_POINT``. What is not in ``MAIN`` has no threshold to speak of: a seal's own
word is no matter of degree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from detectors import catalog

LEVELS: Final = 5
SET_POINT: Final = 2


@dataclass(frozen=True, slots=True)
class Main:
    """A rule's main threshold, by its field's name, and what it is at the other four levels.

    ``factors`` multiply its default; of a ``doubt`` they multiply what is left to 1, of a ``power`` its exponent.
    ``beside`` are thresholds that go with it: each alone would hold the rule where it is.
    """

    name: str
    factors: tuple[float, float, float, float]
    of: str = "value"
    beside: tuple[str, ...] = ()

    def values(self, default: float) -> tuple[float, ...]:
        """The threshold at each level."""
        return tuple(self._scaled(default, f) for f in (*self.factors[:SET_POINT], 1.0, *self.factors[SET_POINT:]))

    def _scaled(self, default: float, factor: float) -> float:
        if factor == 1.0:
            return default
        if self.of == "doubt":
            return 1.0 - (1.0 - default) * factor
        if self.of == "power":
            return float(default**factor)
        return max(1, round(default * factor)) if isinstance(default, int) else default * factor


MAIN: Final[dict[str, Main]] = {
    "route_deviation": Main("confirm_readings", (0.34, 0.67, 1.7, 3.0)),
    "unplanned_stop": Main("stop_s", (0.4, 0.7, 1.5, 2.5)),
    "position_spoofing": Main("speed_max_kmh", (0.6, 0.8, 1.5, 3.0)),
    "temperature_excursion": Main("open_score", (30.0, 5.0, 0.2, 0.01), "doubt"),
    "shock": Main("threshold_g", (0.5, 0.75, 1.5, 2.5)),
    "sensor_stuck": Main("chance", (0.4, 0.7, 1.4, 2.0), "power"),
    "battery_low": Main("low_pct", (1.3, 1.15, 0.7, 0.4)),
    "reading_gap": Main("grace_s", (0.25, 0.5, 2.0, 5.0)),
    "signal_lost": Main("silent_intervals", (0.5, 0.7, 1.4, 2.5), beside=("least_s",)),
    "separation": Main("apart_m", (0.4, 0.7, 1.7, 4.0)),
    "unusual_journey": Main("open_score", (0.84, 0.92, 1.15, 1.4)),
    "sensor_anomaly": Main("open_score", (0.6, 0.8, 1.2, 1.4)),
}


def values(rule: str) -> tuple[float, ...]:
    """What this rule's main threshold is at each level. Raises KeyError for a rule without one."""
    return _values(rule, MAIN[rule].name)


def _values(rule: str, name: str) -> tuple[float, ...]:
    return MAIN[rule].values(getattr(catalog.THRESHOLDS[rule](), name))


def at(level: int) -> Mapping[str, Any]:
    """Thresholds of all rules at this level, by rule; at the set point their defaults."""
    if level == SET_POINT:
        return {}
    found = {}
    for rule, main in MAIN.items():
        if rule in catalog.THRESHOLDS:
            moved = {name: _values(rule, name)[level] for name in (main.name, *main.beside)}
            found[rule] = replace(catalog.THRESHOLDS[rule](), **moved)
    return found
