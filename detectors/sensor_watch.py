"""A watched sensor does what it has never done: the sensor detector as a rule, with its words and thresholds.

Idea: every sensor whose range the reference declares has a ``SensorAnomaly`` of its own, which knows what that sensor
has done, and by the hour of the week what is usual. Caveats: it knows nothing of the cargo's band or of what was
declared, and a sensor that has been heard for less than ``warm_up_values`` minutes is learnt and not judged. An
anomaly is told once, so what closes it is time without a further strange value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from detectors import explanation
from detectors.explanation import Reason, Why
from detectors.limits import limit
from detectors.rule import RuleCard
from detectors.sensor_anomaly import SensorAnomaly

CARD = RuleCard(
    name="sensor_anomaly",
    version=3,
    severity="info",
    opened={
        "en": "{device_id} measures {what_en} as never before: {told}. Usual now: {usual}.",
        "es": "{device_id} mide {what_es} como nunca antes: {told}. Lo usual ahora: {usual}.",
    },
    closed={
        "en": "{device_id} measures {what_en} as before again.",
        "es": "{device_id} vuelve a medir {what_es} como antes.",
    },
)

# What a sensor's value is called, its unit, and the digits that a sentence has of it.
NAMES: Final[dict[str, tuple[str, str, str, int]]] = {
    "temperature_c": ("a temperature", "una temperatura", " °C", 1),
    "humidity_pct": ("a humidity", "una humedad", " %", 0),
    "vibration_g": ("a vibration", "una vibración", " g", 2),
    "shock_g": ("a shock", "un golpe", " g", 1),
    "light_lux": ("a light", "una luz", " lx", 0),
    "battery_pct": ("a charge", "una carga", " %", 0),
    "speed_kmh": ("a speed", "una velocidad", " km/h", 0),
    "wait_s": ("a wait at {0}", "una espera en {0}", " s", 0),
    "crossing_s": ("a crossing of {0}", "un cruce de {0}", " s", 0),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Score that opens; values heard before any is judged; values in a row like those before that close.

    The defaults are stricter than the detector's own 0.5 and hundred values: the first day of a sensor is a first time
    for nearly all that it will do every day (docs/detection.md has the counts).
    """

    open_score: float = limit(0.7, 0.05, 0.99, "score", "score that opens")
    warm_up_values: int = limit(1_440, 10, 100_000, "values", "minutes heard before any is judged")
    calm_values: int = limit(15, 1, 10_000, "values", "in a row like those before that close")

    def __post_init__(self) -> None:
        if not 0 < self.open_score < 1:
            raise ValueError("open_score must be between 0 and 1")
        if self.calm_values < 1:
            raise ValueError("calm_values must be above 0")


def fresh(low: float, high: float, own_range: bool = False) -> SensorAnomaly:
    """A detector that has heard nothing yet, of a sensor of this declared range; ``own_range`` leaves that unheeded."""
    return SensorAnomaly() if own_range else SensorAnomaly(low, high)


def why(detector: SensorAnomaly, sensor: str, value: float, time_ms: int, open_score: float) -> Why:
    """The one feature there is: its value, and what is usual now.

    A sensor that goes to and fro between two levels is never at its mean; there the value before is what was expected.
    Of the two the first is taken with which it would not have been told; where there is none, that which scores less.
    """

    def score_of(x: Any) -> float:
        return detector.score_one({"value": x[sensor], "time_ms": time_ms})

    usual = detector.usual_at(time_ms), detector.last
    found = [Why(score_of, {sensor: value}, {sensor: expected}, open_score) for expected in usual]
    return min(found, key=lambda each: max(open_score, each.score(**each.usual)))


def words(subject: str, found: list[Reason], named: list[Reason], axes: dict[str, float]) -> dict[str, float | str]:
    """Evidence: ``explanation``'s of the one feature, the axes that made it (greatest first), and what is said."""
    (reason,) = found
    english, spanish, unit, digits = NAMES[str(reason.feature)]
    where = subject.replace(":", ", ")
    made = sorted((name for name, part in axes.items() if part > 0.0), key=lambda name: -axes[name])
    return {
        **explanation.evidence(found, named),
        "axes": ",".join(made),
        "what_en": english.format(where),
        "what_es": spanish.format(where),
        "told": f"{reason.value:.{digits}f}{unit}",
        "usual": f"{reason.usual:.{digits}f}{unit}",
    }
